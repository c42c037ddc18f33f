// SPDX-License-Identifier: Apache-2.0
/*
 * The agent of the guest's init and ne-emu, over a socket pair: the session runs in a child of
 * this test, as in the enclave in one of the agent.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/enclave/copy.h"
#include "cli/enclave/remote.h"
#include "common/util.h"
#include "guest/agent/session.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct temp_dir dir;
static struct agent_link client;
static pid_t session;

static char path_variable[] = "PATH=/usr/bin:/bin";
static char *image_env[] = { (char *)"COLOUR=green", path_variable, NULL };
static const struct command image = { .envp = image_env, .path = path_variable };

static void start(void)
{
	struct agent_frame frame;
	sigset_t all;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	session = fork();
	assert_true(session >= 0);
	if (!session) {
		/* As the init does. */
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		session_run(fds[1], &image);
	}
	close(fds[1]);
	agent_link_init(&client, fds[0]);
	assert_int_equal(agent_link_wait(&client, &frame, 20000), 0);
	assert_int_equal(frame.type, AGENT_READY);
}

static void finish(void)
{
	close(client.fd);
	assert_int_equal(waitpid(session, NULL, 0), session);
}

static int setup(void **state)
{
	temp_dir_create(&dir);
	return 0;
}

static int teardown(void **state)
{
	temp_dir_remove(&dir);
	return 0;
}

static int open_file(const char *name, int flags)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir.path, name);
	fd = open(path, flags | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

static void move_fd(int from, int to, int *ret_saved)
{
	*ret_saved = fcntl(to, F_DUPFD_CLOEXEC, 10);
	assert_int_equal(dup2(from, to), to);
}

static void restore_fd(int *saved, int to)
{
	assert_int_equal(dup2(*saved, to), to);
	fd_close(saved);
}

/* Run a shell line with these streams. Return: its exit code, or a negative errno. */
static int shell(const char *line, struct agent_exec *exec, int in, int out)
{
	const char *const args[] = { "sh", "-c", line };
	int saved_in, saved_out, code = -1, err;
	struct error error = {};

	exec->args = args;
	exec->nr_args = 3;
	exec->user = exec->user ?: "";
	exec->workdir = exec->workdir ?: dir.path;
	start();
	move_fd(in, STDIN_FILENO, &saved_in);
	move_fd(out, STDOUT_FILENO, &saved_out);
	err = remote_run(&client, exec, &code, &error);
	restore_fd(&saved_in, STDIN_FILENO);
	restore_fd(&saved_out, STDOUT_FILENO);
	finish();
	if (err)
		print_message("# %s\n", error.text);
	return err ? err : code;
}

/* Its output is in @out, without the newline at its end. */
static int shell_text(const char *line, struct agent_exec *exec, char out[256])
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int file = open_file("out", O_RDWR | O_CREAT | O_TRUNC);
	int code = shell(line, exec, null, file);
	ssize_t n = pread(file, out, 255, 0);

	assert_true(n >= 0);
	out[n && out[n - 1] == '\n' ? n - 1 : n] = 0;
	fd_close(&file);
	fd_close(&null);
	return code;
}

static void test_codes(void **state)
{
	static const struct {
		const char *line;
		int code;
	} cases[] = {
		{ "exit 0", 0 }, { "exit 7", 7 }, { "exit 255", 255 }, { "kill -9 $$", 137 },
		{ "kill -SEGV $$", 139 }, { "exec /no/such", 127 },
	};
	char out[256];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct agent_exec exec = {};

		assert_int_equal(shell_text(cases[i].line, &exec, out), cases[i].code);
	}
}

