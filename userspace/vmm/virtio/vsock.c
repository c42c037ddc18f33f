// SPDX-License-Identifier: Apache-2.0
/* virtio-vsock device: packets between the guest's rings and the channel fd. */

#include "vmm/virtio/vsock.h"

#include "common/log.h"
#include "common/util.h"

#include <endian.h>
#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

enum { QUEUE_RX, QUEUE_TX, QUEUE_EVENT, NR_QUEUES };

/* Packets handled in one go before interrupts are raised and others get a turn. */
#define BATCH	64

static void wait_for_channel(struct vsock *vsock, bool input)
{
	loop_wait_for(vsock->mmio.loop, &vsock->channel,
		      (input ? EPOLLIN : 0) | (vsock->tx_blocked ? EPOLLOUT : 0));
}

static bool waits_for_input(const struct vsock *vsock)
{
	return vsock->channel.events & EPOLLIN;
}

static void channel_failed(struct vsock *vsock, int err)
{
	loop_del(vsock->mmio.loop, &vsock->channel);
	ending_report(vsock->ending, NE_EMU_EXIT_REASON_VMM_ERROR, "the vsock channel failed: %s",
		      strerror(err));
}

/*
 * Look for a chain; without one, ask for a notification and look once more.
 *
 * Return: 1 with @vsock->chain filled in, 0 without a chain, -EPROTO.
 */
static int next_chain(struct vsock *vsock, struct virtqueue *queue)
{
	int n = virtqueue_available(queue);

	if (!n) {
		virtqueue_want_notify(queue, true);
		n = virtqueue_available(queue);
		if (n > 0)
			virtqueue_want_notify(queue, false);
	}
	if (n <= 0)
		return n;
	return virtqueue_peek(queue, 0, &vsock->chain) ?: 1;
}

