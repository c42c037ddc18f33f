// SPDX-License-Identifier: Apache-2.0
/* W: what happens to connections when either end goes away; message boundaries. */

#include "ne_lib.h"
#include "ne_vsock.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

/* Duration of random operations, of which kernels with checkers do fewer. */
#define STRESS_MS	3000
/* Number of simultaneous connections, a multiple of 8. */
#define MANY		3200

static void w01_close_resets(struct ne_test *t)
{
	struct ne_conn a = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_conn b = ne_conn_guest(ne_chan_open(t, CID_B, 0), CID_B);
	struct ne_packet *p = ne_packet_new(t);
	struct ne_conn in = a, again;
	int listener, fd_in, fd_out, fd_begun, fd_queued, fd_other;
	uint64_t start;
	char buf[8];

	listener = ne_sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &in.local_port);
	fd_other = ne_conn_open(t, &b, p);
	fd_in = ne_conn_accept(t, &in, p, listener);
	fd_out = ne_conn_open(t, &a, p);
	REQUIRE_EQ(t, ne_conn_send(&a, VIRTIO_VSOCK_OP_RW, 0, "last", 4), 0);
	fd_begun = ne_conn_begin(t, &a, p);
	REQUIRE_EQ(t, ne_sock_send(fd_out, "unread", 6, 0), 6);
	fd_queued = ne_sock_connect(t, SOCK_STREAM, CID_A, GUEST_PORT);
	REQUIRE_OK(t, fd_queued);

	start = ne_now_ms();
	close(a.chan);
	CHECK_ERR(t, ne_sock_connected(fd_begun), ECONNRESET);
	CHECK_ERR(t, ne_sock_connected(fd_queued), ECONNRESET);
	CHECK_EQ(t, ne_sock_recv(fd_out, buf, sizeof(buf)), 4);
	ne_sock_check_ended(t, fd_out);
	ne_sock_check_ended(t, fd_in);
	CHECK(t, ne_now_ms() - start < AT_ONCE_MS);
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_STREAM, CID_A, GUEST_PORT), ECONNRESET);

	/* The same addresses work at once, while the old sockets are still open. */
	again = in;
	again.chan = ne_chan_open(t, CID_A, 0);
	ne_conn_accept(t, &again, p, listener);

	/* The other enclave is not affected. */
	REQUIRE_EQ(t, ne_conn_send(&b, VIRTIO_VSOCK_OP_RW, 0, "here", 4), 0);
	CHECK_EQ(t, ne_sock_recv(fd_other, buf, sizeof(buf)), 4);
}

static void w02_killed_vmm(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(-1, CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int listener, fd, ready[2];
	pid_t pid;
	char byte;

	REQUIRE_EQ(t, pipe(ready), 0);
	listener = ne_sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &c.local_port);
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid) {
		c.chan = ne_chan_open(t, CID_A, 0);
		REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
		ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RESPONSE, p, sizeof(*p));
		REQUIRE_EQ(t, write(ready[1], "", 1), 1);
		pause();
	}
	REQUIRE_EQ(t, read(ready[0], &byte, 1), 1);
	fd = accept(listener, NULL, NULL);
	REQUIRE(t, fd >= 0);
	kill(pid, SIGKILL);
	REQUIRE_EQ(t, waitpid(pid, NULL, 0), pid);
	ne_sock_check_ended(t, fd);
}

static void w03_not_accepted(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int listener, fd;

	listener = ne_sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &c.local_port);
	REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RESPONSE, p, sizeof(*p));
	close(c.chan);
	fd = accept(listener, NULL, NULL);
	REQUIRE(t, fd >= 0);
	ne_sock_check_ended(t, fd);
}

