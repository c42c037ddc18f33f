// SPDX-License-Identifier: Apache-2.0
/* Messages between ne-emu and the agent, and the links that carry them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/agent_link.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Copies of the exact size, so that the sanitizer finds over-reads. */
static void *copy_of(const void *data, size_t len)
{
	void *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, data, len);
	return copy;
}

static void test_frame(void **state)
{
	/* AGENT_STDOUT, 3 bytes. */
	static const uint8_t bytes[] = { 17, 0, 0, 0, 3, 0, 0, 0, 'a', 'b', 'c', 'd' };
	struct agent_frame frame;
	uint8_t head[AGENT_HEAD_SIZE];

	for (size_t len = 0; len < 11; len++) {
		__cleanup_free void *copy = copy_of(bytes, len);

		assert_int_equal(agent_frame_parse(copy, len, &frame), 0);
	}
	assert_int_equal(agent_frame_parse(bytes, sizeof(bytes), &frame), 11);
	assert_int_equal(frame.type, AGENT_STDOUT);
	assert_int_equal(frame.len, 3);
	assert_ptr_equal(frame.data, bytes + 8);
	agent_put_head(head, AGENT_STDOUT, 3);
	assert_memory_equal(head, bytes, sizeof(head));
}

/* Refused as soon as the head is there. */
static void test_bad_frames(void **state)
{
	static const struct {
		uint32_t type;
		uint32_t len;
	} bad[] = {
		{ 0, 0 }, { 7, 0 }, { 15, 0 }, { 22, 0 }, { 31, 0 }, { 35, 0 }, { UINT32_MAX, 0 },
		{ AGENT_EXEC | 0x100, 0 }, { AGENT_STDIN, AGENT_CONTENTS_MAX + 1 },
		{ AGENT_STDIN, UINT32_MAX }, { AGENT_STDIN, UINT32_MAX - 7 },
	};
	struct agent_frame frame;
	uint8_t head[AGENT_HEAD_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		agent_put_u32(head, bad[i].type);
		agent_put_u32(head + 4, bad[i].len);
		assert_int_equal(agent_frame_parse(head, sizeof(head), &frame), -EPROTO);
	}
}

static const char *const args[] = { "sh", "-c", "", "exit 7" };
static const char *const env[] = { "A=1" };
static const struct agent_exec example = {
	.terminal = true, .rows = 24, .columns = 80, .user = "1000:5", .workdir = "",
	.args = args, .nr_args = ARRAY_SIZE(args), .env = env, .nr_env = ARRAY_SIZE(env),
};
static const char example_bytes[] =
	"\1\0\0\0" "\30\0\0\0" "\120\0\0\0" "\4\0\0\0" "\1\0\0\0"
	"1000:5\0" "\0" "sh\0" "-c\0" "\0" "exit 7\0" "A=1";

static void test_exec(void **state)
{
	__cleanup_free char *buf = malloc(AGENT_CONTENTS_MAX);
	static struct agent_strings strings;
	struct agent_exec exec;

	/* The NUL at the end is that of A=1. */
	assert_int_equal(agent_exec_write(&example, buf), sizeof(example_bytes));
	assert_memory_equal(buf, example_bytes, sizeof(example_bytes));
	assert_int_equal(agent_exec_read(buf, sizeof(example_bytes), &strings, &exec), 0);
	assert_true(exec.terminal && !exec.input);
	assert_int_equal(exec.rows, 24);
	assert_int_equal(exec.columns, 80);
	assert_string_equal(exec.user, "1000:5");
	assert_string_equal(exec.workdir, "");
	assert_int_equal(exec.nr_args, ARRAY_SIZE(args));
	for (size_t i = 0; i < ARRAY_SIZE(args); i++)
		assert_string_equal(exec.args[i], args[i]);
	assert_null(exec.args[ARRAY_SIZE(args)]);
	assert_int_equal(exec.nr_env, 1);
	assert_string_equal(exec.env[0], "A=1");
	assert_null(exec.env[1]);
}

static int read_exec(const void *bytes, size_t len)
{
	static struct agent_strings strings;
	struct agent_exec exec;
	__cleanup_free void *copy = copy_of(bytes, len);

	return agent_exec_read(copy, len, &strings, &exec);
}

