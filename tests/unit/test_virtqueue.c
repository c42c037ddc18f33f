// SPDX-License-Identifier: Apache-2.0
/* Split virtqueues: valid rings, and rings of a hostile driver. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "vmm/virtio/virtqueue.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_SIZE	(64 * KIB)
#define QUEUE_SIZE	8
#define DESC_ADDR	0x1000
#define AVAIL_ADDR	0x2000
#define USED_ADDR	0x3000
#define DATA_ADDR	0x4000
#define MUTATIONS	20000

struct fixture {
	uint8_t *bytes;
	struct guest_memory memory;
	struct virtqueue queue;
	struct virtqueue_chain chain;
	struct iovec iov[QUEUE_SIZE];
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->bytes = aligned_alloc(4096, MEMORY_SIZE);
	memset(f->bytes, 0, MEMORY_SIZE);
	memory_init(&f->memory, f->bytes, MEMORY_SIZE);
	f->desc = (void *)(f->bytes + DESC_ADDR);
	f->avail = (void *)(f->bytes + AVAIL_ADDR);
	f->used = (void *)(f->bytes + USED_ADDR);
	f->queue = (struct virtqueue){
		.max_size = QUEUE_SIZE, .size = QUEUE_SIZE, .desc_addr = DESC_ADDR,
		.driver_addr = AVAIL_ADDR, .device_addr = USED_ADDR,
	};
	f->chain.iov = f->iov;
	assert_int_equal(virtqueue_enable(&f->queue, &f->memory, false), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->bytes);
	free(f);
	return 0;
}

static void set_desc(struct fixture *f, int i, uint64_t addr, uint32_t len, uint16_t flags,
		     uint16_t next)
{
	f->desc[i] = (struct vring_desc){ .addr = addr, .len = len, .flags = flags, .next = next };
}

static void offer(struct fixture *f, uint16_t head)
{
	f->avail->ring[f->avail->idx % QUEUE_SIZE] = head;
	f->avail->idx++;
}

static void assert_bad_chain(struct fixture *f)
{
	offer(f, 0);
	assert_int_equal(virtqueue_available(&f->queue), 1);
	assert_int_equal(virtqueue_peek(&f->queue, 0, &f->chain), -EPROTO);
}

static void test_chain(void **state)
{
	struct fixture *f = *state;
	char buf[8] = { 0 };

	assert_int_equal(virtqueue_available(&f->queue), 0);
	memcpy(f->bytes + DATA_ADDR, "abc", 3);
	memcpy(f->bytes + DATA_ADDR + 16, "def", 3);
	set_desc(f, 5, DATA_ADDR, 3, VRING_DESC_F_NEXT, 2);
	set_desc(f, 2, DATA_ADDR + 16, 3, VRING_DESC_F_NEXT, 7);
	set_desc(f, 7, DATA_ADDR + 32, 2, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	set_desc(f, 1, DATA_ADDR + 64, 100, VRING_DESC_F_WRITE, 0);
	offer(f, 5);

	assert_int_equal(virtqueue_available(&f->queue), 1);
	assert_int_equal(virtqueue_peek(&f->queue, 0, &f->chain), 0);
	assert_int_equal(f->chain.head, 5);
	assert_int_equal(f->chain.nr_read, 2);
	assert_int_equal(f->chain.nr_write, 2);
	assert_int_equal(f->chain.read_size, 6);
	assert_int_equal(f->chain.write_size, 102);

	virtqueue_chain_read(&f->chain, buf, 5);
	assert_string_equal(buf, "abcde");
	virtqueue_chain_write(&f->chain, "uvw", 3);
	assert_memory_equal(f->bytes + DATA_ADDR + 32, "uv", 2);
	assert_memory_equal(f->bytes + DATA_ADDR + 64, "w", 1);

	virtqueue_take(&f->queue, 1);
	assert_int_equal(virtqueue_available(&f->queue), 0);
	virtqueue_put_used(&f->queue, f->chain.head, 3);
	assert_int_equal(f->used->idx, 0);
	assert_true(virtqueue_publish(&f->queue));
	assert_int_equal(f->used->idx, 1);
	assert_int_equal(f->used->ring[0].id, 5);
	assert_int_equal(f->used->ring[0].len, 3);
	assert_false(virtqueue_publish(&f->queue));
}

/* Indices continue past 65535 and the end of the ring. */
static void test_wrap_around(void **state)
{
	struct fixture *f = *state;

	set_desc(f, 3, DATA_ADDR, 1, 0, 0);
	for (unsigned int i = 0; i < 70000; i++) {
		offer(f, 3);
		assert_int_equal(virtqueue_available(&f->queue), 1);
		assert_int_equal(virtqueue_peek(&f->queue, 0, &f->chain), 0);
		virtqueue_take(&f->queue, 1);
		virtqueue_put_used(&f->queue, 3, i);
		assert_true(virtqueue_publish(&f->queue));
		assert_int_equal(f->used->idx, (uint16_t)(i + 1));
		assert_int_equal(f->used->ring[i % QUEUE_SIZE].len, i);
	}
}

