// SPDX-License-Identifier: Apache-2.0
/* Waiting for an enclave: heartbeat, end, console, signal, timeout. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/enclave/watch.h"
#include "common/clock.h"
#include "fake_root.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#define HEARTBEAT	0xb7

/* Both ends of what a watch waits for; pipes stand in for the enclave's descriptor. */
struct ends {
	struct watch watch;
	int enclave;
	int heartbeat;
	int console;
	int parent;
};

static int pair(int *ret_other)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	*ret_other = fds[1];
	return fds[0];
}

static void open_ends(struct ends *ends)
{
	*ends = (struct ends){};
	ends->watch = (struct watch){ .listener = -1, .signals = -1, .trace = -1 };
	ends->watch.enclave = pair(&ends->enclave);
	ends->watch.heartbeat = pair(&ends->heartbeat);
	ends->watch.console = pair(&ends->console);
	ends->watch.parent = pair(&ends->parent);
}

static void close_ends(struct ends *ends)
{
	fd_close(&ends->watch.enclave);
	fd_close(&ends->watch.heartbeat);
	fd_close(&ends->watch.console);
	fd_close(&ends->watch.signals);
	fd_close(&ends->watch.parent);
	fd_close(&ends->enclave);
	fd_close(&ends->heartbeat);
	fd_close(&ends->console);
	fd_close(&ends->parent);
}

static void send_byte(int fd, uint8_t byte)
{
	assert_int_equal(write(fd, &byte, 1), 1);
}

static void test_heartbeat(void **state)
{
	struct ends ends;
	uint8_t byte = 0;

	open_ends(&ends);
	send_byte(ends.heartbeat, HEARTBEAT);
	assert_int_equal(watch_next(&ends.watch), WATCH_BOOTED);
	assert_int_equal(read(ends.heartbeat, &byte, 1), 1);
	assert_int_equal(byte, HEARTBEAT);
	assert_int_equal(ends.watch.heartbeat, -1);
	close_ends(&ends);
}

/* Take a byte; 0 is the last one. */
static bool take_byte(void *arg)
{
	struct ends *ends = arg;
	uint8_t byte;

	assert_int_equal(read(ends->watch.trace, &byte, 1), 1);
	return byte;
}

static void test_trace(void **state)
{
	struct ends ends;
	int writer, reader;

	open_ends(&ends);
	reader = ends.watch.trace = pair(&writer);
	ends.watch.take_trace = take_byte;
	ends.watch.trace_arg = &ends;
	send_byte(writer, 1);
	fd_close(&ends.enclave);
	assert_int_equal(watch_next(&ends.watch), WATCH_ENDED);
	/* The console has ended; what is left of the trace comes now. */
	fd_close(&ends.console);
	send_byte(writer, 2);
	send_byte(writer, 0);
	send_byte(writer, 3);
	watch_drain(&ends.watch);
	assert_int_equal(ends.watch.trace, -1);
	fd_close(&reader);
	fd_close(&writer);
	close_ends(&ends);
}

static void test_bad_heartbeat(void **state)
{
	struct ends ends;

	open_ends(&ends);
	send_byte(ends.heartbeat, 1);
	assert_int_equal(watch_next(&ends.watch), WATCH_BAD_HEARTBEAT);
	close_ends(&ends);

	open_ends(&ends);
	fd_close(&ends.heartbeat);
	assert_int_equal(watch_next(&ends.watch), WATCH_BAD_HEARTBEAT);
	close_ends(&ends);
}

/* The end of the enclave explains a broken heartbeat, but a complete one counts. */
static void test_end_with_heartbeat(void **state)
{
	struct ends ends;

	open_ends(&ends);
	fd_close(&ends.heartbeat);
	fd_close(&ends.enclave);
	assert_int_equal(watch_next(&ends.watch), WATCH_ENDED);
	close_ends(&ends);

	open_ends(&ends);
	send_byte(ends.heartbeat, HEARTBEAT);
	fd_close(&ends.enclave);
	assert_int_equal(watch_next(&ends.watch), WATCH_BOOTED);
	assert_int_equal(watch_next(&ends.watch), WATCH_ENDED);
	assert_int_equal(watch_next(&ends.watch), WATCH_ENDED);
	close_ends(&ends);
}

