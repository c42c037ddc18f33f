/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for what happens to an enclave that this process owns. */

#ifndef NE_EMU_CLI_ENCLAVE_WATCH_H
#define NE_EMU_CLI_ENCLAVE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum watch_event {
	WATCH_BOOTED,		/* the heartbeat came */
	WATCH_BAD_HEARTBEAT,	/* the enclave sent something else */
	WATCH_ENDED,		/* the enclave ended by itself or by an administrator */
	WATCH_SIGNAL,		/* SIGINT, SIGTERM or SIGHUP */
	WATCH_PARENT_GONE,	/* the process that waits for the result has ended */
	WATCH_TIMEOUT,
};

/**
 * struct watch - what to wait for; descriptors that are -1 are left out
 * @listener: heartbeat port; a connection is taken from @cid only
 * @heartbeat: accepted connection; set here, closed by the owner of the struct
 * @console: copied to stdout until its end; then closed and set to -1
 * @signals: signalfd
 * @parent: pipe whose reader is the command the user typed
 * @deadline_ns: CLOCK_MONOTONIC, or 0
 * @progress: tell on stderr how long it has taken since @started_ns
 */
struct watch {
	int enclave;
	int listener;
	int heartbeat;
	int console;
	int signals;
	int parent;
	uint32_t cid;
	uint64_t started_ns;
	uint64_t deadline_ns;
	bool progress;
};

/* Waits for nothing yet; none of its descriptors is open. */
#define WATCH_INIT { \
	.enclave = -1, .listener = -1, .heartbeat = -1, .console = -1, .signals = -1, \
	.parent = -1, \
}

/** watch_now_ns() - CLOCK_MONOTONIC */
uint64_t watch_now_ns(void);

/**
 * watch_open_signals() - SIGINT, SIGTERM and SIGHUP become readable instead of fatal
 *
 * SIGPIPE is ignored from then on: the reader of the output may go away.
 *
 * Return: a signalfd or a negative errno.
 */
int watch_open_signals(void);

/** watch_next() - wait for the next event; an enum watch_event or -errno */
int watch_next(struct watch *watch);

/** watch_drain_console() - copy what the console still holds after the end */
void watch_drain_console(struct watch *watch);

/** watch_copy_console() - one read; false at the end or when stdout is gone */
bool watch_copy_console(int console);

#endif
