// SPDX-License-Identifier: Apache-2.0
/* Progress on a terminal: when it appears, that it disappears, and what it must not disturb. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "command/progress.h"
#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** struct state - @terminal: what is written to stderr; @saved: the real stderr */
struct state {
	int terminal;
	int saved;
};

static int setup(void **state)
{
	struct state *s = calloc(1, sizeof(*s));
	int slave;

	assert_int_equal(openpty(&s->terminal, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(fcntl(s->terminal, F_SETFL, O_NONBLOCK), 0);
	s->saved = dup(STDERR_FILENO);
	assert_return_code(dup2(slave, STDERR_FILENO), errno);
	close(slave);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct state *s = *state;

	assert_return_code(dup2(s->saved, STDERR_FILENO), errno);
	close(s->saved);
	close(s->terminal);
	free(s);
	return 0;
}

/* An operation that nothing may interrupt, as connect() with a time limit. */
static void wait_ms(int ms)
{
	int64_t start = clock_ms();

	assert_int_equal(poll(NULL, 0, ms), 0);
	assert_true(clock_ms() - start >= ms);
}

static void expect_shown(struct state *s, const char *text)
{
	char shown[256] = "";

	(void)!read(s->terminal, shown, sizeof(shown) - 1);
	assert_string_equal(shown, text);
}

/* A machine under load may take longer to show it, but not less. */
static void test_long_operation(void **state)
{
	struct state *s = *state;
	struct pollfd fd = { .fd = s->terminal, .events = POLLIN };
	int64_t start = clock_ms();

	progress_begin("waiting");
	assert_int_equal(poll(&fd, 1, 20000), 1);
	assert_in_range(clock_ms() - start, 950, 20000);
	expect_shown(s, "\rwaiting, 1 s ");
	progress_end();
	expect_shown(s, "\r\033[K");
}

static void test_is_not_interrupted(void **state)
{
	progress_begin("waiting");
	wait_ms(2500);
	progress_end();
	(void)state;
}

static void test_short_operation(void **state)
{
	struct state *s = *state;

	for (int i = 0; i < 3; i++) {
		progress_begin("short");
		wait_ms(10);
		progress_end();
	}
	expect_shown(s, "");
	wait_ms(1100);
	expect_shown(s, "");
}

static void test_no_terminal(void **state)
{
	int pipes[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
	assert_return_code(dup2(pipes[1], STDERR_FILENO), errno);
	progress_begin("nobody looks");
	wait_ms(1100);
	progress_end();
	assert_int_equal(read(pipes[0], &pipes[1], 1), -1);
	assert_int_equal(errno, EAGAIN);
	close(pipes[0]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_long_operation),
		TEST(test_is_not_interrupted),
		TEST(test_short_operation),
		TEST(test_no_terminal),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
