// SPDX-License-Identifier: Apache-2.0
/*
 * N: nothing waits for a user who keeps the lock of a socket. The program acts as the VMMs,
 * whose system calls would wait.
 */

#include "ne_stuck.h"
#include "ne_vsock.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

/* The module's limit on requests that wait for a listener, per channel. */
#define MAX_PENDING	128

/* A connection beside the stuck one, for round trips. */
struct neighbour {
	struct ne_conn c;
	int fd;
};

static struct neighbour neighbour_open(struct ne_test *t, int chan, uint32_t cid,
				       struct ne_packet *p)
{
	struct neighbour n = { .c = ne_conn_guest(chan, cid) };

	n.c.port = GUEST_PORT + 1;
	n.fd = ne_conn_open(t, &n.c, p);
	return n;
}

/* Check that bytes arrive at once in both directions. */
static void neighbour_check(struct ne_test *t, struct neighbour *n, struct ne_packet *p)
{
	uint64_t start = ne_now_ms();
	char byte = 0;

	REQUIRE_EQ(t, ne_conn_send(&n->c, VIRTIO_VSOCK_OP_RW, 0, "g", 1), 0);
	CHECK_EQ(t, ne_sock_recv(n->fd, &byte, 1), 1);
	CHECK_EQ(t, byte, 'g');
	CHECK_EQ(t, ne_sock_send(n->fd, "p", 1, 0), 1);
	ne_conn_expect(t, &n->c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
	CHECK(t, ne_now_ms() - start < AT_ONCE_MS);
}

/* Send what a VMM sends on the stuck connection; none of it blocks. */
static void send_all_kinds(struct ne_test *t, struct ne_conn *c)
{
	uint64_t start = ne_now_ms();

	CHECK_EQ(t, ne_conn_send(c, VIRTIO_VSOCK_OP_RW, 0, "abc", 3), 0);
	CHECK_EQ(t, ne_conn_send(c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0), 0);
	CHECK_EQ(t, ne_conn_send(c, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0, NULL, 0), 0);
	CHECK_EQ(t, ne_conn_send(c, VIRTIO_VSOCK_OP_RW, 0, "def", 3), 0);
	CHECK(t, ne_now_ms() - start < AT_ONCE_MS);
}

/* Open the connection that is to get stuck. Received data makes recv() copy. */
static int open_stuck(struct ne_test *t, struct ne_conn *c, struct ne_packet *p,
		      struct ne_stuck *s, enum ne_stuck_call call)
{
	int fd = ne_conn_open(t, c, p);

	if (call == NE_STUCK_RECV)
		REQUIRE_EQ(t, ne_conn_send(c, VIRTIO_VSOCK_OP_RW, 0, "0", 1), 0);
	ne_stuck_begin(t, s, fd, call);
	return fd;
}

/* Expect the answer to the credit request. */
static void expect_credit(struct ne_test *t, struct ne_conn *c, struct ne_packet *p)
{
	do
		REQUIRE(t, ne_chan_read(c->chan, p, sizeof(*p)) >= (int)HDR_SIZE);
	while (le32toh(p->hdr.src_port) != c->local_port);
	CHECK_EQ(t, le16toh(p->hdr.op), VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	CHECK_EQ(t, le32toh(p->hdr.buf_alloc), CREDIT);
}

/* Check that everything sent in the meantime arrives once and in order. */
static void check_received(struct ne_test *t, int fd)
{
	char buf[16] = "";

	CHECK_EQ(t, ne_sock_recv(fd, buf, sizeof(buf)), 6);
	CHECK(t, !strcmp(buf, "abcdef"));
}

static void connection(struct ne_test *t, struct ne_conn c, enum ne_stuck_call call)
{
	struct neighbour mine, other;
	struct ne_packet *p = ne_packet_new(t);
	struct ne_stuck s;
	uint64_t start;
	int fd;

	other = neighbour_open(t, ne_chan_open(t, CID_B, 0), CID_B, p);
	fd = open_stuck(t, &c, p, &s, call);
	send_all_kinds(t, &c);
	expect_credit(t, &c, p);
	if (c.cid != NE_EMU_CID_HYPERVISOR) {
		mine = neighbour_open(t, c.chan, c.cid, p);
		neighbour_check(t, &mine, p);
	}
	neighbour_check(t, &other, p);

	CHECK_EQ(t, ne_stuck_end(t, &s),
		 call == NE_STUCK_RECV ? 1 : call == NE_STUCK_SEND ? 100 : 0);
	check_received(t, fd);

	/* The end of the enclave, which the user sees when the call returns. */
	if (call == NE_STUCK_RECV)
		REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "0", 1), 0);
	ne_stuck_begin(t, &s, fd, call);
	send_all_kinds(t, &c);
	start = ne_now_ms();
	close(c.chan);
	CHECK(t, ne_now_ms() - start < AT_ONCE_MS);
	neighbour_check(t, &other, p);
	CHECK(t, ne_stuck_end(t, &s) >= 0);
	check_received(t, fd);
	ne_sock_check_ended(t, fd);
}

