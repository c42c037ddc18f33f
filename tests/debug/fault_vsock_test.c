// SPDX-License-Identifier: Apache-2.0
/*
 * F: make each operation of the kernel for a channel or one of its sockets fail once: the
 * first, then the second, and so on. No packet is lost or read twice, and no connect waits
 * for an answer that does not come.
 */

#include "fault.h"
#include "ne_lib.h"
#include "ne_vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define NR_CONNECTS	8
#define DATA		"packet"

static void attach(struct ne_test *t)
{
	struct ne_emu_vsock_attach arg = { .cid = CID_A };
	struct fault f;
	int chan, rc;

	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		chan = open(NE_VSOCK_NODE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		REQUIRE_OK(t, chan);
		fault_arm(&f);
		rc = ne_ioctl(chan, NE_EMU_VSOCK_ATTACH, &arg);
		fault_disarm(&f);
		if (FAULT_CHECK(t, &f, rc, ENOMEM, EFAULT))
			CHECK_EQ(t, ne_ioctl(chan, NE_EMU_VSOCK_ATTACH, &arg), 0);
		CHECK_EQ(t, ne_chan_info(chan, "cid"), CID_A);
		close(chan);
	}
	fault_close(t, &f);
}

static void open_node(struct ne_test *t)
{
	struct fault f;
	int chan;

	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		fault_arm(&f);
		chan = open(NE_VSOCK_NODE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (chan < 0)
			chan = -errno;
		fault_disarm(&f);
		if (!FAULT_CHECK(t, &f, chan, ENOMEM, EFAULT, EMFILE, ENFILE))
			close(chan);
	}
	fault_close(t, &f);
}

/* Another file takes over the address while it has open connections. */
static void take_over(struct ne_test *t)
{
	struct ne_packet *p = ne_packet_new(t);
	struct fault f;

	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		struct ne_emu_vsock_attach arg = { .cid = CID_A };
		struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
		int sock = ne_conn_open(t, &c, p);
		int chan = open(NE_VSOCK_NODE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		int rc;

		fault_arm(&f);
		rc = ne_ioctl(chan, NE_EMU_VSOCK_ATTACH, &arg);
		fault_disarm(&f);
		if (FAULT_CHECK(t, &f, rc, ENOMEM, EFAULT))
			CHECK_EQ(t, ne_ioctl(chan, NE_EMU_VSOCK_ATTACH, &arg), 0);
		ne_sock_check_ended(t, sock);
		CHECK(t, ne_wait(c.chan, POLLIN, 0) & POLLHUP);
		close(sock);
		close(c.chan);
		close(chan);
	}
	fault_close(t, &f);
}

/*
 * Pending connects, unread and read, and an established connection: all end, and ending them
 * needs nothing that could be missing.
 */
static void close_channel(struct ne_test *t)
{
	struct ne_packet *p = ne_packet_new(t);
	int sock[NR_CONNECTS];
	struct fault f;
	int i;

	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
		int open_sock = ne_conn_open(t, &c, p);

		for (i = 0; i < NR_CONNECTS; i++) {
			sock[i] = ne_sock_connect(t, SOCK_STREAM, CID_A, GUEST_PORT);
			if (i % 2)
				CHECK(t, ne_chan_read(c.chan, p, sizeof(*p)) > 0);
		}
		fault_arm(&f);
		close(c.chan);
		fault_disarm(&f);
		for (i = 0; i < NR_CONNECTS; i++) {
			CHECK_ERR(t, ne_sock_connected(sock[i]), ECONNRESET);
			close(sock[i]);
		}
		ne_sock_check_ended(t, open_sock);
		close(open_sock);
	}
	fault_close_unfailing(t, &f);
}

static void read_packet(struct ne_test *t)
{
	struct ne_packet *p = ne_packet_new(t);
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	int sock = ne_conn_open(t, &c, p);
	struct fault f;
	int rc;

	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		CHECK_EQ(t, ne_sock_send(sock, DATA, sizeof(DATA), 0), sizeof(DATA));
		memset(p->data, 0, sizeof(DATA));
		fault_arm(&f);
		rc = read(c.chan, p, sizeof(*p));
		if (rc < 0)
			rc = -errno;
		fault_disarm(&f);
		if (FAULT_CHECK(t, &f, rc, EFAULT, ENOMEM))
			rc = ne_chan_read(c.chan, p, sizeof(*p));
		CHECK_EQ(t, rc, HDR_SIZE + sizeof(DATA));
		CHECK(t, !memcmp(p->data, DATA, sizeof(DATA)));
		c.fwd_cnt += sizeof(DATA);
		CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0), 0);
	}
	fault_close(t, &f);
	close(sock);
	close(c.chan);
}

