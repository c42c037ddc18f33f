/* SPDX-License-Identifier: Apache-2.0 */
/* virtio over memory-mapped registers, version 2 (virtio 1.2, 4.2), without legacy. */

#ifndef NE_EMU_VMM_VIRTIO_MMIO_H
#define NE_EMU_VMM_VIRTIO_MMIO_H

#include "vmm/bus.h"
#include "vmm/loop.h"
#include "vmm/memory.h"
#include "vmm/virtio/virtqueue.h"
#include "vmm/vm.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define VIRTIO_MMIO_SIZE	0x1000
#define VIRTIO_MMIO_QUEUES_MAX	3

struct virtio_mmio;

/**
 * struct virtio_device_ops - what differs between devices; called with the lock held
 * @queue: look at this queue; main thread, the device is live and the queue ready
 * @reset: the driver has reset the device; the vCPU's thread
 */
struct virtio_device_ops {
	void (*queue)(struct virtio_mmio *device, unsigned int index);
	void (*reset)(struct virtio_mmio *device);
};

/** struct virtio_notify - the driver's notifications of one queue */
struct virtio_notify {
	struct virtio_mmio *device;
	unsigned int index;
	struct loop_source source;
};

/**
 * struct virtio_mmio - transport state; the device embeds it
 * @id: virtio device id
 * @features: offered, besides VERSION_1
 * @config: device configuration, read only
 * @lock: protects all that follows, except @interrupts. Held while a batch of packets
 *	moves or a request is answered, neither of which waits for anybody: a driver that
 *	resets the device must find that it has let go of its buffers
 * @was_broken: reported in the log
 * @interrupts: bits of InterruptStatus; read and acknowledged without the lock, so
 *	that the driver's interrupt handler never waits for a batch of packets
 */
struct virtio_mmio {
	const struct virtio_device_ops *ops;
	uint32_t id;
	uint64_t features;
	const void *config;
	size_t config_size;
	unsigned int nr_queues;
	const struct guest_memory *memory;
	struct loop *loop;
	int irq_fd;
	struct virtio_notify notify[VIRTIO_MMIO_QUEUES_MAX];

	pthread_mutex_t lock;
	uint8_t status;
	bool was_broken;
	uint64_t driver_features;
	uint32_t features_sel;
	uint32_t driver_features_sel;
	uint32_t queue_sel;
	struct virtqueue queues[VIRTIO_MMIO_QUEUES_MAX];
	atomic_uint interrupts;
};

extern const struct bus_ops virtio_mmio_ops;

/**
 * virtio_mmio_init() - transport without interrupt and notification wiring
 * @device: with @ops, @id, @features, @config, @config_size and @nr_queues set,
 *	otherwise zero
 * @irq_fd: borrowed
 *
 * Return: 0 or a negative errno.
 */
int virtio_mmio_init(struct virtio_mmio *device, const struct guest_memory *memory,
		     struct loop *loop, uint16_t queue_size, int irq_fd);
/** virtio_mmio_wire() - have KVM deliver the notifications for registers at @gpa */
int virtio_mmio_wire(struct virtio_mmio *device, struct vm *vm, uint64_t gpa);
void virtio_mmio_exit(struct virtio_mmio *device);

/* For devices; the lock is held. */

/** virtio_mmio_is_live() - may queues be used? */
bool virtio_mmio_is_live(const struct virtio_mmio *device);
/** virtio_mmio_has_feature() - did the driver accept this feature bit? */
bool virtio_mmio_has_feature(const struct virtio_mmio *device, unsigned int bit);
/** virtio_mmio_publish() - show a queue's answers to the driver */
void virtio_mmio_publish(struct virtio_mmio *device, unsigned int index);
/** virtio_mmio_again() - have @ops->queue called once more, after others had their turn */
void virtio_mmio_again(struct virtio_mmio *device, unsigned int index);
/** virtio_mmio_break() - the driver misbehaved: stop until it resets the device */
void virtio_mmio_break(struct virtio_mmio *device, const char *why);

#endif
