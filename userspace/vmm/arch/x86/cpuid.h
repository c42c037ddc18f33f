/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID: what KVM supports, with one socket of single-threaded cores as the topology. */

#ifndef NE_EMU_VMM_ARCH_X86_CPUID_H
#define NE_EMU_VMM_ARCH_X86_CPUID_H

#include <linux/kvm.h>

/* More entries than KVM reports, with room for ours. */
#define CPUID_ENTRIES_MAX	288

/**
 * cpuid_set_topology() - adapt the leaves that describe CPUs and caches
 * @cpuid: has room for CPUID_ENTRIES_MAX entries
 * @apic_id: APIC id of the vCPU, starting with 0
 */
void cpuid_set_topology(struct kvm_cpuid2 *cpuid, unsigned int apic_id, unsigned int nr_vcpus);

/**
 * cpuid_hide_virtualization() - hide VMX and SVM: as on EC2, a guest cannot have guests
 *
 * KVM then refuses VMX and SVM. While a nested guest runs, KVM would keep page frames of
 * the guest's memory, even after the end of the enclave.
 */
void cpuid_hide_virtualization(struct kvm_cpuid2 *cpuid);

#endif
