// SPDX-License-Identifier: Apache-2.0
/* Guest addresses: which are memory, and what happens when memory is taken away. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "vmm/memory.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void test_low_memory(void **state)
{
	uint8_t *base = (uint8_t *)0x40000000;
	struct guest_memory memory;

	(void)state;
	memory_init(&memory, base, 64 * MIB);
	assert_int_equal(memory.low_size, 64 * MIB);
	assert_ptr_equal(memory_at(&memory, 0, 1), base);
	assert_ptr_equal(memory_at(&memory, 4096, 64 * MIB - 4096), base + 4096);
	assert_ptr_equal(memory_at(&memory, 64 * MIB - 1, 1), base + 64 * MIB - 1);
	assert_ptr_equal(memory_at(&memory, 64 * MIB, 0), base + 64 * MIB);

	assert_null(memory_at(&memory, 64 * MIB, 1));
	assert_null(memory_at(&memory, 64 * MIB - 1, 2));
	assert_null(memory_at(&memory, 64 * MIB + 1, 0));
	assert_null(memory_at(&memory, 4096, UINT64_MAX));
	assert_null(memory_at(&memory, UINT64_MAX, 1));
	assert_null(memory_at(&memory, UINT64_MAX, UINT64_MAX));
	assert_null(memory_at(&memory, 4 * GIB, 1));
}

/* Above the hole, addresses and offsets differ by its size. */
static void test_high_memory(void **state)
{
	uint8_t *base = (uint8_t *)0x40000000;
	struct guest_memory memory;

	(void)state;
	memory_init(&memory, base, 5 * GIB);
	assert_int_equal(memory.low_size, 3 * GIB);
	assert_ptr_equal(memory_at(&memory, 3 * GIB - 1, 1), base + 3 * GIB - 1);
	assert_ptr_equal(memory_at(&memory, 4 * GIB, 2 * GIB), base + 3 * GIB);
	assert_ptr_equal(memory_at(&memory, 6 * GIB - 1, 1), base + 5 * GIB - 1);

	assert_null(memory_at(&memory, 3 * GIB - 1, 2));
	assert_null(memory_at(&memory, 3 * GIB, 1));
	assert_null(memory_at(&memory, 0xd0000000, 4));
	assert_null(memory_at(&memory, 4 * GIB - 1, 1));
	assert_null(memory_at(&memory, 4 * GIB - 1, 2));
	assert_null(memory_at(&memory, 6 * GIB, 1));
	assert_null(memory_at(&memory, 4 * GIB, 2 * GIB + 1));
	assert_null(memory_at(&memory, 4 * GIB, UINT64_MAX));
}

static void test_map(void **state)
{
	int fd = memfd_create("memory", MFD_CLOEXEC);
	struct guest_memory memory = { 0 };
	struct error error;
	uint8_t byte = 0;

	(void)state;
	assert_true(memory_map(&memory, fd, 0, &error) < 0);
	assert_true(memory_map(&memory, fd, 4095, &error) < 0);
	assert_true(memory_map(&memory, -1, 4096, &error) < 0);
	assert_non_null(strstr(error.text, "cannot map"));

	assert_int_equal(ftruncate(fd, 4 * MIB), 0);
	assert_int_equal(memory_map(&memory, fd, 4 * MIB, &error), 0);
	assert_int_equal((uintptr_t)memory.base % GIB, 0);
	memory.base[8192] = 42;
	assert_int_equal(pread(fd, &byte, 1, 8192), 1);
	assert_int_equal(byte, 42);
	memory_unmap(&memory);
	memory_unmap(&memory);
	assert_int_equal(close(fd), 0);
}

/* Like the kernel module, which takes the pages of a released enclave. */
static void test_taken_away(void **state)
{
	int fd = memfd_create("memory", MFD_CLOEXEC);
	struct guest_memory memory = { 0 };
	struct error error;
	volatile uint8_t *p;

	(void)state;
	assert_int_equal(ftruncate(fd, 4 * MIB), 0);
	assert_int_equal(memory_map(&memory, fd, 4 * MIB, &error), 0);
	p = memory.base;
	p[MIB] = 1;
	assert_false(memory_lost());

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(p[MIB], 0);
	assert_true(memory_lost());
	p[2 * MIB] = 1;
	memory_unmap(&memory);
	assert_int_equal(close(fd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_low_memory),
		cmocka_unit_test(test_high_memory),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_taken_away),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
