// SPDX-License-Identifier: Apache-2.0
/* The end of a vCPU thread. What it runs needs KVM and is tested in the VM. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/clock.h"
#include "vmm/vcpu.h"

/* How long the test waits for a thread that ends, and for one that must not end. */
#define LONG_MS		10000
#define SHORT_MS	200

static void *wait_to_go(void *arg)
{
	struct vcpu *vcpu = arg;

	while (sem_wait(&vcpu->go))
		;
	return NULL;
}

static void start(struct vcpu *vcpu)
{
	*vcpu = (struct vcpu){ .fd = -1, .has_thread = true };
	assert_int_equal(sem_init(&vcpu->go, 0, 0), 0);
	assert_int_equal(pthread_create(&vcpu->thread, NULL, wait_to_go, vcpu), 0);
}

/* The wall clock differs from the monotonic clock, which counts here. */
static void test_thread_ends(void **state)
{
	struct vcpu vcpu;

	start(&vcpu);
	vcpu_go(&vcpu);
	assert_true(vcpu_destroy(&vcpu, clock_ms() + LONG_MS));
	assert_false(vcpu.has_thread);
	assert_true(vcpu_destroy(&vcpu, clock_ms()));
}

static void test_thread_is_stuck(void **state)
{
	struct vcpu vcpu;
	int64_t begin;

	start(&vcpu);
	begin = clock_ms();
	assert_false(vcpu_destroy(&vcpu, begin + SHORT_MS));
	assert_in_range(clock_ms() - begin, SHORT_MS, LONG_MS);
	assert_true(vcpu.has_thread);
	vcpu_go(&vcpu);
	assert_true(vcpu_destroy(&vcpu, clock_ms() + LONG_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thread_ends),
		cmocka_unit_test(test_thread_is_stuck),
	};

	return cmocka_run_group_tests_name("vcpu", tests, NULL, NULL);
}