static struct ne_conn guest(struct ne_test *t)
{
	return ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
}

static struct ne_conn console(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, NE_EMU_VSOCK_CONSOLE),
					 NE_EMU_CID_HYPERVISOR);

	c.port = CONSOLE_PORT(CID_A);
	return c;
}

static void n01_recv(struct ne_test *t)
{
	connection(t, guest(t), NE_STUCK_RECV);
}

static void n02_send(struct ne_test *t)
{
	connection(t, guest(t), NE_STUCK_SEND);
}

static void n03_setsockopt(struct ne_test *t)
{
	connection(t, guest(t), NE_STUCK_SETSOCKOPT);
}

static void n04_console_recv(struct ne_test *t)
{
	connection(t, console(t), NE_STUCK_RECV);
}

static void n05_console_send(struct ne_test *t)
{
	connection(t, console(t), NE_STUCK_SEND);
}

static void n06_console_setsockopt(struct ne_test *t)
{
	connection(t, console(t), NE_STUCK_SETSOCKOPT);
}

/* The guest resets the connection, and may use its port again at once. */
static void n07_reset(struct ne_test *t)
{
	static const struct {
		uint16_t op;
		uint32_t flags;
	} ends[] = {
		{ VIRTIO_VSOCK_OP_RST, 0 },
		{ VIRTIO_VSOCK_OP_SHUTDOWN,
		  VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND },
	};
	struct ne_packet *p = ne_packet_new(t);
	struct ne_conn c = guest(t), again;
	struct ne_stuck s;
	int listener, fd;
	size_t i;

	listener = ne_sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &c.local_port);
	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		fd = ne_conn_accept(t, &c, p, listener);
		ne_stuck_begin(t, &s, fd, NE_STUCK_SETSOCKOPT);
		CHECK_EQ(t, ne_conn_send(&c, ends[i].op, ends[i].flags, NULL, 0), 0);
		if (ends[i].op == VIRTIO_VSOCK_OP_SHUTDOWN)
			ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RST, p, sizeof(*p));
		again = c;
		close(ne_conn_accept(t, &again, p, listener));
		ne_conn_expect(t, &again, VIRTIO_VSOCK_OP_SHUTDOWN, p, sizeof(*p));
		CHECK_EQ(t, ne_conn_send(&again, VIRTIO_VSOCK_OP_RST, 0, NULL, 0), 0);
		CHECK_EQ(t, ne_stuck_end(t, &s), 0);
		ne_sock_check_ended(t, fd);
	}
}

