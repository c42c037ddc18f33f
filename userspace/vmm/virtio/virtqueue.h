/* SPDX-License-Identifier: Apache-2.0 */
/* Split virtqueue (virtio 1.2, 2.7) as the device sees it; trusts nothing in it. */

#ifndef NE_EMU_VMM_VIRTIO_VIRTQUEUE_H
#define NE_EMU_VMM_VIRTIO_VIRTQUEUE_H

#include "vmm/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define VIRTQUEUE_SIZE_MAX	256

/**
 * struct virtqueue - one queue; callers serialise
 * @max_size: what the device offers
 * @size: what the driver chose, a power of two
 * @desc_addr: guest addresses of the three parts, as the driver wrote them
 * @desc: the same in our memory while @ready
 * @next_avail: index of the next entry of the available ring
 * @next_used: index of the next entry of the used ring
 * @told_used: @next_used when the driver was last told
 * @event_idx: both sides name the entry they want to hear of (virtio 1.2, 2.7.7 and
 *	2.7.10) in place of a flag
 */
struct virtqueue {
	uint16_t max_size;
	uint16_t size;
	bool ready;
	bool event_idx;
	uint64_t desc_addr;
	uint64_t driver_addr;
	uint64_t device_addr;

	const struct guest_memory *memory;
	uint8_t *desc;
	uint8_t *avail;
	uint8_t *used;
	uint16_t next_avail;
	uint16_t next_used;
	uint16_t told_used;
};

/**
 * struct virtqueue_chain - buffers of one request, checked
 * @iov: @nr_read buffers to read, then @nr_write buffers to write; the caller's, with
 *	room for as many as the queue has entries
 * @read_size: bytes to read, @write_size: bytes to write
 */
struct virtqueue_chain {
	uint16_t head;
	unsigned int nr_read;
	unsigned int nr_write;
	uint64_t read_size;
	uint64_t write_size;
	struct iovec *iov;
};

/** virtqueue_reset() - state after a device reset */
void virtqueue_reset(struct virtqueue *queue);
/**
 * virtqueue_enable() - the driver has set the queue up
 * @event_idx: VIRTIO_RING_F_EVENT_IDX was negotiated
 *
 * Return: 0, or -EPROTO for a bad size or addresses outside memory.
 */
int virtqueue_enable(struct virtqueue *queue, const struct guest_memory *memory,
		     bool event_idx);

/**
 * virtqueue_available() - chains that wait
 *
 * Return: their number, or -EPROTO if the ring makes no sense.
 */
int virtqueue_available(struct virtqueue *queue);
/**
 * virtqueue_peek() - look at a waiting chain without taking it
 * @index: 0 for the next one; below virtqueue_available()
 * @chain: with @iov set
 *
 * Return: 0 or -EPROTO.
 */
int virtqueue_peek(struct virtqueue *queue, unsigned int index, struct virtqueue_chain *chain);
/**
 * virtqueue_chain_read() - copy the first bytes that are to be read
 * @len: at most @chain->read_size
 */
void virtqueue_chain_read(const struct virtqueue_chain *chain, void *buf, size_t len);
/**
 * virtqueue_chain_write() - fill the first bytes that are to be written
 * @len: at most @chain->write_size
 */
void virtqueue_chain_write(const struct virtqueue_chain *chain, const void *buf, size_t len);

/** virtqueue_take() - the next @count waiting chains are the device's now */
void virtqueue_take(struct virtqueue *queue, unsigned int count);
/** virtqueue_put_used() - queue an answer; published by virtqueue_publish() */
void virtqueue_put_used(struct virtqueue *queue, uint16_t head, uint32_t written);
/**
 * virtqueue_publish() - show the driver all answers at once
 *
 * Return: whether the driver wants an interrupt for them.
 */
bool virtqueue_publish(struct virtqueue *queue);

/** virtqueue_want_notify() - ask for, or do without, notifications of new chains */
void virtqueue_want_notify(struct virtqueue *queue, bool want);

#endif
