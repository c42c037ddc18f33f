// SPDX-License-Identifier: Apache-2.0
/*
 * V: the channel files of ne_emu_vsock. The program plays the VMMs, packet by
 * packet, and the parent's sockets at the same time. Needs root and the module.
 */

#include "ne_harness.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nitro_enclaves_emu.h>
#include <linux/virtio_vsock.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NODE		"/dev/ne_emu_vsock"
#define HDR_SIZE	sizeof(struct virtio_vsock_hdr)
#define MAX_PAYLOAD	65536
#define WAIT_MS		5000
/* "At once": well below the time-out of connect(), which is 2 s. */
#define AT_ONCE_MS	1000
#define CREDIT		(256 * 1024)

#define CID_A		770001u
#define CID_B		770002u
#define CID_NONE	770003u
#define GUEST_PORT	5005u
#define CONSOLE_PORT(cid) (NE_EMU_CONSOLE_PORT_BASE + (cid))

/* The module's limit on answers that wait. */
#define MAX_REPLIES	256

struct packet {
	struct virtio_vsock_hdr hdr;
	uint8_t data[MAX_PAYLOAD];
} __attribute__((packed));

/* One connection as the enclave's end sees it. */
struct conn {
	int chan;
	uint64_t cid;
	uint32_t port;
	uint32_t local_port;
	uint16_t type;
	uint32_t fwd_cnt;
};

/* ---- the VMM's side ---- */

static int chan_open(struct ne_test *t, uint32_t cid, uint32_t flags)
{
	struct ne_emu_vsock_attach attach = { .cid = cid, .flags = flags };
	int fd = open(NODE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	REQUIRE(t, fd >= 0);
	REQUIRE_EQ(t, ioctl(fd, NE_EMU_VSOCK_ATTACH, &attach), 0);
	return fd;
}

static int wait_events(int fd, short events, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, timeout_ms) > 0 ? pfd.revents : 0;
}

/* Read one packet into @space bytes; its size, or a negative errno. */
static int chan_read(int chan, struct packet *p, size_t space)
{
	ssize_t n;

	memset(&p->hdr, 0, sizeof(p->hdr));
	wait_events(chan, POLLIN, WAIT_MS);
	n = read(chan, p, space);
	return n < 0 ? -errno : n;
}

static int chan_write(int chan, const struct virtio_vsock_hdr *hdr, const void *data, size_t len)
{
	struct iovec iov[] = {
		{ .iov_base = (void *)hdr, .iov_len = sizeof(*hdr) },
		{ .iov_base = (void *)data, .iov_len = len },
	};
	ssize_t n = writev(chan, iov, 2);

	return n < 0 ? -errno : n;
}

