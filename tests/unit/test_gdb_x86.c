// SPDX-License-Identifier: Apache-2.0
/*
 * What gdb sees of an x86 CPU: registers in the order of the description, and memory through
 * page tables that are written here as the AMD64 manual, volume 2, chapter 5, draws them.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "vmm/arch/x86/gdb_registers.h"
#include "vmm/arch/x86/regs.h"
#include "vmm/arch/x86/walk.h"
#include "vmm/gdb/target.h"

#include <errno.h>
#include <string.h>

#define RAM		(1 * MIB)

/* Modes of a CPU, in its control registers. */
#define PROTECTED	0x00000011ULL
#define PAGING		0x80000011ULL
#define PSE		0x10ULL
#define PAE		0x20ULL
#define LA57		0x1000ULL
#define LONG_MODE	0x500ULL

static uint8_t ram[RAM] __attribute__((aligned(4096)));
static struct guest_memory memory;

static int setup(void **state)
{
	memset(ram, 0, sizeof(ram));
	memory_init(&memory, ram, sizeof(ram));
	return 0;
}

static void put64(uint64_t at, uint64_t value)
{
	memcpy(ram + at, &value, sizeof(value));
}

static void put32(uint64_t at, uint32_t value)
{
	memcpy(ram + at, &value, sizeof(value));
}

static void assert_walk(const struct kvm_sregs *sregs, uint64_t va, uint64_t want)
{
	uint64_t gpa = 0;

	assert_int_equal(walk_page_tables(&memory, sregs, va, &gpa), 0);
	assert_int_equal(gpa, want);
}

static void assert_unmapped(const struct kvm_sregs *sregs, uint64_t va)
{
	uint64_t gpa;

	assert_int_equal(walk_page_tables(&memory, sregs, va, &gpa), -EFAULT);
}

static void test_no_paging(void **state)
{
	const struct kvm_sregs real = { 0 }, protected = { .cr0 = PROTECTED, .cr3 = 0x1000 };

	assert_walk(&real, 0xfff0, 0xfff0);
	assert_walk(&protected, 0xfffffff0, 0xfffffff0);
	assert_unmapped(&protected, 0x100000000);
}

static void test_32_bit(void **state)
{
	struct kvm_sregs sregs = { .cr0 = PAGING, .cr3 = 0x1018, .cr4 = PSE };

	put32(0x1000 + 4 * 0x300, 0x00002067);		/* 0xc0000000: a table */
	put32(0x2000 + 4 * 0x005, 0x00abc063);		/* 0xc0005000 */
	put32(0x1000 + 4 * 0x301, 0x004001e3);		/* 0xc0400000: 4 MiB */
	put32(0x1000 + 4 * 0x302, 0x008001e3 | 0x13 << 13);	/* above 4 GiB (PSE-36) */
	put32(0x1000 + 4 * 0x303, 0xfffff067);		/* a table outside RAM */
	assert_walk(&sregs, 0xc0005123, 0xabc123);
	assert_walk(&sregs, 0xc0412345, 0x412345);
	assert_walk(&sregs, 0xc0812345, 0x1300812345);
	assert_unmapped(&sregs, 0xc0006000);
	assert_unmapped(&sregs, 0xc0c00000);
	assert_unmapped(&sregs, 0x00000000);
	/* Without CR4.PSE, bit 7 means nothing. */
	sregs.cr4 = 0;
	put32(0x1000 + 4 * 0x304, 0x000020e7);
	assert_walk(&sregs, 0xc1005123, 0xabc123);
}

static void test_pae(void **state)
{
	const struct kvm_sregs sregs = { .cr0 = PAGING, .cr3 = 0x1020, .cr4 = PAE };

	put64(0x1020 + 8 * 3, 0x2001);			/* 0xc0000000 */
	put64(0x2000 + 8 * 0x001, 0x3067);		/* 0xc0200000: a table */
	put64(0x3000 + 8 * 0x1ff, 0x8000000123456063);	/* 0xc03ff000, not executable */
	put64(0x2000 + 8 * 0x1ff, 0x1234200001e3);	/* 0xffe00000: 2 MiB */
	assert_walk(&sregs, 0xc03ff777, 0x123456777);
	assert_walk(&sregs, 0xfff00001, 0x123420100001);
	assert_unmapped(&sregs, 0xc0200000);
	assert_unmapped(&sregs, 0x00000000);
	assert_unmapped(&sregs, 0x1c03ff777);
}

