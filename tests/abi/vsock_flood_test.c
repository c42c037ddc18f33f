// SPDX-License-Identifier: Apache-2.0
/*
 * Q: floods from a malicious enclave. During each flood, another enclave's echo keeps
 * answering and the kernel holds no more memory than stated here. Afterwards, all of it is
 * released.
 */

#include "ne_flood.h"
#include "ne_lib.h"
#include "ne_vsock.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

/* Limits of the module. */
#define MAX_REPLIES	256
#define MAX_CONTROL	8192
#define OVERHEAD	4
/* The kernel's default for the receive buffer of a socket, in bytes and KiB. */
#define BUFFER		(256 * 1024)
#define BUFFER_KIB	256
/* Data queued in a socket with a large buffer: twice 32 MiB, plus rounding to 64 KiB. */
#define WAITING_KIB	(64 * 1024 * 9 / 8)
/* KiB for a packet without payload and for a socket with its inode, with allocator overhead. */
#define PACKET_KIB	2
#define SOCKET_KIB	6
#define MANY_SOCKETS	2000
#define MAX_CONNS	64

/**
 * struct attack - a malicious enclave
 * @p: the last packet it read
 * @fds: the parent's sockets, @nr of them
 * @conns: the enclave's ends of the first of them
 */
struct attack {
	struct ne_test *t;
	struct ne_flood flood;
	struct ne_packet *p;
	int chan;
	int fds[MANY_SOCKETS];
	size_t nr;
	struct ne_conn conns[MAX_CONNS];
};

static struct attack *begin(struct ne_test *t, const char *name)
{
	struct rlimit limit = { .rlim_cur = MANY_SOCKETS + 100, .rlim_max = MANY_SOCKETS + 100 };
	struct attack *a = calloc(1, sizeof(*a));

	REQUIRE(t, a);
	REQUIRE_EQ(t, setrlimit(RLIMIT_NOFILE, &limit), 0);
	a->t = t;
	a->p = ne_packet_new(t);
	memset(a->p, 0, sizeof(*a->p));
	a->chan = -1;
	a->flood = ne_flood_begin(t, name);
	a->chan = ne_chan_open(t, CID_A, 0);
	return a;
}

static void end(struct attack *a, long max_kib)
{
	ne_flood_stop(&a->flood);
	close(a->chan);
	while (a->nr)
		close(a->fds[--a->nr]);
	ne_flood_end(&a->flood, max_kib);
}

static void drain(struct attack *a)
{
	while (read(a->chan, a->p, sizeof(*a->p)) > 0)
		;
}

/*
 * Connect from the enclave: the kernel keeps sockets of connections that the parent makes
 * until their connect timeout, even if they are closed.
 */
static void connect_many(struct attack *a, size_t count, uint16_t type)
{
	int listener;
	uint32_t port;

	REQUIRE(a->t, count <= MAX_CONNS);
	listener = ne_sock_listen(a->t, type == VIRTIO_VSOCK_TYPE_STREAM ? SOCK_STREAM :
				  SOCK_SEQPACKET, VMADDR_CID_ANY, &port);
	for (; a->nr < count; a->nr++) {
		a->conns[a->nr] = ne_conn_guest(a->chan, CID_A);
		a->conns[a->nr].type = type;
		a->conns[a->nr].port += a->nr;
		a->conns[a->nr].local_port = port;
		a->fds[a->nr] = ne_conn_accept(a->t, &a->conns[a->nr], a->p, listener);
	}
	close(listener);
}

/* Send, ignore the result, and drain answers. Return: whether to continue. */
static bool send_any(struct attack *a, const struct virtio_vsock_hdr *hdr, size_t len)
{
	static const char data[MAX_PAYLOAD];
	int n = ne_chan_write(a->chan, hdr, data, len);

	if (n == -EAGAIN)
		drain(a);
	return ne_flood_goes_on(&a->flood);
}