static void test_bad_exec(void **state)
{
	static const uint32_t counts[] = {
		0, 3, 5, AGENT_STRINGS_MAX, AGENT_STRINGS_MAX + 1, UINT32_MAX, 0x80000000,
	};
	char bytes[sizeof(example_bytes) + 1];

	for (size_t len = 0; len < sizeof(example_bytes); len++)
		assert_int_equal(read_exec(example_bytes, len), -EPROTO);
	memcpy(bytes, example_bytes, sizeof(example_bytes));
	bytes[sizeof(example_bytes)] = 0;		/* one string too many */
	assert_int_equal(read_exec(bytes, sizeof(bytes)), -EPROTO);
	for (size_t field = 0; field < 5; field++) {
		for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
			memcpy(bytes, example_bytes, sizeof(example_bytes));
			agent_put_u32(bytes + 4 * field, counts[i]);
			/* Some of these are flags and sizes. */
			if (field < 3 && (counts[i] <= AGENT_STRINGS_MAX + 1) &&
			    !(field == 0 && counts[i] > 3))
				continue;
			assert_int_equal(read_exec(bytes, sizeof(example_bytes)), -EPROTO);
		}
	}
}

static void test_long_exec(void **state)
{
	__cleanup_free char *text = malloc(AGENT_CONTENTS_MAX + 1);
	__cleanup_free char *buf = malloc(AGENT_CONTENTS_MAX);
	static const char *many[AGENT_STRINGS_MAX + 1];
	const char *word = text;
	struct agent_exec exec = { .user = "", .workdir = "", .args = &word, .nr_args = 1 };
	/* Five numbers, two empty strings and a NUL. */
	size_t most = AGENT_CONTENTS_MAX - 20 - 2 - 1;

	memset(text, 'x', AGENT_CONTENTS_MAX);
	text[most] = 0;
	assert_int_equal(agent_exec_write(&exec, buf), AGENT_CONTENTS_MAX);
	assert_int_equal(read_exec(buf, AGENT_CONTENTS_MAX), 0);
	text[most] = 'x';
	text[most + 1] = 0;
	assert_int_equal(agent_exec_write(&exec, buf), -E2BIG);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = "";
	exec.args = many;
	exec.nr_args = AGENT_STRINGS_MAX;
	assert_true(agent_exec_write(&exec, buf) > 0);
	exec.nr_args++;
	assert_int_equal(agent_exec_write(&exec, buf), -E2BIG);
}

static int pass_entry(const struct agent_entry *entry, struct agent_entry *ret)
{
	static char buf[AGENT_CONTENTS_MAX];
	ssize_t len = agent_entry_write(entry, buf);

	assert_true(len > 0);
	for (ssize_t cut = 0; cut < len; cut++) {
		__cleanup_free void *copy = copy_of(buf, cut);

		assert_int_equal(agent_entry_read(copy, cut, ret), -EPROTO);
	}
	return agent_entry_read(buf, len, ret);
}

static void test_entry(void **state)
{
	static const struct agent_entry good[] = {
		{ S_IFREG | 04755, 0x123456789aULL, -5, "a/b..c/.d", "" },
		{ S_IFREG, 0, 0, "", "" },
		{ S_IFDIR | 0700, 0, 1LL << 40, "...", "" },
		{ S_IFLNK | 0777, 0, 0, "link", "../../etc/passwd" },
	};
	struct agent_entry entry;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(pass_entry(&good[i], &entry), 0);
		assert_int_equal(entry.mode, good[i].mode);
		assert_int_equal(entry.size, good[i].size);
		assert_int_equal(entry.mtime, good[i].mtime);
		assert_string_equal(entry.name, good[i].name);
		assert_string_equal(entry.target, good[i].target);
	}
}

/* A guest names files of the host, and the other way round. */
static void test_bad_entries(void **state)
{
	static const struct agent_entry bad[] = {
		{ S_IFREG, 0, 0, "/etc/passwd", "" }, { S_IFREG, 0, 0, "..", "" },
		{ S_IFREG, 0, 0, "../x", "" }, { S_IFREG, 0, 0, "a/../../x", "" },
		{ S_IFREG, 0, 0, "a//b", "" }, { S_IFREG, 0, 0, "a/", "" },
		{ S_IFREG, 0, 0, ".", "" }, { S_IFREG, 0, 0, "a/.", "" },
		{ S_IFREG, 0, 0, "a/..", "" }, { S_IFREG, 0, 0, "/", "" },
		{ S_IFREG, 0, 0, "a", "target" }, { S_IFLNK, 0, 0, "a", "" },
		{ S_IFDIR, 1, 0, "a", "" }, { S_IFLNK, 1, 0, "a", "b" },
		{ S_IFCHR, 0, 0, "a", "" }, { S_IFBLK, 0, 0, "a", "" }, { S_IFIFO, 0, 0, "a", "" },
		{ S_IFSOCK, 0, 0, "a", "" }, { 0644, 0, 0, "a", "" },
		{ S_IFREG | 0x10000, 0, 0, "a", "" }, { S_IFREG, 1ULL << 63, 0, "a", "" },
	};
	struct agent_entry entry;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(pass_entry(&bad[i], &entry), -EPROTO);
}