/* Return: bytes received, 0 to stop for now, or -EPROTO. */
static ssize_t receive_packet(struct vsock *vsock)
{
	const struct virtqueue_chain *chain = &vsock->chain;
	ssize_t n;

	if (chain->nr_read || chain->write_size <= sizeof(struct virtio_vsock_hdr))
		return -EPROTO;
	do {
		n = readv(vsock->channel_fd, chain->iov, chain->nr_write);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	if (n < 0 && errno == EAGAIN)
		wait_for_channel(vsock, true);
	else
		channel_failed(vsock, n ? errno : EPIPE);
	return 0;
}

static void receive(struct vsock *vsock)
{
	struct virtqueue *queue = &vsock->mmio.queues[QUEUE_RX];
	unsigned int budget = BATCH;
	ssize_t n = 0;
	int found = 1;

	virtqueue_want_notify(queue, false);
	while (budget) {
		found = next_chain(vsock, queue);
		if (found <= 0)
			break;
		n = receive_packet(vsock);
		if (n <= 0)
			break;
		virtqueue_take(queue, 1);
		virtqueue_put_used(queue, vsock->chain.head, n);
		budget--;
	}
	virtio_mmio_publish(&vsock->mmio, QUEUE_RX);

	if (found < 0 || n < 0)
		virtio_mmio_break(&vsock->mmio, "bad receive queue");
	if (found <= 0 || n < 0)
		wait_for_channel(vsock, false);
	else if (!budget)
		wait_for_channel(vsock, true);
}

/* The header is copied, so that what was checked is what is sent. */
static unsigned int build_packet(struct vsock *vsock, struct virtio_vsock_hdr *hdr)
{
	const struct virtqueue_chain *chain = &vsock->chain;
	size_t skip = sizeof(*hdr);
	size_t left = le32toh(hdr->len);
	unsigned int n = 0;

	vsock->iov[n++] = (struct iovec){ hdr, sizeof(*hdr) };
	for (unsigned int i = 0; left && i < chain->nr_read; i++) {
		size_t skipped = MIN(skip, chain->iov[i].iov_len);
		size_t len = MIN(chain->iov[i].iov_len - skipped, left);

		skip -= skipped;
		if (!len)
			continue;
		vsock->iov[n++] = (struct iovec){
			(uint8_t *)chain->iov[i].iov_base + skipped, len
		};
		left -= len;
	}
	return n;
}

static void watch_for_heartbeat(struct vsock *vsock, const struct virtio_vsock_hdr *hdr)
{
	if (le16toh(hdr->op) == VIRTIO_VSOCK_OP_REQUEST &&
	    le64toh(hdr->dst_cid) == NE_EMU_CID_PARENT &&
	    le32toh(hdr->dst_port) == NE_EMU_HEARTBEAT_PORT)
		vsock->heartbeat_sent = true;
}

/* Return: 0 when the packet is done with, or -EAGAIN, -EPROTO, -EPIPE. */
static int send_packet(struct vsock *vsock)
{
	const struct virtqueue_chain *chain = &vsock->chain;
	struct virtio_vsock_hdr hdr;
	ssize_t n;

	if (chain->nr_write || chain->read_size < sizeof(hdr))
		return -EPROTO;
	virtqueue_chain_read(chain, &hdr, sizeof(hdr));
	if (le32toh(hdr.len) > chain->read_size - sizeof(hdr)) {
		log_debug("vsock packet of the guest is shorter than it says; dropped");
		return 0;
	}
	do {
		n = writev(vsock->channel_fd, vsock->iov, build_packet(vsock, &hdr));
	} while (n < 0 && errno == EINTR);
	if (n >= 0) {
		watch_for_heartbeat(vsock, &hdr);
		return 0;
	}
	if (errno == EAGAIN || errno == EPIPE || errno == EFAULT)
		return -errno;
	log_debug("vsock packet of the guest was refused: %s", strerror(errno));
	return 0;
}

static void transmit(struct vsock *vsock)
{
	struct virtqueue *queue = &vsock->mmio.queues[QUEUE_TX];
	unsigned int budget = BATCH;
	int found, err = 0;

	vsock->tx_blocked = false;
	virtqueue_want_notify(queue, false);
	while (budget) {
		found = next_chain(vsock, queue);
		if (found <= 0) {
			err = found;
			break;
		}
		err = send_packet(vsock);
		if (err)
			break;
		virtqueue_take(queue, 1);
		virtqueue_put_used(queue, vsock->chain.head, 0);
		budget--;
	}
	virtio_mmio_publish(&vsock->mmio, QUEUE_TX);

	if (err == -EAGAIN)
		vsock->tx_blocked = true;
	else if (err == -EPROTO)
		virtio_mmio_break(&vsock->mmio, "bad transmit queue");
	else if (err)
		channel_failed(vsock, -err);
	else if (!budget)
		virtio_mmio_again(&vsock->mmio, QUEUE_TX);
	wait_for_channel(vsock, waits_for_input(vsock));
}

static void tell_seqpacket(struct vsock *vsock, bool negotiated)
{
	if (ioctl(vsock->channel_fd, NE_EMU_VSOCK_SEQPACKET, (unsigned long)negotiated))
		log_warn("cannot set SOCK_SEQPACKET to %d: %s", negotiated, strerror(errno));
}

static void vsock_queue(struct virtio_mmio *mmio, unsigned int index)
{
	struct vsock *vsock = (struct vsock *)((char *)mmio - offsetof(struct vsock, mmio));

	if (!vsock->seqpacket_told)
		tell_seqpacket(vsock, virtio_mmio_has_feature(mmio, VIRTIO_VSOCK_F_SEQPACKET));
	vsock->seqpacket_told = true;

	switch (index) {
	case QUEUE_RX:
		receive(vsock);
		break;
	case QUEUE_TX:
		transmit(vsock);
		break;
	case QUEUE_EVENT:	/* its only event comes with migration */
		break;
	}
}

static void vsock_reset(struct virtio_mmio *mmio)
{
	struct vsock *vsock = (struct vsock *)((char *)mmio - offsetof(struct vsock, mmio));

	if (vsock->seqpacket_told)
		tell_seqpacket(vsock, false);
	vsock->seqpacket_told = false;
	vsock->tx_blocked = false;
	wait_for_channel(vsock, false);
}

static const struct virtio_device_ops vsock_ops = {
	.queue = vsock_queue,
	.reset = vsock_reset,
};

static bool queue_usable(const struct vsock *vsock, unsigned int index)
{
	return virtio_mmio_is_live(&vsock->mmio) && vsock->mmio.queues[index].ready;
}

static void handle_channel(void *arg, uint32_t events)
{
	struct vsock *vsock = arg;

	pthread_mutex_lock(&vsock->mmio.lock);
	if (events & EPOLLIN) {
		if (queue_usable(vsock, QUEUE_RX))
			receive(vsock);
		else
			wait_for_channel(vsock, false);
	}
	if (events & EPOLLOUT) {
		vsock->tx_blocked = false;
		if (queue_usable(vsock, QUEUE_TX))
			transmit(vsock);
		else
			wait_for_channel(vsock, waits_for_input(vsock));
	}
	if (events & (EPOLLHUP | EPOLLERR))
		channel_failed(vsock, EPIPE);
	pthread_mutex_unlock(&vsock->mmio.lock);
}

int vsock_create(const struct guest_memory *memory, struct loop *loop, int irq_fd,
		 int channel_fd, uint32_t cid, struct ending *ending, struct vsock **ret_vsock)
{
	struct vsock *vsock = calloc(1, sizeof(*vsock));
	int err;

	if (!vsock)
		return -ENOMEM;
	vsock->config.guest_cid = htole64(cid);
	vsock->channel_fd = channel_fd;
	vsock->ending = ending;
	vsock->channel = (struct loop_source){
		.fd = channel_fd,
		.call = handle_channel,
		.arg = vsock,
	};
	vsock->mmio.ops = &vsock_ops;
	vsock->mmio.id = VIRTIO_ID_VSOCK;
	vsock->mmio.features = 1ULL << VIRTIO_VSOCK_F_SEQPACKET;
	vsock->mmio.config = &vsock->config;
	vsock->mmio.config_size = sizeof(vsock->config);
	vsock->mmio.nr_queues = NR_QUEUES;

	err = virtio_mmio_init(&vsock->mmio, memory, loop, VIRTQUEUE_SIZE_MAX, irq_fd);
	if (err) {
		free(vsock);
		return err;
	}
	err = loop_add(loop, &vsock->channel);
	if (err) {
		vsock_destroy(vsock);
		return err;
	}
	*ret_vsock = vsock;
	return 0;
}

void vsock_destroy(struct vsock *vsock)
{
	if (!vsock)
		return;
	loop_del(vsock->mmio.loop, &vsock->channel);
	virtio_mmio_exit(&vsock->mmio);
	free(vsock);
}

bool vsock_heartbeat_sent(struct vsock *vsock)
{
	bool sent;

	pthread_mutex_lock(&vsock->mmio.lock);
	sent = vsock->heartbeat_sent;
	pthread_mutex_unlock(&vsock->mmio.lock);
	return sent;
}
