// SPDX-License-Identifier: Apache-2.0
/* Split virtqueue (virtio 1.2, 2.7), device side. Nothing in it is trusted. */

#include "vmm/virtio/virtqueue.h"

#include "common/util.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <string.h>

/* Alignments that virtio 1.2, 2.7 requires. */
#define DESC_ALIGN	16
#define DRIVER_ALIGN	2
#define DEVICE_ALIGN	4

/* Offsets in struct vring_avail and struct vring_used. */
#define RING_FLAGS	0
#define RING_IDX	2
#define RING_ENTRIES	4
/* Size of the index after the entries: the one of which the other side wants an event. */
#define RING_EVENT_SIZE	2

static uint16_t load16(const uint8_t *p)
{
	return le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED));
}

static void store16(uint8_t *p, uint16_t value)
{
	__atomic_store_n((uint16_t *)p, htole16(value), __ATOMIC_RELAXED);
}

void virtqueue_reset(struct virtqueue *queue)
{
	uint16_t max_size = queue->max_size;

	memset(queue, 0, sizeof(*queue));
	queue->max_size = max_size;
}

static uint8_t *find_part(const struct guest_memory *memory, uint64_t addr, uint64_t size,
			  uint64_t align)
{
	return addr % align ? NULL : memory_at(memory, addr, size);
}

static uint8_t *used_event(const struct virtqueue *queue)
{
	return queue->avail + RING_ENTRIES + queue->size * sizeof(uint16_t);
}

static uint8_t *avail_event(const struct virtqueue *queue)
{
	return queue->used + RING_ENTRIES + queue->size * sizeof(struct vring_used_elem);
}

int virtqueue_enable(struct virtqueue *queue, const struct guest_memory *memory,
		     bool event_idx)
{
	uint32_t size = queue->size;

	if (!size || size > queue->max_size || (size & (size - 1)))
		return -EPROTO;
	queue->desc = find_part(memory, queue->desc_addr, size * sizeof(struct vring_desc),
				DESC_ALIGN);
	queue->avail = find_part(memory, queue->driver_addr,
				 RING_ENTRIES + size * sizeof(uint16_t) + RING_EVENT_SIZE,
				 DRIVER_ALIGN);
	queue->used = find_part(memory, queue->device_addr,
				RING_ENTRIES + size * sizeof(struct vring_used_elem) +
				RING_EVENT_SIZE, DEVICE_ALIGN);
	if (!queue->desc || !queue->avail || !queue->used)
		return -EPROTO;
	queue->memory = memory;
	queue->event_idx = event_idx;
	queue->next_avail = 0;
	queue->next_used = 0;
	queue->told_used = 0;
	queue->ready = true;
	return 0;
}

int virtqueue_available(struct virtqueue *queue)
{
	uint16_t waiting = load16(queue->avail + RING_IDX) - queue->next_avail;

	if (waiting > queue->size)
		return -EPROTO;
	/* Entries and descriptors are read after the index that covers them. */
	atomic_thread_fence(memory_order_acquire);
	return waiting;
}

static int add_buffer(struct virtqueue_chain *chain, const struct guest_memory *memory,
		      const struct vring_desc *desc)
{
	uint64_t len = le32toh(desc->len);
	void *data = len ? memory_at(memory, le64toh(desc->addr), len) : NULL;
	bool writable = le16toh(desc->flags) & VRING_DESC_F_WRITE;

	if (len && !data)
		return -EPROTO;
	if (!writable && chain->nr_write)
		return -EPROTO;	/* buffers to read must come first */

	chain->iov[chain->nr_read + chain->nr_write] = (struct iovec){ data, len };
	if (writable) {
		chain->nr_write++;
		chain->write_size += len;
	} else {
		chain->nr_read++;
		chain->read_size += len;
	}
	return 0;
}

int virtqueue_peek(struct virtqueue *queue, unsigned int index, struct virtqueue_chain *chain)
{
	uint16_t slot = (queue->next_avail + index) & (queue->size - 1);
	uint16_t next = load16(queue->avail + RING_ENTRIES + slot * sizeof(uint16_t));
	uint16_t flags;

	chain->head = next;
	chain->nr_read = 0;
	chain->nr_write = 0;
	chain->read_size = 0;
	chain->write_size = 0;

	do {
		struct vring_desc desc;

		/* A chain that is longer than the table contains a loop. */
		if (next >= queue->size || chain->nr_read + chain->nr_write == queue->size)
			return -EPROTO;
		memcpy(&desc, queue->desc + next * sizeof(desc), sizeof(desc));
		flags = le16toh(desc.flags);
		if (flags & VRING_DESC_F_INDIRECT)
			return -EPROTO;	/* a feature that was not offered */
		if (add_buffer(chain, queue->memory, &desc))
			return -EPROTO;
		next = le16toh(desc.next);
	} while (flags & VRING_DESC_F_NEXT);
	return 0;
}

void virtqueue_chain_read(const struct virtqueue_chain *chain, void *buf, size_t len)
{
	uint8_t *to = buf;

	for (unsigned int i = 0; len && i < chain->nr_read; i++) {
		size_t n = MIN(len, chain->iov[i].iov_len);

		if (n)
			memcpy(to, chain->iov[i].iov_base, n);
		to += n;
		len -= n;
	}
}

void virtqueue_chain_write(const struct virtqueue_chain *chain, const void *buf, size_t len)
{
	const struct iovec *iov = chain->iov + chain->nr_read;
	const uint8_t *from = buf;

	for (unsigned int i = 0; len && i < chain->nr_write; i++) {
		size_t n = MIN(len, iov[i].iov_len);

		if (n)
			memcpy(iov[i].iov_base, from, n);
		from += n;
		len -= n;
	}
}

void virtqueue_take(struct virtqueue *queue, unsigned int count)
{
	queue->next_avail += count;
}

void virtqueue_put_used(struct virtqueue *queue, uint16_t head, uint32_t written)
{
	uint16_t slot = queue->next_used++ & (queue->size - 1);
	struct vring_used_elem elem = { .id = htole32(head), .len = htole32(written) };

	memcpy(queue->used + RING_ENTRIES + slot * sizeof(elem), &elem, sizeof(elem));
}

/* Return: whether the driver wants an interrupt for what was published since @old. */
static bool wants_interrupt(const struct virtqueue *queue, uint16_t old)
{
	uint16_t new = queue->next_used;

	if (!queue->event_idx)
		return !(load16(queue->avail + RING_FLAGS) & VRING_AVAIL_F_NO_INTERRUPT);
	return vring_need_event(load16(used_event(queue)), new, old);
}

bool virtqueue_publish(struct virtqueue *queue)
{
	uint16_t old = queue->told_used;

	if (old == queue->next_used)
		return false;
	queue->told_used = queue->next_used;
	/* The driver must see data and entries before the index that covers them... */
	atomic_thread_fence(memory_order_release);
	store16(queue->used + RING_IDX, queue->next_used);
	/* ...and we must read whether it wants an interrupt after it can see the index. */
	atomic_thread_fence(memory_order_seq_cst);
	return wants_interrupt(queue, old);
}

void virtqueue_want_notify(struct virtqueue *queue, bool want)
{
	if (!queue->event_idx)
		store16(queue->used + RING_FLAGS, want ? 0 : VRING_USED_F_NO_NOTIFY);
	else if (want)
		store16(avail_event(queue), queue->next_avail);
	/* The caller then checks for chains from before the driver could see this. */
	atomic_thread_fence(memory_order_seq_cst);
}
