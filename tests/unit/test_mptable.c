// SPDX-License-Identifier: Apache-2.0
/* The MP table, parsed as a kernel parses it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "vmm/arch/x86/mptable.h"

#include <errno.h>
#include <string.h>

#define GPA	0xf0000
#define ROOM	0x10000

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t value = 0;

	while (len--)
		value += *p++;
	return value;
}

static uint16_t get16(const uint8_t *p)
{
	return p[0] | p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

/* What a walk over the entries finds. */
struct found {
	unsigned int processors;
	unsigned int boot_processors;
	unsigned int ioapic_id;
	unsigned int io_interrupts;
	unsigned int local_interrupts;
	uint8_t pin_of_irq[16];
};

static size_t note_entry(const uint8_t *entry, struct found *found)
{
	switch (entry[0]) {
	case 0:
		assert_int_equal(entry[1], found->processors);
		assert_true(entry[3] & 1);
		found->boot_processors += !!(entry[3] & 2);
		found->processors++;
		return 20;
	case 1:
		assert_memory_equal(entry + 2, "ISA   ", 6);
		return 8;
	case 2:
		found->ioapic_id = entry[1];
		assert_int_equal(get32(entry + 4), 0xfec00000);
		return 8;
	case 3:
		assert_int_equal(entry[1], 0);
		assert_int_equal(get16(entry + 2), 0);
		assert_int_equal(entry[6], found->ioapic_id);
		found->pin_of_irq[entry[5]] = entry[7];
		found->io_interrupts++;
		return 8;
	case 4:
		found->local_interrupts++;
		return 8;
	}
	fail_msg("unknown entry %u", entry[0]);
	return 0;
}

static void check_table(unsigned int nr_vcpus)
{
	uint8_t *buf = calloc(1, ROOM);
	ssize_t used = mptable_build(buf, ROOM, GPA, nr_vcpus);
	struct found found = { 0 };
	const uint8_t *table = buf + 16;
	size_t at = 44;

	assert_true(used > 0);
	assert_memory_equal(buf, "_MP_", 4);
	assert_int_equal(sum(buf, buf[8] * 16), 0);
	assert_int_equal(get32(buf + 4), GPA + 16);

	assert_memory_equal(table, "PCMP", 4);
	assert_int_equal(16 + get16(table + 4), used);
	assert_int_equal(sum(table, get16(table + 4)), 0);
	assert_int_equal(get32(table + 36), 0xfee00000);
	for (unsigned int i = 0; i < get16(table + 34); i++)
		at += note_entry(table + at, &found);
	assert_int_equal(at, get16(table + 4));

	assert_int_equal(found.processors, nr_vcpus);
	assert_int_equal(found.boot_processors, 1);
	assert_true(found.ioapic_id >= nr_vcpus);
	assert_int_equal(found.io_interrupts, 15);
	assert_int_equal(found.local_interrupts, 2);
	assert_int_equal(found.pin_of_irq[0], 2);
	for (int irq = 1; irq < 16; irq++)
		assert_int_equal(found.pin_of_irq[irq], irq == 2 ? 0 : irq);
	free(buf);
}

static void test_tables(void **state)
{
	static const unsigned int counts[] = { 1, 2, 3, 64, MPTABLE_MAX_VCPUS };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		check_table(counts[i]);
}

static void test_limits(void **state)
{
	uint8_t *buf = malloc(ROOM);
	ssize_t need;

	(void)state;
	assert_int_equal(mptable_build(buf, ROOM, GPA, MPTABLE_MAX_VCPUS + 1), -ENOSPC);
	need = mptable_build(buf, ROOM, GPA, 4);
	free(buf);
	for (ssize_t size = 0; size <= need; size++) {
		buf = malloc(size ? size : 1);
		assert_int_equal(mptable_build(buf, size, GPA, 4), size < need ? -ENOSPC : need);
		free(buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("mptable", tests, NULL, NULL);
}
