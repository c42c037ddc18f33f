// SPDX-License-Identifier: Apache-2.0
/*
 * T: the channel files of ne_emu_vsock. The program acts as the VMMs, packet by packet, and
 * uses the parent's sockets. Needs root and the module.
 */

#include "ne_vsock.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

/* The module's limit on queued answers. */
#define MAX_REPLIES	256
#define MORE_THAN_REPLIES (MAX_REPLIES + 50)

static uint8_t pattern(size_t i)
{
	return i * 7 + (i >> 9);
}

void fill(uint8_t *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = pattern(i);
}

static bool is_pattern(const uint8_t *buf, size_t offset, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (buf[i] != pattern(offset + i))
			return false;
	return true;
}

static void t01_node(struct ne_test *t)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = 4, .svm_port = VMADDR_PORT_ANY,
	};
	int fd = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
	unsigned int cid = 0;
	struct stat st;
	uint32_t port;

	REQUIRE_EQ(t, stat(NE_VSOCK_NODE, &st), 0);
	CHECK_EQ(t, st.st_mode & 0777, 0600);
	REQUIRE(t, fd >= 0);
	CHECK_EQ(t, ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid), 0);
	CHECK_EQ(t, cid, NE_EMU_CID_PARENT);

	ne_sock_listen(t, SOCK_STREAM, NE_EMU_CID_PARENT, &port);
	fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	CHECK(t, bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 && errno == EADDRNOTAVAIL);
}

static int attach_errno(int fd, uint32_t cid, uint32_t flags)
{
	struct ne_emu_vsock_attach attach = { .cid = cid, .flags = flags };

	return ioctl(fd, NE_EMU_VSOCK_ATTACH, &attach) ? -errno : 0;
}

static void t02_attach(struct ne_test *t)
{
	static const uint32_t bad_cids[] = { 0, 1, 2, 3, VMADDR_CID_ANY };
	int fd = open(NE_VSOCK_NODE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct ne_packet *p = ne_packet_new(t);
	size_t i;

	REQUIRE(t, fd >= 0);
	memset(p, 0, sizeof(*p));
	CHECK(t, read(fd, p, sizeof(*p)) < 0 && errno == ENOTCONN);
	CHECK(t, write(fd, p, HDR_SIZE) < 0 && errno == ENOTCONN);
	CHECK(t, ioctl(fd, NE_EMU_VSOCK_SEQPACKET, 1) < 0 && errno == ENOTCONN);
	CHECK_EQ(t, ne_wait(fd, POLLIN | POLLOUT, 0), 0);
	for (i = 0; i < ARRAY_SIZE(bad_cids); i++)
		CHECK_ERR(t, attach_errno(fd, bad_cids[i], 0), EINVAL);
	CHECK_ERR(t, attach_errno(fd, CID_A, 2), EINVAL);
	CHECK(t, ioctl(fd, NE_EMU_VSOCK_ATTACH, NULL) < 0 && errno == EFAULT);
	CHECK(t, ioctl(fd, _IO(NE_EMU_IOC_MAGIC, 0x1f)) < 0 && errno == ENOTTY);

	CHECK_EQ(t, attach_errno(fd, CID_A, 0), 0);
	CHECK_ERR(t, attach_errno(fd, CID_A, 0), EBUSY);
	CHECK_ERR(t, attach_errno(fd, CID_B, 0), EBUSY);
	CHECK(t, ioctl(fd, NE_EMU_VSOCK_SEQPACKET, 2) < 0 && errno == EINVAL);
	CHECK_EQ(t, ioctl(fd, NE_EMU_VSOCK_SEQPACKET, 1), 0);
	CHECK_EQ(t, ne_chan_info(fd, "cid"), CID_A);
	CHECK_EQ(t, ne_wait(fd, POLLIN | POLLOUT, 0), POLLOUT);
	CHECK(t, read(fd, p, sizeof(*p)) < 0 && errno == EAGAIN);
	CHECK(t, read(fd, p, HDR_SIZE) < 0 && errno == EINVAL);
}

static void t03_guest_to_parent(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	struct sockaddr_vm peer;
	socklen_t len = sizeof(peer);
	int listener, fd;
	char byte = 0;

	listener = ne_sock_listen(t, SOCK_STREAM, NE_EMU_CID_PARENT, &c.local_port);
	fd = ne_conn_accept(t, &c, p, listener);
	CHECK_EQ(t, getpeername(fd, (struct sockaddr *)&peer, &len), 0);
	CHECK_EQ(t, peer.svm_cid, CID_A);
	CHECK_EQ(t, peer.svm_port, GUEST_PORT);

	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "\xb7", 1), 0);
	CHECK_EQ(t, ne_sock_recv(fd, &byte, 1), 1);
	CHECK_EQ(t, (uint8_t)byte, 0xb7);
	CHECK_EQ(t, ne_sock_send(fd, &byte, 1, 0), 1);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
	CHECK_EQ(t, p->data[0], 0xb7);

	/* A port without a listener. */
	close(listener);
	c.port++;
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RST, p, sizeof(*p));
}

