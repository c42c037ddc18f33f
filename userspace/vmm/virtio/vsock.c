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

/* A packet of the guest goes to the host. */
static void watch_for_connections(struct vsock *vsock, const struct virtio_vsock_hdr *hdr)
{
	uint16_t op = le16toh(hdr->op);

	if (op == VIRTIO_VSOCK_OP_REQUEST && le64toh(hdr->dst_cid) == NE_EMU_CID_PARENT &&
	    le32toh(hdr->dst_port) == NE_EMU_HEARTBEAT_PORT) {
		vsock->heartbeat_sent = true;
		marks_set(vsock->marks, MARK_HEARTBEAT);
	} else if (op == VIRTIO_VSOCK_OP_REQUEST || op == VIRTIO_VSOCK_OP_RESPONSE) {
		vsock->connected = true;
		marks_set(vsock->marks, MARK_VSOCK);
	}
}

static void watch_chain(struct vsock *vsock, const struct virtqueue_chain *chain)
{
	struct virtio_vsock_hdr hdr;

	virtqueue_chain_read(chain, &hdr, sizeof(hdr));
	watch_for_connections(vsock, &hdr);
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
			watch_chain(vsock, &chain);
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

/* Both ways, as a fault may answer a packet. */
static bool link_is_full(const struct vsock *vsock)
{
	return vsock_link_full(&vsock->link, VSOCK_TO_HOST) ||
	       vsock_link_full(&vsock->link, VSOCK_TO_GUEST);
}

/*
 * Move one packet of the host into the link, at most as large as a buffer of the guest.
 *
 * Return: 1, or the negative errno of the channel or the link.
 */
static int link_fill_from_host(struct vsock *vsock, size_t room)
{
	struct iovec iov = {
		.iov_base = vsock->link.buffer, .iov_len = MIN(room, VSOCK_PACKET_MAX),
	};
	int ret, err;

	vsock->packets[0] = (struct ne_emu_vsock_packet){
		.iov = (uintptr_t)&iov, .iov_count = 1,
	};
	ret = vsock_move(vsock, NE_EMU_VSOCK_RECV, 1);
	if (ret <= 0)
		return ret;
	err = vsock_link_put(&vsock->link, VSOCK_TO_GUEST, vsock->link.buffer,
			     vsock->packets[0].result);
	return err ? -ENOBUFS : 1;
}

/* Write a packet, or the part of it that fits, to a buffer of the guest. */
static void link_deliver(struct vsock *vsock, const struct vsock_held *held,
			 const struct virtqueue_chain *chain)
{
	struct virtqueue *queue = &vsock->mmio.queues[QUEUE_RX];
	size_t len = MIN(held->len, chain->write_size);
	struct iovec iov = { .iov_base = (void *)held->bytes, .iov_len = len };
	struct virtio_vsock_hdr hdr;

	vsock->packets[0] = (struct ne_emu_vsock_packet){
		.iov = (uintptr_t)&iov, .iov_count = 1, .result = len,
	};
	vsock_trace(vsock, 1, true);
	virtqueue_chain_write(chain, held->bytes, len);
	if (len < held->len) {
		memcpy(&hdr, held->bytes, sizeof(hdr));
		hdr.len = htole32(len - sizeof(hdr));
		/* The end of a message is in its last part. */
		hdr.flags = 0;
		virtqueue_chain_write(chain, &hdr, sizeof(hdr));
		vsock_link_rest(&vsock->link, VSOCK_TO_GUEST, len - sizeof(hdr));
	} else {
		vsock_link_pop(&vsock->link, VSOCK_TO_GUEST);
	}
	virtqueue_take(queue, 1);
	vsock->heads[0] = chain->head;
	receive_one(vsock, queue, 0);
}

/* vsock_receive() while faults on request are set: one packet at a time. */
static void vsock_receive_slowly(struct vsock *vsock)
{
	struct virtqueue *queue = &vsock->mmio.queues[QUEUE_RX];
	struct vsock_held *held;
	unsigned int done;
	int n = 0, got = 1;

	virtqueue_want_notify(queue, false);
	for (done = 0; done < VSOCK_BATCH; done++) {
		struct virtqueue_chain chain = { .iov = vsock->iov };

		n = vsock_available(queue);
		if (n > 0 && (virtqueue_peek(queue, 0, &chain) || !is_usable(QUEUE_RX, &chain)))
			n = -EPROTO;
		if (n <= 0)
			break;
		held = vsock_link_due(&vsock->link, VSOCK_TO_GUEST);
		if (held) {
			link_deliver(vsock, held, &chain);
			continue;
		}
		if (link_is_full(vsock))
			break;
		got = link_fill_from_host(vsock, chain.write_size);
		if (got <= 0)
			break;
	}
	virtio_mmio_publish(&vsock->mmio, QUEUE_RX);
	vsock->counters.rx_stalls += !n;
	if (done == VSOCK_BATCH)
		virtio_mmio_again(&vsock->mmio, QUEUE_RX);

	if (n < 0)
		virtio_mmio_break(&vsock->mmio, "bad receive queue");
	if (got < 0 && got != -EAGAIN && got != -ENOMEM)
		channel_failed(vsock, -got);
	else
		vsock_wait_for_channel(vsock, n > 0 && !link_is_full(vsock));
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

/* Packets with a bad length are dropped, as the kernel drops them. */
static int link_fill_from_guest(struct vsock *vsock, const struct virtqueue_chain *chain)
{
	uint8_t *packet = vsock->link.buffer;
	size_t size = MIN(chain->read_size, VSOCK_PACKET_MAX);
	const struct virtio_vsock_hdr *hdr = (const struct virtio_vsock_hdr *)packet;

	virtqueue_chain_read(chain, packet, size);
	if (le32toh(hdr->len) > size - sizeof(*hdr))
		return 0;
	return vsock_link_put(&vsock->link, VSOCK_TO_HOST, packet, size);
}

/* Take packets of the guest while faults on request are set. */
static void link_take_from_guest(struct vsock *vsock)
{
	struct virtqueue *queue = &vsock->mmio.queues[QUEUE_TX];
	int n = 0, err = 0;
	unsigned int done;

	virtqueue_want_notify(queue, false);
	for (done = 0; !err && done < VSOCK_BATCH && !link_is_full(vsock); done++) {
		struct virtqueue_chain chain = { .iov = vsock->iov };

		n = vsock_available(queue);
		if (n > 0 && (virtqueue_peek(queue, 0, &chain) || !is_usable(QUEUE_TX, &chain)))
			n = -EPROTO;
		if (n <= 0)
			break;
		vsock->sizes[0] = chain.read_size;
		err = link_fill_from_guest(vsock, &chain);
		virtqueue_take(queue, 1);
		vsock->heads[0] = chain.head;
		transmit_one(vsock, queue, 0);
	}
	virtio_mmio_publish(&vsock->mmio, QUEUE_TX);

	if (err)
		channel_failed(vsock, ENOBUFS);
	else if (n < 0)
		virtio_mmio_break(&vsock->mmio, "bad transmit queue");
	else if (done == VSOCK_BATCH)
		virtio_mmio_again(&vsock->mmio, QUEUE_TX);
}

/* Send what is due to the host. */
static void link_send_to_host(struct vsock *vsock)
{
	struct vsock_held *held;
	int sent = 0;

	vsock->tx_blocked = false;
	while (sent >= 0 && (held = vsock_link_due(&vsock->link, VSOCK_TO_HOST))) {
		struct iovec iov = { .iov_base = held->bytes, .iov_len = held->len };

		vsock->packets[0] = (struct ne_emu_vsock_packet){
			.iov = (uintptr_t)&iov, .iov_count = 1,
		};
		sent = vsock_move(vsock, NE_EMU_VSOCK_SEND, 1);
		if (sent < 0)
			break;
		vsock_trace(vsock, 1, false);
		watch_for_connections(vsock, (const struct virtio_vsock_hdr *)held->bytes);
		vsock_link_pop(&vsock->link, VSOCK_TO_HOST);
	}
	vsock->counters.tx_stalls += sent == -EAGAIN;
	if (sent == -EAGAIN)
		vsock->tx_blocked = true;
	else if (sent == -ENOMEM)
		virtio_mmio_again(&vsock->mmio, QUEUE_TX);
	else if (sent < 0)
		channel_failed(vsock, -sent);
	vsock_wait_for_channel(vsock, waits_for_input(vsock));
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

static bool queue_usable(const struct vsock *vsock, unsigned int index)
{
	return virtio_mmio_is_live(&vsock->mmio) && vsock->mmio.queues[index].ready;
}

/*
 * Move packets. While faults on request are set, both ways depend on each other: a fault
 * may answer a packet, and a full link holds up both.
 */
static void vsock_pass(struct vsock *vsock, bool receive, bool transmit)
{
	bool full;

	if (!vsock_link_active(&vsock->link)) {
		if (receive)
			vsock_receive(vsock);
		if (transmit)
			vsock_transmit(vsock);
		return;
	}
	if (vsock_link_prepare(&vsock->link)) {
		channel_failed(vsock, ENOMEM);
		return;
	}
	full = link_is_full(vsock);
	if (queue_usable(vsock, QUEUE_TX))
		link_take_from_guest(vsock);
	if (queue_usable(vsock, QUEUE_RX))
		vsock_receive_slowly(vsock);
	/* A broken device moves nothing more until its reset, which drops what is held. */
	if (!virtio_mmio_is_live(&vsock->mmio))
		return;
	link_send_to_host(vsock);
	vsock_link_wait(&vsock->link);
	if (full && !link_is_full(vsock))
		virtio_mmio_again(&vsock->mmio, QUEUE_TX);
}

/* A packet that a fault has held up is due. */
static void vsock_link_call(void *arg, uint32_t events)
{
	struct vsock *vsock = arg;

	(void)events;
	pthread_mutex_lock(&vsock->mmio.lock);
	vsock_link_expired(&vsock->link);
	vsock_pass(vsock, queue_usable(vsock, QUEUE_RX), queue_usable(vsock, QUEUE_TX));
	pthread_mutex_unlock(&vsock->mmio.lock);
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
		vsock_pass(vsock, true, false);
		break;
	case QUEUE_TX:
		vsock_pass(vsock, false, true);
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
	vsock_link_reset(&vsock->link);
	vsock_wait_for_channel(vsock, false);
}

static const struct virtio_device_ops vsock_ops = {
	.queue = vsock_queue,
	.reset = vsock_reset,
};

static void vsock_handle_channel(void *arg, uint32_t events)
{
	struct vsock *vsock = arg;

	pthread_mutex_lock(&vsock->mmio.lock);
	if (events & EPOLLIN) {
		if (queue_usable(vsock, QUEUE_RX))
			vsock_pass(vsock, true, false);
		else
			vsock_wait_for_channel(vsock, false);
	}
	if (events & EPOLLOUT) {
		vsock->tx_blocked = false;
		if (queue_usable(vsock, QUEUE_TX))
			vsock_pass(vsock, false, true);
		else
			vsock_wait_for_channel(vsock, waits_for_input(vsock));
	}
	if (events & (EPOLLHUP | EPOLLERR))
		channel_failed(vsock, EPIPE);
	pthread_mutex_unlock(&vsock->mmio.lock);
}

int vsock_create(const struct guest_memory *memory, struct loop *loop, int irq_fd,
		 int channel_fd, uint32_t cid, struct ending *ending, struct faults *faults,
		 struct vsock **ret_vsock)
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
	if (!err) {
		err = vsock_link_init(&vsock->link, faults, cid, loop, vsock_link_call, vsock);
		if (err)
			virtio_mmio_exit(&vsock->mmio);
	}
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
	vsock_link_exit(&vsock->link, vsock->mmio.loop);
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