static void w04_take_over(struct ne_test *t)
{
	struct ne_conn old = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	struct ne_conn new = old;
	int fd, fd_begun, fd_new;

	fd = ne_conn_open(t, &old, p);
	fd_begun = ne_conn_begin(t, &old, p);
	new.chan = ne_chan_open(t, CID_A, 0);

	ne_sock_check_ended(t, fd);
	CHECK_ERR(t, ne_sock_connected(fd_begun), ECONNRESET);
	CHECK(t, ne_wait(old.chan, POLLIN, 0) & POLLHUP);
	CHECK_EQ(t, read(old.chan, p, sizeof(*p)), 0);
	CHECK_ERR(t, ne_conn_send(&old, VIRTIO_VSOCK_OP_RW, 0, "x", 1), EPIPE);
	CHECK(t, ioctl(old.chan, NE_EMU_VSOCK_SEQPACKET, 1) < 0 && errno == ENOTCONN);

	fd_new = ne_conn_open(t, &new, p);
	close(old.chan);
	CHECK_EQ(t, ne_sock_send(fd_new, "hello", 5, 0), 5);
	ne_conn_expect(t, &new, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
	CHECK_EQ(t, ne_wait(new.chan, POLLIN | POLLOUT, 0), POLLOUT);
}

static void w05_half_close(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	char buf[8];
	int fd;

	/* The guest has finished sending and still reads. */
	fd = ne_conn_open(t, &c, p);
	REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "end", 3), 0);
	REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND,
				   NULL, 0), 0);
	CHECK_EQ(t, ne_sock_recv(fd, buf, sizeof(buf)), 3);
	CHECK_EQ(t, ne_sock_recv(fd, buf, sizeof(buf)), 0);
	CHECK_EQ(t, ne_sock_send(fd, "still", 5, 0), 5);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));

	/* The parent has finished sending and still reads. */
	c.fwd_cnt = 0;
	fd = ne_conn_open(t, &c, p);
	CHECK_EQ(t, shutdown(fd, SHUT_WR), 0);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_SHUTDOWN, p, sizeof(*p));
	CHECK_EQ(t, le32toh(p->hdr.flags), VIRTIO_VSOCK_SHUTDOWN_SEND);
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "end", 3), 0);
	CHECK_EQ(t, ne_sock_recv(fd, buf, sizeof(buf)), 3);

	/* Both ends close. */
	close(fd);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_SHUTDOWN, p, sizeof(*p));
	CHECK_EQ(t, le32toh(p->hdr.flags),
		 VIRTIO_VSOCK_SHUTDOWN_SEND | VIRTIO_VSOCK_SHUTDOWN_RCV);
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0), 0);
}

/* Read one message from the parent, in any number of packets. Return: its length. */
static size_t read_message(struct ne_test *t, struct ne_conn *c, struct ne_packet *p,
			   size_t space, uint32_t end_flags)
{
	size_t len = 0;
	uint32_t flags;

	do {
		ne_conn_expect(t, c, VIRTIO_VSOCK_OP_RW, p, space);
		len += le32toh(p->hdr.len);
		flags = le32toh(p->hdr.flags);
		REQUIRE(t, flags == 0 || flags == end_flags);
	} while (!flags);

	return len;
}

static void w06_seqpacket(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	char *buf = calloc(1, 100000);
	int listener, fd;

	REQUIRE(t, buf);
	c.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
	listener = ne_sock_listen(t, SOCK_SEQPACKET, VMADDR_CID_ANY, &c.local_port);

	/* The feature was not negotiated. */
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_SEQPACKET, CID_A, GUEST_PORT), ESOCKTNOSUPPORT);
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0), 0);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RST, p, sizeof(*p));

	REQUIRE_EQ(t, ioctl(c.chan, NE_EMU_VSOCK_SEQPACKET, 1), 0);
	fd = ne_conn_accept(t, &c, p, listener);
	CHECK_EQ(t, ne_sock_send(fd, buf, 10, 0), 10);
	CHECK_EQ(t, ne_sock_send(fd, buf, 100000, MSG_EOR), 100000);
	CHECK_EQ(t, ne_sock_send(fd, buf, 20, 0), 20);
	CHECK_EQ(t, read_message(t, &c, p, 4096, VIRTIO_VSOCK_SEQ_EOM), 10);
	CHECK_EQ(t, read_message(t, &c, p, 4096, VIRTIO_VSOCK_SEQ_EOM | VIRTIO_VSOCK_SEQ_EOR),
		 100000);
	CHECK_EQ(t, read_message(t, &c, p, 4096, VIRTIO_VSOCK_SEQ_EOM), 20);

	/* "ab" in two packets, then "c": two messages. */
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "a", 1), 0);
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, VIRTIO_VSOCK_SEQ_EOM, "b", 1), 0);
	CHECK_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, VIRTIO_VSOCK_SEQ_EOM, "c", 1), 0);
	CHECK_EQ(t, ne_sock_recv(fd, buf, 100), 2);
	CHECK_EQ(t, ne_sock_recv(fd, buf, 100), 1);

	close(fd);
	c.fwd_cnt = 0;
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_SHUTDOWN, p, sizeof(*p));
	fd = ne_conn_open(t, &c, p);
	close(c.chan);
	CHECK_EQ(t, ne_sock_recv(fd, buf, 1), 0);
}

