/* SPDX-License-Identifier: Apache-2.0 */
/* The connection by which an enclave tells its launcher that it is up. */

#ifndef NE_EMU_COMMON_HEARTBEAT_H
#define NE_EMU_COMMON_HEARTBEAT_H

#include <stdint.h>

/* nitro-cli waits this long for small enclaves; nobody else waits longer, seconds. */
#define HEARTBEAT_WAIT		180

/**
 * heartbeat_abort() - release a launcher whose enclave will never connect
 * @channel_fd: channel attached to the enclave's CID; other packets that wait there
 *	are read and lost
 * @cid: of the enclave
 *
 * Connects to the parent's heartbeat port in the enclave's name and resets the
 * connection, so that accept() and read() of the launcher end. Takes a second at
 * most.
 *
 * Return: 0, -ECONNREFUSED (nobody listens), -ETIMEDOUT, or the errno of the
 * channel.
 */
int heartbeat_abort(int channel_fd, uint32_t cid);

#endif
