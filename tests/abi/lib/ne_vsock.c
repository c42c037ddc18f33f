// SPDX-License-Identifier: Apache-2.0
/* Both ends of vsock connections: channel files (the VMM) and sockets (the parent). */

#include "ne_vsock.h"
#include "ne_lib.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* After <sys/socket.h>, which it needs. */
#include <linux/vm_sockets.h>

/* Time limit for an expected event. */
#define WAIT_MS		(5000 * ne_slowness())

int ne_chan_open(struct ne_test *t, uint32_t cid, uint32_t flags)
{
	struct ne_emu_vsock_attach attach = { .cid = cid, .flags = flags };
	int fd = open(NE_VSOCK_NODE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	REQUIRE(t, fd >= 0);
	REQUIRE_EQ(t, ioctl(fd, NE_EMU_VSOCK_ATTACH, &attach), 0);
	return fd;
}

int ne_wait(int fd, short events, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, timeout_ms) > 0 ? pfd.revents : 0;
}

/* Read one packet into @space bytes. Return: its size or a negative errno. */
int ne_chan_read(int chan, struct ne_packet *p, size_t space)
{
	ssize_t n;

	memset(&p->hdr, 0, sizeof(p->hdr));
	ne_wait(chan, POLLIN, WAIT_MS);
	n = read(chan, p, space);
	return n < 0 ? -errno : n;
}

int ne_chan_write(int chan, const struct virtio_vsock_hdr *hdr, const void *data, size_t len)
{
	struct iovec iov[] = {
		{ .iov_base = (void *)hdr, .iov_len = sizeof(*hdr) },
		{ .iov_base = (void *)data, .iov_len = len },
	};
	ssize_t n = writev(chan, iov, 2);

	return n < 0 ? -errno : n;
}

/* A value of the channel's /proc/self/fdinfo file, or -1. */
long ne_chan_info(int chan, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", chan);
	return ne_read_value(path, name);
}

struct virtio_vsock_hdr ne_conn_hdr(const struct ne_conn *c, uint16_t op, uint32_t flags,
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

/* Return: 0 or a negative errno. */
int ne_conn_send(const struct ne_conn *c, uint16_t op, uint32_t flags, const void *data,
		 size_t len)
{
	struct virtio_vsock_hdr hdr = ne_conn_hdr(c, op, flags, len);
	int n = ne_chan_write(c->chan, &hdr, data, len);

	return n < 0 ? n : n == (int)(HDR_SIZE + len) ? 0 : -EIO;
}

/* The next packet of the connection other than credit updates must be @op. */
void ne_conn_expect(struct ne_test *t, struct ne_conn *c, uint16_t op, struct ne_packet *p,
		    size_t space)
{
	do {
		int n = ne_chan_read(c->chan, p, space);

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

/*
 * On kernels without has_remote_cid, a loaded vhost_vsock claims all CIDs above 2, except
 * for sockets with VMADDR_FLAG_TO_HOST.
 */
uint8_t ne_sock_flags(void)
{
	return access("/proc/sys/net/vsock/g2h_fallback", F_OK) &&
	       !access("/sys/module/vhost_vsock", F_OK) ? VMADDR_FLAG_TO_HOST : 0;
}

int ne_sock_listen(struct ne_test *t, int type, uint32_t cid, uint32_t *port)
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

/* Start to connect. Return: the socket or a negative errno. */
int ne_sock_connect(struct ne_test *t, int type, uint32_t cid, uint32_t port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = cid,
		.svm_port = port,
		.svm_flags = ne_sock_flags(),
	};
	struct timeval timeout = { .tv_sec = CONNECT_TIMEOUT_S };
	int fd = socket(AF_VSOCK, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	REQUIRE(t, fd >= 0);
	REQUIRE_EQ(t, setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &timeout,
				 sizeof(timeout)), 0);
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)) || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -errno;
}

/* Wait for connect(). Return: 0, a negative errno, or -EINPROGRESS after AT_ONCE_MS. */
int ne_sock_connected(int fd)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (!ne_wait(fd, POLLOUT, AT_ONCE_MS))
		return -EINPROGRESS;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return -err;
}