/* A value of the channel's /proc/self/fdinfo file, or -1. */
static long chan_info(int chan, const char *name)
{
	char path[64], line[128];
	size_t len = strlen(name);
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", chan);
	f = fopen(path, "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ':')
			value = strtol(line + len + 1, NULL, 10);
	fclose(f);
	return value;
}

static struct virtio_vsock_hdr conn_hdr(const struct conn *c, uint16_t op, uint32_t flags,
					size_t len)
{
	return (struct virtio_vsock_hdr) {
		.src_cid = htole64(c->cid),
		.src_port = htole32(c->port),
		.dst_cid = htole64(NE_EMU_CID_PARENT),
		.dst_port = htole32(c->local_port),
		.len = htole32(len),
		.type = htole16(c->type),
		.op = htole16(op),
		.flags = htole32(flags),
		.buf_alloc = htole32(CREDIT),
		.fwd_cnt = htole32(c->fwd_cnt),
	};
}

/* 0 or a negative errno. */
static int conn_send(const struct conn *c, uint16_t op, uint32_t flags, const void *data,
		     size_t len)
{
	struct virtio_vsock_hdr hdr = conn_hdr(c, op, flags, len);
	int n = chan_write(c->chan, &hdr, data, len);

	return n < 0 ? n : n == (int)(HDR_SIZE + len) ? 0 : -EIO;
}

/* The next packet of the connection that is no credit update must be @op. */
static void conn_expect(struct ne_test *t, struct conn *c, uint16_t op, struct packet *p,
			size_t space)
{
	do {
		int n = chan_read(c->chan, p, space);

		REQUIRE(t, n >= (int)HDR_SIZE);
		REQUIRE_EQ(t, le32toh(p->hdr.len), n - HDR_SIZE);
	} while (le16toh(p->hdr.op) == VIRTIO_VSOCK_OP_CREDIT_UPDATE);

	REQUIRE_EQ(t, le16toh(p->hdr.op), op);
	REQUIRE_EQ(t, le16toh(p->hdr.type), c->type);
	REQUIRE_EQ(t, le64toh(p->hdr.src_cid), NE_EMU_CID_PARENT);
	REQUIRE_EQ(t, le64toh(p->hdr.dst_cid), c->cid);
	REQUIRE_EQ(t, le32toh(p->hdr.src_port), c->local_port);
	REQUIRE_EQ(t, le32toh(p->hdr.dst_port), c->port);
	if (op == VIRTIO_VSOCK_OP_RW)
		c->fwd_cnt += le32toh(p->hdr.len);
}

/* ---- the parent's side ---- */

/*
 * Before has_remote_cid came to the kernel, CIDs above 2 belong to vhost_vsock
 * whenever that is loaded, unless the socket says otherwise.
 */
static uint8_t connect_flags(void)
{
	return access("/proc/sys/net/vsock/g2h_fallback", F_OK) &&
	       !access("/sys/module/vhost_vsock", F_OK) ? VMADDR_FLAG_TO_HOST : 0;
}

static int sock_listen(struct ne_test *t, int type, uint32_t cid, uint32_t *port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = cid,
		.svm_port = VMADDR_PORT_ANY,
	};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_VSOCK, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	REQUIRE(t, fd >= 0);
	REQUIRE_EQ(t, bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	REQUIRE_EQ(t, listen(fd, 8), 0);
	REQUIRE_EQ(t, getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*port = addr.svm_port;
	return fd;
}

/* Begin to connect; the socket, or a negative errno. */
static int sock_connect(struct ne_test *t, int type, uint32_t cid, uint32_t port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = cid,
		.svm_port = port,
		.svm_flags = connect_flags(),
	};
	int fd = socket(AF_VSOCK, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	REQUIRE(t, fd >= 0);
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)) || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -errno;
}

/* How connect() ended: 0, a negative errno, or -EINPROGRESS if not in time. */
static int sock_connected(int fd)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (!wait_events(fd, POLLOUT, AT_ONCE_MS))
		return -EINPROGRESS;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return -err;
}

static int try_connect(struct ne_test *t, int type, uint32_t cid, uint32_t port)
{
	int fd = sock_connect(t, type, cid, port);
	int err = fd;

	if (fd >= 0) {
		err = sock_connected(fd);
		close(fd);
	}
	return err;
}

static ssize_t sock_recv(int fd, void *buf, size_t len)
{
	ssize_t n;

	wait_events(fd, POLLIN, WAIT_MS);
	n = recv(fd, buf, len, 0);
	return n < 0 ? -errno : n;
}

