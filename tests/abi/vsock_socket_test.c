// SPDX-License-Identifier: Apache-2.0
/* Y: features of the parent's sockets, and what a malicious enclave can do to others. */

#include "ne_lib.h"
#include "ne_vsock.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/sockios.h>
#include <linux/vm_sockets.h>

/* The kernel's default for the receive buffer of a socket. */
#define DEFAULT_BUFFER	(256 * 1024)
#define FLOOD_MIB	64
#define ROUND_TRIPS	200

static int set_u64(int fd, int option, uint64_t value)
{
	return setsockopt(fd, AF_VSOCK, option, &value, sizeof(value)) ? -errno : 0;
}

static uint64_t get_u64(int fd, int option)
{
	uint64_t value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, AF_VSOCK, option, &value, &len) ? 0 : value;
}

/* A blocking stream socket. */
static int new_socket(struct ne_test *t)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	REQUIRE(t, fd >= 0);
	return fd;
}

static int connect_errno(int fd)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = CID_A, .svm_port = GUEST_PORT,
		.svm_flags = ne_sock_flags(),
	};

	return connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
}

static void y01_connect_timeout(struct ne_test *t)
{
	int chan = ne_chan_open(t, CID_A, 0);
	struct timeval timeout = { .tv_usec = 200000 };
	uint64_t start = ne_now_ms();
	int fd = new_socket(t);

	REQUIRE_EQ(t, setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &timeout,
				 sizeof(timeout)), 0);
	CHECK_ERR(t, connect_errno(fd), ETIMEDOUT);
	CHECK(t, ne_now_ms() - start >= 150);
	CHECK(t, ne_now_ms() - start < AT_ONCE_MS);
	/* The enclave never sees a request that timed out. */
	CHECK_EQ(t, ne_chan_info(chan, "queued"), 0);
	CHECK_EQ(t, ne_chan_info(chan, "control"), 0);
}

static void y02_buffer_options(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int fd = new_socket(t);

	CHECK_EQ(t, get_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE), DEFAULT_BUFFER);
	close(fd);

	/* The enclave's credit is the buffer size, within its limits. */
	fd = ne_conn_open(t, &c, p);
	CHECK_EQ(t, le32toh(p->hdr.buf_alloc), DEFAULT_BUFFER);
	CHECK_EQ(t, set_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE, 50000), 0);
	REQUIRE_EQ(t, ne_chan_read(c.chan, p, sizeof(*p)), HDR_SIZE);
	CHECK_EQ(t, le16toh(p->hdr.op), VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	CHECK_EQ(t, le32toh(p->hdr.buf_alloc), 50000);
	CHECK_EQ(t, set_u64(fd, SO_VM_SOCKETS_BUFFER_MIN_SIZE, 60000), 0);
	CHECK_EQ(t, get_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE), 60000);
	CHECK_EQ(t, set_u64(fd, SO_VM_SOCKETS_BUFFER_MAX_SIZE, 70000), 0);
	CHECK_EQ(t, set_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE, 1 << 20), 0);
	CHECK_EQ(t, get_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE), 70000);

	CHECK_EQ(t, ne_sock_send(fd, "x", 1, 0), 1);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
	CHECK_EQ(t, le32toh(p->hdr.buf_alloc), 70000);
}

static int unsent(int fd)
{
	int bytes = -1;

	return ioctl(fd, SIOCOUTQ, &bytes) ? -errno : bytes;
}

static void y03_unsent_bytes(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	char data[1000] = "";
	int fd = ne_conn_open(t, &c, p);

	CHECK_EQ(t, unsent(fd), 0);
	CHECK_EQ(t, ne_sock_send(fd, data, sizeof(data), 0), sizeof(data));
	CHECK_EQ(t, unsent(fd), sizeof(data));
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, HDR_SIZE + 400);
	CHECK_EQ(t, unsent(fd), sizeof(data));
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
	CHECK_EQ(t, unsent(fd), 0);

	/* Data lost with the enclave no longer counts as unsent. */
	CHECK_EQ(t, ne_sock_send(fd, data, sizeof(data), 0), sizeof(data));
	close(c.chan);
	CHECK_EQ(t, unsent(fd), 0);
}

