// SPDX-License-Identifier: Apache-2.0
/* Crashes and stalls on request: at a time, at an event. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/log.h"
#include "vmm/mishap.h"

#include <string.h>

struct fixture {
	struct loop loop;
	struct ending ending;
	struct pause pause;
	struct faults faults;
	struct mishap mishap;
	struct vcpu vcpu;		/* without a thread */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(loop_init(&f->loop), 0);
	assert_int_equal(ending_init(&f->ending), 0);
	assert_int_equal(pause_init(&f->pause, &f->loop), 0);
	assert_int_equal(mishap_init(&f->mishap, &f->faults, &f->ending, &f->pause, &f->loop), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	mishap_exit(&f->mishap);
	pause_exit(&f->pause);
	ending_exit(&f->ending);
	loop_exit(&f->loop);
	free(f);
	return 0;
}

static void set_faults(struct fixture *f, const char *text)
{
	struct fault_settings settings;

	assert_int_equal(fault_settings_scan(&settings, text, strlen(text)), 0);
	faults_apply(&f->faults, &settings);
}

static bool has_ended(struct fixture *f)
{
	struct error error;

	return ending_get(&f->ending, &error) != NE_EMU_EXIT_REASON_NONE;
}

static bool stalls(struct fixture *f)
{
	return pause_holds(&f->pause, PAUSE_LAB);
}

static void run_once(struct fixture *f)
{
	assert_int_equal(loop_run_once(&f->loop, 1000), 0);
}

static void run_idle(struct fixture *f)
{
	for (int i = 0; i < 5; i++)
		assert_int_equal(loop_run_once(&f->loop, 0), 0);
}

/* The time counts from the start, and the reason is that of a real triple fault. */
static void test_crash_at_time(void **state)
{
	struct fixture *f = *state;
	struct error error;
	int64_t start;

	set_faults(f, "crash=triple-fault:at=50ms");
	run_idle(f);
	assert_false(has_ended(f));
	start = clock_ms();
	mishap_start(&f->mishap, &f->vcpu);
	assert_false(has_ended(f));
	while (!has_ended(f))
		run_once(f);
	assert_in_range(clock_ms() - start, 50, 5000);
	assert_int_equal(ending_get(&f->ending, &error), NE_EMU_EXIT_REASON_GUEST_SHUTDOWN);
	assert_string_equal(error.text, "vCPU 0: triple fault (lab setting crash)");
}

/* While the enclave runs, a crash without a time comes at once. */
static void test_crash_now(void **state)
{
	struct fixture *f = *state;

	mishap_start(&f->mishap, &f->vcpu);
	set_faults(f, "crash=nmi");
	run_once(f);
	assert_true(f->vcpu.nmi);
	assert_false(has_ended(f));
	/* Only once. */
	f->vcpu.nmi = false;
	run_idle(f);
	assert_false(f->vcpu.nmi);
}

static void test_crash_withdrawn(void **state)
{
	struct fixture *f = *state;
	int64_t start = clock_ms();

	mishap_start(&f->mishap, &f->vcpu);
	set_faults(f, "crash=nmi:at=20ms");
	set_faults(f, "");
	while (clock_ms() - start < 40)
		assert_int_equal(loop_run_once(&f->loop, 5), 0);
	assert_false(f->vcpu.nmi);
}

static void test_crash_at_event(void **state)
{
	struct fixture *f = *state;

	set_faults(f, "crash=nmi:at=connection:after=1:count=1");
	fault_event_happens(&f->faults, FAULT_AT_CONNECTION);	/* nothing runs yet */
	mishap_start(&f->mishap, &f->vcpu);
	fault_event_happens(&f->faults, FAULT_AT_NSM);
	fault_event_happens(&f->faults, FAULT_AT_HEARTBEAT);
	fault_event_happens(&f->faults, FAULT_AT_CONNECTION);
	assert_false(f->vcpu.nmi);
	fault_event_happens(&f->faults, FAULT_AT_CONNECTION);
	assert_true(f->vcpu.nmi);
	f->vcpu.nmi = false;
	fault_event_happens(&f->faults, FAULT_AT_CONNECTION);
	assert_false(f->vcpu.nmi);
	mishap_stop(&f->mishap);
	set_faults(f, "crash=triple-fault:at=connection");
	fault_event_happens(&f->faults, FAULT_AT_CONNECTION);
	assert_false(has_ended(f));
}

static void test_stall(void **state)
{
	struct fixture *f = *state;
	int64_t start;

	mishap_start(&f->mishap, &f->vcpu);
	set_faults(f, "stall=50ms:at=nsm-request:count=1");
	fault_event_happens(&f->faults, FAULT_AT_CONNECTION);
	assert_false(stalls(f));
	start = clock_ms();
	fault_event_happens(&f->faults, FAULT_AT_NSM);
	assert_true(stalls(f));
	/* Withdrawn or not, the guest goes on. */
	set_faults(f, "");
	while (stalls(f))
		run_once(f);
	assert_in_range(clock_ms() - start, 50, 5000);
}

/* Both at the same time, each with its own time. */
static void test_two(void **state)
{
	struct fixture *f = *state;

	set_faults(f, "stall=30ms crash=triple-fault:at=60ms");
	mishap_start(&f->mishap, &f->vcpu);
	run_once(f);
	assert_true(stalls(f));
	while (stalls(f))
		run_once(f);
	assert_false(has_ended(f));
	while (!has_ended(f))
		run_once(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_crash_at_time),
		T(test_crash_now),
		T(test_crash_withdrawn),
		T(test_crash_at_event),
		T(test_stall),
		T(test_two),
	};

	log_init(LOG_ERR, NULL);
	return cmocka_run_group_tests_name("mishap", tests, NULL, NULL);
}