static void test_environment(void **state)
{
	static const char *const env[] = { "COLOUR=red", "EXTRA=1", "EXTRA=2" };
	struct agent_exec exec = {};
	char out[256], expected[256];

	assert_int_equal(shell_text("echo $COLOUR; pwd", &exec, out), 0);
	snprintf(expected, sizeof(expected), "green\n%s", dir.path);
	assert_string_equal(out, expected);
	exec = (struct agent_exec){ .env = env, .nr_env = 3, .workdir = "/" };
	assert_int_equal(shell_text("echo $COLOUR $EXTRA; pwd", &exec, out), 0);
	assert_string_equal(out, "red 2\n/");
	exec = (struct agent_exec){ .workdir = "/no/such" };
	assert_int_equal(shell_text("echo bad", &exec, out), 126);
	exec = (struct agent_exec){ .user = "no-such-user" };
	assert_int_equal(shell_text("echo bad", &exec, out), 126);
	assert_string_equal(out, "");
}

/* More than all buffers, in both directions. */
static void test_streams(void **state)
{
	static uint8_t data[4 * MIB], back[sizeof(data) + 1];
	struct agent_exec exec = { .input = true };
	int in = open_file("in", O_RDWR | O_CREAT), out = open_file("out", O_RDWR | O_CREAT);

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = random();
	assert_int_equal(write_full(in, data, sizeof(data)), 0);
	lseek(in, 0, SEEK_SET);
	assert_int_equal(shell("cat", &exec, in, out), 0);
	assert_int_equal(pread(out, back, sizeof(back), 0), sizeof(data));
	assert_memory_equal(data, back, sizeof(data));
	fd_close(&in);
	fd_close(&out);
}

/* Input that the command does not want, and none. */
static void test_unread_input(void **state)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int out = open_file("out", O_RDWR | O_CREAT);
	struct agent_exec exec = { .input = true };

	assert_int_equal(shell("exit 3", &exec, zero, out), 3);
	exec = (struct agent_exec){ .input = true };
	assert_int_equal(shell("exec 0<&-; sleep 0.2; exit 4", &exec, zero, out), 4);
	exec = (struct agent_exec){};
	assert_int_equal(shell("cat", &exec, zero, out), 0);
	fd_close(&zero);
	fd_close(&out);
}

/* A process that stays behind with the streams is not waited for. */
static void test_background(void **state)
{
	struct agent_exec exec = {};
	char out[256];

	assert_int_equal(shell_text("sleep 20 & echo $!", &exec, out), 0);
	assert_int_equal(kill(strtol(out, NULL, 10), SIGKILL), 0);
}

static void test_terminal(void **state)
{
	struct agent_exec exec = { .terminal = true };
	char out[256];

	assert_int_equal(shell_text("test -t 0 && test -t 1 && test -t 2 && echo yes", &exec, out),
			 0);
	assert_string_equal(out, "yes\r");
	exec = (struct agent_exec){};
	assert_int_equal(shell_text("test -t 1", &exec, out), 1);
}

/* Nobody reads the output. */
static void test_reader_gone(void **state)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), fds[2];
	struct agent_exec exec = {};

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	fd_close(&fds[0]);
	assert_int_equal(shell("sleep 1000", &exec, null, fds[1]), 128 + SIGPIPE);
	fd_close(&fds[1]);
	fd_close(&null);
}

static bool is_gone(pid_t pid)
{
	return kill(pid, 0) && errno == ESRCH;
}

static void put_exec(const char *line)
{
	static uint8_t contents[AGENT_CONTENTS_MAX];
	const char *const args[] = { "sh", "-c", line };
	const struct agent_exec exec = { .user = "", .workdir = "/", .args = args, .nr_args = 3,
					 .input = true };
	ssize_t len = agent_exec_write(&exec, contents);

	start();
	assert_int_equal(agent_link_send(&client, AGENT_EXEC, contents, len, 1000), 0);
}

/* Start a command that prints its PID. */
static pid_t start_sleep(void)
{
	struct agent_frame frame;
	char pid[16] = "";

	put_exec("echo $$; exec sleep 1000");
	assert_int_equal(agent_link_wait(&client, &frame, 20000), 0);
	assert_int_equal(frame.type, AGENT_STDOUT);
	memcpy(pid, frame.data, MIN(frame.len, sizeof(pid) - 1));
	return strtol(pid, NULL, 10);
}