static void test_parent_gone(void **state)
{
	struct ends ends;

	open_ends(&ends);
	fd_close(&ends.parent);
	assert_int_equal(watch_next(&ends.watch), WATCH_PARENT_GONE);
	close_ends(&ends);
}

static void test_timeout(void **state)
{
	struct ends ends;
	uint64_t began = watch_now_ns();

	open_ends(&ends);
	ends.watch.deadline_ns = began + 20 * NSEC_PER_MSEC;
	assert_int_equal(watch_next(&ends.watch), WATCH_TIMEOUT);
	assert_true(watch_now_ns() - began >= 20 * NSEC_PER_MSEC);
	close_ends(&ends);
}

static void test_signal(void **state)
{
	struct ends ends;
	sigset_t set;

	open_ends(&ends);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	ends.watch.signals = signalfd(-1, &set, SFD_CLOEXEC);
	assert_true(ends.watch.signals >= 0);
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(watch_next(&ends.watch), WATCH_SIGNAL);
	assert_int_equal(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
	close_ends(&ends);
}

static struct ends console_ends;

static int copy_console(const struct command_call *call)
{
	int event = watch_next(&console_ends.watch);

	/* Output before and after the end. */
	assert_int_equal(write(console_ends.console, " last", 5), 5);
	fd_close(&console_ends.console);
	watch_drain(&console_ends.watch);
	return event;
}

static const struct command copy = { .name = "copy", .run = copy_console };

static void test_console(void **state)
{
	struct command_result result;

	open_ends(&console_ends);
	assert_int_equal(write(console_ends.console, "first", 5), 5);
	fd_close(&console_ends.enclave);
	run_command(&result, &copy, "copy", NULL);
	assert_int_equal(result.code, WATCH_ENDED);
	assert_string_equal(result.out, "first last");
	assert_int_equal(console_ends.watch.console, -1);
	close_ends(&console_ends);
}

/* What the watch sees with @output in the place of stdout. */
static int watch_into(int output, struct watch *watch)
{
	int saved = dup(STDOUT_FILENO), event;

	assert_true(saved >= 0);
	assert_int_equal(dup2(output, STDOUT_FILENO), STDOUT_FILENO);
	event = watch_next(watch);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
	return event;
}

static void test_reader_gone(void **state)
{
	struct ends ends;
	int fds[2];

	open_ends(&ends);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	fd_close(&fds[0]);
	ends.watch.deadline_ns = watch_now_ns() + 20 * NSEC_PER_SEC;
	assert_int_equal(watch_into(fds[1], &ends.watch), WATCH_OUTPUT_LOST);
	assert_int_equal(ends.watch.output_err, -EPIPE);
	/* Nothing more is written, so nobody is missed. */
	fd_close(&ends.watch.console);
	ends.watch.deadline_ns = watch_now_ns() + NSEC_PER_MSEC;
	assert_int_equal(watch_into(fds[1], &ends.watch), WATCH_TIMEOUT);
	fd_close(&fds[1]);
	close_ends(&ends);
}

static void test_full_output(void **state)
{
	struct ends ends;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(full >= 0);
	open_ends(&ends);
	assert_int_equal(write(ends.console, "text", 4), 4);
	ends.watch.deadline_ns = watch_now_ns() + 20 * NSEC_PER_SEC;
	assert_int_equal(watch_into(full, &ends.watch), WATCH_OUTPUT_LOST);
	assert_int_equal(ends.watch.output_err, -ENOSPC);
	fd_close(&full);
	close_ends(&ends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heartbeat),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_bad_heartbeat),
		cmocka_unit_test(test_end_with_heartbeat),
		cmocka_unit_test(test_parent_gone),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_console),
		cmocka_unit_test(test_reader_gone),
		cmocka_unit_test(test_full_output),
	};

	return cmocka_run_group_tests_name("cli_watch", tests, NULL, NULL);
}
