// SPDX-License-Identifier: Apache-2.0
/* Batches of packets on a channel file, and packets with consecutive numbers. */

#include "ne_batch.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct ne_batch *ne_batch_new(struct ne_test *t)
{
	struct ne_batch *b = calloc(1, sizeof(*b));
	size_t i;

	REQUIRE(t, b);
	for (i = 0; i < BATCH; i++) {
		b->iov[i] = (struct iovec){ b->bytes[i], sizeof(b->bytes[i]) };
		b->packets[i] = (struct ne_emu_vsock_packet){
			.iov = (uintptr_t)&b->iov[i], .iov_count = 1, .result = BATCH_UNTOUCHED,
		};
	}
	return b;
}

int ne_batch_run(int chan, unsigned long request, const struct ne_emu_vsock_packet *packets,
		 uint32_t count)
{
	struct ne_emu_vsock_batch batch = { .packets = (uintptr_t)packets, .count = count };
	int rc = ioctl(chan, request, &batch);

	return rc < 0 ? -errno : rc;
}

const struct virtio_vsock_hdr *ne_batch_header(const struct ne_batch *b, int i)
{
	return (const struct virtio_vsock_hdr *)b->bytes[i];
}

void ne_batch_set(struct ne_batch *b, int i, const struct ne_conn *c, const void *data,
		  size_t len)
{
	struct virtio_vsock_hdr hdr = ne_conn_hdr(c, VIRTIO_VSOCK_OP_RW, 0, len);

	memcpy(b->bytes[i], &hdr, HDR_SIZE);
	memcpy(b->bytes[i] + HDR_SIZE, data, len);
	b->iov[i].iov_len = HDR_SIZE + len;
}

void ne_batch_set_words(struct ne_batch *b, int first, const struct ne_conn *c, uint32_t next)
{
	int i;

	for (i = first; i < BATCH; i++, next++)
		ne_batch_set(b, i, c, &next, WORD);
}

uint32_t ne_batch_words(struct ne_test *t, const struct ne_batch *b, int n, uint32_t next)
{
	int i;

	for (i = 0; i < n; i++) {
		if (le16toh(ne_batch_header(b, i)->op) != VIRTIO_VSOCK_OP_RW)
			continue;
		CHECK_EQ(t, le32toh(ne_batch_header(b, i)->len), WORD);
		CHECK(t, !memcmp(b->bytes[i] + HDR_SIZE, &next, WORD));
		next++;
	}
	return next;
}

void ne_sock_words(struct ne_test *t, int sock, uint32_t next, uint32_t end)
{
	uint32_t word;

	for (; next != end; next++) {
		REQUIRE_EQ(t, ne_sock_recv(sock, &word, WORD), WORD);
		CHECK_EQ(t, word, next);
	}
	CHECK(t, recv(sock, &word, WORD, MSG_DONTWAIT) < 0 && errno == EAGAIN);
}

uint32_t ne_conn_forwarded(struct ne_test *t, const struct ne_conn *c, struct ne_packet *p)
{
	while (read(c->chan, p, sizeof(*p)) > 0)
		;
	REQUIRE_EQ(t, ne_conn_send(c, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0, NULL, 0), 0);
	REQUIRE_EQ(t, ne_chan_read(c->chan, p, sizeof(*p)), HDR_SIZE);
	REQUIRE_EQ(t, le16toh(p->hdr.op), VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	return le32toh(p->hdr.fwd_cnt);
}