/* Send data on all connections in turn, @len bytes per packet; the parent does not read. */
static void send_data(struct attack *a, size_t len, uint32_t flags)
{
	struct virtio_vsock_hdr hdr;
	size_t i = 0;

	do {
		hdr = ne_conn_hdr(&a->conns[i++ % a->nr], VIRTIO_VSOCK_OP_RW, flags, len);
	} while (send_any(a, &hdr, len));
}

static void q01_bad_headers(struct ne_test *t)
{
	struct attack *a = begin(t, "bad headers");
	struct ne_conn c = ne_conn_guest(a->chan, CID_A);
	long refused = 0;
	bool on = true;

	ne_flood_heading();
	while (on) {
		struct virtio_vsock_hdr hdr = ne_conn_hdr(&c, VIRTIO_VSOCK_OP_RW, 0, 8);
		size_t len = 8;

		switch (refused % 4) {
		case 0:
			hdr.len = htole32(UINT32_MAX - refused);
			break;
		case 1:
			hdr.op = htole16(VIRTIO_VSOCK_OP_CREDIT_REQUEST + 1 + refused % 60000);
			break;
		case 2:
			hdr.op = htole16(VIRTIO_VSOCK_OP_INVALID);
			break;
		case 3:
			len = 7;
			break;
		}
		refused++;
		CHECK_ERR(t, ne_chan_write(a->chan, &hdr, a->p->data, len), EINVAL);
		on = ne_flood_goes_on(&a->flood);
	}
	CHECK_EQ(t, ne_chan_info(a->chan, "malformed"), refused);
	CHECK_EQ(t, ne_chan_info(a->chan, "queued"), 0);
	end(a, 0);
}

static void q02_wrong_source(struct ne_test *t)
{
	static const uint64_t cids[] = {
		0, 1, 2, 3, CID_B, CID_NONE, VMADDR_CID_ANY, CID_A | 1ULL << 32,
	};
	struct attack *a = begin(t, "wrong source");
	struct ne_conn c = ne_conn_guest(a->chan, CID_A);
	long refused = 0;

	do {
		c.cid = cids[refused % ARRAY_SIZE(cids)];
		/* All operations, RST included. */
		CHECK_ERR(t, ne_conn_send(&c, 1 + refused++ % 7, 0, NULL, 0), EINVAL);
	} while (ne_flood_goes_on(&a->flood));
	CHECK_EQ(t, ne_chan_info(a->chan, "malformed"), refused);
	CHECK_EQ(t, ne_chan_info(a->chan, "queued"), 0);
	end(a, 0);
}

static void q03_wrong_destination(struct ne_test *t)
{
	static const uint64_t cids[] = {
		0, 1, 2, CID_A, CID_B, CID_NONE, VMADDR_CID_ANY, 3 | 1ULL << 32,
	};
	struct attack *a = begin(t, "wrong destination");
	struct ne_conn c = ne_conn_guest(a->chan, CID_A);
	struct virtio_vsock_hdr hdr;
	unsigned long i = 0;

	do {
		hdr = ne_conn_hdr(&c, 1 + i % 7, 0, 0);
		hdr.dst_cid = htole64(cids[i++ % ARRAY_SIZE(cids)]);
	} while (send_any(a, &hdr, 0));
	drain(a);
	CHECK_EQ(t, ne_chan_info(a->chan, "control"), 0);
	/* The other enclave got none of it, or its echo would have failed. */
	end(a, MAX_REPLIES * PACKET_KIB);
}

static void q04_answers_not_read(struct ne_test *t)
{
	struct attack *a = begin(t, "answers not read");
	struct ne_conn c = ne_conn_guest(a->chan, CID_A);
	int err;

	c.local_port = 1;
	do {
		c.port++;
		err = ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
	} while (ne_flood_goes_on(&a->flood) || err != -EAGAIN);
	CHECK_EQ(t, ne_chan_info(a->chan, "replies"), MAX_REPLIES);
	CHECK_EQ(t, ne_chan_info(a->chan, "queued"), MAX_REPLIES);
	end(a, MAX_REPLIES * PACKET_KIB);
}