static void test_long_mode(void **state)
{
	const struct kvm_sregs sregs = {
		.cr0 = PAGING, .cr3 = 0x1000, .cr4 = PAE, .efer = LONG_MODE,
	};

	put64(0x1000 + 8 * 511, 0x2067);		/* the last 512 GiB */
	put64(0x2000 + 8 * 510, 0x3067);		/* 0xffffffff80000000 */
	put64(0x3000 + 8 * 8, 0x010001e3);		/* 0xffffffff81000000: 2 MiB */
	put64(0x3000 + 8 * 9, 0x4067);			/* 0xffffffff81200000: a table */
	put64(0x4000 + 8 * 1, 0x8000000000077163);	/* 0xffffffff81201000 */
	put64(0x2000 + 8 * 511, 0x1000001e3);		/* 0xffffffffc0000000: 1 GiB */
	put64(0x1000 + 8 * 256, 0xfffffffff067);	/* a table outside RAM */
	put64(0x1000 + 8 * 1, 0x20e7);			/* bit 7 means nothing at this level */
	assert_walk(&sregs, 0xffffffff81123456, 0x1123456);
	assert_walk(&sregs, 0xffffffff81201abc, 0x77abc);
	assert_walk(&sregs, 0xfffffffff0000001, 0x130000001);
	assert_walk(&sregs, 0x000000ff81123456, 0x1123456);
	assert_unmapped(&sregs, 0xffffffff81202000);
	assert_unmapped(&sregs, 0xffff800000000000);
	assert_unmapped(&sregs, 0x0000000000000000);
	/* Not canonical. */
	assert_unmapped(&sregs, 0x00007fff81123456 | 1ULL << 48);
	assert_unmapped(&sregs, 0x0000ffff81123456);
}

static void test_five_levels(void **state)
{
	const struct kvm_sregs sregs = {
		.cr0 = PAGING, .cr3 = 0x1000, .cr4 = PAE | LA57, .efer = LONG_MODE,
	};

	put64(0x1000 + 8 * 256, 0x2067);	/* 0xff00000000000000 */
	put64(0x2000 + 8 * 2, 0x3067);		/* + 1 TiB */
	put64(0x3000 + 8 * 3, 0x4067);		/* + 3 GiB */
	put64(0x4000 + 8 * 4, 0x5067);		/* + 8 MiB */
	put64(0x5000 + 8 * 5, 0x88163);		/* + 20 KiB */
	assert_walk(&sregs, 0xff000100c0805042, 0x88042);
	assert_unmapped(&sregs, 0xff000100c0806042);
	assert_unmapped(&sregs, 0xfe000100c0805042);
	assert_unmapped(&sregs, 0x01000100c0805042);
}

/* A table that is its own next level, and tables everywhere in nothing. */
static void test_odd_tables(void **state)
{
	struct kvm_sregs sregs = {
		.cr0 = PAGING, .cr3 = 0x1000, .cr4 = PAE, .efer = LONG_MODE,
	};

	put64(0x1000, 0x1067);
	assert_walk(&sregs, 0x123, 0x1123);
	sregs.cr3 = RAM;
	assert_unmapped(&sregs, 0);
	sregs.cr3 = UINT64_MAX;
	assert_unmapped(&sregs, 0xffffffffffffffff);
	sregs.cr4 = 0;
	sregs.efer = 0;
	assert_unmapped(&sregs, 0xffffffff);
}

/* The tables that the VMM itself makes map the first 4 GiB to themselves. */
static void test_boot_tables(void **state)
{
	const struct kvm_sregs sregs = {
		.cr0 = PAGING, .cr3 = 0x9000, .cr4 = PAE, .efer = LONG_MODE,
	};

	assert_int_equal(regs_write_tables(&memory), 0);
	assert_walk(&sregs, 0, 0);
	assert_walk(&sregs, 0x1000200, 0x1000200);
	assert_walk(&sregs, 0xffffffff, 0xffffffff);
	assert_unmapped(&sregs, 0x100000000);
}