static void t04_parent_to_guest(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int fd;

	fd = ne_conn_begin(t, &c, p);
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0), 0);
	CHECK_ERR(t, ne_sock_connected(fd), ECONNRESET);

	fd = ne_conn_open(t, &c, p);
	CHECK_EQ(t, ne_sock_send(fd, "hello", 5, 0), 5);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
	CHECK(t, !memcmp(p->data, "hello", 5));
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0), 0);
	ne_sock_check_ended(t, fd);
}

static void t05_no_channel(struct ne_test *t)
{
	int guest = ne_chan_open(t, CID_A, 0);
	int console = ne_chan_open(t, CID_B, NE_EMU_VSOCK_CONSOLE);

	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_STREAM, CID_NONE, 1), ECONNRESET);
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_STREAM, CID_NONE, CONSOLE_PORT(CID_B)),
		  ECONNRESET);
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_STREAM, VMADDR_CID_ANY, 1), ECONNRESET);
	/* A console file does not serve the guest's ports, nor a guest's file the console. */
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_STREAM, CID_B, 1), ECONNRESET);
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_STREAM, 0, CONSOLE_PORT(CID_A)), ECONNRESET);
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_STREAM, 0, 1), ECONNRESET);
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_STREAM, 0, NE_EMU_CONSOLE_PORT_BASE), ECONNRESET);
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_STREAM, VMADDR_CID_LOCAL, 1), ECONNRESET);
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_STREAM, VMADDR_CID_HOST, 1), ECONNRESET);
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_STREAM, NE_EMU_CID_PARENT, 1), ECONNRESET);
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_SEQPACKET, CID_NONE, 1), ECONNRESET);
	CHECK_EQ(t, ne_wait(guest, POLLIN, 0), 0);
	CHECK_EQ(t, ne_wait(console, POLLIN, 0), 0);
}

static void t06_console(struct ne_test *t)
{
	int guest = ne_chan_open(t, CID_A, 0);
	struct ne_conn c = {
		.chan = ne_chan_open(t, CID_A, NE_EMU_VSOCK_CONSOLE),
		.cid = NE_EMU_CID_HYPERVISOR,
		.port = CONSOLE_PORT(CID_A),
		.type = VIRTIO_VSOCK_TYPE_STREAM,
	};
	struct ne_packet *p = ne_packet_new(t);
	char text[9] = "";
	int fd;

	fd = ne_conn_open(t, &c, p);
	CHECK_EQ(t, ne_wait(guest, POLLIN, 0), 0);
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "boot log", 8), 0);
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_SEQPACKET, 0, CONSOLE_PORT(CID_A)),
		  ESOCKTNOSUPPORT);
	CHECK(t, ioctl(c.chan, NE_EMU_VSOCK_SEQPACKET, 1) < 0 && errno == EINVAL);

	/* Data sent before the end arrives, then a clean end of file. */
	close(c.chan);
	CHECK_EQ(t, ne_sock_recv(fd, text, 8), 8);
	CHECK(t, !strcmp(text, "boot log"));
	ne_sock_check_ended(t, fd);
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_STREAM, 0, CONSOLE_PORT(CID_A)), ECONNRESET);
}