static void q05_beyond_credit(struct ne_test *t)
{
	struct attack *a = begin(t, "beyond the credit");

	connect_many(a, MAX_CONNS, VIRTIO_VSOCK_TYPE_STREAM);
	send_data(a, MAX_PAYLOAD, 0);
	end(a, MAX_CONNS * (BUFFER_KIB * 3 / 2 + SOCKET_KIB));
}

/* The next floods fill a few sockets with the packets that cost the most per byte. */

static void q06_small_packets(struct ne_test *t)
{
	struct attack *a = begin(t, "small packets");

	/* One byte more than the kernel merges into the previous packet. */
	connect_many(a, 4, VIRTIO_VSOCK_TYPE_STREAM);
	send_data(a, 129, 0);
	end(a, 4 * 10 * BUFFER_KIB);
}

static void q07_empty_packets(struct ne_test *t)
{
	struct attack *a = begin(t, "empty packets");

	/* The kernel does not merge packets marked as the end of a message. */
	connect_many(a, 4, VIRTIO_VSOCK_TYPE_STREAM);
	send_data(a, 0, VIRTIO_VSOCK_SEQ_EOM);
	end(a, 4 * 2 * BUFFER_KIB);
}

static void q08_small_messages(struct ne_test *t)
{
	struct attack *a = begin(t, "small messages");

	REQUIRE_EQ(t, ioctl(a->chan, NE_EMU_VSOCK_SEQPACKET, 1), 0);
	connect_many(a, 4, VIRTIO_VSOCK_TYPE_SEQPACKET);
	send_data(a, 1, VIRTIO_VSOCK_SEQ_EOM);
	end(a, 4 * 2 * BUFFER_KIB);
}

/* The parent's sockets send until they block; the channel is not read. */
static void push(struct attack *a, size_t len)
{
	bool on = true;
	size_t i;

	while (on)
		for (i = 0; i < a->nr && on; i++) {
			ne_sock_send(a->fds[i], a->p->data, len, 0);
			on = ne_flood_goes_on(&a->flood);
		}
}

static void q09_credit_lies(struct ne_test *t)
{
	struct attack *a = begin(t, "lies about the buffer");
	size_t i;

	connect_many(a, 8, VIRTIO_VSOCK_TYPE_STREAM);
	for (i = 0; i < a->nr; i++) {
		struct virtio_vsock_hdr hdr =
			ne_conn_hdr(&a->conns[i], VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 0);

		hdr.buf_alloc = htole32(UINT32_MAX);
		REQUIRE_EQ(t, ne_chan_write(a->chan, &hdr, NULL, 0), HDR_SIZE);
	}
	push(a, MAX_PAYLOAD);
	end(a, 8 * OVERHEAD * BUFFER_KIB);
}

static void q10_credit_backwards(struct ne_test *t)
{
	struct attack *a = begin(t, "credit backwards");
	struct virtio_vsock_hdr hdr;
	uint32_t fwd_cnt = 0;
	size_t i = 0;

	connect_many(a, 8, VIRTIO_VSOCK_TYPE_STREAM);
	do {
		i = (i + 1) % a->nr;
		ne_sock_send(a->fds[i], a->p->data, 4096, 0);
		hdr = ne_conn_hdr(&a->conns[i], VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 0);
		/* Slightly back, far back, far ahead. */
		fwd_cnt -= 1 + i * 500000000u;
		hdr.fwd_cnt = htole32(fwd_cnt);
	} while (send_any(a, &hdr, 0));
	end(a, 8 * OVERHEAD * BUFFER_KIB);
}

