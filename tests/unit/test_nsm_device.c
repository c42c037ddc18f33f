// SPDX-License-Identifier: Apache-2.0
/* The NSM over its virtqueue: as Linux's driver uses it, and misused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/log.h"
#include "vmm/virtio/nsm.h"
#include "virtio_driver.h"

#define RESPONSE_SIZE	0x3000

struct fixture {
	struct driver driver;
	struct nsm *nsm;
	struct nsm_device *device;
};

static int setup(void **state)
{
	struct nsm_config config = {
		.module_id = "i-0123456789abcdef0-enc0123456789abcdef",
		.entropy = nsm_entropy_system,
		.clock_ms = nsm_clock_system,
	};
	struct fixture *f = calloc(1, sizeof(*f));

	driver_init(&f->driver);
	assert_int_equal(nsm_create(&config, &f->nsm), 0);
	assert_int_equal(nsm_device_create(&f->driver.memory, &f->driver.loop, f->driver.irq_fd,
					   f->nsm, &f->device), 0);
	f->driver.device = &f->device->mmio;
	driver_start(&f->driver, 0, 1);
	driver_run(&f->driver);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	nsm_device_destroy(f->device);
	nsm_destroy(f->nsm);
	driver_exit(&f->driver);
	free(f);
	return 0;
}

static void offer_request(struct fixture *f, const void *data, uint32_t len)
{
	uint8_t *at = driver_offer_buffer(&f->driver, 0, 0, len, false);

	memcpy(at, data, MIN(len, 4096));
}

static void assert_alive(struct fixture *f)
{
	assert_false(reg_read(&f->driver, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
}

static void assert_broken(struct fixture *f)
{
	assert_true(reg_read(&f->driver, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(driver_used(&f->driver, 0)->idx, 0);
}

static void test_identity(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_DEVICE_ID), 33);
	reg_write(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	reg_write(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES), 1);
	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_SEL, 0);
	assert_true(reg_read(&f->driver, VIRTIO_MMIO_QUEUE_NUM_MAX) >= 2);
	reg_write(&f->driver, VIRTIO_MMIO_QUEUE_SEL, 1);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
}

static void test_transaction(void **state)
{
	struct fixture *f = *state;
	struct vring_used *used = driver_used(&f->driver, 0);
	uint8_t *rsp;

	offer_request(f, "\x69" "GetRandom", 10);
	rsp = driver_offer_buffer(&f->driver, 0, 1, RESPONSE_SIZE, true);
	driver_notify(&f->driver, 0);

	assert_int_equal(used->idx, 2);
	assert_int_equal(used->ring[0].id, 0);
	assert_int_equal(used->ring[0].len, 0);
	assert_int_equal(used->ring[1].id, 1);
	assert_int_equal(used->ring[1].len, 278);
	assert_memory_equal(rsp, "\xa1\x69" "GetRandom" "\xa1\x66" "random" "\x59\x01", 21);
	assert_int_equal(driver_interrupts(&f->driver), 1);
	assert_alive(f);
}

/* Buffers and notification before DRIVER_OK, from a driver that is ahead of its probe. */
static void test_early_request(void **state)
{
	struct fixture *f = *state;

	driver_negotiate(&f->driver, 0);
	driver_set_queue(&f->driver, 0);
	offer_request(f, "\x69" "GetRandom", 10);
	driver_offer_buffer(&f->driver, 0, 1, RESPONSE_SIZE, true);
	driver_notify(&f->driver, 0);
	assert_int_equal(driver_used(&f->driver, 0)->idx, 0);
	driver_ok(&f->driver);
	driver_run(&f->driver);
	assert_int_equal(driver_used(&f->driver, 0)->idx, 2);
}

static void test_two_kicks(void **state)
{
	struct fixture *f = *state;

	offer_request(f, "\x69" "GetRandom", 10);
	driver_notify(&f->driver, 0);
	assert_int_equal(driver_used(&f->driver, 0)->idx, 0);
	driver_offer_buffer(&f->driver, 0, 1, RESPONSE_SIZE, true);
	driver_notify(&f->driver, 0);
	assert_int_equal(driver_used(&f->driver, 0)->idx, 2);
}

static void test_several_at_once(void **state)
{
	struct fixture *f = *state;
	struct vring_used *used = driver_used(&f->driver, 0);

	for (int i = 0; i < DRIVER_QUEUE_SIZE; i += 2) {
		memcpy(driver_offer_buffer(&f->driver, 0, i, 1, false), "\x06", 1);
		driver_offer_buffer(&f->driver, 0, i + 1, 4096, true);
	}
	driver_notify(&f->driver, 0);
	assert_int_equal(used->idx, DRIVER_QUEUE_SIZE);
	for (int i = 0; i < DRIVER_QUEUE_SIZE; i++)
		assert_int_equal(used->ring[i].len, i % 2 ? 278 : 0);
}