static void t07_spoofed_source(struct ne_test *t)
{
	static const uint64_t bad[] = {
		0, 1, 2, 3, CID_B, VMADDR_CID_ANY, CID_A | 1ULL << 32, CID_A | 1ULL << 63,
	};
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	int other = ne_chan_open(t, CID_B, 0);
	int listener;
	size_t i;

	listener = ne_sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &c.local_port);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		c.cid = bad[i];
		CHECK_ERR(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), EINVAL);
	}
	/* The console's address belongs to the console file. */
	c.cid = NE_EMU_CID_HYPERVISOR;
	c.port = CONSOLE_PORT(CID_A);
	CHECK_ERR(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), EINVAL);
	CHECK_EQ(t, ne_chan_info(c.chan, "malformed"), ARRAY_SIZE(bad) + 1);

	c.chan = ne_chan_open(t, CID_A, NE_EMU_VSOCK_CONSOLE);
	c.port++;
	CHECK_ERR(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), EINVAL);
	c.cid = CID_A;
	c.port--;
	CHECK_ERR(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), EINVAL);

	CHECK(t, accept(listener, NULL, NULL) < 0 && errno == EAGAIN);
	CHECK_EQ(t, ne_wait(other, POLLIN, 0), 0);
}

static void t08_malformed(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	char *big = calloc(1, HDR_SIZE + MAX_PAYLOAD + 1);
	struct virtio_vsock_hdr hdr;
	int fd;

	REQUIRE(t, big);
	fd = ne_conn_open(t, &c, p);

	hdr = ne_conn_hdr(&c, VIRTIO_VSOCK_OP_RW, 0, 3);
	CHECK(t, write(c.chan, &hdr, HDR_SIZE - 1) < 0 && errno == EINVAL);
	CHECK(t, write(c.chan, &hdr, 0) < 0 && errno == EINVAL);
	CHECK_ERR(t, ne_chan_write(c.chan, &hdr, "ab", 2), EINVAL);
	hdr.len = htole32(UINT32_MAX);
	CHECK_ERR(t, ne_chan_write(c.chan, &hdr, "ab", 2), EINVAL);
	hdr.len = htole32(MAX_PAYLOAD + 1);
	memcpy(big, &hdr, HDR_SIZE);
	CHECK(t, write(c.chan, big, HDR_SIZE + MAX_PAYLOAD + 1) < 0 && errno == EINVAL);
	CHECK_ERR(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_INVALID, 0, NULL, 0), EINVAL);
	CHECK_ERR(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_CREDIT_REQUEST + 1, 0, NULL, 0), EINVAL);
	CHECK_ERR(t, ne_chan_write(c.chan, NULL, NULL, 0), EFAULT);
	hdr = ne_conn_hdr(&c, VIRTIO_VSOCK_OP_RW, 0, 8192);
	CHECK_ERR(t, ne_chan_write(c.chan, &hdr, NULL, 8192), EFAULT);
	CHECK_EQ(t, ne_chan_info(c.chan, "malformed"), 7);

	/* Bytes after the payload are padding of the guest's buffers. */
	hdr = ne_conn_hdr(&c, VIRTIO_VSOCK_OP_RW, 0, 2);
	CHECK_EQ(t, ne_chan_write(c.chan, &hdr, "ok??", 4), HDR_SIZE + 4);
	CHECK_EQ(t, ne_sock_recv(fd, big, 4), 2);
	CHECK(t, !memcmp(big, "ok", 2));

	/* An unknown socket type is answered, as the virtio specification requires. */
	c.type = 9;
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RST, p, sizeof(*p));
}

static void t09_other_destination(struct ne_test *t)
{
	static const uint64_t bad[] = {
		0, 1, 4, CID_A, CID_B, VMADDR_CID_ANY, 2 | 1ULL << 32, 3 | 1ULL << 32,
		CID_B | 1ULL << 32,
	};
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	int guest = ne_chan_open(t, CID_B, 0);
	int console = ne_chan_open(t, CID_B, NE_EMU_VSOCK_CONSOLE);
	struct ne_packet *p = ne_packet_new(t);
	struct virtio_vsock_hdr hdr;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		hdr = ne_conn_hdr(&c, VIRTIO_VSOCK_OP_REQUEST, 0, 0);
		hdr.dst_cid = htole64(bad[i]);
		hdr.dst_port = htole32(CONSOLE_PORT(CID_B));
		CHECK_EQ(t, ne_chan_write(c.chan, &hdr, NULL, 0), HDR_SIZE);
		REQUIRE_EQ(t, ne_chan_read(c.chan, p, sizeof(*p)), HDR_SIZE);
		CHECK_EQ(t, le16toh(p->hdr.op), VIRTIO_VSOCK_OP_RST);
		CHECK_EQ(t, le64toh(p->hdr.src_cid), bad[i]);
		CHECK_EQ(t, le64toh(p->hdr.dst_cid), CID_A);
		CHECK_EQ(t, le32toh(p->hdr.src_port), CONSOLE_PORT(CID_B));
		CHECK_EQ(t, le32toh(p->hdr.dst_port), GUEST_PORT);

		/* A reset is not answered. */
		hdr.op = htole16(VIRTIO_VSOCK_OP_RST);
		CHECK_EQ(t, ne_chan_write(c.chan, &hdr, NULL, 0), HDR_SIZE);
		CHECK_EQ(t, ne_wait(c.chan, POLLIN, 0), 0);
	}
	CHECK_EQ(t, ne_wait(guest, POLLIN, 0), 0);
	CHECK_EQ(t, ne_wait(console, POLLIN, 0), 0);
}

