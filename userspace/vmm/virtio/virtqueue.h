/* SPDX-License-Identifier: Apache-2.0 */
/* Split virtqueue (virtio 1.2, 2.7), device side. Nothing in it is trusted. */

#ifndef NE_EMU_VMM_VIRTIO_VIRTQUEUE_H
#define NE_EMU_VMM_VIRTIO_VIRTQUEUE_H

#include "vmm/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define VIRTQUEUE_SIZE_MAX	256

/**
 * struct virtqueue - one queue; callers serialise access
 * @max_size: maximum size that the device offers
 * @size: size that the driver chose, a power of two
 * @desc_addr: guest addresses of the three parts, as written by the driver
 * @desc: pointers to the three parts, valid while @ready
 * @next_avail: index of the next entry of the available ring
 * @next_used: index of the next entry of the used ring
 * @told_used: value of @next_used that was last published
 * @event_idx: instead of setting a flag, both sides name the entry of which they want an
 *	event (virtio 1.2, 2.7.7 and 2.7.10)
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
 * struct virtqueue_chain - the checked buffers of one request
 * @iov: @nr_read buffers to read, then @nr_write buffers to write; memory of the caller,
 *	with room for as many buffers as the queue has entries
 * @read_size: bytes to read
 * @write_size: bytes to write
 */
struct virtqueue_chain {
	uint16_t head;
	unsigned int nr_read;
	unsigned int nr_write;
	uint64_t read_size;
	uint64_t write_size;
	struct iovec *iov;
};

/** virtqueue_reset() - set the state after a reset of the device */
void virtqueue_reset(struct virtqueue *queue);
/**
 * virtqueue_enable() - start to use a queue that the driver has set up
 * @event_idx: VIRTIO_RING_F_EVENT_IDX was negotiated
 *
 * Return: 0, or -EPROTO for a bad size or addresses outside memory.
 */
int virtqueue_enable(struct virtqueue *queue, const struct guest_memory *memory,
		     bool event_idx);

/**
 * virtqueue_available() - count the chains that wait
 *
 * Return: their number, or -EPROTO if the ring is not valid.
 */
int virtqueue_available(struct virtqueue *queue);
/**
 * virtqueue_peek() - read a waiting chain without taking it
 * @index: 0 for the next one; below virtqueue_available()
 * @chain: with @iov set
 *
 * Return: 0 or -EPROTO.
 */
int virtqueue_peek(struct virtqueue *queue, unsigned int index, struct virtqueue_chain *chain);
/**
 * virtqueue_chain_read() - copy the first bytes from the buffers to read
 * @len: at most @chain->read_size
 */
void virtqueue_chain_read(const struct virtqueue_chain *chain, void *buf, size_t len);
/**
 * virtqueue_chain_write() - copy to the first bytes of the buffers to write
 * @len: at most @chain->write_size
 */
void virtqueue_chain_write(const struct virtqueue_chain *chain, const void *buf, size_t len);

/** virtqueue_take() - take the next @count waiting chains */
void virtqueue_take(struct virtqueue *queue, unsigned int count);
/** virtqueue_put_used() - return a chain; virtqueue_publish() makes this visible */
void virtqueue_put_used(struct virtqueue *queue, uint16_t head, uint32_t written);
/**
 * virtqueue_publish() - make all returned chains visible to the driver
 *
 * Return: true if the driver wants an interrupt for them.
 */
bool virtqueue_publish(struct virtqueue *queue);

/** virtqueue_want_notify() - enable or disable notifications of new chains */
void virtqueue_want_notify(struct virtqueue *queue, bool want);

#endif