static ssize_t sock_send(int fd, const void *buf, size_t len, int flags)
{
	ssize_t n = send(fd, buf, len, flags | MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

static void check_ended(struct ne_test *t, int fd)
{
	char c;

	CHECK_EQ(t, sock_recv(fd, &c, 1), 0);
	CHECK_ERR(t, sock_send(fd, "x", 1, 0), EPIPE);
}

/* ---- both ---- */

/* A request that the parent made and the enclave has read. */
static int begin_to_guest(struct ne_test *t, struct conn *c, struct packet *p)
{
	int fd = sock_connect(t, c->type == VIRTIO_VSOCK_TYPE_STREAM ? SOCK_STREAM : SOCK_SEQPACKET,
			      c->cid, c->port);

	REQUIRE_OK(t, fd);
	REQUIRE(t, chan_read(c->chan, p, sizeof(*p)) == HDR_SIZE);
	REQUIRE_EQ(t, le16toh(p->hdr.op), VIRTIO_VSOCK_OP_REQUEST);
	REQUIRE_EQ(t, le64toh(p->hdr.dst_cid), c->cid);
	REQUIRE_EQ(t, le32toh(p->hdr.dst_port), c->port);
	c->local_port = le32toh(p->hdr.src_port);
	return fd;
}

static int connect_to_guest(struct ne_test *t, struct conn *c, struct packet *p)
{
	int fd = begin_to_guest(t, c, p);

	REQUIRE_EQ(t, conn_send(c, VIRTIO_VSOCK_OP_RESPONSE, 0, NULL, 0), 0);
	REQUIRE_EQ(t, sock_connected(fd), 0);
	return fd;
}

static int accept_from_guest(struct ne_test *t, struct conn *c, struct packet *p, int listener)
{
	int fd;

	REQUIRE_EQ(t, conn_send(c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
	conn_expect(t, c, VIRTIO_VSOCK_OP_RESPONSE, p, sizeof(*p));
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	REQUIRE(t, fd >= 0);
	return fd;
}

static struct conn guest_conn(int chan, uint32_t cid)
{
	return (struct conn) {
		.chan = chan, .cid = cid, .port = GUEST_PORT, .type = VIRTIO_VSOCK_TYPE_STREAM,
	};
}

static struct packet *new_packet(struct ne_test *t)
{
	struct packet *p = malloc(sizeof(*p));

	REQUIRE(t, p);
	return p;
}

static uint8_t pattern(size_t i)
{
	return i * 7 + (i >> 9);
}

static void fill(uint8_t *buf, size_t len)
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

/* ---- cases ---- */

static void v01_node(struct ne_test *t)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = 4, .svm_port = VMADDR_PORT_ANY,
	};
	int fd = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
	unsigned int cid = 0;
	struct stat st;
	uint32_t port;

	REQUIRE_EQ(t, stat(NODE, &st), 0);
	CHECK_EQ(t, st.st_mode & 0777, 0600);
	REQUIRE(t, fd >= 0);
	CHECK_EQ(t, ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid), 0);
	CHECK_EQ(t, cid, NE_EMU_CID_PARENT);

	sock_listen(t, SOCK_STREAM, NE_EMU_CID_PARENT, &port);
	fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	CHECK(t, bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 && errno == EADDRNOTAVAIL);
}

static int attach_errno(int fd, uint32_t cid, uint32_t flags)
{
	struct ne_emu_vsock_attach attach = { .cid = cid, .flags = flags };

	return ioctl(fd, NE_EMU_VSOCK_ATTACH, &attach) ? -errno : 0;
}

static void v02_attach(struct ne_test *t)
{
	static const uint32_t bad_cids[] = { 0, 1, 2, 3, VMADDR_CID_ANY };
	int fd = open(NODE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct packet *p = new_packet(t);
	size_t i;

	REQUIRE(t, fd >= 0);
	memset(p, 0, sizeof(*p));
	CHECK(t, read(fd, p, sizeof(*p)) < 0 && errno == ENOTCONN);
	CHECK(t, write(fd, p, HDR_SIZE) < 0 && errno == ENOTCONN);
	CHECK(t, ioctl(fd, NE_EMU_VSOCK_SEQPACKET, 1) < 0 && errno == ENOTCONN);
	CHECK_EQ(t, wait_events(fd, POLLIN | POLLOUT, 0), 0);
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
	CHECK_EQ(t, chan_info(fd, "cid"), CID_A);
	CHECK_EQ(t, wait_events(fd, POLLIN | POLLOUT, 0), POLLOUT);
	CHECK(t, read(fd, p, sizeof(*p)) < 0 && errno == EAGAIN);
	CHECK(t, read(fd, p, HDR_SIZE) < 0 && errno == EINVAL);
}

static void v03_guest_to_parent(struct ne_test *t)
{
	struct conn c = guest_conn(chan_open(t, CID_A, 0), CID_A);
	struct packet *p = new_packet(t);
	struct sockaddr_vm peer;
	socklen_t len = sizeof(peer);
	int listener, fd;
	char byte = 0;

	listener = sock_listen(t, SOCK_STREAM, NE_EMU_CID_PARENT, &c.local_port);
	fd = accept_from_guest(t, &c, p, listener);
	CHECK_EQ(t, getpeername(fd, (struct sockaddr *)&peer, &len), 0);
	CHECK_EQ(t, peer.svm_cid, CID_A);
	CHECK_EQ(t, peer.svm_port, GUEST_PORT);

	CHECK_EQ(t, conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "\xb7", 1), 0);
	CHECK_EQ(t, sock_recv(fd, &byte, 1), 1);
	CHECK_EQ(t, (uint8_t)byte, 0xb7);
	CHECK_EQ(t, sock_send(fd, &byte, 1, 0), 1);
	conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
	CHECK_EQ(t, p->data[0], 0xb7);

	/* Nobody listens here. */
	close(listener);
	c.port++;
	CHECK_EQ(t, conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
	conn_expect(t, &c, VIRTIO_VSOCK_OP_RST, p, sizeof(*p));
}

static void v04_parent_to_guest(struct ne_test *t)
{
	struct conn c = guest_conn(chan_open(t, CID_A, 0), CID_A);
	struct packet *p = new_packet(t);
	int fd;

	fd = begin_to_guest(t, &c, p);
	CHECK_EQ(t, conn_send(&c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0), 0);
	CHECK_ERR(t, sock_connected(fd), ECONNRESET);

	fd = connect_to_guest(t, &c, p);
	CHECK_EQ(t, sock_send(fd, "hello", 5, 0), 5);
	conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
	CHECK(t, !memcmp(p->data, "hello", 5));
	CHECK_EQ(t, conn_send(&c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0), 0);
	check_ended(t, fd);
}

static void v05_no_channel(struct ne_test *t)
{
	int guest = chan_open(t, CID_A, 0);
	int console = chan_open(t, CID_B, NE_EMU_VSOCK_CONSOLE);

	CHECK_ERR(t, try_connect(t, SOCK_STREAM, CID_NONE, 1), ECONNRESET);
	CHECK_ERR(t, try_connect(t, SOCK_STREAM, CID_NONE, CONSOLE_PORT(CID_B)), ECONNRESET);
	CHECK_ERR(t, try_connect(t, SOCK_STREAM, VMADDR_CID_ANY, 1), ECONNRESET);
	/* A console file carries no guest, a guest's file no console. */
	CHECK_ERR(t, try_connect(t, SOCK_STREAM, CID_B, 1), ECONNRESET);
	CHECK_ERR(t, try_connect(t, SOCK_STREAM, 0, CONSOLE_PORT(CID_A)), ECONNRESET);
	CHECK_ERR(t, try_connect(t, SOCK_STREAM, 0, 1), ECONNRESET);
	CHECK_ERR(t, try_connect(t, SOCK_STREAM, 0, NE_EMU_CONSOLE_PORT_BASE), ECONNRESET);
	CHECK_ERR(t, try_connect(t, SOCK_STREAM, VMADDR_CID_LOCAL, 1), ECONNRESET);
	CHECK_ERR(t, try_connect(t, SOCK_STREAM, VMADDR_CID_HOST, 1), ECONNRESET);
	CHECK_ERR(t, try_connect(t, SOCK_STREAM, NE_EMU_CID_PARENT, 1), ECONNRESET);
	CHECK_ERR(t, try_connect(t, SOCK_SEQPACKET, CID_NONE, 1), ECONNRESET);
	CHECK_EQ(t, wait_events(guest, POLLIN, 0), 0);
	CHECK_EQ(t, wait_events(console, POLLIN, 0), 0);
}

static void v06_console(struct ne_test *t)
{
	int guest = chan_open(t, CID_A, 0);
	struct conn c = {
		.chan = chan_open(t, CID_A, NE_EMU_VSOCK_CONSOLE),
		.cid = NE_EMU_CID_HYPERVISOR,
		.port = CONSOLE_PORT(CID_A),
		.type = VIRTIO_VSOCK_TYPE_STREAM,
	};
	struct packet *p = new_packet(t);
	char text[9] = "";
	int fd;

	fd = connect_to_guest(t, &c, p);
	CHECK_EQ(t, wait_events(guest, POLLIN, 0), 0);
	CHECK_EQ(t, conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "boot log", 8), 0);
	CHECK_ERR(t, try_connect(t, SOCK_SEQPACKET, 0, CONSOLE_PORT(CID_A)), ESOCKTNOSUPPORT);
	CHECK(t, ioctl(c.chan, NE_EMU_VSOCK_SEQPACKET, 1) < 0 && errno == EINVAL);

	/* What was sent before the end arrives, then a clean end of file. */
	close(c.chan);
	CHECK_EQ(t, sock_recv(fd, text, 8), 8);
	CHECK(t, !strcmp(text, "boot log"));
	check_ended(t, fd);
	CHECK_ERR(t, try_connect(t, SOCK_STREAM, 0, CONSOLE_PORT(CID_A)), ECONNRESET);
}

static void v07_spoofed_source(struct ne_test *t)
{
	static const uint64_t bad[] = {
		0, 1, 2, 3, CID_B, VMADDR_CID_ANY, CID_A | 1ULL << 32, CID_A | 1ULL << 63,
	};
	struct conn c = guest_conn(chan_open(t, CID_A, 0), CID_A);
	int other = chan_open(t, CID_B, 0);
	int listener;
	size_t i;

	listener = sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &c.local_port);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		c.cid = bad[i];
		CHECK_ERR(t, conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), EINVAL);
	}
	/* The console's address belongs to the console file. */
	c.cid = NE_EMU_CID_HYPERVISOR;
	c.port = CONSOLE_PORT(CID_A);
	CHECK_ERR(t, conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), EINVAL);
	CHECK_EQ(t, chan_info(c.chan, "malformed"), ARRAY_SIZE(bad) + 1);

	c.chan = chan_open(t, CID_A, NE_EMU_VSOCK_CONSOLE);
	c.port++;
	CHECK_ERR(t, conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), EINVAL);
	c.cid = CID_A;
	c.port--;
	CHECK_ERR(t, conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), EINVAL);

	CHECK(t, accept(listener, NULL, NULL) < 0 && errno == EAGAIN);
	CHECK_EQ(t, wait_events(other, POLLIN, 0), 0);
}

