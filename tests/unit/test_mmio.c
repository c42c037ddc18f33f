// SPDX-License-Identifier: Apache-2.0
/* virtio-mmio registers, with a device that only counts notifications. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/log.h"
#include "virtio_driver.h"

#include <sys/mman.h>

struct fixture {
	struct driver driver;
	struct virtio_mmio device;
	unsigned int looks[2];
	unsigned int resets;
};

#define OFFERED		(1ULL << 1 | 1ULL << 33)

static void count_look(struct virtio_mmio *device, unsigned int index)
{
	struct fixture *f = (void *)((char *)device - offsetof(struct fixture, device));

	f->looks[index]++;
}

static void count_reset(struct virtio_mmio *device)
{
	struct fixture *f = (void *)((char *)device - offsetof(struct fixture, device));

	f->resets++;
}

static const struct virtio_device_ops counting_ops = {
	.queue = count_look,
	.reset = count_reset,
};

static const uint8_t config[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	driver_init(&f->driver);
	f->device.ops = &counting_ops;
	f->device.id = 42;
	f->device.features = OFFERED;
	f->device.config = config;
	f->device.config_size = sizeof(config);
	f->device.nr_queues = 2;
	assert_int_equal(virtio_mmio_init(&f->device, &f->driver.memory, &f->driver.loop,
					  DRIVER_QUEUE_SIZE, f->driver.irq_fd), 0);
	f->driver.device = &f->device;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	virtio_mmio_exit(&f->device);
	driver_exit(&f->driver);
	free(f);
	return 0;
}

static void test_identity(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_VERSION), 2);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_DEVICE_ID), 42);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_CONFIG_GENERATION), 0);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_SHM_LEN_LOW), 0xffffffff);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_SHM_BASE_HIGH), 0xffffffff);
}

static void test_features(void **state)
{
	struct fixture *f = *state;

	reg_write(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES), 2);
	reg_write(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES), 3);
	reg_write(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	reg_write(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0xffffffff);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES), 0);
}

static void test_negotiation(void **state)
{
	struct fixture *f = *state;

	driver_negotiate(&f->driver, 2);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_STATUS), 11);
	assert_true(virtio_mmio_has_feature(&f->device, 1));
	assert_false(virtio_mmio_has_feature(&f->device, 33));

	/* Not after FEATURES_OK. */
	reg_write(&f->driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(&f->driver, VIRTIO_MMIO_DRIVER_FEATURES, 0);
	assert_true(virtio_mmio_has_feature(&f->device, 1));
}

static void test_unknown_feature(void **state)
{
	struct fixture *f = *state;

	driver_negotiate(&f->driver, 4);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_STATUS), 3);
	driver_ok(&f->driver);
	assert_false(virtio_mmio_is_live(&f->device));
}

static void test_version_1_is_needed(void **state)
{
	struct fixture *f = *state;

	reg_write(&f->driver, VIRTIO_MMIO_STATUS, 3);
	reg_write(&f->driver, VIRTIO_MMIO_STATUS, 11);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_STATUS), 3);
}

static void test_queues(void **state)
{
	struct fixture *f = *state;

	driver_negotiate(&f->driver, 0);
	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_SEL, 1);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_QUEUE_NUM_MAX), DRIVER_QUEUE_SIZE);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_QUEUE_READY), 0);
	driver_set_queue(&f->driver, 1);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_QUEUE_READY), 1);

	/* The address of a queue in use cannot change. */
	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_NUM, 2);
	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_DESC_LOW, 0);
	assert_int_equal(f->device.queues[1].size, DRIVER_QUEUE_SIZE);
	assert_int_equal(f->device.queues[1].desc_addr, DRIVER_QUEUE_ADDR(1));
	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_READY, 0);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_QUEUE_READY), 0);
}

/* Registers of a queue that does not exist: nothing is read or written. */
static void test_no_such_queue(void **state)
{
	static const uint32_t selected[] = { 2, VIRTIO_MMIO_QUEUES_MAX, 0xffffffff };
	/* In the array, after the last queue of the device. */
	const struct virtqueue other = { .max_size = DRIVER_QUEUE_SIZE };
	struct fixture *f = *state;
	uint32_t status;

	f->device.queues[2] = other;
	driver_negotiate(&f->driver, 0);
	driver_set_queue(&f->driver, 1);
	status = reg_read(&f->driver, VIRTIO_MMIO_STATUS);
	for (size_t i = 0; i < ARRAY_SIZE(selected); i++) {
		reg_write(&f->driver, VIRTIO_MMIO_QUEUE_SEL, selected[i]);
		assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
		reg_write(&f->driver, VIRTIO_MMIO_QUEUE_NUM, 8);
		reg_write(&f->driver, VIRTIO_MMIO_QUEUE_DESC_LOW, 0x1000);
		reg_write(&f->driver, VIRTIO_MMIO_QUEUE_READY, 1);
		assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_QUEUE_READY), 0);
		assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_STATUS), status);
		assert_memory_equal(&f->device.queues[2], &other, sizeof(other));
	}
	assert_true(f->device.queues[1].ready);
}