static unsigned int linger_s(void)
{
	return 2 * ne_slowness();
}

/* Close a socket with SO_LINGER. Return: how long it took. */
static uint64_t lingering_close(struct ne_test *t, int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = linger_s() };
	uint64_t start = ne_now_ms();

	REQUIRE_EQ(t, setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	close(fd);
	return ne_now_ms() - start;
}

/* The other end of a socket that lingers; with @take_over, a new channel replaces the old. */
struct end {
	struct ne_test *t;
	struct ne_conn *c;
	struct ne_packet *p;
	bool take_over;
};

static void read_last(struct end *end)
{
	ne_conn_expect(end->t, end->c, VIRTIO_VSOCK_OP_RW, end->p, sizeof(*end->p));
	ne_conn_expect(end->t, end->c, VIRTIO_VSOCK_OP_SHUTDOWN, end->p, sizeof(*end->p));
}

/* A thread, because only one process may have the socket open. */
static void *end_later(void *arg)
{
	struct end *end = arg;

	/* The first thread lingers for a while. */
	CHECK(end->t, ne_await_syscall(getpid(), SYS_close));
	usleep(300000);
	if (end->take_over) {
		ne_chan_open(end->t, end->c->cid, 0);
		return NULL;
	}
	read_last(end);
	CHECK_EQ(end->t, ne_conn_send(end->c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0), 0);
	return NULL;
}

/* Open a socket with unread data: only then do newer kernels linger. */
static int open_and_send(struct end *end)
{
	int fd;

	end->c->fwd_cnt = 0;
	fd = ne_conn_open(end->t, end->c, end->p);
	REQUIRE_EQ(end->t, ne_sock_send(fd, "x", 1, 0), 1);
	return fd;
}

static void y04_linger(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct end end = { t, &c, ne_packet_new(t), false };
	pthread_t thread;
	uint64_t took;
	int i, fd;

	/* The other end neither reads nor answers. */
	took = lingering_close(t, open_and_send(&end));
	CHECK(t, took >= linger_s() * 1000 - 100 && took < linger_s() * 2000);
	read_last(&end);

	for (i = 0; i < 2; i++) {
		end.take_over = i == 1;
		fd = open_and_send(&end);
		REQUIRE_EQ(t, pthread_create(&thread, NULL, end_later, &end), 0);
		took = lingering_close(t, fd);
		REQUIRE_EQ(t, pthread_join(thread, NULL), 0);
		CHECK(t, took >= 200 && took < linger_s() * 1000 - 300);
	}
}

static int poll_now(int fd)
{
	return ne_wait(fd, POLLIN | POLLOUT | POLLRDHUP, 0);
}

static void y05_poll(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int fd = ne_conn_open(t, &c, p);
	char *data = calloc(1, CREDIT);

	REQUIRE(t, data);
	CHECK_EQ(t, poll_now(fd), POLLOUT);
	REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "x", 1), 0);
	CHECK_EQ(t, poll_now(fd), POLLOUT | POLLIN);
	CHECK_EQ(t, ne_sock_recv(fd, data, 1), 1);

	/* No credit, then credit. */
	while (c.fwd_cnt < CREDIT) {
		ssize_t n = ne_sock_send(fd, data, CREDIT - c.fwd_cnt, 0);

		REQUIRE(t, n > 0);
		for (uint32_t end = c.fwd_cnt + n; c.fwd_cnt < end;)
			ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
	}
	CHECK_EQ(t, poll_now(fd), 0);
	REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0), 0);
	CHECK_EQ(t, poll_now(fd), POLLOUT);

	REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND,
				   NULL, 0), 0);
	CHECK_EQ(t, poll_now(fd), POLLIN | POLLOUT | POLLRDHUP);
	CHECK_EQ(t, shutdown(fd, SHUT_WR), 0);
	CHECK_EQ(t, poll_now(fd) & (POLLHUP | POLLRDHUP), POLLHUP | POLLRDHUP);
}