static void v08_malformed(struct ne_test *t)
{
	struct conn c = guest_conn(chan_open(t, CID_A, 0), CID_A);
	struct packet *p = new_packet(t);
	char *big = calloc(1, HDR_SIZE + MAX_PAYLOAD + 1);
	struct virtio_vsock_hdr hdr;
	int fd;

	REQUIRE(t, big);
	fd = connect_to_guest(t, &c, p);

	hdr = conn_hdr(&c, VIRTIO_VSOCK_OP_RW, 0, 3);
	CHECK(t, write(c.chan, &hdr, HDR_SIZE - 1) < 0 && errno == EINVAL);
	CHECK(t, write(c.chan, &hdr, 0) < 0 && errno == EINVAL);
	CHECK_ERR(t, chan_write(c.chan, &hdr, "ab", 2), EINVAL);
	hdr.len = htole32(UINT32_MAX);
	CHECK_ERR(t, chan_write(c.chan, &hdr, "ab", 2), EINVAL);
	hdr.len = htole32(MAX_PAYLOAD + 1);
	memcpy(big, &hdr, HDR_SIZE);
	CHECK(t, write(c.chan, big, HDR_SIZE + MAX_PAYLOAD + 1) < 0 && errno == EINVAL);
	CHECK_ERR(t, conn_send(&c, VIRTIO_VSOCK_OP_INVALID, 0, NULL, 0), EINVAL);
	CHECK_ERR(t, conn_send(&c, VIRTIO_VSOCK_OP_CREDIT_REQUEST + 1, 0, NULL, 0), EINVAL);
	CHECK(t, write(c.chan, NULL, HDR_SIZE) < 0 && errno == EFAULT);
	hdr = conn_hdr(&c, VIRTIO_VSOCK_OP_RW, 0, 8192);
	CHECK_ERR(t, chan_write(c.chan, &hdr, NULL, 8192), EFAULT);
	CHECK_EQ(t, chan_info(c.chan, "malformed"), 7);

	/* Bytes after the payload are padding of the guest's buffers. */
	hdr = conn_hdr(&c, VIRTIO_VSOCK_OP_RW, 0, 2);
	CHECK_EQ(t, chan_write(c.chan, &hdr, "ok??", 4), HDR_SIZE + 4);
	CHECK_EQ(t, sock_recv(fd, big, 4), 2);
	CHECK(t, !memcmp(big, "ok", 2));

	/* A socket type that does not exist is answered, as virtio wants it. */
	c.type = 9;
	CHECK_EQ(t, conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
	conn_expect(t, &c, VIRTIO_VSOCK_OP_RST, p, sizeof(*p));
}

static void v09_other_destination(struct ne_test *t)
{
	static const uint64_t bad[] = {
		0, 1, 2, 4, CID_A, CID_B, VMADDR_CID_ANY, 3 | 1ULL << 32, CID_B | 1ULL << 32,
	};
	struct conn c = guest_conn(chan_open(t, CID_A, 0), CID_A);
	int guest = chan_open(t, CID_B, 0);
	int console = chan_open(t, CID_B, NE_EMU_VSOCK_CONSOLE);
	struct packet *p = new_packet(t);
	struct virtio_vsock_hdr hdr;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		hdr = conn_hdr(&c, VIRTIO_VSOCK_OP_REQUEST, 0, 0);
		hdr.dst_cid = htole64(bad[i]);
		hdr.dst_port = htole32(CONSOLE_PORT(CID_B));
		CHECK_EQ(t, chan_write(c.chan, &hdr, NULL, 0), HDR_SIZE);
		REQUIRE_EQ(t, chan_read(c.chan, p, sizeof(*p)), HDR_SIZE);
		CHECK_EQ(t, le16toh(p->hdr.op), VIRTIO_VSOCK_OP_RST);
		CHECK_EQ(t, le64toh(p->hdr.src_cid), bad[i]);
		CHECK_EQ(t, le64toh(p->hdr.dst_cid), CID_A);
		CHECK_EQ(t, le32toh(p->hdr.src_port), CONSOLE_PORT(CID_B));
		CHECK_EQ(t, le32toh(p->hdr.dst_port), GUEST_PORT);

		/* No answer to an answer. */
		hdr.op = htole16(VIRTIO_VSOCK_OP_RST);
		CHECK_EQ(t, chan_write(c.chan, &hdr, NULL, 0), HDR_SIZE);
		CHECK_EQ(t, wait_events(c.chan, POLLIN, 0), 0);
	}
	CHECK_EQ(t, wait_events(guest, POLLIN, 0), 0);
	CHECK_EQ(t, wait_events(console, POLLIN, 0), 0);
}

