/* SPDX-License-Identifier: Apache-2.0 */
/* Read the counters of the VMMs' vsock channels from /proc. */

#ifndef NE_EMU_CLI_ENCLAVE_CHANNELS_H
#define NE_EMU_CLI_ENCLAVE_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct channel - counters of one channel, see Documentation/vsock.rst
 * @cid: CID of the enclave
 * @console: the channel belongs to the enclave's console, not to its guest
 * @queued: packets that are waiting for the reader
 * @dropped: packets that were dropped because too many were waiting
 * @malformed: packets that the guest sent and the module refused
 */
struct channel {
	uint32_t cid;
	bool console;
	uint64_t queued;
	uint64_t dropped;
	uint64_t malformed;
};

/**
 * channel_list() - list the channels that are attached to a CID
 * @ret: array, which the caller frees; users other than root see only their own
 * @ret_count: entries of *@ret
 *
 * Return: 0 or a negative errno.
 */
int channel_list(struct channel **ret, size_t *ret_count);

/** channel_find() - the channel of a guest, or NULL */
const struct channel *channel_find(const struct channel *list, size_t count, uint32_t cid);

#endif