/* Its parent may end first; then it becomes a child of this process. */
static void assert_ends(pid_t pid)
{
	for (int i = 0; i < 2000 && waitpid(pid, NULL, WNOHANG) != pid && !is_gone(pid); i++)
		usleep(10000);
	assert_true(is_gone(pid));
}

/* Input that arrives together with the request. */
static void test_early_input(void **state)
{
	static uint8_t bytes[AGENT_FRAME_MAX], contents[AGENT_CONTENTS_MAX];
	const char *const args[] = { "cat" };
	const struct agent_exec exec = { .user = "", .workdir = "/", .args = args, .nr_args = 1,
					 .input = true };
	ssize_t len = agent_exec_write(&exec, contents), n;
	struct agent_frame frame;

	agent_put_head(bytes, AGENT_EXEC, len);
	memcpy(bytes + AGENT_HEAD_SIZE, contents, len);
	n = AGENT_HEAD_SIZE + len;
	agent_put_head(bytes + n, AGENT_STDIN, 2);
	memcpy(bytes + n + AGENT_HEAD_SIZE, "hi", 2);
	n += AGENT_HEAD_SIZE + 2;
	agent_put_head(bytes + n, AGENT_STDIN, 0);
	n += AGENT_HEAD_SIZE;
	start();
	assert_int_equal(write_full(client.fd, bytes, n), 0);
	do {
		assert_int_equal(agent_link_wait(&client, &frame, 20000), 0);
	} while (frame.type == AGENT_TAKEN);
	assert_int_equal(frame.type, AGENT_STDOUT);
	assert_memory_equal(frame.data, "hi", 2);
	do {
		assert_int_equal(agent_link_wait(&client, &frame, 20000), 0);
	} while (frame.type == AGENT_TAKEN);
	assert_int_equal(frame.type, AGENT_EXIT);
	finish();
}

/* The command ends with its client, and with one that breaks the rules. */
static void test_lost_client(void **state)
{
	static const struct {
		enum agent_type type;
		size_t len;
		const char *data;
	} bad[] = {
		{ AGENT_EXEC, 0, NULL }, { AGENT_SIZE, 3, "abc" }, { AGENT_SIGNAL, 4, "\0\0\0\0" },
		{ AGENT_SIGNAL, 4, "\377\0\0\0" }, { AGENT_SIGNAL, 0, NULL },
		{ AGENT_EXIT, 4, "\0\0\0\0" },
	};
	static char input[AGENT_CONTENTS_MAX];
	pid_t pid;

	pid = start_sleep();
	finish();
	assert_ends(pid);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		pid = start_sleep();
		assert_int_equal(agent_link_send(&client, bad[i].type, bad[i].data, bad[i].len,
						 1000), 0);
		assert_ends(pid);
		finish();
	}
	/* Beyond the window: a pipe, and what the agent stores. */
	pid = start_sleep();
	for (int i = 0; i < 4; i++)
		if (agent_link_send(&client, AGENT_STDIN, input, sizeof(input), 1000))
			break;
	assert_ends(pid);
	finish();
}

static void test_bad_requests(void **state)
{
	static const struct {
		enum agent_type type;
		size_t len;
		const char *data;
	} bad[] = {
		{ AGENT_EXEC, 3, "abc" }, { AGENT_GET, 0, NULL }, { AGENT_PUT, 4, "\0\0\0\0" },
		{ AGENT_STDIN, 1, "a" }, { AGENT_GET, 5, "/\0x\0y" },
	};
	struct agent_frame frame;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		start();
		assert_int_equal(agent_link_send(&client, bad[i].type, bad[i].data, bad[i].len,
						 1000), 0);
		assert_int_equal(agent_link_wait(&client, &frame, 20000), 0);
		assert_int_equal(frame.type, AGENT_FAILED);
		finish();
	}
}

static char *path_of(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", dir.path, name);
	return path;
}

static int copy(bool in, const char *from, const char *to, struct error *error)
{
	int here = open(".", O_PATH | O_CLOEXEC), err;

	start();
	*error->text = 0;
	err = in ? copy_to(&client, from, to, error) : copy_from(&client, from, to, error);
	assert_int_equal(fchdir(here), 0);
	fd_close(&here);
	finish();
	assert_int_equal(!err, !*error->text);
	return err;
}

