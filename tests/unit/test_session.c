// SPDX-License-Identifier: Apache-2.0
/* Sessions: lines, the VMM's side and the client's side, through real FIFOs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/enclave/session.h"
#include "common/util.h"
#include "daemon/session_lines.h"
#include "temp_dir.h"
#include "vmm/session.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TURNS		100000
#define BIG		(3 * MIB + 17)

static const uint8_t nonce[SESSION_NONCE_SIZE] = "0123456789abcdef";

struct session_fixture {
	struct temp_dir dir;
	struct loop loop;
	struct session_fds fds;
	struct sessions sessions;
	int closed;		/* how many sessions the services have closed */
	size_t sent;		/* by the service "big" */
	size_t taken_max;	/* most bytes that "echo" takes at once */
};

static struct session_fixture *fixture(const struct session *session)
{
	return session->sessions->arg;
}

static size_t echo_input(struct session *session, const uint8_t *bytes, size_t len)
{
	len = MIN(len, fixture(session)->taken_max);
	return session_send(session, bytes, len);
}

static void echo_room(struct session *session)
{
	session_more(session);
}

static void count_close(struct session *session)
{
	fixture(session)->closed++;
}

static uint8_t big_byte(size_t i)
{
	return i * 7 + (i >> 8);
}

static void big_room(struct session *session)
{
	struct session_fixture *f = fixture(session);
	uint8_t piece[1000];

	while (f->sent < BIG && session_room(session)) {
		size_t len = MIN(sizeof(piece), BIG - f->sent);

		for (size_t i = 0; i < len; i++)
			piece[i] = big_byte(f->sent + i);
		f->sent += session_send(session, piece, len);
	}
	if (f->sent == BIG)
		session_finish(session, NULL);
	else
		session_want_room(session);
}

static int big_open(struct session *session, const char *options, struct error *error)
{
	assert_string_equal(options, "all of it");
	big_room(session);
	return 0;
}

static int no_open(struct session *session, const char *options, struct error *error)
{
	return error_set(error, -EBUSY, "another debugger is attached");
}

static void last_words(struct session *session)
{
	assert_int_equal(session_send(session, "bye", 3), 3);
	session_finish(session, NULL);
}

static const struct session_service echo = {
	.name = "echo", .input = echo_input, .room = echo_room, .close = count_close,
};
static const struct session_service big = {
	.name = "big", .open = big_open, .room = big_room, .close = count_close,
};
static const struct session_service no = {
	.name = "no", .open = no_open, .close = count_close,
};
static const struct session_service polite = {
	.name = "polite", .ended = last_words, .close = count_close,
};
static const struct session_service *const services_of_test[] = { &echo, &big, &no, &polite, NULL };