static void q11_credit_requests(struct ne_test *t)
{
	struct attack *a = begin(t, "credit requests");
	struct virtio_vsock_hdr hdr;
	size_t i = 0;

	connect_many(a, MAX_CONNS, VIRTIO_VSOCK_TYPE_STREAM);
	do {
		hdr = ne_conn_hdr(&a->conns[i++ % a->nr], VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0, 0);
	} while (send_any(a, &hdr, 0));
	CHECK(t, ne_chan_info(a->chan, "queued") <= MAX_CONNS);
	end(a, MAX_CONNS * (PACKET_KIB + SOCKET_KIB));
}

/* Send at least @count requests to a socket with this backlog that never accepts. */
static void request_endlessly(struct attack *a, int backlog, unsigned long count)
{
	struct ne_conn c = ne_conn_guest(a->chan, CID_A);
	struct virtio_vsock_hdr hdr;

	a->fds[a->nr] = ne_sock_listen(a->t, SOCK_STREAM, VMADDR_CID_ANY, &c.local_port);
	REQUIRE_EQ(a->t, listen(a->fds[a->nr++], backlog), 0);
	do {
		c.port++;
		hdr = ne_conn_hdr(&c, VIRTIO_VSOCK_OP_REQUEST, 0, 0);
	} while (send_any(a, &hdr, 0) || a->flood.sent < count);
	drain(a);
}

static void q12_full_backlog(struct ne_test *t)
{
	struct attack *a = begin(t, "backlog of 8");

	request_endlessly(a, 8, 0);
	end(a, 9 * SOCKET_KIB + MAX_REPLIES * PACKET_KIB);
}

static void q13_largest_backlog(struct ne_test *t)
{
	long most = ne_read_number("/proc/sys/net/core/somaxconn");
	struct attack *a = begin(t, "backlog of somaxconn");
	long sockets;

	REQUIRE(t, most > 0);
	request_endlessly(a, INT32_MAX, most + 500);
	end(a, most * SOCKET_KIB + MAX_REPLIES * PACKET_KIB);
	sockets = a->flood.neighbour->peak.sockets - a->flood.before.sockets;
	CHECK(t, labs(sockets - most) < 20);
}

static void q14_unread_sockets(struct ne_test *t)
{
	struct attack *a = begin(t, "2000 unread sockets");
	struct ne_conn c = ne_conn_guest(a->chan, CID_A);

	a->fds[a->nr++] = ne_sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &c.local_port);
	while (a->nr < MANY_SOCKETS) {
		c.port++;
		a->fds[a->nr++] = ne_conn_accept(t, &c, a->p, a->fds[0]);
		a->flood.sent++;
		REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, a->p->data, 4096), 0);
	}
	end(a, MANY_SOCKETS * (8 + SOCKET_KIB));
}

static void q15_shutdown_storm(struct ne_test *t)
{
	static const uint16_t ops[] = {
		VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_OP_RST, VIRTIO_VSOCK_OP_RESPONSE,
		VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_OP_REQUEST,
	};
	struct attack *a = begin(t, "shutdowns and resets");
	struct ne_conn c = ne_conn_guest(a->chan, CID_A);
	struct virtio_vsock_hdr hdr;
	unsigned long i = 0;

	connect_many(a, MAX_CONNS, VIRTIO_VSOCK_TYPE_STREAM);
	a->fds[a->nr++] = ne_sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &c.local_port);
	do {
		struct ne_conn *conn = i % 2 ? &c : &a->conns[i / 2 % MAX_CONNS];

		c.port = GUEST_PORT + MAX_CONNS + i % 97;
		hdr = ne_conn_hdr(conn, ops[i / 3 % ARRAY_SIZE(ops)], i % 4, 0);
		i++;
	} while (send_any(a, &hdr, 0));
	end(a, (MAX_CONNS + 9) * SOCKET_KIB + MAX_REPLIES * PACKET_KIB);
}