/* Values that wrap, or that the driver must not set. */
static void test_odd_values(void **state)
{
	struct fixture *f = *state;

	driver_negotiate(&f->driver, 2);
	reg_write(&f->driver, VIRTIO_MMIO_STATUS, 11 | VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_STATUS), 11);

	reg_write(&f->driver, VIRTIO_MMIO_STATUS, 0);
	for (uint32_t sel = 2; sel; sel = sel == 2 ? 0xffffffff : 0) {
		reg_write(&f->driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, sel);
		reg_write(&f->driver, VIRTIO_MMIO_DRIVER_FEATURES, 0xffffffff);
		assert_int_equal(f->device.driver_features, 0);
	}

	/* A ready queue continues at its index. */
	driver_negotiate(&f->driver, 0);
	driver_set_queue(&f->driver, 1);
	virtqueue_take(&f->device.queues[1], 3);
	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(f->device.queues[1].next_avail, 3);

	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_READY, 0);
	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_NUM, 0x10000 + DRIVER_QUEUE_SIZE);
	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_true(reg_read(&f->driver, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
}

static void test_bad_queue(void **state)
{
	struct fixture *f = *state;

	driver_negotiate(&f->driver, 0);
	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_SEL, 0);
	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_NUM, DRIVER_QUEUE_SIZE);
	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_DESC_HIGH, 0xffffffff);
	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_true(reg_read(&f->driver, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_INTERRUPT_STATUS),
			 VIRTIO_MMIO_INT_CONFIG);
	assert_int_equal(driver_interrupts(&f->driver), 1);

	driver_ok(&f->driver);
	assert_false(virtio_mmio_is_live(&f->device));
	reg_write(&f->driver, VIRTIO_MMIO_STATUS, 0);
	driver_start(&f->driver, 0, 2);
	assert_true(virtio_mmio_is_live(&f->device));
}

static void test_notifications(void **state)
{
	struct fixture *f = *state;

	/* Notifications before DRIVER_OK are delayed until then. */
	driver_negotiate(&f->driver, 0);
	driver_set_queue(&f->driver, 0);
	driver_notify(&f->driver, 0);
	assert_int_equal(f->looks[0], 0);
	driver_ok(&f->driver);
	driver_run(&f->driver);
	assert_int_equal(f->looks[0], 1);
	assert_int_equal(f->looks[1], 0);	/* not ready */

	driver_notify(&f->driver, 0);
	assert_int_equal(f->looks[0], 2);
	/* A notification of a queue that does not exist is ignored. */
	f->device.notify[2].source.fd = f->driver.irq_fd;
	driver_notify(&f->driver, 2);
	driver_notify(&f->driver, 0xffffffff);
	assert_int_equal(f->looks[0], 2);
	assert_int_equal(driver_interrupts(&f->driver), 0);

	/* Only the first DRIVER_OK checks the queues without a notification. */
	driver_ok(&f->driver);
	driver_run(&f->driver);
	assert_int_equal(f->looks[0], 2);

	virtio_mmio_break(&f->device, "test");
	driver_notify(&f->driver, 0);
	assert_int_equal(f->looks[0], 2);
}

static void test_interrupts(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->driver, 0, 2);
	virtqueue_put_used(&f->device.queues[0], 3, 7);
	virtio_mmio_publish(&f->device, 0);
	virtio_mmio_publish(&f->device, 0);
	assert_int_equal(driver_interrupts(&f->driver), 1);
	assert_int_equal(driver_used(&f->driver, 0)->idx, 1);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_INTERRUPT_STATUS),
			 VIRTIO_MMIO_INT_VRING);
	reg_write(&f->driver, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_CONFIG);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_INTERRUPT_STATUS),
			 VIRTIO_MMIO_INT_VRING);
	reg_write(&f->driver, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}

