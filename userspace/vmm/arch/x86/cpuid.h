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

/**
 * cpuid_hide_virtualization() - a guest cannot have guests, as on EC2
 *
 * KVM then refuses VMX and SVM. It would keep frames of the guest's memory while a
 * nested guest runs, also after the enclave's end.
 */
void cpuid_hide_virtualization(struct kvm_cpuid2 *cpuid);

#endif