static void w07_many_connections(struct ne_test *t)
{
	struct rlimit limit = { .rlim_cur = MANY + 100, .rlim_max = MANY + 100 };
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_conn other = ne_conn_guest(ne_chan_open(t, CID_B, 0), CID_B);
	struct ne_packet *p = ne_packet_new(t);
	static int fds[MANY];
	uint64_t start;
	size_t i;

	REQUIRE_EQ(t, setrlimit(RLIMIT_NOFILE, &limit), 0);
	/* Far more than are reset at a time; some of them belong to other channels. */
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = ne_conn_open(t, i % 8 ? &c : &other, p);
	start = ne_now_ms();
	close(c.chan);
	ne_note("%d connections reset in %d ms", MANY / 8 * 7, (int)(ne_now_ms() - start));
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (i % 8)
			ne_sock_check_ended(t, fds[i]);
		else
			CHECK_EQ(t, ne_sock_send(fds[i], "x", 1, 0), 1);
}

/* A VMM that accepts all connections, opens others, and is often replaced. */
static void stress_vmm(struct ne_test *t, uint64_t end)
{
	struct ne_packet *p = ne_packet_new(t);
	struct ne_conn c;
	int i;

	while (ne_now_ms() < end) {
		c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
		for (i = 0; i < 50 && ne_wait(c.chan, POLLIN, 10) == POLLIN; i++) {
			if (read(c.chan, p, sizeof(*p)) <= 0)
				break;
			c.port = le32toh(p->hdr.dst_port);
			c.local_port = le32toh(p->hdr.src_port);
			if (le16toh(p->hdr.op) == VIRTIO_VSOCK_OP_REQUEST)
				ne_conn_send(&c, VIRTIO_VSOCK_OP_RESPONSE, 0, NULL, 0);
			else if (i % 2)
				ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, p->data, 1000);
			else
				ne_conn_send(&c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0);
		}
		close(c.chan);
	}
}

static void stress_client(struct ne_test *t, uint64_t end)
{
	char buf[5000] = "";
	int fd;

	while (ne_now_ms() < end) {
		fd = ne_sock_connect(t, SOCK_STREAM, CID_A, GUEST_PORT);
		if (fd < 0)
			continue;
		CHECK(t, ne_sock_connected(fd) != -EINPROGRESS);
		ne_sock_send(fd, buf, sizeof(buf), 0);
		ne_wait(fd, POLLIN, 1);
		recv(fd, buf, sizeof(buf), 0);
		close(fd);
	}
}

static void w08_stress(struct ne_test *t)
{
	void (*const roles[])(struct ne_test *, uint64_t) = {
		stress_vmm, stress_vmm, stress_client, stress_client, stress_client,
	};
	uint64_t end = ne_now_ms() + STRESS_MS;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(roles); i++) {
		if (fork())
			continue;
		roles[i](t, end);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	CHECK_ERR(t, ne_sock_try_connect(t, SOCK_STREAM, CID_A, GUEST_PORT), ECONNRESET);
}

/* Small numbers are more likely to be meaningful. */
static uint32_t any(uint32_t bound)
{
	return random() % 8 ? (uint32_t)random() % bound : (uint32_t)random();
}

