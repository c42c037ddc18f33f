// SPDX-License-Identifier: Apache-2.0
/*
 * G: batches of packets on a channel file of ne_emu_vsock. The program acts as the VMM and
 * uses the parent's sockets. Needs root and the module.
 */

#include "ne_batch.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void g01_arguments(struct ne_test *t)
{
	static const unsigned long requests[] = { NE_EMU_VSOCK_RECV, NE_EMU_VSOCK_SEND };
	int new = open(NE_VSOCK_NODE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int chan = ne_chan_open(t, CID_A, 0);
	struct ne_batch *b = ne_batch_new(t);
	struct ne_emu_vsock_batch bad;
	size_t i;

	REQUIRE(t, new >= 0);
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		CHECK_ERR(t, ne_batch_run(new, requests[i], b->packets, 1), ENOTCONN);
		CHECK_ERR(t, ne_batch_run(chan, requests[i], b->packets, 0), EINVAL);
		CHECK_ERR(t, ne_batch_run(chan, requests[i], b->packets,
					  NE_EMU_VSOCK_MAX_BATCH + 1), EINVAL);
		CHECK_ERR(t, ne_batch_run(chan, requests[i], b->packets, UINT32_MAX), EINVAL);
		bad = (struct ne_emu_vsock_batch){
			.packets = (uintptr_t)b->packets, .count = 1, .reserved = 1,
		};
		CHECK(t, ioctl(chan, requests[i], &bad) < 0 && errno == EINVAL);
		CHECK(t, ioctl(chan, requests[i], NULL) < 0 && errno == EFAULT);
		CHECK_ERR(t, ne_batch_run(chan, requests[i], NULL, 1), EFAULT);
	}
	b = ne_batch_new(t);
	CHECK_ERR(t, ne_batch_run(chan, NE_EMU_VSOCK_RECV, b->packets, BATCH), EAGAIN);
	CHECK_EQ(t, b->packets[0].result, BATCH_UNTOUCHED);
}

/* Two packets into four elements; the second is cut at the end of its element. */
static void g02_receive(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int sock = ne_conn_open(t, &c, p);
	struct ne_batch *b = ne_batch_new(t);
	uint8_t data[BATCH_ROOM + 1];
	size_t i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 13 + 1;
	REQUIRE_EQ(t, ne_sock_send(sock, data, 5, 0), 5);
	REQUIRE_EQ(t, ne_sock_send(sock, data, sizeof(data), 0), sizeof(data));
	REQUIRE_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_RECV, b->packets, BATCH), 3);

	CHECK_EQ(t, b->packets[0].result, HDR_SIZE + 5);
	CHECK_EQ(t, le32toh(ne_batch_header(b, 0)->len), 5);
	CHECK(t, !memcmp(b->bytes[0] + HDR_SIZE, data, 5));
	CHECK_EQ(t, b->packets[1].result, HDR_SIZE + BATCH_ROOM);
	CHECK_EQ(t, le32toh(ne_batch_header(b, 1)->len), BATCH_ROOM);
	CHECK(t, !memcmp(b->bytes[1] + HDR_SIZE, data, BATCH_ROOM));
	CHECK_EQ(t, b->packets[2].result, HDR_SIZE + 1);
	CHECK_EQ(t, b->bytes[2][HDR_SIZE], data[BATCH_ROOM]);
	CHECK_EQ(t, b->packets[3].result, BATCH_UNTOUCHED);
	CHECK_EQ(t, ne_wait(c.chan, POLLIN, 0), 0);
	CHECK_EQ(t, ne_chan_info(c.chan, "queued"), 0);
}

/* Packets that do not fit into the batch stay, and the file stays readable. */
static void g03_receive_rest(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int sock = ne_conn_open(t, &c, p);
	struct ne_batch *b = ne_batch_new(t);
	uint8_t data[2 * BATCH_ROOM];

	memset(data, 'a', BATCH_ROOM);
	memset(data + BATCH_ROOM, 'b', BATCH_ROOM);
	REQUIRE_EQ(t, ne_sock_send(sock, data, sizeof(data), 0), sizeof(data));
	REQUIRE_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_RECV, b->packets, 1), 1);
	CHECK_EQ(t, b->bytes[0][HDR_SIZE], 'a');
	CHECK_EQ(t, ne_wait(c.chan, POLLIN, 0), POLLIN);

	/* The second element faults: the first one counts, and the packet keeps the rest. */
	b->iov[0].iov_len = HDR_SIZE + 1;
	b->iov[1].iov_base = NULL;
	REQUIRE_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_RECV, b->packets, 2), 1);
	CHECK_EQ(t, b->packets[0].result, HDR_SIZE + 1);
	CHECK_ERR(t, ne_batch_run(c.chan, NE_EMU_VSOCK_RECV, b->packets + 1, 1), EFAULT);

	/* Buffers with room for only the header, or less. */
	b->iov[1] = (struct iovec){ b->bytes[1], HDR_SIZE };
	CHECK_ERR(t, ne_batch_run(c.chan, NE_EMU_VSOCK_RECV, b->packets + 1, 1), EINVAL);
	REQUIRE_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_RECV, b->packets + 2, 2), 1);
	CHECK_EQ(t, b->packets[2].result, HDR_SIZE + BATCH_ROOM - 1);
	CHECK_EQ(t, b->bytes[2][HDR_SIZE + BATCH_ROOM - 2], 'b');
}

