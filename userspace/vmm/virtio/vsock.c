// SPDX-License-Identifier: Apache-2.0
/* virtio-vsock device: packets between the guest's rings and the channel fd. */

#include "vmm/virtio/vsock.h"

#include "common/log.h"
#include "common/util.h"

#include <endian.h>
#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <linux/virtio_ring.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

enum { QUEUE_RX, QUEUE_TX, QUEUE_EVENT, NR_QUEUES };

/* Size of the first batch; while there are more packets, batches get four times larger. */
#define FIRST_BATCH	4

static void vsock_wait_for_channel(struct vsock *vsock, bool input)
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
 * Count the waiting chains. If there is none, enable notifications and check again.
 *
 * Return: their number or -EPROTO.
 */
static int vsock_available(struct virtqueue *queue)
{
	int n = virtqueue_available(queue);

	if (n)
		return n;
	virtqueue_want_notify(queue, true);
	n = virtqueue_available(queue);
	if (n > 0)
		virtqueue_want_notify(queue, false);
	return n;
}

static bool is_usable(unsigned int index, const struct virtqueue_chain *chain)
{
	size_t header = sizeof(struct virtio_vsock_hdr);

	if (index == QUEUE_RX)
		return !chain->nr_read && chain->write_size > header;
	return !chain->nr_write && chain->read_size >= header;
}

static void watch_for_connections(struct vsock *vsock, const struct virtqueue_chain *chain)
{
	struct virtio_vsock_hdr hdr;
	uint16_t op;

	virtqueue_chain_read(chain, &hdr, sizeof(hdr));
	op = le16toh(hdr.op);
	if (op == VIRTIO_VSOCK_OP_REQUEST && le64toh(hdr.dst_cid) == NE_EMU_CID_PARENT &&
	    le32toh(hdr.dst_port) == NE_EMU_HEARTBEAT_PORT) {
		vsock->heartbeat_sent = true;
		marks_set(vsock->marks, MARK_HEARTBEAT);
	} else if (op == VIRTIO_VSOCK_OP_REQUEST || op == VIRTIO_VSOCK_OP_RESPONSE) {
		vsock->connected = true;
		marks_set(vsock->marks, MARK_VSOCK);
	}
}

/*
 * Make a batch of the next chains, at most @want, without taking them.
 *
 * Return: their number, or -EPROTO if the first is not valid.
 */
static int vsock_gather(struct vsock *vsock, unsigned int index, unsigned int want)
{
	struct virtqueue *queue = &vsock->mmio.queues[index];
	struct iovec *iov = vsock->iov;
	int waiting = vsock_available(queue);
	int n;

	for (n = 0; n < waiting && (unsigned int)n < want; n++) {
		struct virtqueue_chain chain = { .iov = iov };

		if (iov + queue->size > vsock->iov + ARRAY_SIZE(vsock->iov))
			break;
		if (virtqueue_peek(queue, n, &chain) || !is_usable(index, &chain))
			return n ? n : -EPROTO;
		if (index == QUEUE_TX && !(vsock->heartbeat_sent && vsock->connected))
			watch_for_connections(vsock, &chain);
		vsock->heads[n] = chain.head;
		vsock->sizes[n] = chain.read_size;
		vsock->packets[n] = (struct ne_emu_vsock_packet){
			.iov = (uintptr_t)iov,
			.iov_count = chain.nr_read + chain.nr_write,
		};
		iov += chain.nr_read + chain.nr_write;
	}
	return waiting < 0 ? waiting : n;
}

/*
 * Move a batch of @n packets.
 *
 * Return: number of packets moved, or a negative errno.
 */
static int vsock_move(struct vsock *vsock, unsigned long request, unsigned int n)
{
	struct ne_emu_vsock_batch batch = {
		.packets = (uintptr_t)vsock->packets,
		.count = n,
	};
	int ret;

	do {
		ret = ioctl(vsock->channel_fd, request, &batch);
	} while (ret < 0 && errno == EINTR);
	if (!ret)
		return -EPIPE;	/* the address belongs to another file */
	return ret < 0 ? -errno : ret;
}

/* Give back entry @i of a batch that has been moved. */
static void receive_one(struct vsock *vsock, struct virtqueue *queue, int i)
{
	uint32_t bytes = vsock->packets[i].result;

	virtqueue_put_used(queue, vsock->heads[i], bytes);
	vsock->counters.rx_packets++;
	vsock->counters.rx_bytes += bytes;
}

static void transmit_one(struct vsock *vsock, struct virtqueue *queue, int i)
{
	virtqueue_put_used(queue, vsock->heads[i], 0);
	vsock->counters.tx_packets++;
	vsock->counters.tx_bytes += vsock->sizes[i];
}

/* @count packets of the batch have been moved. What is in them may change at any time. */
static void vsock_trace(struct vsock *vsock, int count, bool to_guest)
{
	struct trace *trace = vsock->mmio.trace;

	if (!trace_wanted(trace, TRACE_VSOCK) && !trace_wanted(trace, TRACE_HEARTBEAT))
		return;
	for (int i = 0; i < count; i++) {
		const struct virtqueue_chain chain = {
			.iov = (struct iovec *)(uintptr_t)vsock->packets[i].iov,
			.nr_read = vsock->packets[i].iov_count,
		};
		struct {
			struct virtio_vsock_hdr hdr;
			uint8_t byte;
		} head = {};

		virtqueue_chain_read(&chain, &head, sizeof(head));
		trace_packet(trace, &head.hdr, head.byte, to_guest);
	}
}

