/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID: what KVM supports, with a topology of one socket of single-thread cores. */

#ifndef NE_EMU_VMM_ARCH_X86_CPUID_H
#define NE_EMU_VMM_ARCH_X86_CPUID_H

#include <linux/kvm.h>

/* More entries than KVM ever reports, and some for ours. */
#define CPUID_ENTRIES_MAX	288

/**
 * cpuid_set_topology() - adapt the leaves that tell of CPUs and caches
 * @cpuid: has room for CPUID_ENTRIES_MAX entries
 * @apic_id: of the vCPU, from 0
 */
void cpuid_set_topology(struct kvm_cpuid2 *cpuid, unsigned int apic_id, unsigned int nr_vcpus);

#endif