static int setup(void **state)
{
	struct session_fixture *f = calloc(1, sizeof(*f));

	(void)signal(SIGPIPE, SIG_IGN);
	temp_dir_create(&f->dir);
	f->taken_max = SIZE_MAX;
	assert_int_equal(session_lines_create(f->dir.path, &f->fds), 0);
	assert_int_equal(loop_init(&f->loop), 0);
	sessions_init(&f->sessions, &f->loop, &f->fds, services_of_test, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct session_fixture *f = *state;

	sessions_exit(&f->sessions);
	loop_exit(&f->loop);
	session_fds_close(&f->fds);
	temp_dir_remove(&f->dir);
	free(f);
	return 0;
}

/* Take a line as ne-emud does, and begin a session on it. */
static void begin(struct session_fixture *f, const char *service, const char *options,
		  struct session_client *client)
{
	struct session_ends ends = SESSION_ENDS_NONE;
	struct session_request request = { 0 };
	struct error error;
	int fds[2];

	assert_int_equal(session_lines_take(f->dir.path, &request.line, &ends), 0);
	memcpy(request.nonce, nonce, sizeof(nonce));
	strcpy(request.service, service);
	strcpy(request.options, options);
	sessions_begin(&f->sessions, &request);
	fds[0] = ends.read_fd;
	fds[1] = ends.write_fd;
	assert_int_equal(session_attach(client, fds, nonce, &error), 0);
}

/* Let the VMM work until there is something to read. */
static ssize_t get(struct session_fixture *f, struct session_client *client, void *buf,
		   size_t size, struct error *error)
{
	for (int i = 0; i < TURNS; i++) {
		ssize_t n = session_read(client, buf, size, error);

		if (n != -EAGAIN)
			return n;
		assert_int_equal(loop_run_once(&f->loop, 1000), 0);
	}
	fail_msg("nothing to read");
	return 0;
}

static void settle(struct session_fixture *f)
{
	for (int i = 0; i < 20; i++)
		assert_int_equal(loop_run_once(&f->loop, 0), 0);
}

static void expect_text(struct session_fixture *f, struct session_client *client,
			const char *text)
{
	char got[64];
	struct error error;
	size_t len = 0;

	while (len < strlen(text)) {
		ssize_t n = get(f, client, got + len, strlen(text) - len, &error);

		assert_true(n > 0);
		len += n;
	}
	assert_memory_equal(got, text, len);
}

static void test_echo(void **state)
{
	struct session_fixture *f = *state;
	struct session_client client;
	struct error error;

	begin(f, "echo", "", &client);
	assert_int_equal(session_write(&client, "hello", 5, &error), 0);
	expect_text(f, &client, "hello");
	f->taken_max = 2;
	assert_int_equal(session_write(&client, "again, in pieces", 16, &error), 0);
	for (int i = 0; i < 8; i++) {
		settle(f);
		session_more(&f->sessions.list[0]);
	}
	expect_text(f, &client, "again, in pieces");
	session_close(&client);
	settle(f);
	assert_int_equal(f->closed, 1);
	assert_null(f->sessions.list[0].service);
}

static void test_big(void **state)
{
	struct session_fixture *f = *state;
	struct session_client client;
	uint8_t bytes[4096];
	struct error error;
	size_t got = 0;
	ssize_t n;

	begin(f, "big", "all of it", &client);
	while ((n = get(f, &client, bytes, sizeof(bytes), &error)) > 0)
		for (ssize_t i = 0; i < n; i++, got++)
			assert_int_equal(bytes[i], big_byte(got));
	assert_int_equal(n, 0);
	assert_int_equal(got, BIG);
	session_close(&client);
	settle(f);
	assert_int_equal(f->closed, 1);
}

/* Nobody waits for a client that does not read. */
static void test_stalled(void **state)
{
	struct session_fixture *f = *state;
	struct session_client client;

	begin(f, "big", "all of it", &client);
	settle(f);
	assert_true(f->sent < BIG / 2);
	session_close(&client);
	settle(f);
	assert_int_equal(f->closed, 1);
}

static void test_refused(void **state)
{
	struct session_fixture *f = *state;
	struct session_client client;
	struct error error;
	char byte;

	begin(f, "no", "", &client);
	assert_true(get(f, &client, &byte, 1, &error) < 0);
	assert_string_equal(error.text, "another debugger is attached");
	session_close(&client);
	begin(f, "unknown", "", &client);
	assert_true(get(f, &client, &byte, 1, &error) < 0);
	assert_string_equal(error.text, "the VMM of this enclave is of another version");
	session_close(&client);
	settle(f);
	assert_int_equal(f->closed, 0);
}

static void test_lines(void **state)
{
	struct session_fixture *f = *state;
	struct session_client *clients = calloc(SESSION_LINES, sizeof(*clients));
	struct session_ends ends = SESSION_ENDS_NONE;
	uint32_t line;

	for (int i = 0; i < SESSION_LINES; i++)
		begin(f, "echo", "", &clients[i]);
	assert_int_equal(session_lines_take(f->dir.path, &line, &ends), -EBUSY);
	/* One end is enough to keep a line. */
	fd_close(&clients[2].read_fd);
	assert_int_equal(session_lines_take(f->dir.path, &line, &ends), -EBUSY);
	fd_close(&clients[2].write_fd);
	assert_int_equal(session_lines_take(f->dir.path, &line, &ends), 0);
	assert_int_equal(line, 2);
	session_ends_close(&ends);
	for (int i = 0; i < SESSION_LINES; i++)
		session_close(&clients[i]);
	settle(f);
	assert_int_equal(f->closed, SESSION_LINES);
	free(clients);
}

/* What the last client has not read does not reach the next one, nor the other way round. */
static void test_leftovers(void **state)
{
	struct session_fixture *f = *state;
	struct session_client client;
	struct error error;

	begin(f, "echo", "", &client);
	assert_int_equal(session_write(&client, "old", 3, &error), 0);
	settle(f);
	assert_int_equal(session_write(&client, "older", 5, &error), 0);
	session_close(&client);
	/* The VMM has not noticed yet. */
	begin(f, "echo", "", &client);
	assert_int_equal(session_write(&client, "new", 3, &error), 0);
	expect_text(f, &client, "new");
	session_close(&client);
}

static void test_end_of_enclave(void **state)
{
	struct session_fixture *f = *state;
	struct session_client *clients = calloc(2, sizeof(*clients));
	struct error error;
	char byte;

	begin(f, "polite", "", &clients[0]);
	begin(f, "echo", "", &clients[1]);
	sessions_finish(&f->sessions, 1000);
	assert_int_equal(f->closed, 2);
	expect_text(f, &clients[0], "bye");
	assert_int_equal(get(f, &clients[0], &byte, 1, &error), 0);
	assert_true(get(f, &clients[1], &byte, 1, &error) < 0);
	assert_string_equal(error.text, "the enclave has ended");
	session_close(&clients[0]);
	session_close(&clients[1]);
	free(clients);
}

/* The VMM was killed, and a later one of that name does not exist yet. */
static void test_killed(void **state)
{
	struct session_fixture *f = *state;
	struct session_ends ends = SESSION_ENDS_NONE;
	struct session_client client;
	struct error error;
	uint32_t line;
	char byte;

	begin(f, "echo", "", &client);
	sessions_exit(&f->sessions);
	session_fds_close(&f->fds);
	assert_int_equal(session_wait(&client, &byte, 1, &error), -EPIPE);
	assert_int_equal(session_write(&client, "x", 1, &error), -EPIPE);
	assert_string_equal(error.text, "the enclave has ended");
	session_close(&client);
	assert_int_equal(session_lines_take(f->dir.path, &line, &ends), -ENOENT);
	session_lines_remove(f->dir.path);
	assert_int_equal(session_lines_take(f->dir.path, &line, &ends), -ENOENT);
	f->fds = (struct session_fds)SESSION_FDS_NONE;
}

/* Only ne-emud may open lines; an earlier enclave of that name may have left some. */
static void test_files(void **state)
{
	struct session_fixture *f = *state;
	struct session_fds again = SESSION_FDS_NONE;
	struct stat info;

	assert_int_equal(session_lines_create(f->dir.path, &again), 0);
	assert_int_equal(chdir(f->dir.path), 0);
	assert_int_equal(stat("session3.out", &info), 0);
	assert_true(S_ISFIFO(info.st_mode));
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(chdir("/"), 0);
	session_fds_close(&again);
	assert_int_equal(session_lines_create("/no/such/folder", &again), -ENOENT);
	assert_int_equal(again.in[0], -1);
	session_lines_remove(f->dir.path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_echo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_big, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stalled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leftovers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_of_enclave, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
