// SPDX-License-Identifier: Apache-2.0
/* CPUID topology, with the leaves of both vendors. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "vmm/arch/x86/cpuid.h"

#include <string.h>

#define VENDOR_AMD	0x68747541
#define VENDOR_INTEL	0x756e6547

static int setup(void **state)
{
	struct kvm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + CPUID_ENTRIES_MAX * sizeof(cpuid->entries[0]));
	*state = cpuid;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void add(struct kvm_cpuid2 *cpuid, struct kvm_cpuid_entry2 entry)
{
	cpuid->entries[cpuid->nent++] = entry;
}

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid2 *cpuid, uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == function && cpuid->entries[i].index == index)
			return &cpuid->entries[i];
	return NULL;
}

/* Leaf 0xb: APIC id bits and CPUs per level. */
static void assert_topology(struct kvm_cpuid2 *cpuid, uint32_t id, uint32_t bits, uint32_t cpus)
{
	const struct kvm_cpuid_entry2 *smt = find(cpuid, 0xb, 0);
	const struct kvm_cpuid_entry2 *core = find(cpuid, 0xb, 1);
	const struct kvm_cpuid_entry2 *end = find(cpuid, 0xb, 2);

	assert_true(smt && core && end);
	assert_int_equal(smt->eax, 0);
	assert_int_equal(smt->ebx, 1);
	assert_int_equal(smt->ecx, 0x100);
	assert_int_equal(core->eax, bits);
	assert_int_equal(core->ebx, cpus);
	assert_int_equal(core->ecx, 0x201);
	assert_int_equal(end->ebx, 0);
	assert_int_equal(end->ecx, 2);
	assert_int_equal(smt->edx, id);
	assert_int_equal(core->edx, id);
	assert_int_equal(smt->flags, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
}

static void test_intel(void **state)
{
	struct kvm_cpuid2 *cpuid = *state;

	add(cpuid, (struct kvm_cpuid_entry2){ 0x0, .eax = 0x1f, .ebx = VENDOR_INTEL });
	add(cpuid, (struct kvm_cpuid_entry2){ 0x1, .ebx = 0x63400800 });
	add(cpuid, (struct kvm_cpuid_entry2){ 0x4, 0, .eax = 0xfc004121 });	/* level 1 */
	add(cpuid, (struct kvm_cpuid_entry2){ 0x4, 3, .eax = 0xfc1fc163 });	/* level 3 */
	add(cpuid, (struct kvm_cpuid_entry2){ 0x4, 4, .eax = 0 });
	add(cpuid, (struct kvm_cpuid_entry2){ 0xb, 0, .ebx = 2, .edx = 99 });
	add(cpuid, (struct kvm_cpuid_entry2){ 0xb, 1, .ebx = 128, .edx = 99 });
	add(cpuid, (struct kvm_cpuid_entry2){ 0x1f, 0, .ebx = 2, .edx = 99 });
	add(cpuid, (struct kvm_cpuid_entry2){ 0x80000001, .ecx = 0x21 });

	cpuid_set_topology(cpuid, 2, 3);
	assert_int_equal(find(cpuid, 0x1, 0)->ebx, 0x02040800);
	assert_int_equal(find(cpuid, 0x1, 0)->ecx, 1U << 31);
	assert_int_equal(find(cpuid, 0x1, 0)->edx, 1U << 28);
	assert_int_equal(find(cpuid, 0x4, 0)->eax, 0x0c000121);
	assert_int_equal(find(cpuid, 0x4, 3)->eax, 0x0c00c163);
	assert_int_equal(find(cpuid, 0x4, 4)->eax, 0);
	assert_int_equal(find(cpuid, 0x80000001, 0)->ecx, 0x21);
	assert_null(find(cpuid, 0x1f, 0));
	assert_topology(cpuid, 2, 2, 3);
	assert_int_equal(cpuid->nent, 9);
}

static void test_amd(void **state)
{
	struct kvm_cpuid2 *cpuid = *state;

	add(cpuid, (struct kvm_cpuid_entry2){ 0x0, .eax = 0x10, .ebx = VENDOR_AMD });
	add(cpuid, (struct kvm_cpuid_entry2){ .function = 0x1 });
	add(cpuid, (struct kvm_cpuid_entry2){ 0x80000001, .ecx = 0 });
	add(cpuid, (struct kvm_cpuid_entry2){ 0x80000008, .eax = 0x3030, .ecx = 0x703f });
	add(cpuid, (struct kvm_cpuid_entry2){ 0x8000001d, 3, .eax = 0x1c163 });
	add(cpuid, (struct kvm_cpuid_entry2){ 0x8000001e, .eax = 77, .ebx = 0x133, .ecx = 0x301 });
	add(cpuid, (struct kvm_cpuid_entry2){ 0x80000026, 0, .edx = 77 });

	cpuid_set_topology(cpuid, 5, 8);
	assert_int_equal(find(cpuid, 0x1, 0)->ebx, 0x05080000);
	assert_int_equal(find(cpuid, 0x80000001, 0)->ecx, 2);
	assert_int_equal(find(cpuid, 0x80000008, 0)->eax, 0x3030);
	assert_int_equal(find(cpuid, 0x80000008, 0)->ecx, 0x3007);
	assert_int_equal(find(cpuid, 0x8000001d, 3)->eax, 0x1c163);
	assert_int_equal(find(cpuid, 0x8000001e, 0)->eax, 5);
	assert_int_equal(find(cpuid, 0x8000001e, 0)->ebx, 5);
	assert_int_equal(find(cpuid, 0x8000001e, 0)->ecx, 0);
	assert_null(find(cpuid, 0x80000026, 0));
	assert_topology(cpuid, 5, 3, 8);
}

static void test_one_vcpu(void **state)
{
	struct kvm_cpuid2 *cpuid = *state;

	add(cpuid, (struct kvm_cpuid_entry2){ 0x0, .eax = 0xd, .ebx = VENDOR_AMD });
	add(cpuid, (struct kvm_cpuid_entry2){ 0x1, .edx = 1U << 28 });
	add(cpuid, (struct kvm_cpuid_entry2){ 0x80000001, .ecx = 2 });
	cpuid_set_topology(cpuid, 0, 1);
	assert_int_equal(find(cpuid, 0x1, 0)->edx, 0);
	assert_int_equal(find(cpuid, 0x1, 0)->ebx, 0x00010000);
	assert_int_equal(find(cpuid, 0x80000001, 0)->ecx, 0);
	assert_topology(cpuid, 0, 0, 1);
}

static void test_hide_virtualization(void **state)
{
	struct kvm_cpuid2 *cpuid = *state;

	add(cpuid, (struct kvm_cpuid_entry2){ 0x1, .ecx = 1U << 5 | 1U << 3 });
	add(cpuid, (struct kvm_cpuid_entry2){ 0x80000001, .ecx = 1U << 2 | 1U << 5 });
	add(cpuid, (struct kvm_cpuid_entry2){ 0x8000000a, .eax = 1, .edx = 1 });
	cpuid_hide_virtualization(cpuid);
	assert_int_equal(find(cpuid, 0x1, 0)->ecx, 1U << 3);
	assert_int_equal(find(cpuid, 0x80000001, 0)->ecx, 1U << 5);
	assert_null(find(cpuid, 0x8000000a, 0));

	cpuid->nent = 0;
	cpuid_hide_virtualization(cpuid);
	assert_int_equal(cpuid->nent, 0);
}

/* Old CPUs, and lists that are full. */
static void test_no_topology_leaf(void **state)
{
	struct kvm_cpuid2 *cpuid = *state;

	add(cpuid, (struct kvm_cpuid_entry2){ 0x0, .eax = 0x7, .ebx = VENDOR_INTEL });
	cpuid_set_topology(cpuid, 0, 2);
	assert_null(find(cpuid, 0xb, 0));

	cpuid->entries[0].eax = 0xb;
	while (cpuid->nent < CPUID_ENTRIES_MAX - 1)
		add(cpuid, (struct kvm_cpuid_entry2){ .function = 0x40000000 });
	cpuid_set_topology(cpuid, 0, 2);
	assert_int_equal(cpuid->nent, CPUID_ENTRIES_MAX);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_intel),
		T(test_amd),
		T(test_one_vcpu),
		T(test_hide_virtualization),
		T(test_no_topology_leaf),
	};

	return cmocka_run_group_tests_name("cpuid", tests, NULL, NULL);
}
