// SPDX-License-Identifier: GPL-2.0-only
/* vCPUs of an enclave: choosing CPUs, and claiming whole cores from the pool. */

#include "ne_emu.h"

/* For id 0: a free thread of a claimed core, else the first free core of the pool. */
static int ne_vcpu_choose(struct ne_enclave *enclave)
{
	int cpu;

	lockdep_assert_held(&enclave->lock);

	cpu = ne_pool_next_thread(enclave->claimed, enclave->vcpus);
	if (cpu >= 0)
		return cpu;
	return ne_pool_claim_first(enclave->claimed);
}

static int ne_vcpu_take(struct ne_enclave *enclave, u32 cpu)
{
	lockdep_assert_held(&enclave->lock);

	if (cpumask_test_cpu(cpu, enclave->vcpus))
		return -NE_ERR_VCPU_ALREADY_USED;
	if (cpumask_test_cpu(cpu, enclave->claimed))
		return cpu;
	return ne_pool_claim_cpu(cpu, enclave->claimed);
}

/**
 * ne_vcpu_add() - NE_ADD_VCPU on an enclave in INIT
 * @enclave: the enclave, locked
 * @vcpu_id: host CPU number, or 0 for any; receives the chosen CPU
 *
 * As in the AWS driver, the core stays claimed if the caller turns out to be in
 * another address space.
 *
 * Return: 0, or one of these, negative: NE_ERR_INVALID_VCPU, NE_ERR_VCPU_ALREADY_USED,
 * NE_ERR_VCPU_NOT_IN_CPU_POOL, NE_ERR_NO_CPUS_AVAIL_IN_POOL, EIO.
 */
int ne_vcpu_add(struct ne_enclave *enclave, u32 *vcpu_id)
{
	int cpu;
	int rc;

	lockdep_assert_held(&enclave->lock);

	if (*vcpu_id >= ne_pool_cpu_limit())
		return -NE_ERR_INVALID_VCPU;

	cpu = *vcpu_id ? ne_vcpu_take(enclave, *vcpu_id) : ne_vcpu_choose(enclave);
	if (cpu < 0)
		return cpu;

	rc = ne_enclave_check_mm(enclave);
	if (rc)
		return rc;

	cpumask_set_cpu(cpu, enclave->vcpus);
	spin_lock(&enclave->info_lock);
	enclave->vcpu_ids[enclave->nr_vcpus++] = cpu;
	spin_unlock(&enclave->info_lock);

	*vcpu_id = cpu;
	return 0;
}
