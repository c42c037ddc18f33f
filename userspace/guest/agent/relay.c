// SPDX-License-Identifier: Apache-2.0
/*
 * Carry the streams of a command. Nothing here waits for one side only: what the command does not
 * read waits in a window, which the client does not exceed, and it is not read from while the
 * client does not receive.
 */

#include "guest/agent/relay.h"

#include "guest/agent/child.h"
#include "guest/agent/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define CODE_FAILED	125
#define STEP_SIZE	32768
/* How long a terminal may deliver output after the end of its command, ms. */
#define DRAIN_MS	500
#define NUMBER_SIZE	4
/* The end of input, as a user types it on a terminal. */
#define CONTROL_D	4

/**
 * struct relay - a running command
 * @input: standard input that it has not read yet, @input_used bytes
 * @input_end: nothing follows them
 * @ended: it has ended, with @status
 * @signals: signalfd for SIGCHLD
 */
struct relay {
	struct agent_link *link;
	const struct agent_exec *exec;
	struct child child;
	uint8_t input[AGENT_WINDOW];
	size_t input_used;
	bool input_end;
	bool ended;
	int status;
	int signals;
};

enum { FD_LINK, FD_SIGNALS, FD_OUT, FD_ERR, FD_IN, FD_COUNT };

/* The client is gone, or sends what it may not: the command ends with it. */
__attribute__((noreturn))
static void give_up(struct relay *relay)
{
	if (!relay->ended)
		(void)kill(relay->child.pid, SIGKILL);	/* it may not lead its group yet */
	(void)kill(-relay->child.pid, SIGKILL);
	_exit(1);
}

static void relay_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void take_input(struct relay *relay, const struct agent_frame *frame)
{
	if (frame->len > sizeof(relay->input) - relay->input_used || relay->input_end)
		give_up(relay);
	memcpy(relay->input + relay->input_used, frame->data, frame->len);
	relay->input_used += frame->len;
	relay->input_end = !frame->len;
}

static void set_size(struct relay *relay, const struct agent_frame *frame)
{
	struct winsize size;

	if (frame->len != 2 * NUMBER_SIZE)
		give_up(relay);
	size = (struct winsize){
		.ws_row = agent_get_u32(frame->data),
		.ws_col = agent_get_u32(frame->data + NUMBER_SIZE),
	};
	if (relay->exec->terminal && relay->child.out >= 0)
		(void)ioctl(relay->child.out, TIOCSWINSZ, &size);
}

static void send_signal(struct relay *relay, const struct agent_frame *frame)
{
	uint32_t sig;

	if (frame->len != NUMBER_SIZE)
		give_up(relay);
	sig = agent_get_u32(frame->data);
	if (!sig || sig >= NSIG)
		give_up(relay);
	if (!relay->ended)
		(void)kill(-relay->child.pid, sig);
}

static void handle_frames(struct relay *relay)
{
	struct agent_frame frame;
	int n;

	while ((n = agent_link_next(relay->link, &frame)) > 0) {
		switch (frame.type) {
		case AGENT_STDIN:
			take_input(relay, &frame);
			break;
		case AGENT_SIZE:
			set_size(relay, &frame);
			break;
		case AGENT_SIGNAL:
			send_signal(relay, &frame);
			break;
		default:
			give_up(relay);
		}
	}
	if (n < 0)
		give_up(relay);
}

static void hear_client(struct relay *relay)
{
	int err = agent_link_receive(relay->link);

	handle_frames(relay);
	if (err)
		give_up(relay);
}

static void confirm(struct relay *relay, size_t len)
{
	uint8_t number[NUMBER_SIZE];

	agent_put_u32(number, len);
	if (agent_link_put(relay->link, AGENT_TAKEN, number, sizeof(number)))
		give_up(relay);
}

/* Pass on input; what a command does not want is dropped, so that its client can go on. */
static void feed(struct relay *relay)
{
	ssize_t n = write(relay->child.in, relay->input, relay->input_used);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		n = relay->input_used;
		relay_close(&relay->child.in);
	}
	relay->input_used -= n;
	memmove(relay->input, relay->input + n, relay->input_used);
	if (n)
		confirm(relay, n);
}

