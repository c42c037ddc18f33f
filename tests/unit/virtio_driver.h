/* SPDX-License-Identifier: Apache-2.0 */
/* A virtio-mmio driver for tests: registers and rings from the guest's side. */

#ifndef NE_EMU_TESTS_VIRTIO_DRIVER_H
#define NE_EMU_TESTS_VIRTIO_DRIVER_H

#include "common/util.h"
#include "vmm/virtio/mmio.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DRIVER_MEMORY		(256 * KIB)
#define DRIVER_QUEUE_SIZE	8
#define DRIVER_QUEUE_ADDR(i)	(0x1000 + (i) * 0x3000)
#define DRIVER_DATA_ADDR	0x10000

/**
 * struct driver - 256 KiB of memory, queue n at DRIVER_QUEUE_ADDR(n), data after them
 * @queue_size: size of queues that are set up from now on
 */
struct driver {
	uint8_t *bytes;
	struct guest_memory memory;
	struct loop loop;
	int irq_fd;
	unsigned int queue_size;
	struct virtio_mmio *device;
};

static inline void driver_init(struct driver *driver)
{
	driver->bytes = aligned_alloc(4096, DRIVER_MEMORY);
	memset(driver->bytes, 0, DRIVER_MEMORY);
	memory_init(&driver->memory, driver->bytes, DRIVER_MEMORY);
	assert_int_equal(loop_init(&driver->loop), 0);
	driver->queue_size = DRIVER_QUEUE_SIZE;
	driver->irq_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(driver->irq_fd >= 0);
}

static inline void driver_exit(struct driver *driver)
{
	loop_exit(&driver->loop);
	fd_close(&driver->irq_fd);
	free(driver->bytes);
}

static inline uint32_t reg_read(struct driver *driver, uint64_t offset)
{
	uint32_t value = 0xdeadbeef;

	virtio_mmio_ops.read(driver->device, offset, &value, sizeof(value));
	return value;
}

static inline void reg_write(struct driver *driver, uint64_t offset, uint32_t value)
{
	virtio_mmio_ops.write(driver->device, offset, &value, sizeof(value));
}

static inline struct vring_desc *driver_desc(struct driver *driver, unsigned int queue)
{
	return (void *)(driver->bytes + DRIVER_QUEUE_ADDR(queue));
}

static inline struct vring_avail *driver_avail(struct driver *driver, unsigned int queue)
{
	return (void *)(driver->bytes + DRIVER_QUEUE_ADDR(queue) + 0x1000);
}

static inline struct vring_used *driver_used(struct driver *driver, unsigned int queue)
{
	return (void *)(driver->bytes + DRIVER_QUEUE_ADDR(queue) + 0x2000);
}

static inline void driver_set_queue(struct driver *driver, unsigned int queue)
{
	uint32_t addr = DRIVER_QUEUE_ADDR(queue);

	reg_write(driver, VIRTIO_MMIO_QUEUE_SEL, queue);
	reg_write(driver, VIRTIO_MMIO_QUEUE_NUM, driver->queue_size);
	reg_write(driver, VIRTIO_MMIO_QUEUE_DESC_LOW, addr);
	reg_write(driver, VIRTIO_MMIO_QUEUE_DESC_HIGH, 0);
	reg_write(driver, VIRTIO_MMIO_QUEUE_AVAIL_LOW, addr + 0x1000);
	reg_write(driver, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, 0);
	reg_write(driver, VIRTIO_MMIO_QUEUE_USED_LOW, addr + 0x2000);
	reg_write(driver, VIRTIO_MMIO_QUEUE_USED_HIGH, 0);
	reg_write(driver, VIRTIO_MMIO_QUEUE_READY, 1);
}

/* Negotiate up to FEATURES_OK, with VERSION_1 and @features of the first 32. */
static inline void driver_negotiate(struct driver *driver, uint32_t features)
{
	reg_write(driver, VIRTIO_MMIO_STATUS, 0);
	reg_write(driver, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	reg_write(driver, VIRTIO_MMIO_STATUS,
		  VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	reg_write(driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(driver, VIRTIO_MMIO_DRIVER_FEATURES, features);
	reg_write(driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	reg_write(driver, VIRTIO_MMIO_DRIVER_FEATURES, 1U << (VIRTIO_F_VERSION_1 - 32));
	reg_write(driver, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE |
		  VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK);
}

static inline void driver_ok(struct driver *driver)
{
	reg_write(driver, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE |
		  VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |
		  VIRTIO_CONFIG_S_DRIVER_OK);
}

static inline void driver_start(struct driver *driver, uint32_t features, unsigned int queues)
{
	driver_negotiate(driver, features);
	for (unsigned int i = 0; i < queues; i++)
		driver_set_queue(driver, i);
	driver_ok(driver);
}

static inline void driver_offer(struct driver *driver, unsigned int queue, uint16_t head)
{
	struct vring_avail *avail = driver_avail(driver, queue);

	avail->ring[avail->idx % driver->queue_size] = head;
	avail->idx++;
}

/* Offer a chain of one descriptor: @desc of the table, with its 4 KiB of data. */
static inline uint8_t *driver_offer_buffer(struct driver *driver, unsigned int queue,
					   uint16_t desc, uint32_t len, bool writable)
{
	uint64_t addr = DRIVER_DATA_ADDR + (queue * DRIVER_QUEUE_SIZE + desc) * 4096;

	driver_desc(driver, queue)[desc] = (struct vring_desc){
		.addr = addr, .len = len, .flags = writable ? VRING_DESC_F_WRITE : 0,
	};
	driver_offer(driver, queue, desc);
	return driver->bytes + addr;
}

/* Run the device until it has nothing left to do. */
static inline void driver_run(struct driver *driver)
{
	for (int i = 0; i < 100; i++)
		assert_int_equal(loop_run_once(&driver->loop, 0), 0);
}

static inline void driver_notify(struct driver *driver, unsigned int queue)
{
	reg_write(driver, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
	driver_run(driver);
}

/* Interrupts since the last call. */
static inline uint64_t driver_interrupts(struct driver *driver)
{
	uint64_t count = 0;

	return read(driver->irq_fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

#endif
