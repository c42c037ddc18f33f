/* SPDX-License-Identifier: Apache-2.0 */
/* Wait for events of an enclave that this process owns. */

#ifndef NE_EMU_CLI_ENCLAVE_WATCH_H
#define NE_EMU_CLI_ENCLAVE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct crash_dump;

enum watch_event {
	WATCH_BOOTED,		/* the heartbeat arrived */
	WATCH_BAD_HEARTBEAT,	/* the enclave sent something else */
	WATCH_ENDED,		/* the enclave ended, or an administrator stopped it */
	WATCH_SIGNAL,		/* SIGINT, SIGTERM or SIGHUP */
	WATCH_PARENT_GONE,	/* the foreground process has ended */
	WATCH_OUTPUT_LOST,	/* nobody reads the console, or stdout failed: see output_err */
	WATCH_TIMEOUT,
};

/**
 * struct watch - what to wait for; descriptors that are -1 are ignored
 * @enclave: fd of the enclave; its end is reported
 * @listener: socket that listens on the heartbeat port; only @cid may connect
 * @heartbeat: accepted connection; watch_next() sets it, the owner of the struct closes it
 * @console: console of the enclave; copied to stdout until its end, then closed
 * @trace: readable when @take_trace has something to do
 * @take_trace: handles it; returns false when there is nothing more to come
 * @trace_arg: its argument
 * @signals: signalfd, see watch_open_signals()
 * @parent: pipe to the foreground process, whose end is reported
 * @dump: takes the enclave's memory when it crashes; NULL: nobody wants it
 * @cid: CID of the enclave
 * @started_ns: start of the enclave, CLOCK_MONOTONIC
 * @deadline_ns: CLOCK_MONOTONIC; 0: wait without limit
 * @progress: show the time since @started_ns on stderr
 * @output_err: with WATCH_OUTPUT_LOST: -EPIPE (its reader is gone) or another negative errno
 */
struct watch {
	int enclave;
	int listener;
	int heartbeat;
	int console;
	int trace;
	bool (*take_trace)(void *arg);
	void *trace_arg;
	int signals;
	int parent;
	struct crash_dump *dump;
	uint32_t cid;
	uint64_t started_ns;
	uint64_t deadline_ns;
	bool progress;
	int output_err;
};

/* A struct watch without any descriptors. */
#define WATCH_INIT { \
	.enclave = -1, .listener = -1, .heartbeat = -1, .console = -1, .signals = -1, \
	.parent = -1, .trace = -1, \
}

/** watch_now_ns() - time of CLOCK_MONOTONIC in nanoseconds */
uint64_t watch_now_ns(void);

/**
 * watch_open_signals() - block SIGINT, SIGTERM and SIGHUP, and read them from a signalfd
 *
 * Also ignores SIGPIPE, because the reader of the output may exit.
 *
 * Return: a signalfd or a negative errno.
 */
int watch_open_signals(void);

/** watch_next() - wait for the next event; an enum watch_event or -errno */
int watch_next(struct watch *watch);

/** watch_drain() - take what is left of the console and of the trace after the end */
void watch_drain(struct watch *watch);

/**
 * watch_copy_console() - copy one read to stdout
 *
 * Return: 1, 0 (the console has ended), or a negative errno if stdout fails.
 */
int watch_copy_console(int console);

/**
 * watch_output_lost() - can what is written to a descriptor still be read?
 * @revents: what poll() says about the descriptor; it need not be asked for anything
 *
 * So a program that writes little notices that the reader of its pipe is gone.
 *
 * Return: 0, -EPIPE, or -EBADF (it is not open).
 */
int watch_output_lost(short revents);

#endif