static void v10_partial_reads(struct ne_test *t)
{
	static const size_t spaces[] = { HDR_SIZE + 1, HDR_SIZE + 1000, 4096, HDR_SIZE + 65536 };
	struct conn c = guest_conn(chan_open(t, CID_A, 0), CID_A);
	struct packet *p = new_packet(t);
	uint8_t *buf = malloc(CREDIT);
	size_t sent = 0, got = 0, i = 0;
	int fd;

	REQUIRE(t, buf);
	fill(buf, CREDIT);
	fd = connect_to_guest(t, &c, p);

	/* The credit lets all of it wait in the channel. */
	while (sent < CREDIT) {
		ssize_t n = sock_send(fd, buf + sent, CREDIT - sent, 0);

		REQUIRE(t, n > 0);
		sent += n;
	}
	CHECK_ERR(t, sock_send(fd, "x", 1, 0), EAGAIN);

	while (got < CREDIT) {
		/* One byte at a time is slow: only the first few packets. */
		size_t space = got < 300 ? spaces[0] : spaces[1 + i++ % 3];

		conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, space);
		REQUIRE(t, is_pattern(p->data, got, le32toh(p->hdr.len)));
		got += le32toh(p->hdr.len);
	}
	CHECK_EQ(t, got, CREDIT);
	CHECK_EQ(t, wait_events(c.chan, POLLIN, 0), 0);

	CHECK_EQ(t, conn_send(&c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0), 0);
	CHECK_EQ(t, sock_send(fd, "x", 1, 0), 1);
}

