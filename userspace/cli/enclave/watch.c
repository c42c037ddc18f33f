// SPDX-License-Identifier: Apache-2.0
/* Wait for events of an enclave that this process owns. */

#include "cli/enclave/watch.h"

#include "cli/enclave/vsock.h"
#include "cli/enclave/crash_dump.h"
#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TICK_MS		1000
/* How long to wait for more console output after the enclave has ended, ms. */
#define DRAIN_MS	2000
/* How long to wait for the end of an enclave whose heartbeat failed, ms: its VMM or ne-emud
 * resets the heartbeat connection shortly before the end is reported.
 */
#define END_MS		2000
#define CONSOLE_STEP	(64 * KIB)

enum {
	FD_ENCLAVE,
	FD_HEARTBEAT,
	FD_CONSOLE,
	FD_SIGNALS,
	FD_PARENT,
	FD_OUTPUT,
	FD_DUMP,
	FD_TRACE,
	FD_COUNT,
};

uint64_t watch_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int watch_open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	(void)signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int watch_copy_console(int console)
{
	char buf[CONSOLE_STEP];
	ssize_t n = read(console, buf, sizeof(buf));
	int err;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 1;
	if (n <= 0)
		return 0;
	err = write_full(STDOUT_FILENO, buf, n);
	return err ? err : 1;
}

int watch_output_lost(short revents)
{
	if (revents & POLLNVAL)
		return -EBADF;
	return revents & (POLLERR | POLLHUP) ? -EPIPE : 0;
}

/* Return: 0, or a negative errno if stdout fails. */
static int copy_console(struct watch *watch)
{
	int err = watch_copy_console(watch->console);

	if (err <= 0)
		fd_close(&watch->console);
	return MIN(err, 0);
}

static void take_trace(struct watch *watch)
{
	/* Its owner closes it. */
	if (!watch->take_trace(watch->trace_arg))
		watch->trace = -1;
}

static void drain_trace(struct watch *watch)
{
	while (watch->trace >= 0) {
		struct pollfd fd = { .fd = watch->trace, .events = POLLIN };

		if (poll(&fd, 1, DRAIN_MS) <= 0)
			return;
		take_trace(watch);
	}
}

static void drain_console(struct watch *watch)
{
	while (watch->console >= 0) {
		struct pollfd fd = { .fd = watch->console, .events = POLLIN };

		if (poll(&fd, 1, DRAIN_MS) <= 0)
			return;
		(void)copy_console(watch);	/* the enclave has ended anyway */
	}
}

void watch_drain(struct watch *watch)
{
	drain_console(watch);
	drain_trace(watch);
}

/* Return: an enum watch_event, -EAGAIN (no heartbeat yet), or another negative errno. */
static int read_heartbeat(struct watch *watch)
{
	uint8_t byte = 0;
	ssize_t n;

	if (watch->heartbeat < 0) {
		uint32_t cid;
		int fd = vsock_accept(watch->listener, &cid);

		if (fd < 0)
			return fd == -EAGAIN || fd == -ECONNABORTED ? -EAGAIN : fd;
		if (cid != watch->cid) {
			fd_close(&fd);	/* another enclave or program */
			return -EAGAIN;
		}
		watch->heartbeat = fd;
	}
	n = read(watch->heartbeat, &byte, 1);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (n != 1 || byte != NE_EMU_HEARTBEAT_BYTE)
		return WATCH_BAD_HEARTBEAT;
	if (write(watch->heartbeat, &byte, 1) != 1)
		return WATCH_BAD_HEARTBEAT;
	fd_close(&watch->heartbeat);
	return WATCH_BOOTED;
}

static bool ends_soon(const struct watch *watch)
{
	struct pollfd fd = { .fd = watch->enclave };

	return poll(&fd, 1, END_MS) > 0;
}

static void show_progress(const struct watch *watch)
{
	uint64_t seconds = (watch_now_ns() - watch->started_ns) / NSEC_PER_SEC;

	if (watch->progress)
		fprintf(stderr, "\rbooting ... %llu s", (unsigned long long)seconds);
}

static void clear_progress(const struct watch *watch)
{
	if (watch->progress)
		fprintf(stderr, "\r\033[K");
}

static int poll_timeout(const struct watch *watch)
{
	uint64_t now = watch_now_ns();
	int timeout = watch->progress ? TICK_MS : -1;

	if (!watch->deadline_ns)
		return timeout;
	if (now >= watch->deadline_ns)
		return 0;
	now = (watch->deadline_ns - now) / NSEC_PER_MSEC + 1;
	return timeout < 0 || now < TICK_MS ? (int)MIN(now, 3600000u) : timeout;
}

static int wait_event(struct watch *watch)
{
	int heartbeat = watch->heartbeat >= 0 ? watch->heartbeat : watch->listener;
	struct pollfd fds[FD_COUNT] = {
		[FD_ENCLAVE] = { .fd = watch->enclave },
		[FD_HEARTBEAT] = { .fd = heartbeat, .events = POLLIN },
		[FD_CONSOLE] = { .fd = watch->console, .events = POLLIN },
		[FD_SIGNALS] = { .fd = watch->signals, .events = POLLIN },
		[FD_PARENT] = { .fd = watch->parent },
		[FD_DUMP] = {
			.fd = watch->dump ? watch->dump->session.read_fd : -1, .events = POLLIN,
		},
		/* Only the console is written to it. Errors are reported without being asked. */
		[FD_OUTPUT] = { .fd = watch->console >= 0 ? STDOUT_FILENO : -1 },
		[FD_TRACE] = { .fd = watch->trace, .events = POLLIN },
	};
	int err = 0;

	if (poll(fds, FD_COUNT, poll_timeout(watch)) < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (fds[FD_CONSOLE].revents)
		err = copy_console(watch);
	if (fds[FD_DUMP].revents)
		crash_dump_take(watch->dump);
	if (fds[FD_TRACE].revents)
		take_trace(watch);
	if (fds[FD_SIGNALS].revents) {
		struct signalfd_siginfo info;

		if (read(watch->signals, &info, sizeof(info)) == sizeof(info))
			return WATCH_SIGNAL;
	}
	/* Check the heartbeat before the end: an enclave may boot and end at once. */
	if (fds[FD_HEARTBEAT].revents) {
		int event = read_heartbeat(watch);

		if (event == WATCH_BAD_HEARTBEAT && ends_soon(watch))
			return WATCH_ENDED;
		if (event != -EAGAIN)
			return event;
	}
	if (fds[FD_ENCLAVE].revents)
		return WATCH_ENDED;
	if (!err)
		err = watch_output_lost(fds[FD_OUTPUT].revents);
	if (err) {
		watch->output_err = err;
		return WATCH_OUTPUT_LOST;
	}
	if (fds[FD_PARENT].revents)
		return WATCH_PARENT_GONE;
	if (watch->deadline_ns && watch_now_ns() >= watch->deadline_ns)
		return WATCH_TIMEOUT;
	return -EAGAIN;
}

int watch_next(struct watch *watch)
{
	int event;

	do {
		show_progress(watch);
		event = wait_event(watch);
	} while (event == -EAGAIN);
	clear_progress(watch);
	return event;
}