/* The payload of two packets, "one" and "two", and nothing between them. */
static void check_one_two(struct ne_test *t, int sock)
{
	char data[8];

	REQUIRE_EQ(t, recv(sock, data, 6, MSG_WAITALL), 6);
	CHECK(t, !memcmp(data, "onetwo", 6));
}

static void g04_send(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int sock = ne_conn_open(t, &c, p);
	struct ne_batch *b = ne_batch_new(t);

	ne_batch_set(b, 0, &c, "one", 3);
	ne_batch_set(b, 1, &c, "two", 3);
	REQUIRE_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_SEND, b->packets, 2), 2);
	CHECK_EQ(t, b->packets[0].result, HDR_SIZE + 3);
	CHECK_EQ(t, b->packets[1].result, HDR_SIZE + 3);
	check_one_two(t, sock);
}

/* Malformed packets in the middle are dropped and counted; the others arrive. */
static void g05_send_malformed(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_conn other = ne_conn_guest(c.chan, CID_B);
	struct ne_packet *p = ne_packet_new(t);
	int sock = ne_conn_open(t, &c, p);
	struct ne_batch *b = ne_batch_new(t);

	ne_batch_set(b, 0, &c, "one", 3);
	ne_batch_set(b, 1, &other, "xxx", 3);
	ne_batch_set(b, 2, &c, "yyy", 3);
	b->iov[2].iov_len--;
	ne_batch_set(b, 3, &c, "two", 3);
	REQUIRE_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_SEND, b->packets, BATCH), BATCH);
	CHECK_EQ(t, b->packets[0].result, HDR_SIZE + 3);
	CHECK_EQ(t, b->packets[1].result, -EINVAL);
	CHECK_EQ(t, b->packets[2].result, -EINVAL);
	CHECK_EQ(t, b->packets[3].result, HDR_SIZE + 3);
	CHECK_EQ(t, ne_chan_info(c.chan, "malformed"), 2);
	check_one_two(t, sock);

	/* An invalid pointer ends the batch; in the first element it is an error. */
	b->iov[1].iov_base = NULL;
	REQUIRE_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_SEND, b->packets, 2), 1);
	CHECK_ERR(t, ne_batch_run(c.chan, NE_EMU_VSOCK_SEND, b->packets + 1, 1), EFAULT);
}

/* Unread answers stop the batch where write() would have stopped. */
static void g06_send_blocked(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct virtio_vsock_hdr hdr;
	struct ne_batch *b = ne_batch_new(t);
	int rc = BATCH, sent = 0, i;

	c.local_port = 1;	/* a port without a listener */
	for (i = 0; i < BATCH; i++) {
		hdr = ne_conn_hdr(&c, VIRTIO_VSOCK_OP_REQUEST, 0, 0);
		memcpy(b->bytes[i], &hdr, HDR_SIZE);
		b->iov[i].iov_len = HDR_SIZE;
	}
	while (rc > 0 && sent < 2000) {
		rc = ne_batch_run(c.chan, NE_EMU_VSOCK_SEND, b->packets, BATCH - 1);
		sent += rc > 0 ? rc : 0;
	}
	CHECK_ERR(t, rc, EAGAIN);
	/* 256, which three do not divide. */
	CHECK_EQ(t, sent, 256);
	CHECK_EQ(t, ne_chan_info(c.chan, "replies"), 256);
}

static void g07_taken_address(struct ne_test *t)
{
	int old = ne_chan_open(t, CID_A, 0);
	struct ne_batch *b = ne_batch_new(t);

	ne_chan_open(t, CID_A, 0);
	CHECK_EQ(t, ne_batch_run(old, NE_EMU_VSOCK_RECV, b->packets, BATCH), 0);
	CHECK_ERR(t, ne_batch_run(old, NE_EMU_VSOCK_SEND, b->packets, BATCH), EPIPE);
}

static const struct ne_case cases[] = {
	{ "G01 arguments", g01_arguments, 0 },
	{ "G02 receive", g02_receive, 0 },
	{ "G03 receive_rest", g03_receive_rest, 0 },
	{ "G04 send", g04_send, 0 },
	{ "G05 send_malformed", g05_send_malformed, 0 },
	{ "G06 send_blocked", g06_send_blocked, 0 },
	{ "G07 taken_address", g07_taken_address, 0 },
};

int main(int argc, char **argv)
{
	return ne_vsock_main(cases, ARRAY_SIZE(cases), argc, argv);
}
