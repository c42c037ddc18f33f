/* SPDX-License-Identifier: Apache-2.0 */
/* virtio over memory-mapped registers, version 2 (virtio 1.2, 4.2), without legacy support. */

#ifndef NE_EMU_VMM_VIRTIO_MMIO_H
#define NE_EMU_VMM_VIRTIO_MMIO_H

#include "vmm/bus.h"
#include "vmm/loop.h"
#include "vmm/memory.h"
#include "vmm/trace/trace.h"
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
 * struct virtio_device_ops - operations of a device; called with the lock held
 * @queue: process a queue; on the main thread, if the device is live and the queue ready
 * @reset: handle a reset by the driver; on the vCPU's thread
 */
struct virtio_device_ops {
	void (*queue)(struct virtio_mmio *device, unsigned int index);
	void (*reset)(struct virtio_mmio *device);
};

/** struct virtio_notify - receives the driver's notifications for one queue */
struct virtio_notify {
	struct virtio_mmio *device;
	unsigned int index;
	struct loop_source source;
};

/**
 * struct virtio_mmio - transport state; the device embeds it
 * @id: virtio device id
 * @features: features offered besides VERSION_1
 * @config: device configuration, read only
 * @trace: learns of resets and of the status, or NULL
 * @lock: protects all fields below except @interrupts. It is held while a batch of packets
 *	is moved or a request is answered, neither of which blocks, so that the device no
 *	longer uses any buffer once the driver has reset it
 * @was_broken: virtio_mmio_break() has already logged a warning
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
	struct trace *trace;
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
 * virtio_mmio_init() - set up the transport, without wiring of notifications
 * @device: with @ops, @id, @features, @config, @config_size and @nr_queues set,
 *	otherwise zero
 * @irq_fd: borrowed
 *
 * Return: 0 or a negative errno.
 */
int virtio_mmio_init(struct virtio_mmio *device, const struct guest_memory *memory,
		     struct loop *loop, uint16_t queue_size, int irq_fd);
/** virtio_mmio_wire() - make KVM deliver notifications for the registers at @gpa */
int virtio_mmio_wire(struct virtio_mmio *device, struct vm *vm, uint64_t gpa);
void virtio_mmio_exit(struct virtio_mmio *device);

/* Functions for devices; the lock is held. */

/** virtio_mmio_is_live() - Return: true if queues may be used */
bool virtio_mmio_is_live(const struct virtio_mmio *device);
/** virtio_mmio_has_feature() - Return: true if the driver has accepted this feature bit */
bool virtio_mmio_has_feature(const struct virtio_mmio *device, unsigned int bit);
/** virtio_mmio_publish() - make used buffers of a queue visible to the driver */
void virtio_mmio_publish(struct virtio_mmio *device, unsigned int index);
/** virtio_mmio_again() - call @ops->queue again later, after other sources had their turn */
void virtio_mmio_again(struct virtio_mmio *device, unsigned int index);
/** virtio_mmio_break() - stop the device until the driver, which misbehaved, resets it */
void virtio_mmio_break(struct virtio_mmio *device, const char *why);

#endif
