/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of a CPU in gdb's order. */

#ifndef NE_EMU_VMM_ARCH_X86_GDB_REGISTERS_H
#define NE_EMU_VMM_ARCH_X86_GDB_REGISTERS_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct gdb_state - what KVM says of a vCPU
 * @xsave: struct kvm_xsave, the area of the instruction XSAVE. (KVM_GET_FPU has no MXCSR.)
 * @kernel_gs_base: the MSR
 */
struct gdb_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	uint8_t xsave[sizeof(struct kvm_xsave)];
	uint64_t kernel_gs_base;
};

extern const char gdb_registers_xml[];
extern const size_t gdb_registers_size;

/** gdb_registers_locate() - find register @number of the description; false: none */
bool gdb_registers_locate(unsigned int number, size_t *ret_offset, size_t *ret_size);
/** gdb_registers_pack() - write gdb_registers_size bytes */
void gdb_registers_pack(const struct gdb_state *state, uint8_t *bytes);
/**
 * gdb_registers_unpack() - change @state as @bytes say
 *
 * Return: 0, or -EPERM for registers that cannot be changed: segments, of which gdb knows only
 * the selectors, and k_gs_base.
 */
int gdb_registers_unpack(const uint8_t *bytes, struct gdb_state *state);

#endif