static void write_file(const char *name, const void *data, size_t len, mode_t mode)
{
	int fd = open_file(name, O_WRONLY | O_CREAT);

	assert_int_equal(write_full(fd, data, len), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	fd_close(&fd);
}

static void assert_file(const char *name, const void *data, size_t len, mode_t mode)
{
	static char buf[MIB];
	int fd = open_file(name, O_RDONLY);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | mode);
	assert_int_equal(read_full(fd, buf, sizeof(buf)), len);
	assert_memory_equal(buf, data, len);
	fd_close(&fd);
}

static void test_copies(void **state)
{
	static char data[300 * KIB];
	struct error error;
	char target[16] = "";

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = random();
	assert_int_equal(mkdir(path_of("a"), 0750), 0);
	assert_int_equal(mkdir(path_of("a/sub"), 0700), 0);
	write_file("a/sub/data", data, sizeof(data), 0640);
	write_file("a/empty", "", 0, 04755);
	assert_int_equal(symlink("sub/data", path_of("a/link")), 0);
	/* There, and back. */
	assert_int_equal(copy(true, path_of("a"), path_of("b"), &error), 0);
	assert_file("b/sub/data", data, sizeof(data), 0640);
	assert_file("b/empty", "", 0, 04755);
	assert_int_equal(copy(false, path_of("b"), path_of("c"), &error), 0);
	assert_file("c/sub/data", data, sizeof(data), 0640);
	assert_file("c/empty", "", 0, 0755);	/* not set-user-ID on this host */
	assert_int_equal(readlink(path_of("c/link"), target, sizeof(target)), 8);
	assert_string_equal(target, "sub/data");
	/* Into a directory; over a file. */
	assert_int_equal(copy(true, path_of("a/sub"), path_of("b"), &error), 0);
	assert_file("b/sub/data", data, sizeof(data), 0640);
	assert_int_equal(copy(true, path_of("a/empty"), path_of("b/sub/data"), &error), 0);
	assert_file("b/sub/data", "", 0, 04755);
	assert_int_equal(copy(false, path_of("a/sub/data"), path_of("c"), &error), 0);
	assert_file("c/data", data, sizeof(data), 0640);
	/* A link is followed where it is named itself. */
	assert_int_equal(copy(false, path_of("a/link"), path_of("d"), &error), 0);
	assert_file("d", data, sizeof(data), 0640);
}

static void test_failed_copies(void **state)
{
	struct error error;

	write_file("file", "x", 1, 0600);
	assert_int_equal(mkdir(path_of("dir"), 0700), 0);
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	assert_int_equal(copy(false, path_of("none"), path_of("new"), &error), -EREMOTEIO);
	assert_non_null(strstr(error.text, "No such file"));
	assert_int_equal(copy(true, path_of("none"), path_of("new"), &error), -ENOENT);
	assert_int_equal(copy(true, path_of("file"), path_of("no/such"), &error), -EREMOTEIO);
	assert_int_equal(copy(true, path_of("file"), path_of("none/"), &error), -EREMOTEIO);
	assert_int_equal(copy(true, path_of("file"), path_of("fifo"), &error), -EREMOTEIO);
	assert_int_equal(copy(false, path_of("file"), path_of("fifo"), &error), -EEXIST);
	assert_int_equal(copy(false, path_of("fifo"), path_of("new"), &error), -EREMOTEIO);
	assert_int_equal(copy(true, path_of("fifo"), path_of("new"), &error), -EINVAL);
	assert_int_equal(copy(true, path_of("dir"), path_of("file"), &error), -EREMOTEIO);
	assert_int_equal(access(path_of("new"), F_OK), -1);
	assert_file("file", "x", 1, 0600);
}

