// SPDX-License-Identifier: Apache-2.0
/*
 * The detection of a kernel panic: its text, and how the states of the vCPUs confirm it. The
 * states themselves come from KVM and are tested in the VM.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/clock.h"
#include "vmm/panic.h"

#include <linux/kvm.h>
#include <string.h>

#define START		"Kernel panic - not syncing: "
#define NR_VCPUS	2

/**
 * struct fixture - @next: the state in which a vCPU is whenever it is asked
 */
struct fixture {
	struct loop loop;
	struct ending ending;
	struct panic_watch watch;
	struct vcpu vcpus[NR_VCPUS];
	enum vcpu_state next[NR_VCPUS];
};

static void begin(struct fixture *f, bool show_text)
{
	assert_int_equal(loop_init(&f->loop), 0);
	assert_int_equal(ending_init(&f->ending), 0);
	assert_int_equal(panic_watch_init(&f->watch, &f->ending, show_text), 0);
	/* Without threads, the vCPUs are not kicked; answer() stands in for them. */
	assert_int_equal(panic_watch_start(&f->watch, &f->loop, f->vcpus, NR_VCPUS), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	begin(f, true);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	panic_watch_stop(&f->watch);
	panic_watch_exit(&f->watch);
	ending_exit(&f->ending);
	loop_exit(&f->loop);
	free(f);
	return 0;
}

static void print(struct fixture *f, const char *text)
{
	while (*text)
		panic_watch_byte(&f->watch, *text++);
}

static void answer(struct fixture *f)
{
	for (size_t i = 0; i < NR_VCPUS; i++)
		if (atomic_exchange(&f->vcpus[i].check, false))
			atomic_store(&f->vcpus[i].state, f->next[i]);
}

static enum ne_emu_exit_reason reason(struct fixture *f, struct error *error)
{
	return ending_get(&f->ending, error);
}

/* Let the samples be taken for up to @ms; Return: how long until there was a reason, or -1. */
static int64_t sample(struct fixture *f, int64_t ms)
{
	int64_t start = clock_ms();
	struct error error;

	while (clock_ms() - start < ms) {
		assert_int_equal(loop_run_once(&f->loop, 10), 0);
		answer(f);
		if (reason(f, &error) != NE_EMU_EXIT_REASON_NONE)
			return clock_ms() - start;
	}
	return -1;
}

static void expect_panic(struct fixture *f, const char *text)
{
	struct error error;

	assert_int_equal(reason(f, &error), NE_EMU_EXIT_REASON_GUEST_SHUTDOWN);
	assert_string_equal(error.text, text);
}

static void set_states(struct fixture *f, enum vcpu_state first, enum vcpu_state second)
{
	f->next[0] = first;
	f->next[1] = second;
}

/* One vCPU runs with interrupts disabled, the other has halted. */
static void test_confirmed(void **state)
{
	struct fixture *f = *state;

	set_states(f, VCPU_DEAF, VCPU_DOWN);
	print(f, "[1.0] " START "VFS: no root\r\nCPU: 0 PID: 1\n");
	assert_true(panic_watch_suspects(&f->watch));
	/* Not at once: the kernel prints more. */
	assert_in_range(sample(f, 10000), 450, 5000);
	expect_panic(f, "kernel panic: VFS: no root");
}

/* A program prints the text, and the kernel lives. */
static void check_fake(struct fixture *f, enum vcpu_state first, enum vcpu_state second)
{
	set_states(f, first, second);
	print(f, START "not really\n");
	assert_int_equal(sample(f, 1500), -1);
}

static void test_fake_of_an_idle_guest(void **state)
{
	check_fake(*state, VCPU_ALIVE, VCPU_ALIVE);
}

/* One vCPU that takes interrupts is enough, be it one of many. */
static void test_fake_of_a_busy_guest(void **state)
{
	check_fake(*state, VCPU_DEAF, VCPU_ALIVE);
	check_fake(*state, VCPU_ALIVE, VCPU_DOWN);
}

/* A vCPU that has not answered yet proves nothing. */
static void test_no_answer(void **state)
{
	check_fake(*state, VCPU_DEAF, VCPU_UNKNOWN);
}

/* On a busy host each answer takes longer than the time between two samples. */
static void test_slow_answers(void **state)
{
	struct fixture *f = *state;
	int64_t start = clock_ms();
	struct error error;

	set_states(f, VCPU_DEAF, VCPU_DOWN);
	print(f, START "busy host\n");
	for (int64_t answered = start; reason(f, &error) == NE_EMU_EXIT_REASON_NONE;) {
		assert_in_range(clock_ms() - start, 0, 20000);
		assert_int_equal(loop_run_once(&f->loop, 10), 0);
		if (clock_ms() - answered < 250)
			continue;
		answered = clock_ms();
		answer(f);
	}
	expect_panic(f, "kernel panic: busy host");
}

/* The states change between samples: interrupts are disabled only now and then. */
static void test_sometimes_deaf(void **state)
{
	struct fixture *f = *state;
	int64_t start = clock_ms();

	print(f, START "not really\n");
	for (int i = 0; clock_ms() - start < 2000; i++) {
		/* Alive in one of three samples of 100 ms. */
		bool alive = (clock_ms() - start) % 300 < 110;

		set_states(f, alive ? VCPU_ALIVE : VCPU_DEAF, VCPU_DEAF);
		assert_int_equal(sample(f, 20), -1);
	}
}

/* Nothing is reported while the kernel still prints, for example its backtrace. */
static void test_still_printing(void **state)
{
	struct fixture *f = *state;
	int64_t start = clock_ms();

	set_states(f, VCPU_DEAF, VCPU_DEAF);
	print(f, START "slow\n");
	while (clock_ms() - start < 1500) {
		print(f, " ? backtrace\n");
		assert_int_equal(sample(f, 50), -1);
	}
	print(f, "Rebooting in 30 seconds..");
	assert_in_range(sample(f, 10000), 400, 5000);
	expect_panic(f, "kernel panic: slow");
}

/* A guest that lives is no longer suspected some seconds later, but a later panic is found. */
static void test_later_panic(void **state)
{
	struct fixture *f = *state;

	set_states(f, VCPU_ALIVE, VCPU_ALIVE);
	print(f, START "not really\n");
	for (int64_t start = clock_ms(); panic_watch_suspects(&f->watch);) {
		assert_in_range(clock_ms() - start, 0, 60000);
		assert_int_equal(sample(f, 100), -1);
	}
	set_states(f, VCPU_DOWN, VCPU_DEAF);
	assert_int_equal(sample(f, 1000), -1);
	print(f, START "really\n");
	assert_in_range(sample(f, 10000), 450, 5000);
	expect_panic(f, "kernel panic: really");
}

/* Nothing but the whole text counts. */
static void test_other_text(void **state)
{
	struct fixture *f = *state;

	set_states(f, VCPU_DEAF, VCPU_DEAF);
	print(f, "Kernel panic - not so\nKernel Kernel panic - not sync\nKernel panic\n");
	assert_false(panic_watch_suspects(&f->watch));
	assert_int_equal(sample(f, 1000), -1);
}

static void check_text(struct fixture *f, const char *printed, const char *expected)
{
	print(f, printed);
	assert_true(panic_watch_suspects(&f->watch));
	panic_watch_report(&f->watch);
	expect_panic(f, expected);
}

/* A message may begin inside text that looked like its beginning. */
static void test_behind_a_false_start(void **state)
{
	check_text(*state, "KKernel panic - not syncing: found\n", "kernel panic: found");
}

/* A kernel that waits forever repeats the message. */
static void test_repeated(void **state)
{
	check_text(*state, START "one\nmore\n---[ end " START "one ]---\n", "kernel panic: one");
}

/* Guest output must not control a terminal or break a line of the journal. */
static void test_clean(void **state)
{
	check_text(*state, START "a\x1b[31mb\tc\xffz\n", "kernel panic: a\\x1b[31mb\\x09c\\xffz");
}

/* The kernel keeps 119 bytes of a reason; this is the longest with whole words. */
static void test_long(void **state)
{
	check_text(*state, START "Requested init /sbin/a-very-long-name-of-a-program failed "
		   "(error -2), and so did each of the others that were tried after it.\n",
		   "kernel panic: Requested init /sbin/a-very-long-name-of-a-program failed "
		   "(error -2), and so did each of the others...");
}

static void test_endless_line(void **state)
{
	struct fixture *f = *state;
	struct error error;

	print(f, START);
	for (int i = 0; i < 1000; i++)
		print(f, "x");
	panic_watch_report(&f->watch);
	assert_int_equal(reason(f, &error), NE_EMU_EXIT_REASON_GUEST_SHUTDOWN);
	assert_int_equal(strlen(error.text), NE_EMU_STATUS_TEXT_SIZE - 1);
	assert_string_equal(error.text + strlen(error.text) - 4, "x...");
}

/* Nobody may read the output of a production enclave. */
static void test_production(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	(void)state;
	begin(f, false);
	set_states(f, VCPU_DEAF, VCPU_DOWN);
	print(f, START "secret\n");
	assert_in_range(sample(f, 10000), 450, 5000);
	expect_panic(f, "kernel panic (only a debug enclave shows its text)");
	teardown((void **)&f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_confirmed),
		T(test_fake_of_an_idle_guest),
		T(test_fake_of_a_busy_guest),
		T(test_no_answer),
		T(test_slow_answers),
		T(test_sometimes_deaf),
		T(test_still_printing),
		T(test_later_panic),
		T(test_other_text),
		T(test_behind_a_false_start),
		T(test_repeated),
		T(test_clean),
		T(test_long),
		T(test_endless_line),
		cmocka_unit_test(test_production),
	};

	return cmocka_run_group_tests_name("panic", tests, NULL, NULL);
}