static void test_peek_further(void **state)
{
	struct fixture *f = *state;

	set_desc(f, 0, DATA_ADDR, 1, 0, 0);
	set_desc(f, 1, DATA_ADDR, 2, VRING_DESC_F_WRITE, 0);
	offer(f, 0);
	offer(f, 1);
	assert_int_equal(virtqueue_available(&f->queue), 2);
	assert_int_equal(virtqueue_peek(&f->queue, 1, &f->chain), 0);
	assert_int_equal(f->chain.head, 1);
	assert_int_equal(f->chain.write_size, 2);
}

static void test_suppression(void **state)
{
	struct fixture *f = *state;

	f->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	virtqueue_put_used(&f->queue, 0, 0);
	assert_false(virtqueue_publish(&f->queue));
	f->avail->flags = 0;
	virtqueue_put_used(&f->queue, 0, 0);
	assert_true(virtqueue_publish(&f->queue));

	virtqueue_want_notify(&f->queue, false);
	assert_int_equal(f->used->flags, VRING_USED_F_NO_NOTIFY);
	virtqueue_want_notify(&f->queue, true);
	assert_int_equal(f->used->flags, 0);
}

static void publish(struct fixture *f, unsigned int count, bool interrupt)
{
	for (unsigned int i = 0; i < count; i++)
		virtqueue_put_used(&f->queue, 0, 0);
	assert_int_equal(virtqueue_publish(&f->queue), interrupt);
}

/* virtio 1.2, 2.7.7.2 and 2.7.10: the named entry counts, flags do not. */
static void test_events(void **state)
{
	struct fixture *f = *state;
	uint16_t *used_event = &f->avail->ring[QUEUE_SIZE];
	uint16_t *avail_event = (void *)&f->used->ring[QUEUE_SIZE];

	assert_int_equal(virtqueue_enable(&f->queue, &f->memory, true), 0);
	f->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	*used_event = 0;
	publish(f, 1, true);
	publish(f, 1, false);
	*used_event = 4;
	publish(f, 2, false);
	publish(f, 3, true);
	*used_event = 6;	/* the past */
	publish(f, 1, false);
	*used_event = 8;
	publish(f, 0, false);
	publish(f, 1, true);

	virtqueue_take(&f->queue, 5);
	virtqueue_want_notify(&f->queue, false);
	assert_int_equal(*avail_event, 0);
	virtqueue_want_notify(&f->queue, true);
	assert_int_equal(*avail_event, 5);
	assert_int_equal(f->used->flags, 0);
}

static void test_events_wrap_around(void **state)
{
	struct fixture *f = *state;
	uint16_t *used_event = &f->avail->ring[QUEUE_SIZE];

	assert_int_equal(virtqueue_enable(&f->queue, &f->memory, true), 0);
	*used_event = 1;
	for (int i = 0; i < 0xfffe; i += 2)
		publish(f, 2, i == 0);
	*used_event = 0xffff;
	publish(f, 1, false);
	publish(f, 3, true);
	*used_event = 3;
	publish(f, 1, false);
	publish(f, 1, true);
}