static void end_input(struct relay *relay)
{
	static const char end = CONTROL_D;

	if (!relay->input_end || relay->input_used || relay->child.in < 0)
		return;
	if (relay->exec->terminal)
		(void)!write(relay->child.in, &end, 1);	/* it is full of what nobody reads */
	relay_close(&relay->child.in);
}

static void pass_output(struct relay *relay, int *fd, enum agent_type type)
{
	static char buf[STEP_SIZE];
	ssize_t n = read(*fd, buf, sizeof(buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* EIO: nobody has the terminal open any more. */
	if (n <= 0)
		relay_close(fd);
	else if (agent_link_put(relay->link, type, buf, n))
		give_up(relay);
}

static void see_end(struct relay *relay)
{
	struct signalfd_siginfo info;

	(void)!read(relay->signals, &info, sizeof(info));	/* more than one may be merged */
	if (!relay->ended && waitpid(relay->child.pid, &relay->status, WNOHANG) > 0)
		relay->ended = true;
}

/*
 * After the end of the command, what it has written is there, except for that of a terminal,
 * which is closed when its session ends. Others that still hold the streams are not waited for.
 */
static bool is_drained(const struct relay *relay)
{
	struct pollfd fds[] = {
		{ .fd = relay->child.out, .events = POLLIN },
		{ .fd = relay->child.err, .events = POLLIN },
	};

	if (relay->child.out < 0 && relay->child.err < 0)
		return true;
	return poll(fds, 2, relay->exec->terminal ? DRAIN_MS : 0) <= 0;
}

static void step(struct relay *relay)
{
	bool idle = agent_link_idle(relay->link);
	struct pollfd fds[FD_COUNT] = {
		[FD_LINK] = { relay->link->fd, POLLIN | POLLRDHUP | (idle ? 0 : POLLOUT), 0 },
		[FD_SIGNALS] = { relay->signals, POLLIN, 0 },
		[FD_OUT] = { idle ? relay->child.out : -1, POLLIN, 0 },
		[FD_ERR] = { idle ? relay->child.err : -1, POLLIN, 0 },
		[FD_IN] = { relay->input_used && idle ? relay->child.in : -1, POLLOUT, 0 },
	};

	if (poll(fds, FD_COUNT, -1) < 0 && errno != EINTR)
		give_up(relay);
	if (fds[FD_LINK].revents & (POLLRDHUP | POLLHUP | POLLERR))
		give_up(relay);
	if (fds[FD_LINK].revents & POLLIN)
		hear_client(relay);
	if (fds[FD_SIGNALS].revents)
		see_end(relay);
	if (fds[FD_IN].revents)
		feed(relay);
	if (fds[FD_OUT].revents)
		pass_output(relay, &relay->child.out, AGENT_STDOUT);
	/* There is room for one frame of this size and small ones. */
	else if (fds[FD_ERR].revents)
		pass_output(relay, &relay->child.err, AGENT_STDERR);
	end_input(relay);
	if (agent_link_flush(relay->link))
		give_up(relay);
}

/* Input of a command without one, or that has closed it, is not missed. */
static void drop_input(struct relay *relay)
{
	if (relay->child.in >= 0 || !relay->input_used || !agent_link_idle(relay->link))
		return;
	confirm(relay, relay->input_used);
	relay->input_used = 0;
}

void relay_run(struct agent_link *link, const struct agent_exec *exec,
	       const struct command *image)
{
	static struct relay relay;
	uint8_t number[NUMBER_SIZE];
	const char *why;
	sigset_t child;

	relay.link = link;
	relay.exec = exec;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	/* A pipe that the command does not read fails with EPIPE. All signals are blocked. */
	relay.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (relay.signals < 0)
		session_fail(link, CODE_FAILED, "no descriptors");
	why = child_start(exec, image, &relay.child);
	if (why)
		session_fail(link, CODE_FAILED, "%s: %s", why, strerror(errno));
	handle_frames(&relay);		/* those that have arrived with the request */
	end_input(&relay);
	while (!relay.ended || !agent_link_idle(link) || !is_drained(&relay)) {
		step(&relay);
		drop_input(&relay);
	}
	/* What runs on does so without a terminal and streams. */
	agent_put_u32(number, relay.status);
	(void)agent_link_send(link, AGENT_EXIT, number, sizeof(number), SESSION_WAIT_MS);
	_exit(0);
}