int ne_sock_try_connect(struct ne_test *t, int type, uint32_t cid, uint32_t port)
{
	int fd = ne_sock_connect(t, type, cid, port);
	int err = fd;

	if (fd >= 0) {
		err = ne_sock_connected(fd);
		close(fd);
	}
	return err;
}

ssize_t ne_sock_recv(int fd, void *buf, size_t len)
{
	ssize_t n;

	ne_wait(fd, POLLIN, WAIT_MS);
	n = recv(fd, buf, len, 0);
	return n < 0 ? -errno : n;
}

ssize_t ne_sock_send(int fd, const void *buf, size_t len, int flags)
{
	ssize_t n = send(fd, buf, len, flags | MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

void ne_sock_check_ended(struct ne_test *t, int fd)
{
	char c;

	CHECK_EQ(t, ne_sock_recv(fd, &c, 1), 0);
	CHECK_ERR(t, ne_sock_send(fd, "x", 1, 0), EPIPE);
}

/* Have the parent request a connection and the enclave read the request. */
int ne_conn_begin(struct ne_test *t, struct ne_conn *c, struct ne_packet *p)
{
	int type = c->type == VIRTIO_VSOCK_TYPE_STREAM ? SOCK_STREAM : SOCK_SEQPACKET;
	int fd = ne_sock_connect(t, type, c->cid, c->port);

	REQUIRE_OK(t, fd);
	REQUIRE(t, ne_chan_read(c->chan, p, sizeof(*p)) == HDR_SIZE);
	REQUIRE_EQ(t, le16toh(p->hdr.op), VIRTIO_VSOCK_OP_REQUEST);
	REQUIRE_EQ(t, le64toh(p->hdr.dst_cid), c->cid);
	REQUIRE_EQ(t, le32toh(p->hdr.dst_port), c->port);
	c->local_port = le32toh(p->hdr.src_port);
	return fd;
}

int ne_conn_open(struct ne_test *t, struct ne_conn *c, struct ne_packet *p)
{
	int fd = ne_conn_begin(t, c, p);

	REQUIRE_EQ(t, ne_conn_send(c, VIRTIO_VSOCK_OP_RESPONSE, 0, NULL, 0), 0);
	REQUIRE_EQ(t, ne_sock_connected(fd), 0);
	return fd;
}

int ne_conn_accept(struct ne_test *t, struct ne_conn *c, struct ne_packet *p, int listener)
{
	int fd;

	REQUIRE_EQ(t, ne_conn_send(c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
	ne_conn_expect(t, c, VIRTIO_VSOCK_OP_RESPONSE, p, sizeof(*p));
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	REQUIRE(t, fd >= 0);
	return fd;
}

struct ne_conn ne_conn_guest(int chan, uint32_t cid)
{
	return (struct ne_conn) {
		.chan = chan, .cid = cid, .port = GUEST_PORT, .type = VIRTIO_VSOCK_TYPE_STREAM,
	};
}

struct ne_packet *ne_packet_new(struct ne_test *t)
{
	struct ne_packet *p = malloc(sizeof(*p));

	REQUIRE(t, p);
	return p;
}

static void setup(struct ne_test *t)
{
	if (access("/sys/module/ne_emu_vsock", F_OK))
		CHECK_EQ(t, NE_COMMAND("modprobe", "nitro_enclaves_emu"), 0);
	NE_COMMAND("udevadm", "settle");
	if (access(NE_VSOCK_NODE, R_OK | W_OK))
		ne_skip_suite(t, "cannot open %s: %s", NE_VSOCK_NODE, strerror(errno));
}

int ne_vsock_main(const struct ne_case *cases, size_t nr_cases, int argc, char **argv)
{
	const struct ne_suite suite = {
		.cases = cases,
		.nr_cases = nr_cases,
		.setup = setup,
	};

	return ne_suite_run(&suite, argc, argv);
}
