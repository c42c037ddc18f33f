// SPDX-License-Identifier: Apache-2.0
/* virtio over memory-mapped registers, version 2 (virtio 1.2, 4.2), without legacy support. */

#include "vmm/virtio/mmio.h"

#include "common/log.h"
#include "common/util.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAGIC		0x74726976	/* "virt" */
#define VERSION		2
#define VENDOR		0x554d454e	/* "NEMU" */

bool virtio_mmio_is_live(const struct virtio_mmio *device)
{
	return (device->status & VIRTIO_CONFIG_S_DRIVER_OK) &&
	       !(device->status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

bool virtio_mmio_has_feature(const struct virtio_mmio *device, unsigned int bit)
{
	return device->driver_features & (1ULL << bit);
}

static void raise_interrupt(struct virtio_mmio *device, unsigned int bits)
{
	atomic_fetch_or(&device->interrupts, bits);
	irq_raise(device->irq_fd);
}

void virtio_mmio_publish(struct virtio_mmio *device, unsigned int index)
{
	if (virtqueue_publish(&device->queues[index]))
		raise_interrupt(device, VIRTIO_MMIO_INT_VRING);
}

void virtio_mmio_again(struct virtio_mmio *device, unsigned int index)
{
	uint64_t one = 1;

	/* Fails only if the counter is full, which would take centuries. */
	(void)!write(device->notify[index].source.fd, &one, sizeof(one));
}

static void trace_device(struct virtio_mmio *device, enum trace_device_what what, const char *why)
{
	struct trace_event event = {
		.kind = TRACE_DEVICE,
		.device = { .what = what, .id = device->id, .status = device->status, .why = why },
	};

	if (trace_wanted(device->trace, TRACE_DEVICE))
		trace_put(device->trace, &event);
}

void virtio_mmio_break(struct virtio_mmio *device, const char *why)
{
	if (device->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	/*
	 * A guest that does this repeatedly must not fill the log. If the memory is lost, the
	 * cause is the zero pages in its place, not the driver.
	 */
	log_write(device->was_broken || memory_lost() ? LOG_DEBUG : LOG_WARNING,
		  "virtio device %u stopped until its driver resets it: %s", device->id, why);
	device->was_broken = true;
	device->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	trace_device(device, TRACE_DEVICE_BROKEN, why);
	raise_interrupt(device, VIRTIO_MMIO_INT_CONFIG);
}

static void handle_notify(void *arg, uint32_t events)
{
	struct virtio_notify *notify = arg;
	struct virtio_mmio *device = notify->device;

	(void)events;
	pthread_mutex_lock(&device->lock);
	if (virtio_mmio_is_live(device) && device->queues[notify->index].ready)
		device->ops->queue(device, notify->index);
	pthread_mutex_unlock(&device->lock);
}

static void virtio_mmio_reset(struct virtio_mmio *device)
{
	device->status = 0;
	device->driver_features = 0;
	device->features_sel = 0;
	device->driver_features_sel = 0;
	device->queue_sel = 0;
	atomic_store(&device->interrupts, 0);
	for (unsigned int i = 0; i < device->nr_queues; i++)
		virtqueue_reset(&device->queues[i]);
	device->ops->reset(device);
}

static uint64_t offered_features(const struct virtio_mmio *device)
{
	return device->features | 1ULL << VIRTIO_F_VERSION_1;
}

static bool features_acceptable(const struct virtio_mmio *device)
{
	return !(device->driver_features & ~offered_features(device)) &&
	       virtio_mmio_has_feature(device, VIRTIO_F_VERSION_1);
}

static void write_status(struct virtio_mmio *device, uint32_t value)
{
	uint8_t old = device->status;

	if (!(value & 0xff)) {
		virtio_mmio_reset(device);
		trace_device(device, TRACE_DEVICE_RESET, NULL);
		return;
	}
	/* The driver can only add bits, except the one that the device sets. */
	value &= 0xff & ~(uint32_t)VIRTIO_CONFIG_S_NEEDS_RESET;
	if (!(old & VIRTIO_CONFIG_S_FEATURES_OK) && !features_acceptable(device))
		value &= ~(uint32_t)(VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	device->status |= value;
	trace_device(device, TRACE_DEVICE_STATUS, NULL);

	/* The driver may have filled queues and notified us before it set DRIVER_OK. */
	if (!(old & VIRTIO_CONFIG_S_DRIVER_OK) && virtio_mmio_is_live(device))
		for (unsigned int i = 0; i < device->nr_queues; i++)
			virtio_mmio_again(device, i);
}

static void write_driver_features(struct virtio_mmio *device, uint32_t value)
{
	unsigned int shift = device->driver_features_sel * 32;

	if (device->driver_features_sel > 1 || (device->status & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	device->driver_features &= ~(0xffffffffULL << shift);
	device->driver_features |= (uint64_t)value << shift;
}

static void set_half(uint64_t *value, bool high, uint32_t half)
{
	if (high)
		*value = (*value & 0xffffffff) | (uint64_t)half << 32;
	else
		*value = (*value & ~0xffffffffULL) | half;
}

static void write_queue_ready(struct virtio_mmio *device, struct virtqueue *queue,
			      uint32_t value)
{
	if (!value)
		queue->ready = false;
	else if (!queue->ready &&
		 virtqueue_enable(queue, device->memory,
				  virtio_mmio_has_feature(device, VIRTIO_RING_F_EVENT_IDX)))
		virtio_mmio_break(device, "queue with a bad size or outside memory");
}

static void write_queue_register(struct virtio_mmio *device, uint64_t offset, uint32_t value)
{
	struct virtqueue *queue;

	if (device->queue_sel >= device->nr_queues)
		return;
	queue = &device->queues[device->queue_sel];
	if (offset == VIRTIO_MMIO_QUEUE_READY) {
		write_queue_ready(device, queue, value);
		return;
	}
	if (queue->ready)
		return;		/* a queue in use must not move */
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		queue->size = MIN(value, 0xffffU);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_half(&queue->desc_addr, offset == VIRTIO_MMIO_QUEUE_DESC_HIGH, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_half(&queue->driver_addr, offset == VIRTIO_MMIO_QUEUE_AVAIL_HIGH, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_half(&queue->device_addr, offset == VIRTIO_MMIO_QUEUE_USED_HIGH, value);
		break;
	}
}

static void mmio_write_register(struct virtio_mmio *device, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		device->features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		device->driver_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		write_driver_features(device, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		device->queue_sel = value;
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		/* Reached only if KVM did not deliver the notification. */
		if (value < device->nr_queues)
			virtio_mmio_again(device, value);
		break;
	case VIRTIO_MMIO_STATUS:
		write_status(device, value);
		break;
	default:
		write_queue_register(device, offset, value);
		break;
	}
}

static uint32_t read_queue_register(const struct virtio_mmio *device, uint64_t offset)
{
	const struct virtqueue *queue;

	if (device->queue_sel >= device->nr_queues)
		return 0;
	queue = &device->queues[device->queue_sel];
	return offset == VIRTIO_MMIO_QUEUE_NUM_MAX ? queue->max_size : queue->ready;
}

static uint32_t mmio_read_register(const struct virtio_mmio *device, uint64_t offset)
{
	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return device->id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return device->features_sel > 1 ? 0 :
			offered_features(device) >> (device->features_sel * 32);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
	case VIRTIO_MMIO_QUEUE_READY:
		return read_queue_register(device, offset);
	case VIRTIO_MMIO_STATUS:
		return device->status;
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return 0xffffffff;	/* no such region */
	default:	/* write-only or unknown, or ConfigGeneration, which is constant */
		return 0;
	}
}

static void read_config(const struct virtio_mmio *device, uint64_t offset, void *data, size_t len)
{
	if (offset < device->config_size && len <= device->config_size - offset)
		memcpy(data, (const uint8_t *)device->config + offset, len);
}

static void virtio_mmio_read(void *arg, uint64_t offset, void *data, size_t len)
{
	struct virtio_mmio *device = arg;
	uint32_t value;

	memset(data, 0, len);
	if (offset >= VIRTIO_MMIO_CONFIG) {
		read_config(device, offset - VIRTIO_MMIO_CONFIG, data, len);
		return;
	}
	if (len != sizeof(value) || offset % sizeof(value))
		return;
	if (offset == VIRTIO_MMIO_INTERRUPT_STATUS) {
		value = atomic_load(&device->interrupts);
	} else {
		pthread_mutex_lock(&device->lock);
		value = mmio_read_register(device, offset);
		pthread_mutex_unlock(&device->lock);
	}
	value = htole32(value);
	memcpy(data, &value, sizeof(value));
}

static void virtio_mmio_write(void *arg, uint64_t offset, const void *data, size_t len)
{
	struct virtio_mmio *device = arg;
	uint32_t value;

	if (len != sizeof(value) || offset % sizeof(value) || offset >= VIRTIO_MMIO_CONFIG)
		return;		/* the configuration cannot be written */
	memcpy(&value, data, sizeof(value));
	value = le32toh(value);
	if (offset == VIRTIO_MMIO_INTERRUPT_ACK) {
		atomic_fetch_and(&device->interrupts, ~value);
		return;
	}
	pthread_mutex_lock(&device->lock);
	mmio_write_register(device, offset, value);
	pthread_mutex_unlock(&device->lock);
}

const struct bus_ops virtio_mmio_ops = {
	.read = virtio_mmio_read,
	.write = virtio_mmio_write,
};

static int init_notify(struct virtio_mmio *device, unsigned int index)
{
	struct virtio_notify *notify = &device->notify[index];
	int err;

	notify->device = device;
	notify->index = index;
	notify->source = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		/* Each write is an event, so the counter need not be read. */
		.events = EPOLLIN | EPOLLET,
		.call = handle_notify,
		.arg = notify,
	};
	if (notify->source.fd < 0)
		return -errno;
	err = loop_add(device->loop, &notify->source);
	if (err)
		fd_close(&notify->source.fd);
	return err;
}

int virtio_mmio_init(struct virtio_mmio *device, const struct guest_memory *memory,
		     struct loop *loop, uint16_t queue_size, int irq_fd)
{
	int err = -pthread_mutex_init(&device->lock, NULL);

	device->memory = memory;
	device->loop = loop;
	device->irq_fd = irq_fd;
	for (unsigned int i = 0; i < device->nr_queues; i++) {
		device->queues[i].max_size = queue_size;
		device->notify[i].source.fd = -1;
	}
	for (unsigned int i = 0; !err && i < device->nr_queues; i++)
		err = init_notify(device, i);
	if (err)
		virtio_mmio_exit(device);
	return err;
}

int virtio_mmio_wire(struct virtio_mmio *device, struct vm *vm, uint64_t gpa)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < device->nr_queues; i++)
		err = vm_add_notify(vm, gpa + VIRTIO_MMIO_QUEUE_NOTIFY, i,
				    device->notify[i].source.fd);
	return err;
}

void virtio_mmio_exit(struct virtio_mmio *device)
{
	for (unsigned int i = 0; i < device->nr_queues; i++) {
		if (device->notify[i].source.fd < 0)
			continue;
		loop_del(device->loop, &device->notify[i].source);
		fd_close(&device->notify[i].source.fd);
	}
	(void)pthread_mutex_destroy(&device->lock);
}