static void test_empty_buffers(void **state)
{
	struct fixture *f = *state;
	uint8_t byte;

	/* The address of an empty descriptor does not matter. */
	set_desc(f, 0, UINT64_MAX, 0, VRING_DESC_F_NEXT, 1);
	set_desc(f, 1, 0, 0, VRING_DESC_F_WRITE, 0);
	offer(f, 0);
	assert_int_equal(virtqueue_peek(&f->queue, 0, &f->chain), 0);
	assert_int_equal(f->chain.nr_read, 1);
	assert_int_equal(f->chain.nr_write, 1);
	assert_int_equal(f->chain.read_size, 0);
	virtqueue_chain_read(&f->chain, &byte, 0);
	virtqueue_chain_write(&f->chain, &byte, 0);
}

static void test_index_too_far(void **state)
{
	struct fixture *f = *state;

	f->avail->idx = QUEUE_SIZE;
	assert_int_equal(virtqueue_available(&f->queue), QUEUE_SIZE);
	f->avail->idx = QUEUE_SIZE + 1;
	assert_int_equal(virtqueue_available(&f->queue), -EPROTO);
	f->avail->idx = 0xffff;
	assert_int_equal(virtqueue_available(&f->queue), -EPROTO);
}

static void test_head_outside(void **state)
{
	struct fixture *f = *state;

	offer(f, QUEUE_SIZE);
	assert_int_equal(virtqueue_peek(&f->queue, 0, &f->chain), -EPROTO);
	offer(f, 0xffff);
	assert_int_equal(virtqueue_peek(&f->queue, 1, &f->chain), -EPROTO);
}

static void test_next_outside(void **state)
{
	struct fixture *f = *state;

	set_desc(f, 0, DATA_ADDR, 1, VRING_DESC_F_NEXT, QUEUE_SIZE);
	assert_bad_chain(f);
}

static void test_loop(void **state)
{
	struct fixture *f = *state;

	set_desc(f, 0, DATA_ADDR, 1, VRING_DESC_F_NEXT, 1);
	set_desc(f, 1, DATA_ADDR, 1, VRING_DESC_F_NEXT, 0);
	assert_bad_chain(f);
}

static void test_longest_chain(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < QUEUE_SIZE; i++)
		set_desc(f, i, DATA_ADDR, 1, VRING_DESC_F_NEXT, i + 1);
	f->desc[QUEUE_SIZE - 1].flags = 0;
	offer(f, 0);
	assert_int_equal(virtqueue_peek(&f->queue, 0, &f->chain), 0);
	assert_int_equal(f->chain.nr_read, QUEUE_SIZE);
}

static void test_read_after_write(void **state)
{
	struct fixture *f = *state;

	set_desc(f, 0, DATA_ADDR, 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	set_desc(f, 1, DATA_ADDR, 1, 0, 0);
	assert_bad_chain(f);
}

static void test_indirect(void **state)
{
	struct fixture *f = *state;

	set_desc(f, 0, DATA_ADDR, 16, VRING_DESC_F_INDIRECT, 0);
	assert_bad_chain(f);
}

static void test_buffer_outside(void **state)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
	} buffers[] = {
		{ MEMORY_SIZE, 1 },
		{ MEMORY_SIZE - 1, 2 },
		{ 0, MEMORY_SIZE + 1 },
		{ 0, UINT32_MAX },
		{ UINT64_MAX, 1 },
		{ UINT64_MAX - 15, 16 },
		{ 4 * GIB, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(buffers); i++) {
		struct fixture *f;

		(void)state;
		assert_int_equal(setup((void **)&f), 0);
		set_desc(f, 0, buffers[i].addr, buffers[i].len, 0, 0);
		assert_bad_chain(f);
		teardown((void **)&f);
	}
}

