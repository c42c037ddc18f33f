// SPDX-License-Identifier: Apache-2.0
/*
 * The thread of a vCPU: standing still, its end. What it runs needs KVM and is tested in the VM;
 * here, KVM_RUN runs until it is interrupted.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/util.h"
#include "vmm/pause.h"
#include "vmm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* How long the test waits for a thread that ends, and for one that must not end. */
#define LONG_MS		10000
#define SHORT_MS	200

#define NR_VCPUS	3

static atomic_int runs;		/* calls of KVM_RUN */
static atomic_int in_guest;	/* vCPUs that are in it */
static atomic_bool faults;	/* the next guest that runs ends by a triple fault */
static atomic_int nmis;		/* calls of KVM_NMI */

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);

static int fake_run(int fd)
{
	const struct timespec piece = { .tv_nsec = NSEC_PER_MSEC };
	struct kvm_run *run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	runs++;
	if (atomic_exchange(&faults, false)) {
		run->exit_reason = KVM_EXIT_SHUTDOWN;
		(void)munmap(run, 4096);
		return 0;
	}
	in_guest++;
	while (!__atomic_load_n(&run->immediate_exit, __ATOMIC_SEQ_CST))
		(void)nanosleep(&piece, NULL);
	in_guest--;
	(void)munmap(run, 4096);
	errno = EINTR;
	return -1;
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	int run_fd;

	switch (request) {
	case KVM_CREATE_VCPU:
		run_fd = memfd_create("vcpu", MFD_CLOEXEC);
		return ftruncate(run_fd, 4096) ? -1 : run_fd;
	case KVM_RUN:
		return fake_run(fd);
	case KVM_NMI:
		assert_int_equal(in_guest, 0);
		nmis++;
		return 0;
	default:
		return 0;
	}
}

/** struct guest - a pause, its vCPUs and how often all of them have come to stand */
struct guest {
	struct loop loop;
	struct pause pause;
	struct pause_watcher watcher;
	struct vcpu vcpus[NR_VCPUS];
	int stood;
};

static void count_stands(void *arg)
{
	struct guest *guest = arg;

	assert_true(pause_stands(&guest->pause));
	assert_int_equal(in_guest, 0);
	guest->stood++;
}

static int guest_setup(void **state)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	const struct vm vm = { .fd = -1, .kvm_fd = -1, .run_size = 4096 };
	struct error error;

	assert_int_equal(vcpu_set_signal(), 0);
	assert_int_equal(loop_init(&guest->loop), 0);
	assert_int_equal(pause_init(&guest->pause, &guest->loop), 0);
	for (unsigned int i = 0; i < NR_VCPUS; i++) {
		guest->vcpus[i].pool_fd = -1;
		guest->vcpus[i].stands_fd = guest->pause.source.fd;
		assert_int_equal(vcpu_create(&guest->vcpus[i], &vm, i, NR_VCPUS, &error), 0);
	}
	pause_start(&guest->pause, guest->vcpus, NR_VCPUS);
	guest->watcher = (struct pause_watcher){ .stands = count_stands, .arg = guest };
	pause_watch(&guest->pause, &guest->watcher);
	runs = 0;
	*state = guest;
	return 0;
}

static int guest_teardown(void **state)
{
	struct guest *guest = *state;

	pause_stop(&guest->pause);
	for (int i = 0; i < NR_VCPUS; i++)
		vcpu_stop(&guest->vcpus[i]);
	for (int i = 0; i < NR_VCPUS; i++)
		assert_true(vcpu_destroy(&guest->vcpus[i], clock_ms() + LONG_MS));
	pause_exit(&guest->pause);
	loop_exit(&guest->loop);
	free(guest);
	return 0;
}

static void go(struct guest *guest)
{
	for (int i = 0; i < NR_VCPUS; i++)
		vcpu_go(&guest->vcpus[i]);
}

static void wait_for_guest(int vcpus)
{
	int64_t deadline = clock_ms() + LONG_MS;

	while (in_guest != vcpus && clock_ms() < deadline)
		usleep(1000);
	assert_int_equal(in_guest, vcpus);
}

static void wait_until_stood(struct guest *guest, int times)
{
	int64_t deadline = clock_ms() + LONG_MS;

	while (guest->stood < times && clock_ms() < deadline)
		assert_int_equal(loop_run_once(&guest->loop, 100), 0);
	assert_int_equal(guest->stood, times);
}

