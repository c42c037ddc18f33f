/* SPDX-License-Identifier: Apache-2.0 */
/* State of the CPU at the 64-bit entry of a Linux kernel. */

#ifndef NE_EMU_VMM_ARCH_X86_REGS_H
#define NE_EMU_VMM_ARCH_X86_REGS_H

#include "vmm/memory.h"

/** regs_write_tables() - write GDT and identity map of the first 4 GiB; Return: 0 or -EFAULT */
int regs_write_tables(const struct guest_memory *memory);

#endif
