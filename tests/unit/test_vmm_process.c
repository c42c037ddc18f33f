// SPDX-License-Identifier: Apache-2.0
/*
 * Starting VMMs. This program also acts as the VMM: when it is started with a VMM's command
 * line, it records its arguments and descriptors.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/log.h"
#include "common/util.h"
#include "daemon/session_lines.h"
#include "daemon/vmm_process.h"
#include "temp_dir.h"
#include "vmm/options.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define SELF		"/proc/self/exe"
#define REPORT_MAX	8192
#define FDS_LOOKED_AT	1024

/* What the fake VMM does after its report; the CID selects it. */
enum {
	CID_EXIT_0 = 16,
	CID_EXIT_7 = 17,
	CID_WAIT = 18,
};

extern char **environ;

static int option_number(int argc, char **argv, const char *name)
{
	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], name))
			return atoi(argv[i + 1]);
	return -1;
}

static void report_signals(FILE *out)
{
	struct sigaction action;
	sigset_t blocked;

	sigprocmask(SIG_SETMASK, NULL, &blocked);
	sigaction(SIGHUP, NULL, &action);
	fprintf(out, "blocked %d, hup %s\n", sigismember(&blocked, SIGTERM),
		action.sa_handler == SIG_DFL ? "default" : "other");
}

static int play_vmm(int argc, char **argv)
{
	int cid = option_number(argc, argv, "--cid");
	int log = option_number(argc, argv, "--console-log-fd");
	FILE *out = log >= 0 ? fdopen(log, "w") : NULL;
	struct stat st;

	if (out) {
		for (int i = 0; i < argc; i++)
			fprintf(out, "arg %s\n", argv[i]);
		for (char **env = environ; *env; env++)
			fprintf(out, "env %s\n", *env);
		for (int fd = 0; fd < FDS_LOOKED_AT; fd++)
			if (fd != STDOUT_FILENO && fd != STDERR_FILENO && !fstat(fd, &st))
				fprintf(out, "fd %d is %ju\n", fd, (uintmax_t)st.st_ino);
		fprintf(out, "session %s\n", getsid(0) == getpid() ? "own" : "shared");
		report_signals(out);
		fclose(out);
	}
	if (cid == CID_WAIT)
		pause();
	return cid == CID_EXIT_7 ? 7 : 0;
}

static int make_file(const struct temp_dir *dir, const char *name, ino_t *ret_ino)
{
	int dir_fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	assert_return_code(fd, errno);
	assert_return_code(fstat(fd, &st), errno);
	*ret_ino = st.st_ino;
	fd_close(&dir_fd);
	return fd;
}

static uint32_t vcpus[] = { 3, 2, 65535 };

static struct vmm_options example_config(uint32_t cid)
{
	return (struct vmm_options){
		.log_level = LOG_DEBUG,
		.module_id = "i-00000000000000000-enc00000000000000ab",
		.slot_uid = 0xab,
		.flags = 1,
		.mem_size = 64 * MIB,
		.image_offset = 8 * MIB,
		.cid = cid,
		.cpus = { vcpus, ARRAY_SIZE(vcpus) },
		.backend_fd = -1,
		.kvm_fd = -1,
		.channel_fd = -1,
		.console_channel_fd = -1,
		.console_log_fd = -1,
		.marks_fd = -1,
		.nsm_control_fd = -1,
		.sessions = SESSION_FDS_NONE,
		.pool_fd = -1,
		.uid = 990,
		.gid = 991,
	};
}

static struct vmm_end wait_for_end(struct vmm *vmm)
{
	struct pollfd poll_fd = { .fd = vmm->pidfd, .events = POLLIN };
	struct vmm_end end;

	assert_int_equal(poll(&poll_fd, 1, 30000), 1);
	assert_int_equal(vmm_reap(vmm, &end), 0);
	vmm_free(vmm);
	return end;
}