static void t10_partial_reads(struct ne_test *t)
{
	static const size_t spaces[] = { HDR_SIZE + 1, HDR_SIZE + 1000, 4096, HDR_SIZE + 65536 };
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	uint8_t *buf = malloc(CREDIT);
	size_t sent = 0, got = 0, i = 0;
	int fd;

	REQUIRE(t, buf);
	fill(buf, CREDIT);
	fd = ne_conn_open(t, &c, p);

	/* With this credit, all of it can be queued in the channel. */
	while (sent < CREDIT) {
		ssize_t n = ne_sock_send(fd, buf + sent, CREDIT - sent, 0);

		REQUIRE(t, n > 0);
		sent += n;
	}
	CHECK_ERR(t, ne_sock_send(fd, "x", 1, 0), EAGAIN);

	while (got < CREDIT) {
		/* One byte at a time is slow: only the first few packets. */
		size_t space = got < 300 ? spaces[0] : spaces[1 + i++ % 3];

		ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, space);
		REQUIRE(t, is_pattern(p->data, got, le32toh(p->hdr.len)));
		got += le32toh(p->hdr.len);
	}
	CHECK_EQ(t, got, CREDIT);
	CHECK_EQ(t, ne_wait(c.chan, POLLIN, 0), 0);

	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0), 0);
	CHECK_EQ(t, ne_sock_send(fd, "x", 1, 0), 1);
}

static void t11_large_from_guest(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	uint8_t *buf = malloc(CREDIT);
	uint8_t *back = malloc(CREDIT);
	size_t got = 0, sent;
	int fd;

	REQUIRE(t, buf && back);
	fill(buf, CREDIT);
	fd = ne_conn_open(t, &c, p);
	for (sent = 0; sent < CREDIT; sent += MAX_PAYLOAD)
		REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, buf + sent, MAX_PAYLOAD), 0);
	while (got < CREDIT) {
		ssize_t n = ne_sock_recv(fd, back + got, 10000);

		REQUIRE(t, n > 0);
		got += n;
	}
	CHECK(t, !memcmp(buf, back, CREDIT));
}

static void t12_failed_read_keeps_packet(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	struct iovec iov[2];
	int fd;

	fd = ne_conn_open(t, &c, p);
	CHECK_EQ(t, ne_sock_send(fd, "hello", 5, 0), 5);
	iov[0] = (struct iovec) { .iov_base = p, .iov_len = HDR_SIZE };
	iov[1] = (struct iovec) { .iov_base = NULL, .iov_len = 100 };
	CHECK(t, readv(c.chan, iov, 2) < 0 && errno == EFAULT);
	iov[0].iov_base = NULL;
	CHECK(t, readv(c.chan, iov, 2) < 0 && errno == EFAULT);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
	CHECK(t, !memcmp(p->data, "hello", 5));
}

static void t13_blocking_read(struct ne_test *t)
{
	int chan = ne_chan_open(t, CID_A, 0);
	struct ne_packet *p = ne_packet_new(t);
	pid_t pid;

	REQUIRE_EQ(t, fcntl(chan, F_SETFL, 0), 0);
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid) {
		ne_sock_connect(t, SOCK_STREAM, CID_A, GUEST_PORT);
		pause();
	}
	CHECK_EQ(t, read(chan, p, sizeof(*p)), HDR_SIZE);
	CHECK_EQ(t, le16toh(p->hdr.op), VIRTIO_VSOCK_OP_REQUEST);
}