static void test_bad_setup(void **state)
{
	static const struct {
		uint16_t size;
		uint64_t desc, driver, device;
	} setups[] = {
		{ 0, DESC_ADDR, AVAIL_ADDR, USED_ADDR },
		{ 3, DESC_ADDR, AVAIL_ADDR, USED_ADDR },
		{ 2 * QUEUE_SIZE, DESC_ADDR, AVAIL_ADDR, USED_ADDR },
		{ 0x8000, DESC_ADDR, AVAIL_ADDR, USED_ADDR },
		{ QUEUE_SIZE, DESC_ADDR + 8, AVAIL_ADDR, USED_ADDR },
		{ QUEUE_SIZE, DESC_ADDR, AVAIL_ADDR + 1, USED_ADDR },
		{ QUEUE_SIZE, DESC_ADDR, AVAIL_ADDR, USED_ADDR + 2 },
		{ QUEUE_SIZE, MEMORY_SIZE, AVAIL_ADDR, USED_ADDR },
		{ QUEUE_SIZE, DESC_ADDR, MEMORY_SIZE - 2, USED_ADDR },
		{ QUEUE_SIZE, DESC_ADDR, AVAIL_ADDR, MEMORY_SIZE - 4 },
		/* Two bytes too short for the event fields after the rings. */
		{ QUEUE_SIZE, DESC_ADDR, MEMORY_SIZE - 4 - 2 * QUEUE_SIZE, USED_ADDR },
		{ QUEUE_SIZE, DESC_ADDR, AVAIL_ADDR, MEMORY_SIZE - 4 - 8 * QUEUE_SIZE },
		{ QUEUE_SIZE, -16ULL, AVAIL_ADDR, USED_ADDR },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(setups); i++) {
		struct virtqueue queue = {
			.max_size = QUEUE_SIZE, .size = setups[i].size,
			.desc_addr = setups[i].desc, .driver_addr = setups[i].driver,
			.device_addr = setups[i].device,
		};

		assert_int_equal(virtqueue_enable(&queue, &f->memory, true), -EPROTO);
		assert_false(queue.ready);
	}
}

static void test_reset(void **state)
{
	struct fixture *f = *state;

	virtqueue_reset(&f->queue);
	assert_false(f->queue.ready);
	assert_int_equal(f->queue.max_size, QUEUE_SIZE);
	assert_int_equal(f->queue.size, 0);
}

/* Random rings: all accepted buffers are in memory. */
static void test_random_rings(void **state)
{
	struct fixture *f = *state;
	unsigned int seed = 1;

	for (int round = 0; round < MUTATIONS; round++) {
		int n;

		for (int i = 0; i < QUEUE_SIZE; i++)
			set_desc(f, i, (uint64_t)rand_r(&seed) % (MEMORY_SIZE + 4096),
				 rand_r(&seed) % 8192, rand_r(&seed) % 8,
				 rand_r(&seed) % (QUEUE_SIZE + 1));
		for (int i = 0; i < QUEUE_SIZE; i++)
			f->avail->ring[i] = rand_r(&seed) % (QUEUE_SIZE + 1);
		f->avail->idx = f->queue.next_avail + rand_r(&seed) % (QUEUE_SIZE + 2);

		n = virtqueue_available(&f->queue);
		for (int i = 0; i < n; i++) {
			if (virtqueue_peek(&f->queue, i, &f->chain))
				continue;
			for (unsigned int j = 0; j < f->chain.nr_read + f->chain.nr_write; j++) {
				uint8_t *p = f->chain.iov[j].iov_base;

				if (!f->chain.iov[j].iov_len)
					continue;
				assert_true(p >= f->bytes);
				assert_true(p + f->chain.iov[j].iov_len <= f->bytes + MEMORY_SIZE);
			}
		}
		if (n > 0)
			virtqueue_take(&f->queue, n);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_chain),
		T(test_wrap_around),
		T(test_peek_further),
		T(test_suppression),
		T(test_events),
		T(test_events_wrap_around),
		T(test_empty_buffers),
		T(test_index_too_far),
		T(test_head_outside),
		T(test_next_outside),
		T(test_loop),
		T(test_longest_chain),
		T(test_read_after_write),
		T(test_indirect),
		T(test_buffer_outside),
		T(test_bad_setup),
		T(test_reset),
		T(test_random_rings),
	};

	return cmocka_run_group_tests_name("virtqueue", tests, NULL, NULL);
}
