// SPDX-License-Identifier: Apache-2.0
/* The connection by which an enclave tells its launcher that it is up. */

#include "heartbeat.h"

#include "clock.h"
#include "util.h"

#include <endian.h>
#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <linux/virtio_vsock.h>
#include <poll.h>
#include <unistd.h>

#define ABORT_TIMEOUT_MS	1000
/* Above what guests choose by themselves, so it is no connection of theirs. */
#define ABORT_PORT		0xfffffff0U

static int wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd pollfd = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline - clock_ms();
		int n = poll(&pollfd, 1, MAX(left, 0));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -ETIMEDOUT;
		return pollfd.revents & events ? pollfd.revents : -EPIPE;
	}
}

static int send_op(int fd, uint32_t cid, uint16_t op)
{
	struct virtio_vsock_hdr hdr = {
		.src_cid = htole64(cid),
		.dst_cid = htole64(NE_EMU_CID_PARENT),
		.src_port = htole32(ABORT_PORT),
		.dst_port = htole32(NE_EMU_HEARTBEAT_PORT),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM),
		.op = htole16(op),
	};

	for (;;) {
		if (write(fd, &hdr, sizeof(hdr)) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

/* Return: the operation of a packet that belongs to us, 0 for others, or an errno. */
static int receive_op(int fd)
{
	uint8_t packet[4096];
	struct virtio_vsock_hdr *hdr = (struct virtio_vsock_hdr *)packet;
	ssize_t n = read(fd, packet, sizeof(packet));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n < (ssize_t)sizeof(*hdr))
		return -EPIPE;
	if (le64toh(hdr->src_cid) != NE_EMU_CID_PARENT ||
	    le32toh(hdr->src_port) != NE_EMU_HEARTBEAT_PORT ||
	    le32toh(hdr->dst_port) != ABORT_PORT)
		return 0;
	return le16toh(hdr->op);
}

int heartbeat_abort(int channel_fd, uint32_t cid)
{
	int64_t deadline = clock_ms() + ABORT_TIMEOUT_MS;
	short events = POLLIN | POLLOUT;

	for (;;) {
		int ready = wait_for(channel_fd, events, deadline);
		int ret = 0;

		if (ready == -ETIMEDOUT && !(events & POLLOUT))
			(void)send_op(channel_fd, cid, VIRTIO_VSOCK_OP_RST);
		if (ready < 0)
			return ready;
		/* Reading first makes room for writing. */
		if (ready & POLLIN)
			ret = receive_op(channel_fd);
		if (ret < 0)
			return ret;
		if (ret == VIRTIO_VSOCK_OP_RST)
			return -ECONNREFUSED;
		if (ret == VIRTIO_VSOCK_OP_RESPONSE)
			return send_op(channel_fd, cid, VIRTIO_VSOCK_OP_RST);

		if ((events & POLLOUT) && (ready & POLLOUT)) {
			ret = send_op(channel_fd, cid, VIRTIO_VSOCK_OP_REQUEST);
			if (!ret)
				events = POLLIN;
			else if (ret != -EAGAIN)
				return ret;
		}
	}
}
