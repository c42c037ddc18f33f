/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual addresses of the guest, through its page tables. */

#ifndef NE_EMU_VMM_ARCH_X86_WALK_H
#define NE_EMU_VMM_ARCH_X86_WALK_H

#include "vmm/memory.h"

#include <stdint.h>

struct kvm_sregs;

/**
 * walk_page_tables() - get the physical address of a virtual one
 * @memory: holds the tables, which may be anything
 * @sregs: mode of the CPU, and where its tables are
 * @va: linear address
 * @ret_gpa: set on success only; need not be RAM
 *
 * Access rights do not count, as for a debugger. Without paging, addresses are physical.
 *
 * Return: 0, or -EFAULT if the address is not mapped.
 */
int walk_page_tables(const struct guest_memory *memory, const struct kvm_sregs *sregs,
		     uint64_t va, uint64_t *ret_gpa);

#endif
