// SPDX-License-Identifier: Apache-2.0
/* The NSM over its virtqueue: as Linux's driver uses it, and misused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/log.h"
#include "vmm/virtio/nsm.h"
#include "virtio_driver.h"

#define RESPONSE_SIZE	0x3000

struct fixture {
	struct driver driver;
	struct nsm *nsm;
	struct faults faults;
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
					   f->nsm, &f->faults, &f->device), 0);
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

static void set_faults(struct fixture *f, const char *text)
{
	struct fault_settings settings;

	assert_int_equal(fault_settings_scan(&settings, text, strlen(text)), 0);
	faults_apply(&f->faults, &settings);
}

/* Offer one request and a buffer for its response. */
static void post(struct fixture *f, const char *request)
{
	offer_request(f, request, strlen(request));
	driver_offer_buffer(&f->driver, 0, 1, RESPONSE_SIZE, true);
	driver_notify(&f->driver, 0);
}

/* Length of the response number @n, from 1; 0 if there is none yet. */
static uint32_t response_len(struct fixture *f, unsigned int n)
{
	struct vring_used *used = driver_used(&f->driver, 0);

	assert_true(used->idx <= 2 * n);
	return used->idx == 2 * n ? used->ring[(2 * n - 1) % DRIVER_QUEUE_SIZE].len : 0;
}

#define GET_RANDOM	"\x69" "GetRandom"
#define DESCRIBE_NSM	"\x6b" "DescribeNSM"

static void test_fault_error(void **state)
{
	static const char *const names[] = {
		"InvalidArgument", "InvalidIndex", "InvalidResponse", "ReadOnlyIndex",
		"InvalidOperation", "BufferTooSmall", "InputTooLarge", "InternalError",
	};
	struct fixture *f = *state;
	uint8_t *rsp = f->driver.bytes + DRIVER_DATA_ADDR + 4096;
	char text[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(text, sizeof(text), "nsm-error=%s:count=1", names[i]);
		set_faults(f, text);
		post(f, GET_RANDOM);
		assert_int_equal(response_len(f, 2 * i + 1), 8 + strlen(names[i]));
		/* {"Error": name} */
		assert_memory_equal(rsp, "\xa1\x65" "Error", 7);
		assert_int_equal(rsp[7], 0x60 + strlen(names[i]));
		assert_memory_equal(rsp + 8, names[i], strlen(names[i]));
		post(f, GET_RANDOM);
		assert_int_equal(response_len(f, 2 * i + 2), 278);
	}
	assert_alive(f);
}

/* Requests of the emulator and invalid ones are not hit. */
static void test_fault_operation(void **state)
{
	struct fixture *f = *state;

	set_faults(f, "nsm-error=InternalError:op=DescribeNSM");
	post(f, GET_RANDOM);
	assert_int_equal(response_len(f, 1), 278);
	post(f, DESCRIBE_NSM);
	assert_int_equal(response_len(f, 2), 8 + strlen("InternalError"));
	set_faults(f, "nsm-error=InternalError:count=1");
	post(f, "\x69" "NeEmuExit");
	post(f, "\x69" "GetRandon");
	assert_int_equal(response_len(f, 4), 8 + strlen("InvalidOperation"));
	post(f, GET_RANDOM);
	assert_int_equal(response_len(f, 5), 8 + strlen("InternalError"));
}

static void test_fault_entropy(void **state)
{
	struct fixture *f = *state;
	uint8_t *rsp = f->driver.bytes + DRIVER_DATA_ADDR + 4096;

	set_faults(f, "nsm-entropy=empty");
	post(f, GET_RANDOM);
	/* {"GetRandom": {"random": h''}} */
	assert_int_equal(response_len(f, 1), 20);
	assert_memory_equal(rsp, "\xa1\x69" "GetRandom" "\xa1\x66" "random" "\x40", 20);
	set_faults(f, "nsm-entropy=error:count=1");
	post(f, DESCRIBE_NSM);
	assert_true(response_len(f, 2) > 100);
	post(f, GET_RANDOM);
	assert_int_equal(response_len(f, 3), 8 + strlen("InternalError"));
	post(f, GET_RANDOM);
	assert_int_equal(response_len(f, 4), 278);
}

static void wait_for_response(struct fixture *f, unsigned int n)
{
	while (!response_len(f, n))
		assert_int_equal(loop_run_once(&f->driver.loop, 1000), 0);
}

/* The main thread serves other sources while a request waits. */
static void test_fault_latency(void **state)
{
	struct fixture *f = *state;
	int64_t start = clock_ms();

	set_faults(f, "nsm-latency=200ms:count=1 nsm-error=InvalidIndex:count=1");
	post(f, GET_RANDOM);
	assert_int_equal(response_len(f, 1), 0);
	driver_notify(&f->driver, 0);
	assert_int_equal(response_len(f, 1), 0);
	assert_true(clock_ms() - start < 200);
	set_faults(f, "");
	wait_for_response(f, 1);
	assert_in_range(clock_ms() - start, 200, 5000);
	assert_int_equal(response_len(f, 1), 8 + strlen("InvalidIndex"));
	post(f, GET_RANDOM);
	assert_int_equal(response_len(f, 2), 278);
}

static void restart_driver(struct fixture *f)
{
	memset(f->driver.bytes, 0, DRIVER_MEMORY);
	driver_start(&f->driver, 0, 1);
	driver_run(&f->driver);
}

/* Only a reset ends a hang; a reset also forgets a request that waits. */
static void test_fault_hang(void **state)
{
	struct fixture *f = *state;

	set_faults(f, "nsm-hang=on:count=1");
	post(f, GET_RANDOM);
	set_faults(f, "");
	driver_notify(&f->driver, 0);
	assert_int_equal(response_len(f, 1), 0);
	restart_driver(f);
	post(f, GET_RANDOM);
	assert_int_equal(response_len(f, 1), 278);

	set_faults(f, "nsm-latency=50ms");
	post(f, GET_RANDOM);
	assert_int_equal(response_len(f, 2), 0);
	restart_driver(f);
	set_faults(f, "nsm-latency=1ms");
	post(f, GET_RANDOM);
	wait_for_response(f, 1);
	assert_int_equal(response_len(f, 1), 278);
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
		T(test_fault_error),
		T(test_fault_operation),
		T(test_fault_entropy),
		T(test_fault_latency),
		T(test_fault_hang),
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