/* A client of an agent that is not ours. @frames: what it sends to a request */
static int copy_from_hostile(const void *frames, size_t len, struct error *error)
{
	int here = open(".", O_PATH | O_CLOEXEC), fds[2], err;
	static unsigned int count;
	char name[16];

	snprintf(name, sizeof(name), "to%u", count++);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	agent_link_init(&client, fds[0]);
	assert_int_equal(write_full(fds[1], frames, len), 0);
	assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
	err = copy_from(&client, "/x", path_of(name), error);
	assert_int_equal(fchdir(here), 0);
	fd_close(&here);
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	return err;
}

static size_t add_frame(uint8_t *to, enum agent_type type, const void *data, size_t len)
{
	agent_put_head(to, type, len);
	if (len)
		memcpy(to + AGENT_HEAD_SIZE, data, len);
	return AGENT_HEAD_SIZE + len;
}

static size_t add_entry(uint8_t *to, mode_t mode, uint64_t size, const char *name,
			const char *target)
{
	static uint8_t contents[AGENT_CONTENTS_MAX];
	const struct agent_entry entry = { mode, size, 0, name, target };

	return add_frame(to, AGENT_ENTRY, contents, agent_entry_write(&entry, contents));
}

/* A guest cannot write outside of what is copied, nor through a link that it has sent. */
static void test_hostile_agent(void **state)
{
	static uint8_t frames[4096];
	struct error error;
	size_t n;

	assert_int_equal(mkdir(path_of("outside"), 0700), 0);
	n = add_entry(frames, S_IFDIR | 0755, 0, "", "");
	n += add_entry(frames + n, S_IFREG | 0644, 3, "../outside/a", "");
	n += add_frame(frames + n, AGENT_DATA, "abc", 3);
	assert_int_equal(copy_from_hostile(frames, n, &error), -EPROTO);

	n = add_entry(frames, S_IFDIR | 0755, 0, "", "");
	n += add_entry(frames + n, S_IFLNK | 0777, 0, "link", path_of("outside"));
	n += add_entry(frames + n, S_IFREG | 0644, 3, "link/a", "");
	n += add_frame(frames + n, AGENT_DATA, "abc", 3);
	n += add_frame(frames + n, AGENT_END, NULL, 0);
	assert_true(copy_from_hostile(frames, n, &error) < 0);

	/* The root itself is a link. */
	n = add_entry(frames, S_IFLNK | 0777, 0, "", path_of("outside"));
	n += add_entry(frames + n, S_IFREG | 0644, 3, "a", "");
	n += add_frame(frames + n, AGENT_DATA, "abc", 3);
	n += add_frame(frames + n, AGENT_END, NULL, 0);
	assert_true(copy_from_hostile(frames, n, &error) < 0);
	assert_int_equal(access(path_of("outside/a"), F_OK), -1);

	/* More or less data than announced, and what makes no sense. */
	n = add_entry(frames, S_IFREG | 0644, 2, "", "");
	n += add_frame(frames + n, AGENT_DATA, "abc", 3);
	assert_int_equal(copy_from_hostile(frames, n, &error), -EPROTO);
	n = add_entry(frames, S_IFREG | 0644, 4, "", "");
	n += add_frame(frames + n, AGENT_DATA, "abc", 3);
	n += add_frame(frames + n, AGENT_END, NULL, 0);
	assert_int_equal(copy_from_hostile(frames, n, &error), -EPROTO);
	n = add_frame(frames, AGENT_DATA, "abc", 3);
	assert_int_equal(copy_from_hostile(frames, n, &error), -EPROTO);
	n = add_frame(frames, AGENT_EXIT, "\0\0\0\0", 4);
	assert_int_equal(copy_from_hostile(frames, n, &error), -EPROTO);
	n = add_frame(frames, AGENT_FAILED, "abc", 3);
	assert_int_equal(copy_from_hostile(frames, n, &error), -EPROTO);
	assert_int_equal(copy_from_hostile(frames, 0, &error), -EPIPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_codes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unread_input, setup, teardown),
		cmocka_unit_test_setup_teardown(test_background, setup, teardown),
		cmocka_unit_test_setup_teardown(test_terminal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reader_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_early_input, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_copies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_agent, setup, teardown),
	};

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	return cmocka_run_group_tests_name("agent_session", tests, NULL, NULL);
}
