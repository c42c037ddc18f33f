// SPDX-License-Identifier: Apache-2.0
/* Run a command through the agent: this side of its streams. */

#include "cli/enclave/remote.h"

#include "cli/enclave/agent_client.h"
#include "cli/enclave/watch.h"
#include "common/util.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define NUMBER_SIZE	4
#define STEP_SIZE	32768
#define CODE_SIGNAL	128

/* More is to be done; other results are those of remote_run(). */
#define GO_ON		1

/**
 * struct remote - a command that runs
 * @signals: signalfd
 * @signalled: a signal that was passed on, or 0
 * @input: standard input is open and wanted
 * @window: bytes of input that may be sent
 * @code: exit code
 */
struct remote {
	struct agent_link *link;
	const struct agent_exec *exec;
	int signals;
	int signalled;
	bool input;
	size_t window;
	int code;
	struct error *error;
};

enum { FD_LINK, FD_SIGNALS, FD_INPUT, FD_OUTPUT, FD_COUNT };

static int open_signals(bool terminal)
{
	static const int wanted[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		sigaddset(&set, wanted[i]);
	if (terminal)
		sigaddset(&set, SIGWINCH);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	(void)signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The size of the terminal that the user sees. */
static void read_size(uint32_t *ret_rows, uint32_t *ret_columns)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && ioctl(STDIN_FILENO, TIOCGWINSZ, &size))
		return;
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
}

/* The link has room for small frames at any time, unless the agent does not receive. */
static int put(struct remote *remote, enum agent_type type, const void *data, size_t len)
{
	int err = agent_link_put(remote->link, type, data, len);

	return err ? agent_client_lost(err, remote->error) : GO_ON;
}

static int put_number(struct remote *remote, enum agent_type type, uint32_t number)
{
	uint8_t bytes[NUMBER_SIZE];

	agent_put_u32(bytes, number);
	return put(remote, type, bytes, sizeof(bytes));
}

static int put_size(struct remote *remote)
{
	uint8_t bytes[2 * NUMBER_SIZE];
	uint32_t rows = 0, columns = 0;

	read_size(&rows, &columns);
	agent_put_u32(bytes, rows);
	agent_put_u32(bytes + NUMBER_SIZE, columns);
	return put(remote, AGENT_SIZE, bytes, sizeof(bytes));
}

static int take_signal(struct remote *remote)
{
	struct signalfd_siginfo info;

	if (read(remote->signals, &info, sizeof(info)) != sizeof(info))
		return GO_ON;
	if (info.ssi_signo == SIGWINCH)
		return put_size(remote);
	if (remote->signalled) {
		remote->code = CODE_SIGNAL + info.ssi_signo;
		return 0;
	}
	remote->signalled = info.ssi_signo;
	return put_number(remote, AGENT_SIGNAL, info.ssi_signo);
}

static int send_input(struct remote *remote)
{
	char buf[STEP_SIZE];
	ssize_t n = read(STDIN_FILENO, buf, MIN(sizeof(buf), remote->window));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return GO_ON;
	/* A terminal that has gone away, or a descriptor that is not open, has no more input. */
	if (n <= 0) {
		remote->input = false;
		return put(remote, AGENT_STDIN, NULL, 0);
	}
	remote->window -= n;
	return put(remote, AGENT_STDIN, buf, n);
}

static int lose_output(struct remote *remote, int err)
{
	if (err != -EPIPE)
		return error_set(remote->error, err, "cannot write the output: %s", strerror(-err));
	remote->code = CODE_SIGNAL + SIGPIPE;
	return 0;
}

static int write_output(struct remote *remote, int fd, const struct agent_frame *frame)
{
	int err = write_full(fd, frame->data, frame->len);

	return err ? lose_output(remote, err) : GO_ON;
}

static int get_number(struct remote *remote, const struct agent_frame *frame, uint32_t *ret)
{
	if (frame->len != NUMBER_SIZE)
		return agent_client_lost(-EPROTO, remote->error);
	*ret = agent_get_u32(frame->data);
	return GO_ON;
}

