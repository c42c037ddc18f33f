// SPDX-License-Identifier: Apache-2.0
/*
 * E: for an enclave, CID 2 (VMADDR_CID_HOST) is the parent, as CID 3 is. Two products for
 * EC2 rely on it: libkrun's init for Nitro Enclaves and the egress proxy of enclaver.
 * Answers must come from the CID that the enclave has called, or its kernel finds no
 * socket for them.
 */

#include "ne_vsock.h"

#include <endian.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define BOTH_WAYS	(VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)

/* Send a packet from the guest's end to @cid. */
static void send_to(struct ne_test *t, const struct ne_conn *c, uint64_t cid, uint16_t op,
		    const char *text)
{
	struct virtio_vsock_hdr hdr = ne_conn_hdr(c, op, 0, strlen(text));

	hdr.dst_cid = htole64(cid);
	REQUIRE_EQ(t, ne_chan_write(c->chan, &hdr, text, strlen(text)), HDR_SIZE + strlen(text));
}

/* Expect that the next packet other than credit updates is @op and comes from @cid. */
static void expect_from(struct ne_test *t, const struct ne_conn *c, uint64_t cid, uint16_t op,
			struct ne_packet *p)
{
	do
		REQUIRE(t, ne_chan_read(c->chan, p, sizeof(*p)) >= (int)HDR_SIZE);
	while (le16toh(p->hdr.op) == VIRTIO_VSOCK_OP_CREDIT_UPDATE);

	REQUIRE_EQ(t, le16toh(p->hdr.op), op);
	REQUIRE_EQ(t, le64toh(p->hdr.src_cid), cid);
	REQUIRE_EQ(t, le64toh(p->hdr.dst_cid), c->cid);
	REQUIRE_EQ(t, le32toh(p->hdr.src_port), c->local_port);
	REQUIRE_EQ(t, le32toh(p->hdr.dst_port), c->port);
}

static int accept_from(struct ne_test *t, const struct ne_conn *c, uint64_t cid, int listener,
		       struct ne_packet *p)
{
	struct sockaddr_vm peer;
	socklen_t len = sizeof(peer);
	int fd;

	send_to(t, c, cid, VIRTIO_VSOCK_OP_REQUEST, "");
	expect_from(t, c, cid, VIRTIO_VSOCK_OP_RESPONSE, p);
	fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK);
	REQUIRE(t, fd >= 0);
	/* Programs on the parent see the enclave's CID, whichever CID it has called. */
	CHECK_EQ(t, peer.svm_cid, c->cid);
	CHECK_EQ(t, peer.svm_port, c->port);
	return fd;
}

static void check_traffic(struct ne_test *t, const struct ne_conn *c, uint64_t cid, int fd,
			  const char *text, struct ne_packet *p)
{
	char buf[16] = "";

	send_to(t, c, cid, VIRTIO_VSOCK_OP_RW, text);
	CHECK_EQ(t, ne_sock_recv(fd, buf, sizeof(buf)), strlen(text));
	CHECK(t, !strcmp(buf, text));
	CHECK_EQ(t, ne_sock_send(fd, text, strlen(text), 0), strlen(text));
	expect_from(t, c, cid, VIRTIO_VSOCK_OP_RW, p);
	CHECK_EQ(t, le32toh(p->hdr.len), strlen(text));
	CHECK(t, !memcmp(p->data, text, strlen(text)));
}

static void e01_reaches_parent(struct ne_test *t)
{
	static const uint32_t bound[] = { NE_EMU_CID_PARENT, VMADDR_CID_ANY };
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int listener, fd;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bound); i++) {
		listener = ne_sock_listen(t, SOCK_STREAM, bound[i], &c.local_port);
		fd = accept_from(t, &c, VMADDR_CID_HOST, listener, p);
		check_traffic(t, &c, VMADDR_CID_HOST, fd, "hello", p);
		CHECK_EQ(t, ne_chan_info(c.chan, "to-host"), 2 * i + 1);

		/* The listener is gone. */
		close(listener);
		c.port++;
		send_to(t, &c, VMADDR_CID_HOST, VIRTIO_VSOCK_OP_REQUEST, "");
		expect_from(t, &c, VMADDR_CID_HOST, VIRTIO_VSOCK_OP_RST, p);
		c.port++;
	}
}

/* From the same port of the guest to the same port of the parent. */
static void e02_beside_cid_3(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int listener, host, parent;

	listener = ne_sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &c.local_port);
	host = accept_from(t, &c, VMADDR_CID_HOST, listener, p);
	parent = accept_from(t, &c, NE_EMU_CID_PARENT, listener, p);
	check_traffic(t, &c, VMADDR_CID_HOST, host, "host", p);
	check_traffic(t, &c, NE_EMU_CID_PARENT, parent, "parent", p);
	check_traffic(t, &c, VMADDR_CID_HOST, host, "again", p);

	send_to(t, &c, VMADDR_CID_HOST, VIRTIO_VSOCK_OP_RST, "");
	ne_sock_check_ended(t, host);
	check_traffic(t, &c, NE_EMU_CID_PARENT, parent, "parent", p);
}

static void e03_end_of_either_side(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int listener, fd;

	listener = ne_sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &c.local_port);
	fd = accept_from(t, &c, VMADDR_CID_HOST, listener, p);
	close(fd);
	expect_from(t, &c, VMADDR_CID_HOST, VIRTIO_VSOCK_OP_SHUTDOWN, p);
	CHECK_EQ(t, le32toh(p->hdr.flags), BOTH_WAYS);
	send_to(t, &c, VMADDR_CID_HOST, VIRTIO_VSOCK_OP_RST, "");

	fd = accept_from(t, &c, VMADDR_CID_HOST, listener, p);
	send_to(t, &c, VMADDR_CID_HOST, VIRTIO_VSOCK_OP_RST, "");
	ne_sock_check_ended(t, fd);

	fd = accept_from(t, &c, VMADDR_CID_HOST, listener, p);
	close(c.chan);
	ne_sock_check_ended(t, fd);
}

static const struct ne_case cases[] = {
	{ "E01 reaches_parent", e01_reaches_parent, 0 },
	{ "E02 beside_cid_3", e02_beside_cid_3, 0 },
	{ "E03 end_of_either_side", e03_end_of_either_side, 0 },
};

int main(int argc, char **argv)
{
	return ne_vsock_main(cases, ARRAY_SIZE(cases), argc, argv);
}