static void v11_large_from_guest(struct ne_test *t)
{
	struct conn c = guest_conn(chan_open(t, CID_A, 0), CID_A);
	struct packet *p = new_packet(t);
	uint8_t *buf = malloc(CREDIT);
	uint8_t *back = malloc(CREDIT);
	size_t got = 0, sent;
	int fd;

	REQUIRE(t, buf && back);
	fill(buf, CREDIT);
	fd = connect_to_guest(t, &c, p);
	for (sent = 0; sent < CREDIT; sent += MAX_PAYLOAD)
		REQUIRE_EQ(t, conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, buf + sent, MAX_PAYLOAD), 0);
	while (got < CREDIT) {
		ssize_t n = sock_recv(fd, back + got, 10000);

		REQUIRE(t, n > 0);
		got += n;
	}
	CHECK(t, !memcmp(buf, back, CREDIT));
}

static void v12_failed_read_keeps_packet(struct ne_test *t)
{
	struct conn c = guest_conn(chan_open(t, CID_A, 0), CID_A);
	struct packet *p = new_packet(t);
	struct iovec iov[2];
	int fd;

	fd = connect_to_guest(t, &c, p);
	CHECK_EQ(t, sock_send(fd, "hello", 5, 0), 5);
	CHECK(t, read(c.chan, NULL, 100) < 0 && errno == EFAULT);
	iov[0] = (struct iovec) { .iov_base = p, .iov_len = HDR_SIZE };
	iov[1] = (struct iovec) { .iov_base = NULL, .iov_len = 100 };
	CHECK(t, readv(c.chan, iov, 2) < 0 && errno == EFAULT);
	conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
	CHECK(t, !memcmp(p->data, "hello", 5));
}

