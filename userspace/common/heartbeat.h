/* SPDX-License-Identifier: Apache-2.0 */
/* The connection by which an enclave tells its launcher that it is up. */

#ifndef NE_EMU_COMMON_HEARTBEAT_H
#define NE_EMU_COMMON_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds. nitro-cli waits this long for small enclaves; no other launcher waits longer. */
#define HEARTBEAT_WAIT		180

/**
 * heartbeat_abort() - release a launcher whose enclave will never connect
 * @channel_fd: non-blocking channel attached to the enclave's CID; other packets that
 *	wait there are read and lost
 * @cid: of the enclave
 *
 * Connects to the parent's heartbeat port in the enclave's name and resets the
 * connection, so that accept() and read() of the launcher end. Takes a second at
 * most, whoever else sends to this CID.
 *
 * Return: 0, -ECONNREFUSED (no listener), -ETIMEDOUT, or the errno of the
 * channel.
 */
int heartbeat_abort(int channel_fd, uint32_t cid);

/**
 * struct heartbeat_abort - the same for callers that must not wait
 * @fd: channel; stays with the caller
 * @cid: of the enclave
 * @asked: the connection was asked for
 * @deadline_ms: clock_ms() when it is given up
 */
struct heartbeat_abort {
	int fd;
	uint32_t cid;
	bool asked;
	int64_t deadline_ms;
};

/** heartbeat_abort_begin() - nothing is sent before the first step */
void heartbeat_abort_begin(struct heartbeat_abort *abort, int channel_fd, uint32_t cid);

/**
 * heartbeat_abort_step() - what can be done without waiting
 * @abort: attempt that heartbeat_abort_begin() has set up
 *
 * Call it at once, when the channel is readable, and at the deadline.
 *
 * Return: -EAGAIN (not over yet), or as heartbeat_abort().
 */
int heartbeat_abort_step(struct heartbeat_abort *abort);

/** heartbeat_abort_cancel() - take back what was asked for */
void heartbeat_abort_cancel(struct heartbeat_abort *abort);

#endif