/* The socket has announced its shutdown; the enclave dies before it announces its own. */
static void y06_death_while_closing(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int fd = ne_conn_open(t, &c, p);
	struct ne_conn again = c;
	uint32_t port;
	int listener;

	close(fd);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_SHUTDOWN, p, sizeof(*p));
	close(c.chan);

	/* Another enclave with this CID may use both ports: nothing is left. */
	listener = ne_sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &port);
	again.chan = ne_chan_open(t, CID_A, 0);
	again.fwd_cnt = 0;
	REQUIRE_EQ(t, ne_conn_send(&again, VIRTIO_VSOCK_OP_RW, 0, "x", 1), 0);
	ne_conn_expect(t, &again, VIRTIO_VSOCK_OP_RST, p, sizeof(*p));
	again.local_port = port;
	ne_conn_accept(t, &again, p, listener);
}

/* Send a packet that ignores the credit, draining answers when the queue is full. */
static void send_anyway(struct ne_test *t, struct ne_conn *c, struct ne_packet *p, size_t len)
{
	int err;

	while ((err = ne_conn_send(c, VIRTIO_VSOCK_OP_RW, 0, p->data, len)) == -EAGAIN)
		while (read(c->chan, p, sizeof(*p)) > 0)
			;
	REQUIRE_EQ(t, err, 0);
}

static void y07_unread_data(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int fd = ne_conn_open(t, &c, p), err = 0;
	long before = ne_available_kib(), after;
	socklen_t len = sizeof(err);
	size_t i, got = 0;
	ssize_t n;

	/* One packet more than the credit ends the connection. */
	for (i = 0; i <= DEFAULT_BUFFER / MAX_PAYLOAD; i++)
		REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, p->data, MAX_PAYLOAD), 0);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RST, p, sizeof(*p));
	CHECK_EQ(t, getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	CHECK_EQ(t, err, ENOBUFS);

	for (i = 0; i < FLOOD_MIB * 16; i++)
		send_anyway(t, &c, p, MAX_PAYLOAD);
	for (i = 0; i < 10000; i++)
		send_anyway(t, &c, p, 1);
	after = ne_available_kib();
	ne_note("%d MiB sent beyond the credit: %ld KiB of memory less", FLOOD_MIB,
		before - after);
	CHECK(t, before - after < FLOOD_MIB * 1024 / 4);
	while ((n = recv(fd, p->data, sizeof(p->data), MSG_DONTWAIT)) > 0)
		got += n;
	CHECK_EQ(t, got, DEFAULT_BUFFER);
	CHECK_EQ(t, n, 0);
}

/* Send endless connect requests to a port without a listener; @answered counts answers. */
static void flood_requests(struct ne_test *t, _Atomic unsigned int *answered)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);

	c.local_port = 1;
	for (;;) {
		c.port++;
		if (ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0) == -EAGAIN)
			while (read(c.chan, p, sizeof(*p)) > 0)
				++*answered;
	}
}

static void y08_flood_beside(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_B, 0), CID_B);
	struct ne_packet *p = ne_packet_new(t);
	int fd = ne_conn_open(t, &c, p);
	_Atomic unsigned int *answered = mmap(NULL, sizeof(*answered), PROT_READ | PROT_WRITE,
					      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t begin, worst = 0, start;
	unsigned int before;
	pid_t pid;
	char byte;
	int i;

	REQUIRE(t, answered != MAP_FAILED);
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid)
		flood_requests(t, answered);
	while (!*answered)
		ne_msleep(1);
	before = *answered;

	start = ne_now_ms();
	for (i = 0; i < ROUND_TRIPS; i++) {
		begin = ne_now_ms();
		REQUIRE_EQ(t, ne_sock_send(fd, "x", 1, 0), 1);
		ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
		REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "y", 1), 0);
		REQUIRE_EQ(t, ne_sock_recv(fd, &byte, 1), 1);
		if (ne_now_ms() - begin > worst)
			worst = ne_now_ms() - begin;
	}
	ne_note("%d round trips beside a flood: %d ms, the longest %d ms", ROUND_TRIPS,
		(int)(ne_now_ms() - start), (int)worst);
	CHECK(t, worst < STARVED_MS);
	CHECK(t, *answered > before);
	CHECK_EQ(t, waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
}

