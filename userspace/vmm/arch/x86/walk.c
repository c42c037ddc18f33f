// SPDX-License-Identifier: Apache-2.0
/*
 * Virtual addresses of the guest, through its page tables (AMD64 Architecture Programmer's
 * Manual, volume 2, chapter 5).
 */

#include "vmm/arch/x86/walk.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdbool.h>

#define CR0_PG		(1ULL << 31)
#define CR4_PSE		(1ULL << 4)
#define CR4_PAE		(1ULL << 5)
#define CR4_LA57	(1ULL << 12)
#define EFER_LMA	(1ULL << 10)

#define ENTRY_PRESENT	(1ULL << 0)
#define ENTRY_LARGE	(1ULL << 7)
#define ENTRY_ADDRESS	0x000ffffffffff000ULL
/* Bits 39 to 32 of the address of a 4 MiB page are at 20 to 13 of its entry. */
#define PSE36_SHIFT	13
#define PSE36_MASK	0xffULL

#define PAGE_SHIFT	12
#define CR3_LEGACY	0xfffff000ULL
#define CR3_PAE		0xffffffe0ULL

/* Read once: another vCPU or a device may change it. */
static bool read_entry(const struct guest_memory *memory, uint64_t gpa, uint64_t *ret_entry)
{
	const uint64_t *entry = memory_at(memory, gpa, sizeof(*entry));

	if (!entry)
		return false;
	*ret_entry = __atomic_load_n(entry, __ATOMIC_RELAXED);
	return *ret_entry & ENTRY_PRESENT;
}

static bool read_entry32(const struct guest_memory *memory, uint64_t gpa, uint64_t *ret_entry)
{
	const uint32_t *entry = memory_at(memory, gpa, sizeof(*entry));

	if (!entry)
		return false;
	*ret_entry = __atomic_load_n(entry, __ATOMIC_RELAXED);
	return *ret_entry & ENTRY_PRESENT;
}

/* Bits @high to @low of @value, in place. */
static uint64_t bits(uint64_t value, unsigned int high, unsigned int low)
{
	return value & (UINT64_MAX >> (63 - high)) & (UINT64_MAX << low);
}

/* 4 KiB and 4 MiB pages, entries of 32 bits. */
static int walk_legacy(const struct guest_memory *memory, const struct kvm_sregs *sregs,
		       uint64_t va, uint64_t *ret_gpa)
{
	uint64_t entry;

	if (!read_entry32(memory, (sregs->cr3 & CR3_LEGACY) + (bits(va, 31, 22) >> 20), &entry))
		return -EFAULT;
	if (entry & ENTRY_LARGE && sregs->cr4 & CR4_PSE) {
		*ret_gpa = bits(entry, 31, 22) | (entry >> PSE36_SHIFT & PSE36_MASK) << 32 |
			   bits(va, 21, 0);
		return 0;
	}
	if (!read_entry32(memory, bits(entry, 31, 12) + (bits(va, 21, 12) >> 10), &entry))
		return -EFAULT;
	*ret_gpa = bits(entry, 31, 12) | bits(va, 11, 0);
	return 0;
}

/* Tables of 512 entries of 64 bits, from level @level at @table. */
static int walk_levels(const struct guest_memory *memory, uint64_t table, unsigned int level,
		       uint64_t va, uint64_t *ret_gpa)
{
	uint64_t entry;

	for (; level; level--) {
		unsigned int shift = PAGE_SHIFT + 9 * (level - 1);

		if (!read_entry(memory, table + (bits(va, shift + 8, shift) >> (shift - 3)),
				&entry))
			return -EFAULT;
		table = entry & ENTRY_ADDRESS;
		/* Pages of 2 MiB and 1 GiB. */
		if (level == 1 || (entry & ENTRY_LARGE && level <= 3)) {
			*ret_gpa = bits(table, 51, shift) | bits(va, shift - 1, 0);
			return 0;
		}
	}
	return -EFAULT;
}

/* The first level has four entries, without large pages. */
static int walk_pae(const struct guest_memory *memory, const struct kvm_sregs *sregs, uint64_t va,
		    uint64_t *ret_gpa)
{
	uint64_t entry;

	if (!read_entry(memory, (sregs->cr3 & CR3_PAE) + (bits(va, 31, 30) >> 27), &entry))
		return -EFAULT;
	return walk_levels(memory, entry & ENTRY_ADDRESS, 2, va, ret_gpa);
}

/* The bits above those that are translated all equal the highest one of these. */
static bool is_canonical(uint64_t va, unsigned int levels)
{
	unsigned int unused = 64 - (PAGE_SHIFT + 9 * levels);

	return (uint64_t)((int64_t)(va << unused) >> unused) == va;
}

int walk_page_tables(const struct guest_memory *memory, const struct kvm_sregs *sregs,
		     uint64_t va, uint64_t *ret_gpa)
{
	unsigned int levels = sregs->cr4 & CR4_LA57 ? 5 : 4;

	if (sregs->cr0 & CR0_PG && sregs->efer & EFER_LMA) {
		if (!is_canonical(va, levels))
			return -EFAULT;
		return walk_levels(memory, sregs->cr3 & ENTRY_ADDRESS, levels, va, ret_gpa);
	}
	if (va > UINT32_MAX)
		return -EFAULT;
	if (!(sregs->cr0 & CR0_PG)) {
		*ret_gpa = va;
		return 0;
	}
	return sregs->cr4 & CR4_PAE ? walk_pae(memory, sregs, va, ret_gpa) :
		walk_legacy(memory, sregs, va, ret_gpa);
}