static void v13_blocking_read(struct ne_test *t)
{
	int chan = chan_open(t, CID_A, 0);
	struct packet *p = new_packet(t);
	pid_t pid;

	REQUIRE_EQ(t, fcntl(chan, F_SETFL, 0), 0);
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid) {
		sock_connect(t, SOCK_STREAM, CID_A, GUEST_PORT);
		pause();
	}
	CHECK_EQ(t, read(chan, p, sizeof(*p)), HDR_SIZE);
	CHECK_EQ(t, le16toh(p->hdr.op), VIRTIO_VSOCK_OP_REQUEST);
}

static void v14_request_flood(struct ne_test *t)
{
	struct conn c = guest_conn(chan_open(t, CID_A, 0), CID_A);
	struct packet *p = new_packet(t);
	int sent = 0, err;

	/* Port 1 of the parent: nobody listens. */
	c.local_port = 1;
	do {
		c.port++;
		err = conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
	} while (!err && ++sent < 100 * MAX_REPLIES);

	CHECK_EQ(t, err, -EAGAIN);
	CHECK_EQ(t, sent, MAX_REPLIES);
	CHECK_EQ(t, chan_info(c.chan, "control"), MAX_REPLIES);
	CHECK_EQ(t, wait_events(c.chan, POLLOUT, 0), 0);
	CHECK_EQ(t, chan_read(c.chan, p, sizeof(*p)), HDR_SIZE);
	CHECK_EQ(t, wait_events(c.chan, POLLOUT, 0), POLLOUT);
	CHECK_EQ(t, conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
	CHECK_ERR(t, conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), EAGAIN);
	while (wait_events(c.chan, POLLIN, 0))
		REQUIRE_EQ(t, chan_read(c.chan, p, sizeof(*p)), HDR_SIZE);
	CHECK_EQ(t, chan_info(c.chan, "replies"), 0);
	CHECK_EQ(t, chan_info(c.chan, "control"), 0);
}

