/* SPDX-License-Identifier: Apache-2.0 */
/* The vsock channels of the VMMs that run, as /proc tells of them. */

#ifndef NE_EMU_CLI_ENCLAVE_CHANNELS_H
#define NE_EMU_CLI_ENCLAVE_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct channel - counters of one channel, see Documentation/vsock.rst
 * @cid: enclave
 * @console: of its console service instead of its guest
 */
struct channel {
	uint32_t cid;
	bool console;
	uint64_t queued;
	uint64_t dropped;
	uint64_t malformed;
};

/**
 * channel_list() - all channels that carry packets
 * @ret: array the caller frees; only root sees those of others
 *
 * Return: 0 or a negative errno.
 */
int channel_list(struct channel **ret, size_t *ret_count);

/** channel_find() - the channel of a guest, or NULL */
const struct channel *channel_find(const struct channel *list, size_t count, uint32_t cid);

#endif
