// SPDX-License-Identifier: Apache-2.0
/* A time of day that is wrong on request, for guests with and without kvmclock. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/util.h"
#include "vmm/arch/arch.h"
#include "vmm/cmos.h"

#include <linux/kvm.h>
#include <string.h>

#define MEMORY_SIZE	(64 * KIB)
#define GPA		0x1234
#define MSR		0x4b564d00
#define MSR_OLD		0x11
#define HOUR		INT64_C(3600)

/* The guest runs for 7.25 seconds. */
#define GUEST_NS	(INT64_C(29) * NSEC_PER_SEC / 4)

static struct kvm_msr_filter filter;
static struct kvm_enable_cap cap;

int __wrap_ioctl(int fd, unsigned long request, void *arg);

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	switch (request) {
	case KVM_GET_CLOCK:
		((struct kvm_clock_data *)arg)->clock = GUEST_NS;
		return 0;
	case KVM_ENABLE_CAP:
		cap = *(struct kvm_enable_cap *)arg;
		return 0;
	case KVM_X86_SET_MSR_FILTER:
		filter = *(struct kvm_msr_filter *)arg;
		return 0;
	case KVM_CHECK_EXTENSION:
		return (uintptr_t)arg == KVM_CAP_X86_MSR_FILTER;
	default:
		fail_msg("ioctl %#lx", request);
		return -1;
	}
}

/* The filter also keeps what the machine hides anyway. */
static void test_filter(void **state)
{
	const struct wall_clock clock = { .vm_fd = 5, .skew_ns = 1 };

	assert_int_equal(arch_skew_clock(&clock), 0);
	assert_int_equal(cap.cap, KVM_CAP_X86_USER_SPACE_MSR);
	assert_int_equal(cap.args[0], KVM_MSR_EXIT_REASON_FILTER);
	assert_int_equal(filter.flags, KVM_MSR_FILTER_DEFAULT_ALLOW);
	assert_int_equal(filter.ranges[0].base, MSR_OLD);
	assert_int_equal(filter.ranges[0].flags, KVM_MSR_FILTER_WRITE);
	assert_int_equal(filter.ranges[1].base, MSR);
	assert_int_equal(filter.ranges[2].base, 0xc0010000);
	assert_int_equal(filter.ranges[2].nmsrs, 8);
}

/* The guest adds its clock to what is stored here: version, seconds, nanoseconds. */
static void test_store(void **state)
{
	static _Alignas(4096) uint8_t bytes[MEMORY_SIZE];
	struct guest_memory memory;
	struct wall_clock clock = {
		.vm_fd = 5, .memory = &memory, .skew_ns = -HOUR * NSEC_PER_SEC,
	};
	static const uint32_t versions[][2] = { { 0, 2 }, { 1, 2 }, { 6, 8 } };
	int64_t before, epoch;
	uint32_t data[3];

	memory_init(&memory, bytes, sizeof(bytes));
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		memcpy(bytes + GPA, &versions[i][0], sizeof(versions[i][0]));
		before = clock_ns(CLOCK_REALTIME);
		assert_true(arch_write_msr(&clock, i ? MSR : MSR_OLD, GPA));
		memcpy(data, bytes + GPA, sizeof(data));
		assert_int_equal(data[0], versions[i][1]);
		assert_in_range(data[2], 0, NSEC_PER_SEC - 1);
		epoch = data[1] * NSEC_PER_SEC + data[2];
		assert_in_range(epoch + GUEST_NS + HOUR * NSEC_PER_SEC, before,
				clock_ns(CLOCK_REALTIME));
	}
	assert_int_equal(bytes[GPA + sizeof(data)], 0);
}

/* Addresses outside memory are ignored, as by KVM; other registers are refused. */
static void test_hostile(void **state)
{
	static uint8_t bytes[MEMORY_SIZE];
	struct guest_memory memory;
	struct wall_clock clock = { .vm_fd = 5, .memory = &memory, .skew_ns = 1 };

	memory_init(&memory, bytes, sizeof(bytes));
	assert_true(arch_write_msr(&clock, MSR, MEMORY_SIZE - 11));
	assert_true(arch_write_msr(&clock, MSR, UINT64_MAX));
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], 0);
	assert_false(arch_write_msr(&clock, 0xc0010000, GPA));
	clock.skew_ns = 0;
	assert_false(arch_write_msr(&clock, MSR, GPA));
}

static uint8_t read_cmos(struct cmos *cmos, uint8_t index)
{
	uint8_t value;

	cmos_ops.write(cmos, 0, &index, 1);
	cmos_ops.read(cmos, 1, &value, 1);
	return value;
}

static int from_bcd(uint8_t value)
{
	return (value >> 4) * 10 + (value & 15);
}

static void test_cmos(void **state)
{
	struct cmos cmos = { .skew_s = 400 * 24 * HOUR };
	time_t now = time(NULL) + cmos.skew_s;
	struct tm tm;

	assert_non_null(gmtime_r(&now, &tm));
	assert_int_equal(from_bcd(read_cmos(&cmos, 9)), tm.tm_year % 100);
	assert_int_equal(from_bcd(read_cmos(&cmos, 8)), tm.tm_mon + 1);
	assert_int_equal(from_bcd(read_cmos(&cmos, 7)), tm.tm_mday);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_cmos),
	};

	return cmocka_run_group_tests_name("wall_clock", tests, NULL, NULL);
}