/* The VMM closes its channel and the next one takes the same CID; none of that blocks. */
static void n08_take_over(struct ne_test *t)
{
	struct ne_packet *p = ne_packet_new(t);
	struct ne_conn c = guest(t), next;
	struct ne_stuck s;
	uint64_t start;
	int fd, fd_next;

	fd = open_stuck(t, &c, p, &s, NE_STUCK_SEND);
	start = ne_now_ms();
	next = guest(t);
	CHECK(t, ne_now_ms() - start < AT_ONCE_MS);
	fd_next = ne_conn_open(t, &next, p);
	CHECK_EQ(t, ne_sock_send(fd_next, "hello", 5, 0), 5);
	ne_conn_expect(t, &next, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));

	/* Data for the old channel does not reach the new one. */
	CHECK_EQ(t, ne_stuck_end(t, &s), 100);
	ne_sock_check_ended(t, fd);
	close(fd);
	CHECK_EQ(t, ne_sock_send(fd_next, "again", 5, 0), 5);
	for (;;) {
		REQUIRE(t, ne_chan_read(next.chan, p, sizeof(*p)) >= (int)HDR_SIZE);
		if (le16toh(p->hdr.op) == VIRTIO_VSOCK_OP_RW &&
		    le32toh(p->hdr.src_port) == next.local_port)
			break;
		CHECK(t, le16toh(p->hdr.op) != VIRTIO_VSOCK_OP_RW);
	}
	CHECK(t, !memcmp(p->data, "again", 5));
}

/* The lock of a listener is kept: the request waits, but nothing else does. */
static void n09_listener(struct ne_test *t)
{
	struct ne_packet *p = ne_packet_new(t);
	struct ne_conn c = guest(t);
	struct ne_conn free = c;
	struct ne_stuck s;
	uint64_t start;
	int listener, other, fd;
	char byte;

	listener = ne_sock_listen(t, SOCK_STREAM, NE_EMU_CID_PARENT, &c.local_port);
	other = ne_sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &free.local_port);
	ne_stuck_begin(t, &s, listener, NE_STUCK_SETSOCKOPT);

	start = ne_now_ms();
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
	CHECK(t, ne_now_ms() - start < AT_ONCE_MS);
	free.port = GUEST_PORT + 1;
	ne_conn_accept(t, &free, p, other);
	CHECK_EQ(t, ne_wait(c.chan, POLLIN, 0), 0);

	CHECK_EQ(t, ne_stuck_end(t, &s), 0);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RESPONSE, p, sizeof(*p));
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	REQUIRE(t, fd >= 0);
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "x", 1), 0);
	CHECK_EQ(t, ne_sock_recv(fd, &byte, 1), 1);
}

/* At the limit, the next request is refused; all of them end with their channel. */
static void n10_listener_limit(struct ne_test *t)
{
	struct ne_packet *p = ne_packet_new(t);
	struct ne_conn c = guest(t);
	struct ne_stuck s;
	uint64_t start;
	int listener, i;

	listener = ne_sock_listen(t, SOCK_STREAM, NE_EMU_CID_PARENT, &c.local_port);
	ne_stuck_begin(t, &s, listener, NE_STUCK_SETSOCKOPT);
	for (i = 0; i < MAX_PENDING; i++) {
		c.port = GUEST_PORT + i;
		REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
	}
	CHECK_EQ(t, ne_wait(c.chan, POLLIN, 0), 0);
	c.port++;
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RST, p, sizeof(*p));

	start = ne_now_ms();
	close(c.chan);
	CHECK(t, ne_now_ms() - start < AT_ONCE_MS);
	CHECK_EQ(t, ne_stuck_end(t, &s), 0);
	CHECK(t, accept(listener, NULL, NULL) < 0 && errno == EAGAIN);
}

/* The answer arrives while the lock of the connecting socket is kept. */
static void n11_connecting(struct ne_test *t)
{
	struct ne_packet *p = ne_packet_new(t);
	struct ne_conn c = guest(t);
	struct neighbour n = neighbour_open(t, c.chan, CID_A, p);
	struct ne_stuck s;
	int fd;

	fd = ne_conn_begin(t, &c, p);
	ne_stuck_begin(t, &s, fd, NE_STUCK_SETSOCKOPT);
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RESPONSE, 0, NULL, 0), 0);
	send_all_kinds(t, &c);
	expect_credit(t, &c, p);
	neighbour_check(t, &n, p);
	CHECK_EQ(t, ne_stuck_end(t, &s), 0);
	CHECK_EQ(t, ne_sock_connected(fd), 0);
	check_received(t, fd);

	while (ne_wait(c.chan, POLLIN, 0))
		ne_chan_read(c.chan, p, sizeof(*p));
	fd = ne_conn_begin(t, &c, p);
	ne_stuck_begin(t, &s, fd, NE_STUCK_SETSOCKOPT);
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0), 0);
	neighbour_check(t, &n, p);
	CHECK_EQ(t, ne_stuck_end(t, &s), 0);
	CHECK_ERR(t, ne_sock_connected(fd), ECONNRESET);
}