static int handle_frame(struct remote *remote, const struct agent_frame *frame)
{
	uint32_t number = 0;
	int ret;

	switch (frame->type) {
	case AGENT_STDOUT:
		return write_output(remote, STDOUT_FILENO, frame);
	case AGENT_STDERR:
		return write_output(remote, STDERR_FILENO, frame);
	case AGENT_TAKEN:
		ret = get_number(remote, frame, &number);
		if (ret == GO_ON && number > AGENT_WINDOW - remote->window)
			return agent_client_lost(-EPROTO, remote->error);
		remote->window += ret == GO_ON ? number : 0;
		return ret;
	case AGENT_EXIT:
		ret = get_number(remote, frame, &number);
		if (ret == GO_ON) {
			remote->code = WIFEXITED(number) ? WEXITSTATUS(number) :
				       CODE_SIGNAL + WTERMSIG(number);
			return 0;
		}
		return ret;
	case AGENT_FAILED:
		return agent_client_failed(frame, &remote->code, remote->error);
	default:
		return agent_client_lost(-EPROTO, remote->error);
	}
}

static int hear_agent(struct remote *remote)
{
	int err = agent_link_receive(remote->link), ret = GO_ON;
	struct agent_frame frame;

	while (ret == GO_ON) {
		int n = agent_link_next(remote->link, &frame);

		if (!n)
			break;
		ret = n < 0 ? agent_client_lost(n, remote->error) : handle_frame(remote, &frame);
	}
	return ret == GO_ON && err ? agent_client_lost(err, remote->error) : ret;
}

static int step(struct remote *remote)
{
	bool idle = agent_link_idle(remote->link);
	struct pollfd fds[FD_COUNT] = {
		[FD_LINK] = { remote->link->fd, POLLIN | (idle ? 0 : POLLOUT), 0 },
		[FD_SIGNALS] = { remote->signals, POLLIN, 0 },
		[FD_INPUT] = { remote->input && remote->window && idle ? STDIN_FILENO : -1,
			       POLLIN, 0 },
		[FD_OUTPUT] = { STDOUT_FILENO, 0, 0 },
	};
	int err, ret = GO_ON;

	if (poll(fds, FD_COUNT, -1) < 0)
		return errno == EINTR ? GO_ON : agent_client_lost(-errno, remote->error);
	if (fds[FD_SIGNALS].revents)
		ret = take_signal(remote);
	if (ret == GO_ON && fds[FD_INPUT].revents)
		ret = send_input(remote);
	err = agent_link_flush(remote->link);
	/* What it has said before it went is still heard. */
	if (ret == GO_ON && (err || fds[FD_LINK].revents & ~POLLOUT))
		ret = hear_agent(remote);
	if (ret == GO_ON && watch_output_lost(fds[FD_OUTPUT].revents))
		ret = lose_output(remote, watch_output_lost(fds[FD_OUTPUT].revents));
	return ret;
}

static int carry(struct remote *remote, struct agent_exec *exec)
{
	static uint8_t contents[AGENT_CONTENTS_MAX];
	ssize_t len;
	int ret;

	len = agent_exec_write(exec, contents);
	if (len < 0)
		return error_set(remote->error, len, "the command is too long: more than %d bytes, "
				 "or %d words", AGENT_CONTENTS_MAX, AGENT_STRINGS_MAX);
	ret = put(remote, AGENT_EXEC, contents, len);
	while (ret == GO_ON)
		ret = step(remote);
	return ret;
}

int remote_run(struct agent_link *link, struct agent_exec *exec, int *ret_code,
	       struct error *error)
{
	struct remote remote = {
		.link = link, .exec = exec, .input = exec->input, .window = AGENT_WINDOW,
		.error = error,
	};
	bool raw = exec->terminal && exec->input && isatty(STDIN_FILENO);
	struct termios saved, mode;
	int ret;

	remote.signals = open_signals(exec->terminal);
	if (remote.signals < 0)
		return error_set(error, remote.signals, "cannot watch signals: %s",
				 strerror(-remote.signals));
	if (exec->terminal)
		read_size(&exec->rows, &exec->columns);
	raw = raw && !tcgetattr(STDIN_FILENO, &saved);
	if (raw) {
		mode = saved;
		cfmakeraw(&mode);
		raw = !tcsetattr(STDIN_FILENO, TCSADRAIN, &mode);
	}
	ret = carry(&remote, exec);
	if (raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	fd_close(&remote.signals);
	*ret_code = remote.code;
	return ret;
}