static void assert_error(struct fixture *f, const char *text)
{
	struct vring_used *used = driver_used(&f->driver, 0);
	uint8_t *rsp = f->driver.bytes + DRIVER_DATA_ADDR + 4096;

	assert_int_equal(used->idx, 2);
	assert_int_equal(used->ring[1].len, 8 + strlen(text));
	assert_memory_equal(rsp + 8, text, strlen(text));
	assert_alive(f);
}

static void test_empty_request(void **state)
{
	struct fixture *f = *state;

	offer_request(f, "", 0);
	driver_offer_buffer(&f->driver, 0, 1, RESPONSE_SIZE, true);
	driver_notify(&f->driver, 0);
	assert_error(f, "InvalidOperation");
}

static void test_large_request(void **state)
{
	static const char request[4096] = "\x69" "GetRandom";
	struct fixture *f = *state;

	offer_request(f, request, 4097);
	driver_offer_buffer(&f->driver, 0, 1, RESPONSE_SIZE, true);
	driver_notify(&f->driver, 0);
	assert_int_equal(driver_used(&f->driver, 0)->ring[1].len, 21);
	assert_memory_equal(f->driver.bytes + DRIVER_DATA_ADDR + 4096 + 8, "InputTooLarge", 13);
}

static void test_small_response(void **state)
{
	struct fixture *f = *state;
	uint8_t *rsp;

	offer_request(f, "\x69" "GetRandom", 10);
	rsp = driver_offer_buffer(&f->driver, 0, 1, 16, true);
	memset(rsp, 0x55, 4096);
	driver_notify(&f->driver, 0);
	assert_int_equal(driver_used(&f->driver, 0)->ring[1].len, 0);
	for (int i = 16; i < 4096; i++)
		assert_int_equal(rsp[i], 0x55);
	assert_alive(f);
}

static void test_response_first(void **state)
{
	struct fixture *f = *state;

	driver_offer_buffer(&f->driver, 0, 1, RESPONSE_SIZE, true);
	offer_request(f, "\x69" "GetRandom", 10);
	driver_notify(&f->driver, 0);
	assert_broken(f);
}

static void test_two_requests(void **state)
{
	struct fixture *f = *state;

	offer_request(f, "\x69" "GetRandom", 10);
	driver_offer_buffer(&f->driver, 0, 1, 10, false);
	driver_notify(&f->driver, 0);
	assert_broken(f);
}

static void test_bad_ring(void **state)
{
	struct fixture *f = *state;

	driver_avail(&f->driver, 0)->idx = 1000;
	driver_notify(&f->driver, 0);
	assert_broken(f);
}

/* Make a request in descriptors 0 and 1 of a queue that was just set up. */
static uint8_t *ask(struct fixture *f, const char *request, uint32_t len)
{
	uint8_t *rsp;

	offer_request(f, request, len);
	rsp = driver_offer_buffer(&f->driver, 0, 1, RESPONSE_SIZE, true);
	driver_notify(&f->driver, 0);
	assert_int_equal(driver_used(&f->driver, 0)->idx, 2);
	return rsp;
}

/* The enclave cannot reset a register by loading its driver again. */
static void test_reset_keeps_registers(void **state)
{
	static const char extend[] =
		"\xa1\x69" "ExtendPCR" "\xa2\x65" "index" "\x10\x64" "data" "\x43\1\2\3";
	static const char describe[] = "\xa1\x6b" "DescribePCR" "\xa1\x65" "index" "\x10";
	struct fixture *f = *state;
	uint8_t extended[48], *rsp;

	rsp = ask(f, extend, sizeof(extend) - 1);
	assert_int_equal(driver_used(&f->driver, 0)->ring[1].len, 67);
	memcpy(extended, rsp + 67 - sizeof(extended), sizeof(extended));
	assert_memory_equal(extended, "\xcb\x17\x8f\xcd\x3f\x32\x82\x44", 8);

	memset(driver_avail(&f->driver, 0), 0, 64);
	memset(driver_used(&f->driver, 0), 0, 64);
	driver_start(&f->driver, 0, 1);
	rsp = ask(f, describe, sizeof(describe) - 1);
	assert_int_equal(driver_used(&f->driver, 0)->ring[1].len, 75);
	assert_memory_equal(rsp + 75 - sizeof(extended), extended, sizeof(extended));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_identity),
		T(test_transaction),
		T(test_early_request),
		T(test_two_kicks),
		T(test_several_at_once),
		T(test_empty_request),
		T(test_large_request),
		T(test_small_response),
		T(test_response_first),
		T(test_two_requests),
		T(test_bad_ring),
		T(test_reset_keeps_registers),
	};

	log_init(LOG_ERR, NULL);	/* the tests break devices on purpose */
	return cmocka_run_group_tests_name("nsm_device", tests, NULL, NULL);
}