static void w09_random_packets(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	struct virtio_vsock_hdr hdr;
	uint32_t ports[4];
	uint64_t end = ne_now_ms() + STRESS_MS;
	int i, err, fd;
	size_t len;

	REQUIRE_EQ(t, ioctl(c.chan, NE_EMU_VSOCK_SEQPACKET, 1), 0);
	srandom(1);
	ne_sock_listen(t, SOCK_STREAM, VMADDR_CID_ANY, &ports[0]);
	ne_sock_listen(t, SOCK_SEQPACKET, VMADDR_CID_ANY, &ports[1]);
	ne_conn_open(t, &c, p);
	ports[2] = c.local_port;
	ne_conn_begin(t, &c, p);
	ports[3] = c.local_port;

	for (i = 0; i < 20000 && ne_now_ms() < end; i++) {
		len = any(3000) % 8000;
		c.type = any(4);
		c.local_port = ports[any(4) % 4];
		c.port = GUEST_PORT + any(4);
		hdr = ne_conn_hdr(&c, any(9), any(4), len);
		hdr.buf_alloc = htole32(any(100000));
		hdr.fwd_cnt = htole32(any(5000));
		err = ne_chan_write(c.chan, &hdr, p->data, len);
		REQUIRE(t, err > 0 || err == -EAGAIN || err == -EINVAL);
		while (err == -EAGAIN && ne_wait(c.chan, POLLIN, 0) &&
		       read(c.chan, p, sizeof(*p)) > 0)
			;
	}

	while (ne_wait(c.chan, POLLIN, 0) && read(c.chan, p, sizeof(*p)) > 0)
		;
	CHECK_EQ(t, ne_chan_info(c.chan, "replies"), 0);
	c = ne_conn_guest(c.chan, CID_A);
	c.port = GUEST_PORT + 100;
	fd = ne_conn_open(t, &c, p);
	CHECK_EQ(t, ne_sock_send(fd, "hello", 5, 0), 5);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
}

/* Each end has shut down sending; then the enclave dies. */
static void w10_death_half_closed(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int guests, parents, both;
	char buf[8];

	guests = ne_conn_open(t, &c, p);
	REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_RW, 0, "end", 3), 0);
	REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND,
				   NULL, 0), 0);
	parents = ne_conn_open(t, &c, p);
	REQUIRE_EQ(t, shutdown(parents, SHUT_WR), 0);
	ne_conn_expect(t, &c, VIRTIO_VSOCK_OP_SHUTDOWN, p, sizeof(*p));
	both = ne_conn_open(t, &c, p);
	REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND,
				   NULL, 0), 0);
	REQUIRE_EQ(t, shutdown(both, SHUT_WR), 0);
	CHECK_EQ(t, ne_wait(parents, POLLIN, 0), 0);

	close(c.chan);
	CHECK_EQ(t, ne_sock_recv(guests, buf, sizeof(buf)), 3);
	ne_sock_check_ended(t, guests);
	ne_sock_check_ended(t, parents);
	ne_sock_check_ended(t, both);
	CHECK(t, ne_wait(parents, POLLIN, 0) & POLLHUP);
	CHECK(t, ne_wait(both, POLLIN, 0) & POLLHUP);
}

static const struct ne_case cases[] = {
	{ "W01 close_resets", w01_close_resets, 0 },
	{ "W02 killed_vmm", w02_killed_vmm, 0 },
	{ "W03 not_accepted", w03_not_accepted, 0 },
	{ "W04 take_over", w04_take_over, 0 },
	{ "W05 half_close", w05_half_close, 0 },
	{ "W06 seqpacket", w06_seqpacket, 0 },
	{ "W07 many_connections", w07_many_connections, 120 },
	{ "W08 stress", w08_stress, 0 },
	{ "W09 random_packets", w09_random_packets, 0 },
	{ "W10 death_half_closed", w10_death_half_closed, 0 },
};

int main(int argc, char **argv)
{
	return ne_vsock_main(cases, ARRAY_SIZE(cases), argc, argv);
}
