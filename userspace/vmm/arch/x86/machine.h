/* SPDX-License-Identifier: Apache-2.0 */
/* The x86 machine around the CPUs: what other files of this directory need. */

#ifndef NE_EMU_VMM_ARCH_X86_MACHINE_H
#define NE_EMU_VMM_ARCH_X86_MACHINE_H

#include <linux/kvm.h>
#include <stdbool.h>

/**
 * machine_hide_msrs() - describe the registers that no guest may use, for a filter
 * @range: filled if there are any
 *
 * Return: whether there are any.
 */
bool machine_hide_msrs(int vm_fd, struct kvm_msr_filter_range *range);

#endif