static void v15_credit_flood(struct ne_test *t)
{
	struct conn c = guest_conn(chan_open(t, CID_A, 0), CID_A);
	struct packet *p = new_packet(t);
	char byte;
	int fd, i;

	fd = connect_to_guest(t, &c, p);
	for (i = 0; i < 20 * MAX_REPLIES; i++)
		REQUIRE_EQ(t, conn_send(&c, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0, NULL, 0), 0);
	CHECK_EQ(t, chan_info(c.chan, "queued"), 1);

	/* A socket that reads byte by byte does not fill the queue either. */
	for (i = 0; i < 2 * MAX_REPLIES; i++) {
		REQUIRE_EQ(t, conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "x", 1), 0);
		REQUIRE_EQ(t, sock_recv(fd, &byte, 1), 1);
	}
	CHECK_EQ(t, chan_info(c.chan, "queued"), 1);
	REQUIRE_EQ(t, chan_read(c.chan, p, sizeof(*p)), HDR_SIZE);
	CHECK_EQ(t, le16toh(p->hdr.op), VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	CHECK_EQ(t, le32toh(p->hdr.fwd_cnt), 2 * MAX_REPLIES);

	/* Waiting data tells the credit as well. */
	CHECK_EQ(t, sock_send(fd, "y", 1, 0), 1);
	CHECK_EQ(t, conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "x", 1), 0);
	CHECK_EQ(t, sock_recv(fd, &byte, 1), 1);
	CHECK_EQ(t, chan_info(c.chan, "queued"), 1);
	conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
	CHECK_EQ(t, le32toh(p->hdr.fwd_cnt), 2 * MAX_REPLIES + 1);
}

static void v16_small_writes(struct ne_test *t)
{
	struct conn c = guest_conn(chan_open(t, CID_A, 0), CID_A);
	struct packet *p = new_packet(t);
	long sent = 0, got = 0, queued;
	int fd, round;

	fd = connect_to_guest(t, &c, p);
	for (round = 0; round < 3; round++) {
		while (sent - got < CREDIT && sock_send(fd, "x", 1, 0) == 1)
			sent++;
		queued = chan_info(c.chan, "queued");
		/* Far less than the credit of 256 Ki packets. */
		CHECK(t, queued > 100 && queued < 8192);
		CHECK_EQ(t, queued, sent - got);
		CHECK_EQ(t, wait_events(fd, POLLOUT, 0), 0);
		while (got < sent) {
			conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
			got += le32toh(p->hdr.len);
		}
		CHECK_EQ(t, wait_events(fd, POLLOUT, AT_ONCE_MS), POLLOUT);
		CHECK_EQ(t, conn_send(&c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0), 0);
	}
}

static void v17_close_resets(struct ne_test *t)
{
	struct conn a = guest_conn(chan_open(t, CID_A, 0), CID_A);
	struct conn b = guest_conn(chan_open(t, CID_B, 0), CID_B);
	struct packet *p = new_packet(t);
	int listener, out, in, read_connect, queued_connect, closing, other, again;
	struct conn in_conn = a;
	char buf[8];

	listener = sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &in_conn.local_port);
	in = accept_from_guest(t, &in_conn, p, listener);
	other = connect_to_guest(t, &b, p);
	closing = connect_to_guest(t, &a, p);
	out = connect_to_guest(t, &a, p);
	CHECK_EQ(t, conn_send(&a, VIRTIO_VSOCK_OP_RW, 0, "last", 4), 0);
	close(closing);
	conn_expect(t, &(struct conn) { a.chan, a.cid, a.port, le32toh(p->hdr.src_port), a.type, 0 },
		    VIRTIO_VSOCK_OP_SHUTDOWN, p, 0);
}
