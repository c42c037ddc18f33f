/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of packets on a channel file, and packets with consecutive numbers. */

#ifndef NE_BATCH_H
#define NE_BATCH_H

#include "ne_vsock.h"

#include <sys/uio.h>

/* Elements in a batch. */
#define BATCH		4
/* Payload space of an element. */
#define BATCH_ROOM	1000
/* Result of an element that the kernel has not written. */
#define BATCH_UNTOUCHED	12345
/* Payload of a numbered packet. */
#define WORD		sizeof(uint32_t)

/**
 * struct ne_batch - a batch and its memory, one buffer for each element
 */
struct ne_batch {
	struct ne_emu_vsock_packet packets[BATCH];
	struct iovec iov[BATCH];
	uint8_t bytes[BATCH][HDR_SIZE + BATCH_ROOM];
};

struct ne_batch *ne_batch_new(struct ne_test *t);
/** ne_batch_run() - NE_EMU_VSOCK_RECV or _SEND; returns packets handled or -errno */
int ne_batch_run(int chan, unsigned long request, const struct ne_emu_vsock_packet *packets,
		 uint32_t count);
const struct virtio_vsock_hdr *ne_batch_header(const struct ne_batch *b, int i);
/** ne_batch_set() - make element @i a packet of the guest */
void ne_batch_set(struct ne_batch *b, int i, const struct ne_conn *c, const void *data,
		  size_t len);

/** ne_batch_set_words() - fill elements from @first on with the numbers from @next on */
void ne_batch_set_words(struct ne_batch *b, int first, const struct ne_conn *c, uint32_t next);
/**
 * ne_batch_words() - CHECK that the first @n elements, just read, are the numbers from
 * @next on
 *
 * Return: the number after the last one.
 */
uint32_t ne_batch_words(struct ne_test *t, const struct ne_batch *b, int n, uint32_t next);
/** ne_sock_words() - CHECK that exactly the numbers from @next to @end - 1 arrive */
void ne_sock_words(struct ne_test *t, int sock, uint32_t next, uint32_t end);
/** ne_conn_forwarded() - get the number of bytes the socket has read; empties the channel */
uint32_t ne_conn_forwarded(struct ne_test *t, const struct ne_conn *c, struct ne_packet *p);

#endif
