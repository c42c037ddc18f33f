// SPDX-License-Identifier: Apache-2.0
/* Release of a launcher that waits for a heartbeat, packet by packet. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/heartbeat.h"
#include "common/util.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_vsock.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define CID	21

/* The kernel's side: sends noise, then @answer, and records what arrives. */
struct peer {
	int fd;
	uint16_t answer;
	struct virtio_vsock_hdr request;
	struct virtio_vsock_hdr last;
};

static void send_answer(struct peer *peer, uint32_t dst_port, uint16_t op)
{
	struct virtio_vsock_hdr hdr = {
		.src_cid = htole64(3), .dst_cid = htole64(CID), .src_port = htole32(9000),
		.dst_port = htole32(dst_port), .type = htole16(VIRTIO_VSOCK_TYPE_STREAM),
		.op = htole16(op),
	};

	assert_int_equal(write(peer->fd, &hdr, sizeof(hdr)), sizeof(hdr));
}

static void *run_peer(void *arg)
{
	struct peer *peer = arg;

	if (read(peer->fd, &peer->request, sizeof(peer->request)) != sizeof(peer->request))
		return NULL;
	/* The end of another connection does not count. */
	send_answer(peer, 12345, VIRTIO_VSOCK_OP_RST);
	if (peer->answer)
		send_answer(peer, le32toh(peer->request.src_port), peer->answer);
	if (read(peer->fd, &peer->last, sizeof(peer->last)) < 0)
		return NULL;
	return NULL;
}

static int abort_with(uint16_t answer, struct peer *peer)
{
	pthread_t thread;
	int fds[2], ret;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	assert_return_code(fcntl(fds[1], F_SETFL, O_NONBLOCK), errno);
	*peer = (struct peer){ .fd = fds[0], .answer = answer };
	assert_int_equal(pthread_create(&thread, NULL, run_peer, peer), 0);
	ret = heartbeat_abort(fds[1], CID);
	assert_int_equal(close(fds[1]), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(close(fds[0]), 0);

	assert_int_equal(le64toh(peer->request.src_cid), CID);
	assert_int_equal(le64toh(peer->request.dst_cid), 3);
	assert_int_equal(le32toh(peer->request.dst_port), 9000);
	assert_int_equal(le16toh(peer->request.type), VIRTIO_VSOCK_TYPE_STREAM);
	assert_int_equal(le16toh(peer->request.op), VIRTIO_VSOCK_OP_REQUEST);
	assert_int_equal(peer->request.len, 0);
	return ret;
}

static void test_launcher_waits(void **state)
{
	struct peer peer;

	(void)state;
	assert_int_equal(abort_with(VIRTIO_VSOCK_OP_RESPONSE, &peer), 0);
	assert_int_equal(le16toh(peer.last.op), VIRTIO_VSOCK_OP_RST);
	assert_int_equal(peer.last.src_port, peer.request.src_port);
	assert_int_equal(peer.last.dst_port, peer.request.dst_port);
}

static void test_nobody_waits(void **state)
{
	struct peer peer;

	(void)state;
	assert_int_equal(abort_with(VIRTIO_VSOCK_OP_RST, &peer), -ECONNREFUSED);
	assert_int_equal(peer.last.op, 0);
}

static void test_no_answer(void **state)
{
	int64_t before = clock_ms();
	struct peer peer;

	(void)state;
	assert_int_equal(abort_with(0, &peer), -ETIMEDOUT);
	assert_in_range(clock_ms() - before, 900, 5000);
	assert_int_equal(le16toh(peer.last.op), VIRTIO_VSOCK_OP_RST);
}

static void test_channel_gone(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(close(fds[0]), 0);
	assert_true(heartbeat_abort(fds[1], CID) < 0);
	assert_int_equal(close(fds[1]), 0);
}

/* A peer sends endlessly to this CID. */
static void test_flood(void **state)
{
	int64_t before = clock_ms();
	int fd = open("/dev/zero", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct heartbeat_abort abort;

	(void)state;
	assert_return_code(fd, errno);
	/* A step ends although there is always more data to read. */
	heartbeat_abort_begin(&abort, fd, CID);
	assert_int_equal(heartbeat_abort_step(&abort), -EAGAIN);
	assert_true(abort.asked);
	assert_int_equal(heartbeat_abort(fd, CID), -ETIMEDOUT);
	assert_in_range(clock_ms() - before, 900, 9000);
	assert_int_equal(close(fd), 0);
}

/* Step by step, as the supervisor does it; a pending request can be withdrawn. */
static void test_steps(void **state)
{
	struct heartbeat_abort abort;
	struct peer peer;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	peer = (struct peer){ .fd = fds[0] };
	heartbeat_abort_begin(&abort, fds[1], CID);
	heartbeat_abort_cancel(&abort);
	assert_int_equal(read(fds[0], &peer.last, sizeof(peer.last)), -1);
	assert_int_equal(heartbeat_abort_step(&abort), -EAGAIN);
	assert_int_equal(heartbeat_abort_step(&abort), -EAGAIN);
	assert_int_equal(read(fds[0], &peer.request, sizeof(peer.request)), sizeof(peer.request));
	assert_int_equal(le16toh(peer.request.op), VIRTIO_VSOCK_OP_REQUEST);
	assert_int_equal(read(fds[0], &peer.last, sizeof(peer.last)), -1);
	heartbeat_abort_cancel(&abort);
	assert_int_equal(read(fds[0], &peer.last, sizeof(peer.last)), sizeof(peer.last));
	assert_int_equal(le16toh(peer.last.op), VIRTIO_VSOCK_OP_RST);

	heartbeat_abort_begin(&abort, fds[1], CID);
	assert_int_equal(heartbeat_abort_step(&abort), -EAGAIN);
	send_answer(&peer, le32toh(peer.request.src_port), VIRTIO_VSOCK_OP_RESPONSE);
	assert_int_equal(heartbeat_abort_step(&abort), 0);
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(close(fds[1]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_launcher_waits),
		cmocka_unit_test(test_nobody_waits),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_channel_gone),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_steps),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("heartbeat", tests, NULL, NULL);
}
