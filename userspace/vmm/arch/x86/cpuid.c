// SPDX-License-Identifier: Apache-2.0
/* CPUID: what KVM supports, with one socket of single-threaded cores as the topology. */

#include "vmm/arch/x86/cpuid.h"

#include "common/util.h"

#include <stdbool.h>

/* Leaves: Intel SDM volume 2 (CPUID), AMD APM volume 3 appendix E. */
#define LEAF_MAX		0x0
#define LEAF_FEATURES		0x1
#define LEAF_INTEL_CACHE	0x4
#define LEAF_TOPOLOGY		0xb
#define LEAF_TOPOLOGY_V2	0x1f
#define LEAF_AMD_FEATURES	0x80000001
#define LEAF_AMD_SIZES		0x80000008
#define LEAF_AMD_SVM		0x8000000a
#define LEAF_AMD_CACHE		0x8000001d
#define LEAF_AMD_TOPOLOGY	0x8000001e
#define LEAF_AMD_TOPOLOGY_V2	0x80000026

#define VENDOR_AMD		0x68747541	/* "Auth" */
#define VENDOR_HYGON		0x6f677948	/* "Hygo" */

#define FEATURES_EDX_HTT	(1U << 28)
#define FEATURES_ECX_VMX	(1U << 5)
#define FEATURES_ECX_HYPERVISOR	(1U << 31)
#define AMD_ECX_CMP_LEGACY	(1U << 1)
#define AMD_ECX_SVM		(1U << 2)
#define TOPOLOGY_SMT		1
#define TOPOLOGY_CORE		2
#define LAST_LEVEL_CACHE	3

struct topology {
	unsigned int apic_id;
	unsigned int nr_vcpus;
	unsigned int core_bits;		/* of the APIC id */
	bool amd;			/* or Hygon, which is compatible */
};

static uint32_t set_field(uint32_t value, unsigned int shift, uint32_t mask, uint32_t field)
{
	return (value & ~(mask << shift)) | ((field & mask) << shift);
}

static struct kvm_cpuid_entry2 *find_leaf(struct kvm_cpuid2 *cpuid, uint32_t function)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == function)
			return &cpuid->entries[i];
	return NULL;
}

static void remove_leaf(struct kvm_cpuid2 *cpuid, uint32_t function)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function != function)
			cpuid->entries[kept++] = cpuid->entries[i];
	cpuid->nent = kept;
}

static void set_features(struct kvm_cpuid_entry2 *entry, const struct topology *topology)
{
	entry->ebx = set_field(entry->ebx, 24, 0xff, topology->apic_id);
	entry->ebx = set_field(entry->ebx, 16, 0xff, MIN(1U << topology->core_bits, 255U));
	entry->ecx |= FEATURES_ECX_HYPERVISOR;
	if (topology->nr_vcpus > 1)
		entry->edx |= FEATURES_EDX_HTT;
	else
		entry->edx &= ~FEATURES_EDX_HTT;
}

/* Both vendors: type in bits 0-4, level in 5-7, number of sharing CPUs minus 1 in 14-25. */
static void set_cache(struct kvm_cpuid_entry2 *entry, const struct topology *topology)
{
	unsigned int level = (entry->eax >> 5) & 0x7;
	bool shared = level >= LAST_LEVEL_CACHE;

	if (!(entry->eax & 0x1f))
		return;
	entry->eax = set_field(entry->eax, 14, 0xfff,
			       shared ? (1U << topology->core_bits) - 1 : 0);
	if (entry->function == LEAF_INTEL_CACHE)
		entry->eax = set_field(entry->eax, 26, 0x3f,
				       MIN((1U << topology->core_bits) - 1, 0x3fU));
}

static void set_amd_topology(struct kvm_cpuid_entry2 *entry, const struct topology *topology)
{
	entry->eax = topology->apic_id;
	entry->ebx = topology->apic_id & 0xff;	/* core id, one thread per core */
	entry->ecx = 0;				/* node 0; one node */
	entry->edx = 0;
}

static void set_leaf(struct kvm_cpuid_entry2 *entry, const struct topology *topology)
{
	switch (entry->function) {
	case LEAF_FEATURES:
		set_features(entry, topology);
		break;
	case LEAF_INTEL_CACHE:
	case LEAF_AMD_CACHE:
		set_cache(entry, topology);
		break;
	case LEAF_AMD_FEATURES:
		/* Shows older kernels that AMD's CPUs are cores, not threads; reserved on Intel. */
		entry->ecx &= ~AMD_ECX_CMP_LEGACY;
		if (topology->amd && topology->nr_vcpus > 1)
			entry->ecx |= AMD_ECX_CMP_LEGACY;
		break;
	case LEAF_AMD_SIZES:
		entry->ecx = set_field(entry->ecx, 0, 0xff, topology->nr_vcpus - 1);
		entry->ecx = set_field(entry->ecx, 12, 0xf, topology->core_bits);
		break;
	case LEAF_AMD_TOPOLOGY:
		set_amd_topology(entry, topology);
		break;
	}
}

static void add_topology_level(struct kvm_cpuid2 *cpuid, const struct topology *topology,
			       uint32_t index, uint32_t type, uint32_t bits, uint32_t cpus)
{
	if (cpuid->nent >= CPUID_ENTRIES_MAX)
		return;
	cpuid->entries[cpuid->nent++] = (struct kvm_cpuid_entry2){
		.function = LEAF_TOPOLOGY,
		.index = index,
		.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.eax = bits,
		.ebx = cpus,
		.ecx = type << 8 | index,
		.edx = topology->apic_id,
	};
}

void cpuid_set_topology(struct kvm_cpuid2 *cpuid, unsigned int apic_id, unsigned int nr_vcpus)
{
	struct topology topology = { .apic_id = apic_id, .nr_vcpus = nr_vcpus };
	const struct kvm_cpuid_entry2 *max = find_leaf(cpuid, LEAF_MAX);
	uint32_t max_leaf = max ? max->eax : 0;

	topology.amd = max && (max->ebx == VENDOR_AMD || max->ebx == VENDOR_HYGON);
	while (1U << topology.core_bits < nr_vcpus)
		topology.core_bits++;

	for (uint32_t i = 0; i < cpuid->nent; i++)
		set_leaf(&cpuid->entries[i], &topology);

	/* These leaves describe the host. The first is added again below; it is sufficient. */
	remove_leaf(cpuid, LEAF_TOPOLOGY);
	remove_leaf(cpuid, LEAF_TOPOLOGY_V2);
	remove_leaf(cpuid, LEAF_AMD_TOPOLOGY_V2);
	if (max_leaf < LEAF_TOPOLOGY)
		return;
	add_topology_level(cpuid, &topology, 0, TOPOLOGY_SMT, 0, 1);
	add_topology_level(cpuid, &topology, 1, TOPOLOGY_CORE, topology.core_bits, nr_vcpus);
	add_topology_level(cpuid, &topology, 2, 0, 0, 0);
}

void cpuid_hide_virtualization(struct kvm_cpuid2 *cpuid)
{
	struct kvm_cpuid_entry2 *entry = find_leaf(cpuid, LEAF_FEATURES);

	if (entry)
		entry->ecx &= ~FEATURES_ECX_VMX;
	entry = find_leaf(cpuid, LEAF_AMD_FEATURES);
	if (entry)
		entry->ecx &= ~AMD_ECX_SVM;
	remove_leaf(cpuid, LEAF_AMD_SVM);
}
