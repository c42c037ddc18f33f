// SPDX-License-Identifier: Apache-2.0
/* How the program of an enclave ended, compared with what wait() reports of real processes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/enclave/outcome.h"
#include "common/guest_status.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Status of a process that exits with @code, or by @sig if that is not 0. */
static uint32_t status_of(int code, int sig)
{
	const struct rlimit no_core = { 0 };
	int status;
	pid_t pid = fork();

	if (!pid) {
		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)signal(sig, SIG_DFL);
		if (sig)
			(void)raise(sig);
		_exit(code);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_in_range(status, 0, UINT16_MAX);
	assert_true(guest_status_valid(status));
	return guest_status_make(status);
}

static void test_exited(void **state)
{
	static const int codes[] = { 0, 1, 7, 126, 127, 137, 255 };
	char text[GUEST_STATUS_TEXT_SIZE], expected[GUEST_STATUS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		uint32_t status = status_of(codes[i], 0);

		assert_int_equal(guest_status_code(status), codes[i]);
		assert_int_equal(guest_status_signal(status), 0);
		assert_int_equal(guest_status_shell_code(status), codes[i]);
		snprintf(expected, sizeof(expected), "the program exited with status %d", codes[i]);
		assert_string_equal(guest_status_text(status, text), expected);
	}
}

static void test_killed(void **state)
{
	char text[GUEST_STATUS_TEXT_SIZE];
	uint32_t status = status_of(0, SIGKILL);

	(void)state;
	assert_int_equal(guest_status_code(status), -1);
	assert_int_equal(guest_status_signal(status), 9);
	assert_int_equal(guest_status_shell_code(status), 137);
	assert_string_equal(guest_status_text(status, text),
			    "the program was killed by signal 9 (KILL)");
	/* With the flag of a core dump, too. */
	status = status_of(0, SIGUSR2) | 0x80;
	assert_true(guest_status_valid(status));
	assert_int_equal(guest_status_shell_code(status), 128 + SIGUSR2);
	assert_string_equal(guest_status_text(guest_status_make(64), text),
			    "the program was killed by signal 64 (unknown)");
}

/* A process that was stopped or continued has not ended. */
static void test_valid(void **state)
{
	static const uint16_t bad[] = { 0x007f, 0x137f, 0xffff, 0x0080, 0x0180, 0x0109, 0x00ff };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(guest_status_valid(bad[i]));
}

/* The longest texts fit. */
static void test_outcome_text(void **state)
{
	struct ne_nl_enclave enclave = {
		.exit_reason = NE_EMU_EXIT_REASON_GUEST_SHUTDOWN, .guest_status = 0x10009,
	};
	char text[OUTCOME_TEXT_SIZE];
	struct outcome outcome;

	(void)state;
	memset(enclave.exit_text, 'x', sizeof(enclave.exit_text) - 1);
	outcome = outcome_of(&enclave);
	assert_non_null(strstr(outcome_text(&outcome, text),
			       "x; the program was killed by signal 9 (KILL)"));

	enclave.exit_reason = NE_EMU_EXIT_REASON_GUEST_RESET;
	outcome = outcome_of(&enclave);
	assert_string_equal(outcome_text(&outcome, text),
			    "guest-reset: the program was killed by signal 9 (KILL)");
	outcome = (struct outcome){ 0 };
	assert_string_equal(outcome_text(&outcome, text), "no reason is known");
}

static void test_exit_codes(void **state)
{
	static const struct {
		uint32_t reason;
		uint32_t status;
		int code;
	} cases[] = {
		{ NE_EMU_EXIT_REASON_GUEST_RESET, 0, 0 },
		{ NE_EMU_EXIT_REASON_GUEST_RESET, 0x10000, 0 },
		{ NE_EMU_EXIT_REASON_GUEST_RESET, 0x10700, 7 },
		{ NE_EMU_EXIT_REASON_GUEST_RESET, 0x1000b, 139 },
		{ NE_EMU_EXIT_REASON_GUEST_HALT, 0x10700, 7 },
		{ NE_EMU_EXIT_REASON_GUEST_HALT, 0, 0 },
		/* "reboot=t" resets by a triple fault. */
		{ NE_EMU_EXIT_REASON_GUEST_SHUTDOWN, 0x10000, 0 },
		{ NE_EMU_EXIT_REASON_GUEST_SHUTDOWN, 0, 125 },
		{ NE_EMU_EXIT_REASON_VMM_ERROR, 0x10000, 125 },
		{ NE_EMU_EXIT_REASON_LOST, 0, 125 },
		{ NE_EMU_EXIT_REASON_BAD_IMAGE, 0, 125 },
		{ NE_EMU_EXIT_REASON_ADMIN_STOP, 0, 0 },
		{ NE_EMU_EXIT_REASON_NONE, 0, 0 },
		/* Of a newer module. */
		{ 1000, 0, 125 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ne_nl_enclave enclave = {
			.exit_reason = cases[i].reason, .guest_status = cases[i].status,
		};
		struct outcome outcome = outcome_of(&enclave);

		assert_int_equal(outcome_exit_code(&outcome), cases[i].code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exited),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_outcome_text),
		cmocka_unit_test(test_exit_codes),
	};

	return cmocka_run_group_tests_name("guest_status", tests, NULL, NULL);
}
