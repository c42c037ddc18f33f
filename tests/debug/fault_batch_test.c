// SPDX-License-Identifier: Apache-2.0
/*
 * F: make each operation of the kernel for a batch of packets fail once: the first, then the
 * second, and so on, in each packet. No packet is lost or duplicated, and the credit of the
 * connection stays exact.
 */

#include "fault.h"
#include "ne_batch.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/sockios.h>

/* Bytes per buffer: a packet then has more buffers than the kernel's array on the stack. */
#define PIECE		4
#define PIECES		((HDR_SIZE + WORD) / PIECE)

/* A batch of packets with one word of payload, each in @PIECES buffers. */
struct scattered {
	struct ne_batch *b;
	struct iovec pieces[BATCH][PIECES];
};

static struct scattered *scattered_new(struct ne_test *t)
{
	struct scattered *s = calloc(1, sizeof(*s));
	size_t i, k;

	REQUIRE(t, s);
	s->b = ne_batch_new(t);
	for (i = 0; i < BATCH; i++) {
		for (k = 0; k < PIECES; k++)
			s->pieces[i][k] = (struct iovec){ s->b->bytes[i] + k * PIECE, PIECE };
		s->b->packets[i].iov = (uintptr_t)s->pieces[i];
		s->b->packets[i].iov_count = PIECES;
	}
	return s;
}

static void scattered_free(struct scattered *s)
{
	free(s->b);
	free(s);
}

/* Run a whole batch, with the next failure or without one. Return: packets handled. */
static int run_faulty(struct ne_test *t, struct fault *f, int chan, unsigned long request,
		      struct ne_batch *b)
{
	int i, rc;

	fault_arm(f);
	rc = ne_batch_run(chan, request, b->packets, BATCH);
	if (!fault_disarm(f))
		CHECK_EQ(t, rc, BATCH);
	if (FAULT_CHECK(t, f, rc, EFAULT, ENOMEM))
		return 0;
	f->failed += rc < BATCH;
	for (i = 0; i < rc; i++)
		CHECK_EQ(t, b->packets[i].result, HDR_SIZE + WORD);
	return rc;
}

static void receive(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int sock = ne_conn_open(t, &c, p), i, n, unsent = -1;
	uint32_t sent = 0, next = 0;
	struct scattered *s;
	struct fault f;

	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		for (i = 0; i < BATCH; i++, sent++)
			REQUIRE_EQ(t, ne_sock_send(sock, &sent, WORD, 0), WORD);
		s = scattered_new(t);
		n = run_faulty(t, &f, c.chan, NE_EMU_VSOCK_RECV, s->b);
		next = ne_batch_words(t, s->b, n, next);
		if (n < BATCH) {
			CHECK_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_RECV, s->b->packets, BATCH),
				 BATCH - n);
			next = ne_batch_words(t, s->b, BATCH - n, next);
		}
		CHECK_EQ(t, next, sent);
		CHECK_EQ(t, ne_chan_info(c.chan, "queued"), 0);
		CHECK_EQ(t, ioctl(sock, SIOCOUTQ, &unsent), 0);
		CHECK_EQ(t, unsent, 0);
		c.fwd_cnt = next * WORD;
		CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0), 0);
		scattered_free(s);
	}
	fault_close(t, &f);
}

/* Three words and, before the last, a request to an unused port, answered with RST. */
static void set_packets(struct ne_batch *b, const struct ne_conn *c, uint32_t next)
{
	struct virtio_vsock_hdr hdr = ne_conn_hdr(c, VIRTIO_VSOCK_OP_REQUEST, 0, 0);
	const int request = BATCH - 2;

	hdr.dst_cid = htole64(CID_B);
	ne_batch_set_words(b, 0, c, next);
	memcpy(b->bytes[request], &hdr, HDR_SIZE);
	next += request;
	ne_batch_set(b, BATCH - 1, c, &next, WORD);
}

/* Empty the channel. Return: the number of RST in it. */
static int count_resets(const struct ne_conn *c, struct ne_packet *p)
{
	int resets = 0;

	while (read(c->chan, p, sizeof(*p)) > 0)
		resets += le16toh(p->hdr.op) == VIRTIO_VSOCK_OP_RST;
	return resets;
}

static void send_batch(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int sock = ne_conn_open(t, &c, p), n;
	struct scattered *s;
	uint32_t next = 0;
	struct fault f;

	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		s = scattered_new(t);
		set_packets(s->b, &c, next);
		n = run_faulty(t, &f, c.chan, NE_EMU_VSOCK_SEND, s->b);
		if (n < BATCH)
			CHECK_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_SEND, s->b->packets + n,
						 BATCH - n), BATCH - n);
		ne_sock_words(t, sock, next, next + BATCH - 1);
		next += BATCH - 1;
		CHECK_EQ(t, count_resets(&c, p), 1);
		scattered_free(s);
	}
	fault_close(t, &f);
	CHECK_EQ(t, ne_conn_forwarded(t, &c, p), next * WORD);
	CHECK_EQ(t, ne_chan_info(c.chan, "malformed"), 0);
}

static const struct ne_case cases[] = {
	{ "F29 receive_batch", receive, FAULT_TIMEOUT },
	{ "F30 send_batch", send_batch, FAULT_TIMEOUT },
};

int main(int argc, char **argv)
{
	return ne_vsock_main(cases, ARRAY_SIZE(cases), argc, argv);
}