static void test_stands(void **state)
{
	struct guest *guest = *state;

	go(guest);
	wait_for_guest(NR_VCPUS);
	pause_take(&guest->pause, PAUSE_USER);
	wait_until_stood(guest, 1);
	/* The last of several lets it go on. */
	pause_take(&guest->pause, PAUSE_GDB);
	wait_until_stood(guest, 2);
	pause_drop(&guest->pause, PAUSE_USER);
	assert_true(pause_stands(&guest->pause));
	assert_true(pause_holds(&guest->pause, PAUSE_GDB));
	/* Asking for the state does not make a vCPU run. */
	vcpu_ask(&guest->vcpus[0]);
	usleep(SHORT_MS * 100);
	assert_true(pause_stands(&guest->pause));
	assert_int_equal(in_guest, 0);
	pause_drop(&guest->pause, PAUSE_GDB);
	assert_false(pause_stands(&guest->pause));
	wait_for_guest(NR_VCPUS);
}

/* No vCPU runs before the first one has stood. */
static void test_stands_from_the_start(void **state)
{
	struct guest *guest = *state;

	pause_take(&guest->pause, PAUSE_GDB);
	assert_false(pause_stands(&guest->pause));
	go(guest);
	wait_until_stood(guest, 1);
	assert_int_equal(runs, NR_VCPUS);	/* each only to complete an exit */
	pause_drop(&guest->pause, PAUSE_GDB);
	wait_for_guest(NR_VCPUS);
}

static void test_many_pauses(void **state)
{
	struct guest *guest = *state;

	go(guest);
	for (int i = 0; i < 500; i++) {
		pause_take(&guest->pause, PAUSE_USER);
		if (i % 3 == 0)
			assert_int_equal(loop_run_once(&guest->loop, 1), 0);
		pause_drop(&guest->pause, PAUSE_USER);
	}
	wait_for_guest(NR_VCPUS);
	guest->stood = 0;
	pause_take(&guest->pause, PAUSE_USER);
	wait_until_stood(guest, 1);
}

/* One that has crashed counts as standing, also again, so that it can be dumped. */
static void test_crashed_vcpu_stands(void **state)
{
	struct guest *guest = *state;
	struct ending ending;
	struct error error;

	assert_int_equal(ending_init(&ending), 0);
	for (int i = 0; i < NR_VCPUS; i++)
		guest->vcpus[i].ending = &ending;
	assert_false(ending_reported(&ending));
	faults = true;
	go(guest);
	wait_for_guest(NR_VCPUS - 1);
	for (int i = 1; i <= 2; i++) {
		pause_take(&guest->pause, PAUSE_DUMP);
		wait_until_stood(guest, i);
		pause_drop(&guest->pause, PAUSE_DUMP);
		wait_for_guest(NR_VCPUS - 1);
	}
	assert_true(ending_reported(&ending));
	assert_int_equal(ending_get(&ending, &error), NE_EMU_EXIT_REASON_GUEST_SHUTDOWN);
	ending_exit(&ending);
}

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

/* An NMI is injected between two runs, by the thread of the vCPU. */
static void test_nmi(void **state)
{
	struct guest *guest = *state;
	int64_t deadline = clock_ms() + LONG_MS;

	nmis = 0;
	vcpu_go(&guest->vcpus[0]);
	while (!in_guest && clock_ms() < deadline)
		sched_yield();
	vcpu_nmi(&guest->vcpus[0]);
	while (runs < 2 && clock_ms() < deadline)
		sched_yield();
	assert_int_equal(nmis, 1);
	assert_int_equal(runs, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stands, guest_setup, guest_teardown),
		cmocka_unit_test_setup_teardown(test_stands_from_the_start, guest_setup,
						guest_teardown),
		cmocka_unit_test_setup_teardown(test_many_pauses, guest_setup, guest_teardown),
		cmocka_unit_test_setup_teardown(test_crashed_vcpu_stands, guest_setup,
						guest_teardown),
		cmocka_unit_test_setup_teardown(test_nmi, guest_setup, guest_teardown),
		cmocka_unit_test(test_thread_ends),
		cmocka_unit_test(test_thread_is_stuck),
	};

	return cmocka_run_group_tests_name("vcpu", tests, NULL, NULL);
}