static void test_pair(void **state)
{
	static char buf[AGENT_CONTENTS_MAX];
	const char *first, *second;

	assert_int_equal(agent_pair_write("/tmp", "x", buf), 7);
	assert_int_equal(agent_pair_read(buf, 7, &first, &second), 0);
	assert_string_equal(first, "/tmp");
	assert_string_equal(second, "x");
	for (size_t len = 0; len < 7; len++)
		assert_int_equal(agent_pair_read(buf, len, &first, &second), -EPROTO);
	assert_int_equal(agent_pair_read("\0x", 3, &first, &second), -EPROTO);
	assert_int_equal(agent_pair_read("a\0b\0c", 6, &first, &second), -EPROTO);
}

static void test_key(void **state)
{
	uint8_t a[AGENT_KEY_SIZE] = { 1 }, b[AGENT_KEY_SIZE] = { 1 };

	assert_true(agent_key_equal(a, b));
	for (size_t i = 0; i < 8 * sizeof(b); i++) {
		b[i / 8] ^= 1 << (i % 8);
		assert_false(agent_key_equal(a, b));
		b[i / 8] ^= 1 << (i % 8);
	}
}

/* Two links, and the memory for them. */
static struct agent_link here, there;

static int open_links(void **state)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	agent_link_init(&here, fds[0]);
	agent_link_init(&there, fds[1]);
	return 0;
}

static int close_links(void **state)
{
	fd_close(&here.fd);
	fd_close(&there.fd);
	return 0;
}

/* Frames in pieces, and several in one. */
static void test_link_pieces(void **state)
{
	struct agent_frame frame;
	uint8_t bytes[2 * AGENT_HEAD_SIZE + 5];

	agent_put_head(bytes, AGENT_STDIN, 5);
	memcpy(bytes + AGENT_HEAD_SIZE, "hello", 5);
	agent_put_head(bytes + AGENT_HEAD_SIZE + 5, AGENT_STDIN, 0);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		assert_int_equal(write(here.fd, bytes + i, 1), 1);
		assert_int_equal(agent_link_receive(&there), 0);
		assert_int_equal(agent_link_next(&there, &frame), i == 12 || i == 20);
	}
	assert_int_equal(write(here.fd, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(agent_link_receive(&there), 0);
	assert_int_equal(agent_link_next(&there, &frame), 1);
	assert_memory_equal(frame.data, "hello", 5);
	assert_int_equal(agent_link_next(&there, &frame), 1);
	assert_int_equal(frame.len, 0);
	assert_int_equal(agent_link_next(&there, &frame), 0);
	assert_int_equal(agent_link_receive(&there), 0);
	fd_close(&here.fd);
	assert_int_equal(agent_link_receive(&there), -EPIPE);
}

/* What the other side does not receive is bounded, and never waited for. */
static void test_link_full(void **state)
{
	static const uint8_t data[AGENT_CONTENTS_MAX];
	struct agent_frame frame;
	size_t sent = 0, received = 0;

	while (!agent_link_put(&here, AGENT_STDOUT, data, sizeof(data))) {
		sent++;
		for (int i = 0; i < 10; i++)
			assert_int_equal(agent_link_flush(&here), 0);
		assert_true(sent < 1000);
	}
	assert_false(agent_link_idle(&here));
	/* Small frames still fit beside a large one only when it is sent. */
	assert_int_equal(agent_link_put(&here, AGENT_STDOUT, data, sizeof(data)), -ENOBUFS);
	while (received < sent) {
		assert_int_equal(agent_link_receive(&there), 0);
		while (agent_link_next(&there, &frame) == 1) {
			assert_int_equal(frame.len, sizeof(data));
			received++;
		}
		assert_int_equal(agent_link_flush(&here), 0);
	}
	assert_true(agent_link_idle(&here));
}

static void test_link_waits(void **state)
{
	struct agent_frame frame;

	assert_int_equal(agent_link_wait(&there, &frame, 1), -ETIMEDOUT);
	assert_int_equal(agent_link_send(&here, AGENT_READY, NULL, 0, 1000), 0);
	assert_int_equal(agent_link_wait(&there, &frame, 1000), 0);
	assert_int_equal(frame.type, AGENT_READY);
	assert_int_equal(write(here.fd, "GET / HTTP/1.1\r\n", 16), 16);
	assert_int_equal(agent_link_wait(&there, &frame, 1000), -EPROTO);
}

#define LINK(name)	cmocka_unit_test_setup_teardown(name, open_links, close_links)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_bad_exec),
		cmocka_unit_test(test_long_exec),
		cmocka_unit_test(test_entry),
		cmocka_unit_test(test_bad_entries),
		cmocka_unit_test(test_pair),
		cmocka_unit_test(test_key),
		LINK(test_link_pieces),
		LINK(test_link_full),
		LINK(test_link_waits),
	};

	return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
