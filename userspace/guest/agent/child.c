// SPDX-License-Identifier: Apache-2.0
/* The process of a command: streams or a terminal, user, directory, environment. */

#include "guest/agent/child.h"

#include "guest/agent/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CODE_NOT_RUN	126

/** struct ends - the ends of the streams that belong to the new process */
struct ends {
	int in;
	int out;
	int err;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static const char *open_terminal(const struct agent_exec *exec, struct child *child,
				 struct ends *ends)
{
	const struct winsize size = { .ws_row = exec->rows, .ws_col = exec->columns };
	char name[64];

	child->out = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (child->out < 0 || unlockpt(child->out) || ptsname_r(child->out, name, sizeof(name)))
		return "the enclave has no pseudo-terminals";
	ends->in = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ends->in < 0)
		return "cannot open a pseudo-terminal";
	(void)ioctl(child->out, TIOCSWINSZ, &size);	/* the size is not known then */
	ends->out = fcntl(ends->in, F_DUPFD_CLOEXEC, 0);
	ends->err = fcntl(ends->in, F_DUPFD_CLOEXEC, 0);
	child->in = fcntl(child->out, F_DUPFD_CLOEXEC, 0);
	return ends->out < 0 || ends->err < 0 || child->in < 0 ? "no descriptors" : NULL;
}

static int open_pipe(int *ret_read, int *ret_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	*ret_read = fds[0];
	*ret_write = fds[1];
	return 0;
}

/* Without input it is a pipe as well, which its user can own, unlike /dev/null. */
static const char *open_pipes(const struct agent_exec *exec, struct child *child,
			      struct ends *ends)
{
	if (open_pipe(&ends->in, &child->in) || open_pipe(&child->out, &ends->out) ||
	    open_pipe(&child->err, &ends->err))
		return "cannot make a pipe";
	if (!exec->input)
		close_fd(&child->in);
	return NULL;
}

static bool is_same_variable(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return !strncmp(a, b, len) && b[len] == '=';
}

/* A later variable replaces an earlier one. */
static void put_variable(struct command *command, size_t *count, const char *variable)
{
	size_t i;

	for (i = 0; i < *count; i++)
		if (is_same_variable(variable, command->envp[i]))
			break;
	command->envp[i] = (char *)variable;
	if (i == *count)
		command->envp[++*count] = NULL;
	if (!strncmp(variable, "PATH=", 5))
		command->path = (char *)variable;
}

__attribute__((noreturn, format(printf, 1, 2)))
static void fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vdprintf(STDERR_FILENO, fmt, args);
	va_end(args);
	_exit(CODE_NOT_RUN);
}

/* Take what the client leaves open from the image. */
static void complete(struct command *command, const struct agent_exec *exec,
		     const struct command *image)
{
	static char home[sizeof("HOME=") + USER_HOME_MAX];
	static struct user user;
	size_t count = 0, all = exec->nr_env + 2;
	static char *workdir[2];
	const char *why;

	*command = *image;
	while (image->envp[count])
		count++;
	command->envp = calloc(count + all, sizeof(*command->envp));
	if (!command->envp)
		fail("no memory\n");
	memcpy(command->envp, image->envp, count * sizeof(*command->envp));
	if (*exec->user) {
		why = user_find(exec->user, &user);
		if (why)
			fail("%s: %s\n", exec->user, why);
		command->user = user.lines;
		command->nr_user = user.nr_lines;
		snprintf(home, sizeof(home), "HOME=%s", user.home);
		put_variable(command, &count, home);
	}
	for (size_t i = 0; i < exec->nr_env; i++)
		put_variable(command, &count, exec->env[i]);
	if (*exec->workdir) {
		/* That of the image is made if it is missing, as for its program. */
		if (access(exec->workdir, F_OK))
			fail("%s: %s\n", exec->workdir, strerror(errno));
		workdir[0] = (char *)exec->workdir;
		command->workdir = workdir;
		command->nr_workdir = 1;
	}
	command->argv = (char **)exec->args;
}

__attribute__((noreturn))
static void become(const struct agent_exec *exec, const struct command *image,
		   const struct ends *ends)
{
	struct command command;

	(void)setsid();		/* cannot fail right after a fork */
	if (dup2(ends->in, STDIN_FILENO) < 0 || dup2(ends->out, STDOUT_FILENO) < 0 ||
	    dup2(ends->err, STDERR_FILENO) < 0)
		_exit(CODE_NOT_RUN);
	if (exec->terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0))
		fail("cannot take the terminal: %s\n", strerror(errno));
	complete(&command, exec, image);
	command_run(&command);
}

static const char *child_fork(const struct agent_exec *exec, const struct command *image,
			      const struct ends *ends, struct child *child)
{
	child->pid = fork();
	if (child->pid < 0)
		return "cannot start a process";
	if (!child->pid)
		become(exec, image, ends);
	if (child->in >= 0)
		(void)fcntl(child->in, F_SETFL, O_NONBLOCK);
	(void)fcntl(child->out, F_SETFL, O_NONBLOCK);
	if (child->err >= 0)
		(void)fcntl(child->err, F_SETFL, O_NONBLOCK);
	return NULL;
}

const char *child_start(const struct agent_exec *exec, const struct command *image,
			struct child *ret)
{
	struct child child = { .pid = -1, .in = -1, .out = -1, .err = -1 };
	struct ends ends = { -1, -1, -1 };
	const char *why;

	why = exec->terminal ? open_terminal(exec, &child, &ends) :
	      open_pipes(exec, &child, &ends);
	if (!why)
		why = child_fork(exec, image, &ends, &child);
	close_fd(&ends.in);
	close_fd(&ends.out);
	close_fd(&ends.err);
	if (why) {
		close_fd(&child.in);
		close_fd(&child.out);
		close_fd(&child.err);
		return why;
	}
	*ret = child;
	return NULL;
}