static void t14_request_flood(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int sent = 0, err;

	/* Port 1 of the parent has no listener. */
	c.local_port = 1;
	do {
		c.port++;
		err = ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
	} while (!err && ++sent < 100 * MAX_REPLIES);

	CHECK_EQ(t, err, -EAGAIN);
	CHECK_EQ(t, sent, MAX_REPLIES);
	CHECK_EQ(t, ne_chan_info(c.chan, "control"), MAX_REPLIES);
	CHECK_EQ(t, ne_wait(c.chan, POLLOUT, 0), 0);
	CHECK_EQ(t, ne_chan_read(c.chan, p, sizeof(*p)), HDR_SIZE);
	CHECK_EQ(t, ne_wait(c.chan, POLLOUT, 0), POLLOUT);
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
	CHECK_ERR(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), EAGAIN);
	while (ne_wait(c.chan, POLLIN, 0))
		REQUIRE_EQ(t, ne_chan_read(c.chan, p, sizeof(*p)), HDR_SIZE);
	CHECK_EQ(t, ne_chan_info(c.chan, "replies"), 0);
	CHECK_EQ(t, ne_chan_info(c.chan, "control"), 0);
}

static void t15_credit_flood(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	char byte;
	int fd, i;

	fd = ne_conn_open(t, &c, p);
	for (i = 0; i < MORE_THAN_REPLIES; i++)
		REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0, NULL, 0), 0);
	CHECK_EQ(t, ne_chan_info(c.chan, "queued"), 1);

	/* A socket that reads byte by byte does not fill the queue with credit updates either. */
	for (i = 0; i < MORE_THAN_REPLIES; i++) {
		REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "x", 1), 0);
		REQUIRE_EQ(t, ne_sock_recv(fd, &byte, 1), 1);
	}
	CHECK_EQ(t, ne_chan_info(c.chan, "queued"), 1);
	REQUIRE_EQ(t, ne_chan_read(c.chan, p, sizeof(*p)), HDR_SIZE);
	CHECK_EQ(t, le16toh(p->hdr.op), VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	CHECK_EQ(t, le32toh(p->hdr.fwd_cnt), MORE_THAN_REPLIES);

	/* Queued data carries the credit as well. */
	CHECK_EQ(t, ne_sock_send(fd, "y", 1, 0), 1);
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "x", 1), 0);
	CHECK_EQ(t, ne_sock_recv(fd, &byte, 1), 1);
	CHECK_EQ(t, ne_chan_info(c.chan, "queued"), 1);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
	CHECK_EQ(t, le32toh(p->hdr.fwd_cnt), MORE_THAN_REPLIES + 1);
}

static void t16_small_writes(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	long sent = 0, got = 0, queued;
	int fd, round;

	fd = ne_conn_open(t, &c, p);
	for (round = 0; round < 3; round++) {
		while (sent - got < CREDIT && ne_sock_send(fd, "x", 1, 0) == 1)
			sent++;
		queued = ne_chan_info(c.chan, "queued");
		/* Far less than the credit of 256 Ki packets. */
		CHECK(t, queued > 100 && queued < 8192);
		CHECK_EQ(t, queued, sent - got);
		CHECK_EQ(t, ne_wait(fd, POLLOUT, 0), 0);
		while (got < sent) {
			ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
			got += le32toh(p->hdr.len);
		}
		CHECK_EQ(t, ne_wait(fd, POLLOUT, AT_ONCE_MS), POLLOUT);
		CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0), 0);
	}
}

static const struct ne_case cases[] = {
	{ "T01 node", t01_node, 0 },
	{ "T02 attach", t02_attach, 0 },
	{ "T03 guest_to_parent", t03_guest_to_parent, 0 },
	{ "T04 parent_to_guest", t04_parent_to_guest, 0 },
	{ "T05 no_channel", t05_no_channel, 0 },
	{ "T06 console", t06_console, 0 },
	{ "T07 spoofed_source", t07_spoofed_source, 0 },
	{ "T08 malformed", t08_malformed, 0 },
	{ "T09 other_destination", t09_other_destination, 0 },
	{ "T10 partial_reads", t10_partial_reads, 0 },
	{ "T11 large_from_guest", t11_large_from_guest, 0 },
	{ "T12 failed_read_keeps_packet", t12_failed_read_keeps_packet, 0 },
	{ "T13 blocking_read", t13_blocking_read, 0 },
	{ "T14 request_flood", t14_request_flood, 0 },
	{ "T15 credit_flood", t15_credit_flood, 0 },
	{ "T16 small_writes", t16_small_writes, 0 },
};

int main(int argc, char **argv)
{
	return ne_vsock_main(cases, ARRAY_SIZE(cases), argc, argv);
}