static void expect_line(const char *report, const char *fmt, ...)
{
	char line[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (!strstr(report, line))
		fail_msg("not in the report: %s\n%s", line, report);
}

static size_t count_lines(const char *report, const char *start)
{
	size_t count = 0;

	for (const char *at = report; (at = strstr(at, start)); at++)
		count++;
	return count;
}

static void read_report(int fd, char report[REPORT_MAX])
{
	ssize_t len;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	len = read_full(fd, report, REPORT_MAX - 1);
	assert_return_code(len, -len);
	report[len] = '\0';
}

static void check_report(const char *report, const ino_t *inos)
{
	struct stat null;

	expect_line(report, "arg --slot-uid\narg 00000000000000ab\narg --cid\narg 16\n"
		    "arg --flags\narg 1\narg --mem-size\narg 67108864\n"
		    "arg --image-offset\narg 8388608\narg --cpus\narg 3,2,65535\n"
		    "arg --module-id\narg i-00000000000000000-enc00000000000000ab\n"
		    "arg --uid\narg 990\narg --gid\narg 991\n"
		    "arg --log-level\narg debug\narg --backend-fd\n");
	expect_line(report, "arg --backend-fd\narg 3\narg --kvm-fd\narg 4\n"
		    "arg --channel-fd\narg 5\narg --console-channel-fd\narg 6\n"
		    "arg --console-log-fd\narg 7\n"
		    "arg --nsm-control-fd\narg 8\n"
		    "arg --session-fds\narg 9,10,11,12,13,14,15,16\narg --pool-fd\narg 17\n"
		    "arg --marks-fd\narg 18\n");

	/* Standard input and these descriptors, but no others of this process. */
	assert_return_code(stat("/dev/null", &null), errno);
	expect_line(report, "fd 0 is %ju\n", (uintmax_t)null.st_ino);
	for (int i = 0; i < VMM_FDS_MAX; i++)
		expect_line(report, "fd %d is %ju\n", 3 + i, (uintmax_t)inos[i]);
	assert_int_equal(count_lines(report, "fd "), 1 + VMM_FDS_MAX);

	expect_line(report, "env JOURNAL_STREAM=1:2\n");
	assert_int_equal(count_lines(report, "env "), 1);
	expect_line(report, "session own\n");
	expect_line(report, "blocked 0, hup default\n");
}

static void test_what_a_vmm_is_given(void **state)
{
	struct vmm_options config = example_config(CID_EXIT_0);
	char report[REPORT_MAX];
	struct temp_dir dir;
	struct vmm_end end;
	struct vmm *vmm;
	sigset_t term;
	ino_t inos[VMM_FDS_MAX];
	char name[32];
	int stray;

	temp_dir_create(&dir);
	/* Numbered so that copying them one by one would overwrite some. */
	config.marks_fd = make_file(&dir, "marks", &inos[VMM_FDS_MAX - 1]);
	config.pool_fd = make_file(&dir, "pool", &inos[VMM_FDS_MAX - 2]);
	for (int i = 2 * SESSION_LINES - 1; i >= 0; i--) {
		int *fds = i < SESSION_LINES ? config.sessions.in : config.sessions.out;

		snprintf(name, sizeof(name), "session%d", i);
		fds[i % SESSION_LINES] = make_file(&dir, name, &inos[6 + i]);
	}
	config.nsm_control_fd = make_file(&dir, "nsm", &inos[5]);
	config.console_log_fd = make_file(&dir, "log", &inos[4]);
	config.console_channel_fd = make_file(&dir, "console", &inos[3]);
	config.channel_fd = make_file(&dir, "channel", &inos[2]);
	config.kvm_fd = make_file(&dir, "kvm", &inos[1]);
	config.backend_fd = make_file(&dir, "backend", &inos[0]);
	stray = dup(STDIN_FILENO);	/* not close-on-exec */
	setenv("JOURNAL_STREAM", "1:2", 1);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	signal(SIGHUP, SIG_IGN);

	assert_int_equal(vmm_spawn(SELF, &config, &vmm), 0);
	assert_int_equal(vmm->slot_uid, 0xab);
	assert_false(vmm->given_up);
	end = wait_for_end(vmm);
	assert_int_equal(end.code, CLD_EXITED);
	assert_int_equal(end.status, 0);
	read_report(config.console_log_fd, report);
	check_report(report, inos);

	fd_close(&stray);
	fd_close(&config.backend_fd);
	fd_close(&config.kvm_fd);
	fd_close(&config.channel_fd);
	fd_close(&config.console_channel_fd);
	fd_close(&config.console_log_fd);
	fd_close(&config.nsm_control_fd);
	session_fds_close(&config.sessions);
	fd_close(&config.pool_fd);
	fd_close(&config.marks_fd);
	unsetenv("JOURNAL_STREAM");
	temp_dir_remove(&dir);
}

/* Without debug mode the numbers have no gaps, and there is no journal. */
static void test_fewer_descriptors(void **state)
{
	struct vmm_options config = example_config(CID_EXIT_0);
	char report[REPORT_MAX];
	struct temp_dir dir;
	struct vmm *vmm;
	ino_t inos[2];

	temp_dir_create(&dir);
	config.console_log_fd = make_file(&dir, "log", &inos[1]);
	config.backend_fd = make_file(&dir, "backend", &inos[0]);
	assert_int_equal(vmm_spawn(SELF, &config, &vmm), 0);
	wait_for_end(vmm);
	read_report(config.console_log_fd, report);
	expect_line(report, "arg --backend-fd\narg 3\narg --console-log-fd\narg 4\n");
	assert_int_equal(count_lines(report, "fd "), 3);
	assert_int_equal(count_lines(report, "env "), 0);
	assert_int_equal(count_lines(report, "arg --kvm-fd"), 0);
	fd_close(&config.backend_fd);
	fd_close(&config.console_log_fd);
	temp_dir_remove(&dir);
}

static void test_exit_code(void **state)
{
	struct vmm_options config = example_config(CID_EXIT_7);
	struct vmm_end end;
	struct vmm *vmm;

	assert_int_equal(vmm_spawn(SELF, &config, &vmm), 0);
	end = wait_for_end(vmm);
	assert_int_equal(end.code, CLD_EXITED);
	assert_int_equal(end.status, 7);
}

static void test_kill(void **state)
{
	struct vmm_options config = example_config(CID_WAIT);
	struct vmm_end end;
	struct vmm *vmm;

	assert_int_equal(vmm_spawn(SELF, &config, &vmm), 0);
	assert_int_equal(vmm_reap(vmm, &end), -EAGAIN);
	assert_int_equal(vmm_kill(vmm), 0);
	end = wait_for_end(vmm);
	assert_int_equal(end.code, CLD_KILLED);
	assert_int_equal(end.status, SIGKILL);

	assert_int_equal(vmm_spawn(SELF, &config, &vmm), 0);
	vmm_abort(vmm);
}

static void test_many_vcpus(void **state)
{
	struct vmm_options config = example_config(CID_EXIT_0);
	static uint32_t many[8192];
	struct vmm *vmm;

	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = 10000 + i;
	config.cpus.list = many;
	config.cpus.count = ARRAY_SIZE(many);
	assert_int_equal(vmm_spawn(SELF, &config, &vmm), 0);
	wait_for_end(vmm);
}

static void test_failures(void **state)
{
	struct vmm_options config = example_config(CID_EXIT_0);
	struct vmm *vmm = NULL;
	struct temp_dir dir;
	char path[64];
	ino_t ino;
	int fd;

	assert_int_equal(vmm_spawn("/does/not/exist", &config, &vmm), -ENOENT);
	assert_int_equal(vmm_spawn("/dev/null", &config, &vmm), -EACCES);

	temp_dir_create(&dir);
	fd = make_file(&dir, "empty", &ino);
	assert_return_code(fchmod(fd, 0700), errno);
	fd_close(&fd);
	snprintf(path, sizeof(path), "%s/empty", dir.path);
	assert_int_equal(vmm_spawn(path, &config, &vmm), -ENOEXEC);
	temp_dir_remove(&dir);

	config.backend_fd = FDS_LOOKED_AT - 1;
	assert_int_equal(vmm_spawn(SELF, &config, &vmm), -EBADF);
	assert_null(vmm);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_vmm_is_given),
		cmocka_unit_test(test_fewer_descriptors),
		cmocka_unit_test(test_exit_code),
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_many_vcpus),
		cmocka_unit_test(test_failures),
	};

	if (argc > 1 && !strcmp(argv[1], "--slot-uid"))
		return play_vmm(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