/* Find the next register of the description. */
static const char *next_register(const char *xml, char *name, unsigned int *bits)
{
	xml = strstr(xml, "<reg ");
	if (!xml)
		return NULL;
	assert_int_equal(sscanf(xml, "<reg name=\"%15[^\"]\" bitsize=\"%u\"", name, bits), 2);
	return xml + 1;
}

static void find_register(const char *wanted, size_t *ret_offset, size_t *ret_size)
{
	const char *xml = gdb_registers_xml;
	unsigned int bits, number = 0;
	char name[16];

	for (;; number++) {
		xml = next_register(xml, name, &bits);
		assert_non_null(xml);
		if (!strcmp(name, wanted))
			break;
	}
	assert_true(gdb_registers_locate(number, ret_offset, ret_size));
}

/* The registers' places are those that gdb computes from the description. */
static void test_description(void **state)
{
	/* What gdb requires of its features (the gdb manual, "i386 Features"). */
	static const char *const needed[] = {
		"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11",
		"r12", "r13", "r14", "r15", "rip", "eflags", "cs", "ss", "ds", "es", "fs", "gs",
		"st0", "st1", "st2", "st3", "st4", "st5", "st6", "st7", "fctrl", "fstat", "ftag",
		"fiseg", "fioff", "foseg", "fooff", "fop", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
		"xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
		"xmm14", "xmm15", "mxcsr", "fs_base", "gs_base",
	};
	const char *xml = gdb_registers_xml;
	size_t offset, size, total = 0;
	unsigned int number = 0, bits;
	char name[16];

	while ((xml = next_register(xml, name, &bits))) {
		assert_true(gdb_registers_locate(number, &offset, &size));
		assert_int_equal(offset, total);
		assert_int_equal(size, bits / 8);
		if (number < ARRAY_SIZE(needed))
			assert_string_equal(name, needed[number]);
		total += size;
		number++;
	}
	assert_true(number > ARRAY_SIZE(needed));
	assert_false(gdb_registers_locate(number, &offset, &size));
	assert_false(gdb_registers_locate(UINT32_MAX, &offset, &size));
	assert_int_equal(total, gdb_registers_size);
	assert_true(total <= GDB_REGISTERS_MAX);
}

static const struct gdb_state sample = {
	.regs = {
		.rax = 0x1122334455667788, .rbp = 0xb0, .rsp = 0x50, .rsi = 0x51, .rdi = 0xd1,
		.r15 = 15, .rip = 0xffffffff81000200, .rflags = 0x246,
	},
	.sregs = {
		.cs.selector = 0x10, .ss.selector = 0x18, .gs.base = 0xffff888000001000,
		.cr0 = 0x80050033, .cr2 = 0x1000, .cr3 = 0x2000, .cr4 = 0x6f0, .cr8 = 1,
		.efer = 0xd01,
	},
	/*
	 * At the offsets of FXSAVE64: FCW 0x37f, FSW with TOP 6, two registers in use (6 and 7),
	 * FOP 0x1d9, RIP 0x1234deadbeef, MXCSR 0x1f80, ST0 1.0 (ST1 is 0.0), XMM15.
	 */
	.xsave = {
		[0] = 0x7f, 0x03, [2] = 0x00, 0x30, [4] = 0xc0, [6] = 0xd9, 0x01,
		[8] = 0xef, 0xbe, 0xad, 0xde, 0x34, 0x12, [24] = 0x80, 0x1f,
		[32 + 7] = 0x80, 0xff, 0x3f, [160 + 15 * 16] = 0xab,
	},
	.kernel_gs_base = 0x7000,
};

static uint64_t get(const uint8_t *bytes, const char *name)
{
	size_t offset, size;
	uint64_t value = 0;

	find_register(name, &offset, &size);
	memcpy(&value, bytes + offset, MIN(size, sizeof(value)));
	return value;
}

static void set(uint8_t *bytes, const char *name, uint64_t value)
{
	size_t offset, size;

	find_register(name, &offset, &size);
	memcpy(bytes + offset, &value, MIN(size, sizeof(value)));
}