/* A connect is refused while the locks of earlier refused sockets are kept. */
static void n12_refused(struct ne_test *t)
{
	struct ne_stuck s;
	int fd = ne_sock_connect(t, SOCK_STREAM, CID_NONE, 1);

	REQUIRE_OK(t, fd);
	ne_stuck_begin(t, &s, fd, NE_STUCK_SETSOCKOPT);
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_STREAM, CID_NONE, 1), ECONNRESET);
	CHECK(t, ne_stuck_end(t, &s) <= 0);
	CHECK_ERR(t, ne_sock_connected(fd), ECONNRESET);
}

/* A stuck connection holds at most its credit, like one that does not read. */
static void n13_credit(struct ne_test *t)
{
	struct ne_packet *p = ne_packet_new(t);
	struct ne_conn c = guest(t);
	struct neighbour n = neighbour_open(t, c.chan, CID_A, p);
	struct ne_stuck s;
	uint32_t room;
	int fd;

	fd = open_stuck(t, &c, p, &s, NE_STUCK_SETSOCKOPT);
	room = CREDIT;
	memset(p->data, 'x', sizeof(p->data));
	for (; room; room -= MAX_PAYLOAD)
		REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, p->data, MAX_PAYLOAD), 0);
	neighbour_check(t, &n, p);
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "x", 1), 0);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RST, p, sizeof(*p));
	CHECK_EQ(t, ne_stuck_end(t, &s), 0);
	CHECK(t, ne_wait(fd, 0, 5000) & POLLERR);
	CHECK_ERR(t, ne_sock_connected(fd), ENOBUFS);
}

/*
 * The next enclave gets the CID and makes the same connection; then the old socket is used
 * and closed, which must not affect the new connection.
 */
static void n14_old_socket(struct ne_test *t)
{
	struct ne_packet *p = ne_packet_new(t);
	struct ne_conn c = guest(t);
	struct neighbour n;
	int listener, old;

	listener = ne_sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &c.local_port);
	old = ne_conn_accept(t, &c, p, listener);
	close(c.chan);

	n.c = c;
	n.c.chan = ne_chan_open(t, CID_A, 0);
	n.fd = ne_conn_accept(t, &n.c, p, listener);
	ne_sock_check_ended(t, old);
	neighbour_check(t, &n, p);
	close(old);
	neighbour_check(t, &n, p);
}

static const struct ne_case cases[] = {
	{ "N01 recv", n01_recv, 60 },
	{ "N02 send", n02_send, 60 },
	{ "N03 setsockopt", n03_setsockopt, 60 },
	{ "N04 console_recv", n04_console_recv, 60 },
	{ "N05 console_send", n05_console_send, 60 },
	{ "N06 console_setsockopt", n06_console_setsockopt, 60 },
	{ "N07 reset", n07_reset, 60 },
	{ "N08 take_over", n08_take_over, 60 },
	{ "N09 listener", n09_listener, 60 },
	{ "N10 listener_limit", n10_listener_limit, 60 },
	{ "N11 connecting", n11_connecting, 60 },
	{ "N12 refused", n12_refused, 60 },
	{ "N13 credit", n13_credit, 60 },
	{ "N14 old_socket", n14_old_socket, 60 },
};

int main(int argc, char **argv)
{
	return ne_vsock_main(cases, ARRAY_SIZE(cases), argc, argv);
}