/* Requests to a listener that never accepts are limited by its backlog. */
static void y09_backlog(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int accepted = 0, refused = 0, i;

	ne_sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &c.local_port);
	for (i = 0; i < 1000; i++) {
		c.port++;
		REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
		REQUIRE_EQ(t, ne_chan_read(c.chan, p, sizeof(*p)), HDR_SIZE);
		if (le16toh(p->hdr.op) == VIRTIO_VSOCK_OP_RESPONSE)
			accepted++;
		if (le16toh(p->hdr.op) == VIRTIO_VSOCK_OP_RST)
			refused++;
	}
	/* listen(8); as with TCP, one more fits. */
	CHECK_EQ(t, accepted, 9);
	CHECK_EQ(t, refused, 1000 - 9);
}

static void y10_connect_without_waiting(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK, 0);

	REQUIRE(t, fd >= 0);
	CHECK_ERR(t, connect_errno(fd), EINPROGRESS);
	CHECK_ERR(t, connect_errno(fd), EALREADY);
	CHECK_EQ(t, ne_wait(fd, POLLIN | POLLOUT, 0), 0);
	REQUIRE_EQ(t, ne_chan_read(c.chan, p, sizeof(*p)), HDR_SIZE);
	c.local_port = le32toh(p->hdr.src_port);
	REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RESPONSE, 0, NULL, 0), 0);
	CHECK_EQ(t, ne_sock_connected(fd), 0);
	CHECK_ERR(t, connect_errno(fd), EISCONN);
	CHECK_EQ(t, ne_sock_send(fd, "x", 1, 0), 1);
}

/* The events that epoll reports at once. */
static uint32_t epoll_now(int epoll)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, 0) == 1 ? event.events : 0;
}

static int epoll_of(struct ne_test *t, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	REQUIRE(t, epoll >= 0);
	REQUIRE_EQ(t, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	return epoll;
}

/* Level-triggered: while there is data. Edge-triggered: once for each arrival. */
static void y11_epoll(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int fd = ne_conn_open(t, &c, p);
	int level = epoll_of(t, fd, EPOLLIN | EPOLLRDHUP);
	int edge = epoll_of(t, fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
	int i;

	for (i = 0; i < 2; i++) {
		CHECK_EQ(t, epoll_now(edge), 0);
		REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "xy", 2), 0);
		CHECK_EQ(t, epoll_now(level), EPOLLIN);
		CHECK_EQ(t, epoll_now(level), EPOLLIN);
		CHECK_EQ(t, epoll_now(edge), EPOLLIN);
		CHECK_EQ(t, epoll_now(edge), 0);
	}
	CHECK_EQ(t, ne_sock_recv(fd, p->data, 4), 4);
	CHECK_EQ(t, epoll_now(level), 0);

	/* Both report the death of the enclave; the level-triggered one keeps reporting it. */
	close(c.chan);
	CHECK_EQ(t, epoll_now(edge), EPOLLIN | EPOLLRDHUP);
	CHECK_EQ(t, epoll_now(edge), 0);
	CHECK_EQ(t, epoll_now(level), EPOLLIN | EPOLLRDHUP);
	CHECK_EQ(t, epoll_now(level), EPOLLIN | EPOLLRDHUP);
}

static const struct ne_case cases[] = {
	{ "Y01 connect_timeout", y01_connect_timeout, 0 },
	{ "Y02 buffer_options", y02_buffer_options, 0 },
	{ "Y03 unsent_bytes", y03_unsent_bytes, 0 },
	{ "Y04 linger", y04_linger, 0 },
	{ "Y05 poll", y05_poll, 0 },
	{ "Y06 death_while_closing", y06_death_while_closing, 0 },
	{ "Y07 unread_data", y07_unread_data, 60 },
	{ "Y08 flood_beside", y08_flood_beside, 0 },
	{ "Y09 backlog", y09_backlog, 0 },
	{ "Y10 connect_without_waiting", y10_connect_without_waiting, 0 },
	{ "Y11 epoll", y11_epoll, 0 },
};

int main(int argc, char **argv)
{
	return ne_vsock_main(cases, ARRAY_SIZE(cases), argc, argv);
}