static void write_packet(struct ne_test *t)
{
	struct ne_packet *p = ne_packet_new(t);
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	int sock = ne_conn_open(t, &c, p);
	char data[sizeof(DATA)];
	struct fault f;
	int rc;

	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		fault_arm(&f);
		rc = ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, DATA, sizeof(DATA));
		fault_disarm(&f);
		if (FAULT_CHECK(t, &f, rc, EFAULT, ENOMEM))
			CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, DATA,
						 sizeof(DATA)), 0);
		memset(data, 0, sizeof(data));
		CHECK_EQ(t, ne_sock_recv(sock, data, sizeof(data)), sizeof(data));
		CHECK(t, !memcmp(data, DATA, sizeof(data)));
		/* Nothing arrived twice. */
		CHECK_ERR(t, recv(sock, data, 1, MSG_DONTWAIT) < 0 ? -errno : 0, EAGAIN);
		while (ne_wait(c.chan, POLLIN, 0) & POLLIN)
			ne_chan_read(c.chan, p, sizeof(*p));
	}
	fault_close(t, &f);
	close(sock);
	close(c.chan);
}

/* A packet without a connection is answered with RST, or refused with an errno. */
static void answer(struct ne_test *t)
{
	struct ne_packet *p = ne_packet_new(t);
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct virtio_vsock_hdr hdr = ne_conn_hdr(&c, VIRTIO_VSOCK_OP_REQUEST, 0, 0);
	struct fault f;
	int rc;

	hdr.dst_cid = CID_B;
	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		fault_arm(&f);
		rc = ne_chan_write(c.chan, &hdr, NULL, 0);
		fault_disarm(&f);
		if (FAULT_CHECK(t, &f, rc, EFAULT, ENOMEM))
			CHECK_EQ(t, ne_chan_write(c.chan, &hdr, NULL, 0), HDR_SIZE);
		CHECK_EQ(t, ne_chan_read(c.chan, p, sizeof(*p)), HDR_SIZE);
		CHECK_EQ(t, p->hdr.op, VIRTIO_VSOCK_OP_RST);
	}
	fault_close(t, &f);
	close(c.chan);
}

/* Connect to a CID without an enclave: ECONNRESET, or an error for no memory; never silence. */
static void refuse(struct ne_test *t)
{
	struct fault f;
	int rc;

	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		struct sockaddr_vm addr = {
			.svm_family = AF_VSOCK, .svm_cid = CID_NONE, .svm_port = GUEST_PORT,
		};
		int sock = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		REQUIRE_OK(t, sock);
		fault_arm(&f);
		rc = connect(sock, (struct sockaddr *)&addr, sizeof(addr));
		if (rc < 0)
			rc = errno == EINPROGRESS ? 0 : -errno;
		fault_disarm(&f);
		if (!FAULT_CHECK(t, &f, rc, ENOMEM, ENOBUFS, EFAULT))
			CHECK_ERR(t, ne_sock_connected(sock), ECONNRESET);
		close(sock);
	}
	fault_close(t, &f);
}

static const struct ne_case cases[] = {
	{ "F21 open_node", open_node, FAULT_TIMEOUT },
	{ "F22 attach", attach, FAULT_TIMEOUT },
	{ "F23 take_over", take_over, FAULT_TIMEOUT },
	{ "F24 close_channel", close_channel, FAULT_TIMEOUT },
	{ "F25 read_packet", read_packet, FAULT_TIMEOUT },
	{ "F26 write_packet", write_packet, FAULT_TIMEOUT },
	{ "F27 answer", answer, FAULT_TIMEOUT },
	{ "F28 refuse", refuse, FAULT_TIMEOUT },
};

int main(int argc, char **argv)
{
	return ne_vsock_main(cases, ARRAY_SIZE(cases), argc, argv);
}
