// SPDX-License-Identifier: Apache-2.0
/* Abort the heartbeat, by which an enclave reports to its launcher that it has booted. */

#include "common/heartbeat.h"

#include "common/clock.h"
#include "common/util.h"

#include <endian.h>
#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <linux/virtio_vsock.h>
#include <poll.h>
#include <unistd.h>

#define ABORT_TIMEOUT_MS	1000
/* Guests do not assign ports this high, so none of their connections uses it. */
#define ABORT_PORT		0xfffffff0U
/* Most packets of other connections that one call skips. */
#define PACKETS_MAX		64

static int heartbeat_send_op(const struct heartbeat_abort *abort, uint16_t op)
{
	struct virtio_vsock_hdr hdr = {
		.src_cid = htole64(abort->cid),
		.dst_cid = htole64(NE_EMU_CID_PARENT),
		.src_port = htole32(ABORT_PORT),
		.dst_port = htole32(NE_EMU_HEARTBEAT_PORT),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM),
		.op = htole16(op),
	};

	for (;;) {
		if (write(abort->fd, &hdr, sizeof(hdr)) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

/* Return: the operation of a packet of our connection, 0 for others, or a negative errno. */
static int receive_op(int fd)
{
	uint8_t packet[4096];
	struct virtio_vsock_hdr *hdr = (struct virtio_vsock_hdr *)packet;
	ssize_t n = read(fd, packet, sizeof(packet));

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n < (ssize_t)sizeof(*hdr))
		return -EPIPE;
	if (le64toh(hdr->src_cid) != NE_EMU_CID_PARENT ||
	    le32toh(hdr->src_port) != NE_EMU_HEARTBEAT_PORT ||
	    le32toh(hdr->dst_port) != ABORT_PORT)
		return 0;
	return le16toh(hdr->op);
}

/* Return: -EAGAIN (no answer yet), or the result as of heartbeat_abort(). */
static int heartbeat_receive(const struct heartbeat_abort *abort)
{
	for (int i = 0; i < PACKETS_MAX; i++) {
		int op = receive_op(abort->fd);

		if (op < 0)
			return op;
		if (op == VIRTIO_VSOCK_OP_RST)
			return -ECONNREFUSED;
		if (op == VIRTIO_VSOCK_OP_RESPONSE)
			return heartbeat_send_op(abort, VIRTIO_VSOCK_OP_RST);
	}
	return -EAGAIN;
}

void heartbeat_abort_begin(struct heartbeat_abort *abort, int channel_fd, uint32_t cid)
{
	*abort = (struct heartbeat_abort){
		.fd = channel_fd, .cid = cid, .deadline_ms = clock_ms() + ABORT_TIMEOUT_MS,
	};
}

int heartbeat_abort_step(struct heartbeat_abort *abort)
{
	/* Read first: the channel may accept no packets until some were read. */
	int err = heartbeat_receive(abort);

	if (err == -EAGAIN && !abort->asked) {
		err = heartbeat_send_op(abort, VIRTIO_VSOCK_OP_REQUEST);
		abort->asked = !err;
		err = err ? err : -EAGAIN;
	}
	if (err != -EAGAIN || clock_ms() < abort->deadline_ms)
		return err;
	heartbeat_abort_cancel(abort);
	return -ETIMEDOUT;
}

void heartbeat_abort_cancel(struct heartbeat_abort *abort)
{
	if (abort->asked)
		(void)heartbeat_send_op(abort, VIRTIO_VSOCK_OP_RST);
	abort->asked = false;
}

static int heartbeat_wait(const struct heartbeat_abort *abort)
{
	short events = POLLIN | (abort->asked ? 0 : POLLOUT);
	struct pollfd pollfd = { .fd = abort->fd, .events = events };
	int n = poll(&pollfd, 1, MAX(abort->deadline_ms - clock_ms(), 0));

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n && !(pollfd.revents & events) ? -EPIPE : 0;
}

int heartbeat_abort(int channel_fd, uint32_t cid)
{
	struct heartbeat_abort abort;
	int err;

	heartbeat_abort_begin(&abort, channel_fd, cid);
	while ((err = heartbeat_abort_step(&abort)) == -EAGAIN) {
		err = heartbeat_wait(&abort);
		if (err)
			break;
	}
	return err;
}