static void test_reset(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->driver, 2, 2);
	virtio_mmio_break(&f->device, "test");
	f->resets = 0;
	reg_write(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	reg_write(&f->driver, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(f->resets, 1);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES), 2);
	reg_write(&f->driver, VIRTIO_MMIO_DRIVER_FEATURES, 2);
	assert_int_equal(f->device.driver_features, 2);
	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_NUM, 4);
	assert_int_equal(f->device.queues[0].size, 4);
	reg_write(&f->driver, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_QUEUE_NUM_MAX), DRIVER_QUEUE_SIZE);
	assert_false(virtio_mmio_has_feature(&f->device, 1));
}

static void test_config(void **state)
{
	struct fixture *f = *state;
	uint8_t byte = 0;
	uint64_t all;
	uint16_t two = 0xffff;

	virtio_mmio_ops.read(&f->device, VIRTIO_MMIO_CONFIG + 3, &byte, 1);
	assert_int_equal(byte, 4);
	virtio_mmio_ops.read(&f->device, VIRTIO_MMIO_CONFIG, &all, 8);
	assert_memory_equal(&all, config, 8);
	virtio_mmio_ops.read(&f->device, VIRTIO_MMIO_CONFIG + 7, &two, 2);
	assert_int_equal(two, 0);
	virtio_mmio_ops.read(&f->device, VIRTIO_MMIO_CONFIG + 8, &byte, 1);
	assert_int_equal(byte, 0);
	virtio_mmio_ops.write(&f->device, VIRTIO_MMIO_CONFIG, &byte, 1);
	virtio_mmio_ops.read(&f->device, VIRTIO_MMIO_CONFIG, &byte, 1);
	assert_int_equal(byte, 1);
}

/* Break the device of @f and read the log. */
static size_t break_and_read_log(struct fixture *f, char *text, size_t size)
{
	int log = memfd_create("log", MFD_CLOEXEC), saved = dup(STDERR_FILENO);
	ssize_t len;

	assert_true(log >= 0 && saved >= 0);
	assert_int_equal(dup2(log, STDERR_FILENO), STDERR_FILENO);
	log_init(LOG_WARNING, NULL);
	virtio_mmio_break(&f->device, "test");
	log_init(LOG_ERR, NULL);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	len = pread(log, text, size - 1, 0);
	close(log);
	close(saved);
	assert_true(len >= 0);
	text[len] = 0;
	assert_false(virtio_mmio_is_live(&f->device));
	return len;
}

static void test_break_is_told_once(void **state)
{
	struct fixture *f = *state;
	char text[200];

	driver_start(&f->driver, 0, 2);
	assert_int_not_equal(break_and_read_log(f, text, sizeof(text)), 0);
	assert_string_equal(text,
			    "virtio device 42 stopped until its driver resets it: test\n");
	driver_start(&f->driver, 0, 2);
	assert_true(virtio_mmio_is_live(&f->device));
	assert_int_equal(break_and_read_log(f, text, sizeof(text)), 0);
}

/* Must run last, because lost memory cannot be regained. */
static void test_no_word_of_lost_memory(void **state)
{
	int fd = memfd_create("memory", MFD_CLOEXEC);
	struct guest_memory memory = { 0 };
	struct fixture *f = *state;
	struct error error;
	char text[200];

	assert_int_equal(ftruncate(fd, MIB), 0);
	assert_int_equal(memory_map(&memory, fd, MIB, &error), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(*(volatile uint8_t *)memory.base, 0);
	assert_true(memory_lost());

	driver_start(&f->driver, 0, 2);
	assert_int_equal(break_and_read_log(f, text, sizeof(text)), 0);
	memory_unmap(&memory);
	close(fd);
}

/* Every width at every offset; only 32 bits at multiples of four are valid. */
static void test_odd_accesses(void **state)
{
	struct fixture *f = *state;
	uint8_t data[8];

	for (size_t len = 1; len <= 8; len *= 2) {
		for (uint64_t offset = 0; offset + len <= VIRTIO_MMIO_SIZE; offset++) {
			memset(data, 0xff, sizeof(data));
			if (len != 4 || offset % 4)
				virtio_mmio_ops.write(&f->device, offset, data, len);
			virtio_mmio_ops.read(&f->device, offset, data, len);
		}
	}
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(f->device.queue_sel, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_identity),
		T(test_features),
		T(test_negotiation),
		T(test_unknown_feature),
		T(test_version_1_is_needed),
		T(test_queues),
		T(test_no_such_queue),
		T(test_odd_values),
		T(test_bad_queue),
		T(test_notifications),
		T(test_interrupts),
		T(test_reset),
		T(test_config),
		T(test_odd_accesses),
		T(test_break_is_told_once),
		T(test_no_word_of_lost_memory),
	};

	log_init(LOG_ERR, NULL);	/* the devices break on purpose */
	return cmocka_run_group_tests_name("mmio", tests, NULL, NULL);
}