/* Here the enclave is silent, and the parent sends without end. */
static void q16_never_drained(struct ne_test *t)
{
	struct attack *a = begin(t, "never drained");

	connect_many(a, 32, VIRTIO_VSOCK_TYPE_STREAM);
	push(a, 1);
	CHECK_EQ(t, ne_chan_info(a->chan, "dropped"), 0);
	end(a, 32 * OVERHEAD * BUFFER_KIB * 5 / 4);
}

static void q17_connects_not_read(struct ne_test *t)
{
	struct attack *a = begin(t, "connects not read");
	int fd, full = 0;

	/* Until the channel is full. */
	do {
		fd = ne_sock_connect(t, SOCK_STREAM, CID_A, GUEST_PORT);
		if (fd >= 0)
			close(fd);
		else if (fd == -ENOBUFS)
			full++;
	} while (ne_flood_goes_on(&a->flood) || !full);
	CHECK_EQ(t, ne_chan_info(a->chan, "control"), MAX_CONTROL);
	CHECK_EQ(t, ne_chan_info(a->chan, "dropped"), full);
	end(a, MAX_CONTROL * (PACKET_KIB + SOCKET_KIB));
}

/* Both ends offer 1 GiB, and a single send uses all of it. */
static void q18_huge_buffer(struct ne_test *t)
{
	struct attack *a = begin(t, "buffer of 1 GiB");
	uint64_t size = 1 << 30;
	struct virtio_vsock_hdr hdr;
	bool on = true;
	char *data;

	connect_many(a, 1, VIRTIO_VSOCK_TYPE_STREAM);
	REQUIRE_EQ(t, setsockopt(a->fds[0], AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &size,
				 sizeof(size)), 0);
	REQUIRE_EQ(t, setsockopt(a->fds[0], AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size,
				 sizeof(size)), 0);
	hdr = ne_conn_hdr(&a->conns[0], VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 0);
	hdr.buf_alloc = htole32(size);
	REQUIRE_EQ(t, ne_chan_write(a->chan, &hdr, NULL, 0), HDR_SIZE);
	/* All zeros, without allocating memory. */
	data = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	REQUIRE(t, data != MAP_FAILED);
	CHECK(t, ne_sock_send(a->fds[0], data, size, 0) > 0);
	CHECK_ERR(t, ne_sock_send(a->fds[0], data, size, 0), EAGAIN);
	while (on)
		on = ne_flood_goes_on(&a->flood);

	/* After reading, there is room again. */
	drain(a);
	CHECK(t, ne_sock_send(a->fds[0], data, 4096, 0) > 0);
	end(a, WAITING_KIB);
}

static const struct ne_case cases[] = {
	{ "Q01 bad_headers", q01_bad_headers, 0 },
	{ "Q02 wrong_source", q02_wrong_source, 0 },
	{ "Q03 wrong_destination", q03_wrong_destination, 0 },
	{ "Q04 answers_not_read", q04_answers_not_read, 0 },
	{ "Q05 beyond_credit", q05_beyond_credit, 0 },
	{ "Q06 small_packets", q06_small_packets, 0 },
	{ "Q07 empty_packets", q07_empty_packets, 0 },
	{ "Q08 small_messages", q08_small_messages, 0 },
	{ "Q09 credit_lies", q09_credit_lies, 0 },
	{ "Q10 credit_backwards", q10_credit_backwards, 0 },
	{ "Q11 credit_requests", q11_credit_requests, 0 },
	{ "Q12 full_backlog", q12_full_backlog, 0 },
	{ "Q13 largest_backlog", q13_largest_backlog, 60 },
	{ "Q14 unread_sockets", q14_unread_sockets, 60 },
	{ "Q15 shutdown_storm", q15_shutdown_storm, 0 },
	{ "Q16 never_drained", q16_never_drained, 0 },
	{ "Q17 connects_not_read", q17_connects_not_read, 60 },
	{ "Q18 huge_buffer", q18_huge_buffer, 0 },
};

int main(int argc, char **argv)
{
	return ne_vsock_main(cases, ARRAY_SIZE(cases), argc, argv);
}
