/* SPDX-License-Identifier: Apache-2.0 */
/* Abort the heartbeat, by which an enclave reports to its launcher that it has booted. */

#ifndef NE_EMU_COMMON_HEARTBEAT_H
#define NE_EMU_COMMON_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds that nitro-cli waits for small enclaves. No other launcher waits longer. */
#define HEARTBEAT_WAIT		180

/**
 * heartbeat_abort() - release a launcher whose enclave will never connect
 * @channel_fd: non-blocking channel that is attached to the enclave's CID; other packets
 *	that are waiting there are lost
 * @cid: CID of the enclave
 *
 * Connects to the heartbeat port of the parent in the enclave's name and resets the
 * connection, so that accept() and read() of the launcher return. Takes at most a second,
 * even if other programs send packets to this CID.
 *
 * Return: 0, -ECONNREFUSED (no listener), -ETIMEDOUT, or the negative errno of the channel.
 */
int heartbeat_abort(int channel_fd, uint32_t cid);

/**
 * struct heartbeat_abort - heartbeat_abort() for callers that must not block
 * @fd: the channel; the caller closes it
 * @cid: CID of the enclave
 * @asked: the request for a connection was sent
 * @deadline_ms: clock_ms() when the attempt ends
 */
struct heartbeat_abort {
	int fd;
	uint32_t cid;
	bool asked;
	int64_t deadline_ms;
};

/** heartbeat_abort_begin() - set up an attempt; the first step sends the first packet */
void heartbeat_abort_begin(struct heartbeat_abort *abort, int channel_fd, uint32_t cid);

/**
 * heartbeat_abort_step() - proceed as far as possible without blocking
 * @abort: attempt that heartbeat_abort_begin() has set up
 *
 * Call it at once, whenever the channel is readable, and at the deadline.
 *
 * Return: -EAGAIN (not finished), or as heartbeat_abort().
 */
int heartbeat_abort_step(struct heartbeat_abort *abort);

/** heartbeat_abort_cancel() - give up; resets the connection if it was requested */
void heartbeat_abort_cancel(struct heartbeat_abort *abort);

#endif
