// SPDX-License-Identifier: Apache-2.0
/* The process that owns the enclave: this one, or with --detach one in the background. */

#include "cli/run/run.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Run in the foreground. watch_next() reads signals from a signalfd. */
int run_foreground(struct run *run)
{
	int code;

	run->watch.signals = watch_open_signals();
	if (run->watch.signals < 0) {
		term_error("cannot watch signals: %s", strerror(-run->watch.signals));
		return OUTCOME_FAILED;
	}
	code = run_boot(run);
	code = code ? code : run_keep(run);
	run_forget(run);
	return code;
}

static int leave_terminal(void)
{
	__cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || chdir("/")) {
		term_error("cannot detach: %s", strerror(errno));
		return OUTCOME_FAILED;
	}
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);	/* cannot fail for open descriptors */
	return COMMAND_OK;
}

int run_detach(struct run *run, unsigned char code)
{
	if (code == COMMAND_OK)
		code = leave_terminal();
	if (write(run->watch.parent, &code, 1) != 1)
		code = OUTCOME_FAILED;	/* the foreground process was killed */
	fd_close(&run->watch.parent);
	return code;
}

/*
 * Runs in the background process that owns the enclave. It keeps the user's terminal until
 * the enclave has booted, sends its exit code to the foreground process, and detaches.
 */
static int run_detached(struct run *run, int parent)
{
	unsigned char code;
	int err;

	(void)setsid();		/* cannot fail right after a fork */
	run->watch.parent = parent;
	run->watch.signals = watch_open_signals();
	err = MIN(run->watch.signals, 0);
	code = err ? OUTCOME_FAILED : run_boot(run);
	/* An enclave that is held has detached before. */
	if (run->watch.parent >= 0)
		code = run_detach(run, code);
	code = code == COMMAND_OK ? run_keep(run) : code;
	run_forget(run);
	return code;
}

/* Has systemd started this program, or the script that calls it, as a service? */
static bool is_service(void)
{
	const char *pid = getenv("SYSTEMD_EXEC_PID");
	uint64_t value;

	return pid && !parse_u64(pid, 10, INT_MAX, &value) &&
	       ((pid_t)value == getpid() || (pid_t)value == getppid());
}

int run_background(struct run *run)
{
	unsigned char code;
	int fds[2];
	pid_t pid;

	/* Whether the unit is right is not known here, and it ends without a trace if not. */
	if (is_service())
		term_error("note: systemd ends what a unit leaves behind, so that the enclave ends "
			   "with this unit: with Type=oneshot it needs RemainAfterExit=yes; "
			   "Type=notify without --detach is better, see ne-emu(1)");

	if (pipe2(fds, O_CLOEXEC)) {
		term_error("cannot detach: %s", strerror(errno));
		return OUTCOME_FAILED;
	}
	pid = fork();
	if (!pid) {
		fd_close(&fds[0]);
		return run_detached(run, fds[1]);
	}
	fd_close(&fds[1]);
	if (pid < 0) {
		term_error("cannot detach: %s", strerror(errno));
		code = OUTCOME_FAILED;
	} else if (read_full(fds[0], &code, 1) != 1) {
		term_error("the background process ended unexpectedly");
		code = OUTCOME_FAILED;
	}
	fd_close(&fds[0]);
	return code;
}