static void test_pack(void **state)
{
	static const struct {
		const char *name;
		uint64_t value;
	} want[] = {
		{ "rax", 0x1122334455667788 }, { "rbp", 0xb0 }, { "rsp", 0x50 }, { "rsi", 0x51 },
		{ "rdi", 0xd1 }, { "r15", 15 }, { "rip", 0xffffffff81000200 },
		{ "eflags", 0x246 }, { "cs", 0x10 }, { "ss", 0x18 }, { "fs_base", 0 },
		{ "gs_base", 0xffff888000001000 }, { "k_gs_base", 0x7000 },
		{ "cr0", 0x80050033 }, { "cr2", 0x1000 }, { "cr3", 0x2000 }, { "cr4", 0x6f0 },
		{ "cr8", 1 }, { "efer", 0xd01 }, { "fctrl", 0x37f }, { "fstat", 0x3000 },
		{ "mxcsr", 0x1f80 }, { "st0", 0x8000000000000000 }, { "xmm15", 0xab },
		{ "fioff", 0xdeadbeef }, { "fiseg", 0x1234 }, { "fop", 0x1d9 },
		/* As FSTENV says it: 7 holds zero (1), 6 a number (0), the rest nothing (3). */
		{ "ftag", 0x4fff },
	};
	uint8_t bytes[GDB_REGISTERS_MAX];

	gdb_registers_pack(&sample, bytes);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_int_equal(get(bytes, want[i].name), want[i].value);
}

static void test_unpack(void **state)
{
	struct gdb_state changed = sample;
	uint8_t bytes[GDB_REGISTERS_MAX];

	/* Unchanged bytes change nothing. */
	gdb_registers_pack(&sample, bytes);
	assert_int_equal(gdb_registers_unpack(bytes, &changed), 0);
	assert_memory_equal(&changed, &sample, sizeof(changed));

	set(bytes, "rsp", 0x1234);
	set(bytes, "rip", 0x5678);
	set(bytes, "eflags", 0x2);
	set(bytes, "cr3", 0x9000);
	set(bytes, "fs_base", 0x77);
	set(bytes, "xmm0", 0x99);
	set(bytes, "ftag", 0xffff);
	assert_int_equal(gdb_registers_unpack(bytes, &changed), 0);
	assert_int_equal(changed.regs.rsp, 0x1234);
	assert_int_equal(changed.regs.rbp, 0xb0);
	assert_int_equal(changed.regs.rip, 0x5678);
	assert_int_equal(changed.regs.rflags, 0x2);
	assert_int_equal(changed.sregs.cr3, 0x9000);
	assert_int_equal(changed.sregs.fs.base, 0x77);
	assert_int_equal(changed.xsave[160], 0x99);
	assert_int_equal(changed.xsave[4], 0);
	assert_int_equal(changed.xsave[512], 3);	/* XSTATE_BV: x87 and SSE */
}

/* gdb knows only the selector of a segment, so it cannot load one. */
static void test_fixed_registers(void **state)
{
	static const char *const names[] = { "cs", "gs", "k_gs_base" };
	struct gdb_state changed;
	uint8_t bytes[GDB_REGISTERS_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		changed = sample;
		gdb_registers_pack(&sample, bytes);
		set(bytes, names[i], 0x55);
		assert_int_equal(gdb_registers_unpack(bytes, &changed), -EPERM);
		assert_memory_equal(&changed, &sample, sizeof(changed));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_no_paging, setup),
		cmocka_unit_test_setup(test_32_bit, setup),
		cmocka_unit_test_setup(test_pae, setup),
		cmocka_unit_test_setup(test_long_mode, setup),
		cmocka_unit_test_setup(test_five_levels, setup),
		cmocka_unit_test_setup(test_odd_tables, setup),
		cmocka_unit_test_setup(test_boot_tables, setup),
		cmocka_unit_test(test_description),
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_unpack),
		cmocka_unit_test(test_fixed_registers),
	};

	return cmocka_run_group_tests_name("gdb_x86", tests, NULL, NULL);
}