static void vsock_receive(struct vsock *vsock)
{
	struct virtqueue *queue = &vsock->mmio.queues[QUEUE_RX];
	unsigned int want = FIRST_BATCH, done = 0;
	int n, got = 0;

	virtqueue_want_notify(queue, false);
	do {
		n = vsock_gather(vsock, QUEUE_RX, want);
		if (n <= 0)
			break;
		got = vsock_move(vsock, NE_EMU_VSOCK_RECV, n);
		vsock_trace(vsock, got, true);
		for (int i = 0; i < got; i++)
			receive_one(vsock, queue, i);
		if (got > 0)
			virtqueue_take(queue, got);
		done += n;
		want = MIN(4 * want, VSOCK_BATCH);
	} while (got == n && done < VSOCK_BATCH);
	virtio_mmio_publish(&vsock->mmio, QUEUE_RX);
	vsock->counters.rx_stalls += !n;

	if (n < 0)
		virtio_mmio_break(&vsock->mmio, "bad receive queue");
	/* After -ENOMEM the packets still wait, and so does the event. */
	if (got < 0 && got != -EAGAIN && got != -ENOMEM)
		channel_failed(vsock, -got);
	else
		vsock_wait_for_channel(vsock, n > 0);
}

static void vsock_transmit(struct vsock *vsock)
{
	struct virtqueue *queue = &vsock->mmio.queues[QUEUE_TX];
	unsigned int done = 0;
	int n, sent = 0;

	vsock->tx_blocked = false;
	virtqueue_want_notify(queue, false);
	while (done < VSOCK_BATCH) {
		n = vsock_gather(vsock, QUEUE_TX, VSOCK_BATCH);
		if (n <= 0)
			break;
		sent = vsock_move(vsock, NE_EMU_VSOCK_SEND, n);
		if (sent < 0)
			break;
		vsock_trace(vsock, sent, false);
		for (int i = 0; i < sent; i++)
			transmit_one(vsock, queue, i);
		virtqueue_take(queue, sent);
		done += sent;
	}
	virtio_mmio_publish(&vsock->mmio, QUEUE_TX);

	if (sent == -EAGAIN) {
		vsock->tx_blocked = true;
		vsock->counters.tx_stalls++;
	} else if (sent < 0 && sent != -ENOMEM) {
		channel_failed(vsock, -sent);
	} else if (n < 0) {
		virtio_mmio_break(&vsock->mmio, "bad transmit queue");
	} else if (n) {
		virtio_mmio_again(&vsock->mmio, QUEUE_TX);
	}
	vsock_wait_for_channel(vsock, waits_for_input(vsock));
}

static void tell_seqpacket(struct vsock *vsock, bool negotiated)
{
	if (ioctl(vsock->channel_fd, NE_EMU_VSOCK_SEQPACKET, (unsigned long)negotiated))
		log_warn("cannot set SOCK_SEQPACKET to %d: %s", negotiated, strerror(errno));
}

static void vsock_queue(struct virtio_mmio *mmio, unsigned int index)
{
	struct vsock *vsock = container_of(mmio, struct vsock, mmio);

	if (!vsock->seqpacket_told)
		tell_seqpacket(vsock, virtio_mmio_has_feature(mmio, VIRTIO_VSOCK_F_SEQPACKET));
	vsock->seqpacket_told = true;

	switch (index) {
	case QUEUE_RX:
		vsock_receive(vsock);
		break;
	case QUEUE_TX:
		vsock_transmit(vsock);
		break;
	case QUEUE_EVENT:	/* used only for migration */
		break;
	}
}

static void vsock_reset(struct virtio_mmio *mmio)
{
	struct vsock *vsock = container_of(mmio, struct vsock, mmio);

	if (vsock->seqpacket_told)
		tell_seqpacket(vsock, false);
	vsock->seqpacket_told = false;
	vsock->tx_blocked = false;
	vsock_wait_for_channel(vsock, false);
}

static const struct virtio_device_ops vsock_ops = {
	.queue = vsock_queue,
	.reset = vsock_reset,
};

static bool queue_usable(const struct vsock *vsock, unsigned int index)
{
	return virtio_mmio_is_live(&vsock->mmio) && vsock->mmio.queues[index].ready;
}

static void vsock_handle_channel(void *arg, uint32_t events)
{
	struct vsock *vsock = arg;

	pthread_mutex_lock(&vsock->mmio.lock);
	if (events & EPOLLIN) {
		if (queue_usable(vsock, QUEUE_RX))
			vsock_receive(vsock);
		else
			vsock_wait_for_channel(vsock, false);
	}
	if (events & EPOLLOUT) {
		vsock->tx_blocked = false;
		if (queue_usable(vsock, QUEUE_TX))
			vsock_transmit(vsock);
		else
			vsock_wait_for_channel(vsock, waits_for_input(vsock));
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
		.call = vsock_handle_channel,
		.arg = vsock,
	};
	vsock->mmio.ops = &vsock_ops;
	vsock->mmio.id = VIRTIO_ID_VSOCK;
	vsock->mmio.features =
		1ULL << VIRTIO_VSOCK_F_SEQPACKET | 1ULL << VIRTIO_RING_F_EVENT_IDX;
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
