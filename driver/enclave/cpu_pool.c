// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPU pool: the host CPUs that enclaves may have, set through ne_cpus.
 *
 * It follows the rules of the AWS driver's parameter, but its CPUs stay online,
 * since an offline CPU cannot run KVM. Cores are claimed whole.
 *
 * What the topology says of a core is read once, when the pool is set: CPUs that
 * go offline later leave it. A core with such a CPU stays in the pool but is given
 * to no enclave until the CPU is back.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/cpu.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "ne_emu.h"

/*
 * The pool. Set and cleared only without enclaves, under the list lock as well.
 *
 * @lock: of all fields
 * @cpus: all CPUs
 * @avail: CPUs of cores no enclave has claimed, a subset of @cpus
 * @core_of: number of each pool CPU's core, in the order of their lowest CPU;
 *	NULL while the pool is not set
 * @nr_threads: threads of a core
 * @numa_node: node of all CPUs
 * @text: ne_cpus as it was written
 */
static struct {
	struct mutex lock;	/* of all fields */
	struct cpumask cpus;
	struct cpumask avail;
	unsigned int *core_of;
	unsigned int nr_threads;
	int numa_node;
	char text[NE_CPUS_SIZE];
} ne_pool = {
	.lock = __MUTEX_INITIALIZER(ne_pool.lock),
	.numa_node = NUMA_NO_NODE,
};

/* Back to "never set"; no CPU is claimed. */
static void ne_pool_clear(void)
{
	lockdep_assert_held(&ne_pool.lock);

	cpumask_clear(&ne_pool.cpus);
	cpumask_clear(&ne_pool.avail);
	kfree(ne_pool.core_of);
	ne_pool.core_of = NULL;
	ne_pool.nr_threads = 0;
	ne_pool.numa_node = NUMA_NO_NODE;
	ne_pool.text[0] = '\0';
}

static int ne_pool_check_online(const struct cpumask *cpus)
{
	unsigned int cpu;

	for_each_cpu(cpu, cpus) {
		if (cpu_is_offline(cpu)) {
			pr_err("CPU %u is offline, has to be online to get its metadata\n", cpu);
			return -EINVAL;
		}
	}
	return 0;
}

static int ne_pool_check_node(const struct cpumask *cpus)
{
	int node = cpu_to_node(cpumask_first(cpus));
	unsigned int cpu;

	if (node < 0) {
		pr_err("Invalid NUMA node %d\n", node);
		return -EINVAL;
	}
	for_each_cpu(cpu, cpus) {
		if (cpu_to_node(cpu) != node) {
			pr_err("CPUs with different NUMA nodes\n");
			return -EINVAL;
		}
	}
	return 0;
}

/* CPU 0 and its siblings stay with the host; other cores come whole. */
static int ne_pool_check_cores(const struct cpumask *cpus)
{
	unsigned int cpu, sibling;

	if (cpumask_test_cpu(0, cpus)) {
		pr_err("CPU 0 has to remain available\n");
		return -EINVAL;
	}
	for_each_cpu(sibling, topology_sibling_cpumask(0)) {
		if (cpumask_test_cpu(sibling, cpus)) {
			pr_err("CPU sibling %u for CPU 0 is in CPU pool\n", sibling);
			return -EINVAL;
		}
	}
	for_each_cpu(cpu, cpus) {
		for_each_cpu(sibling, topology_sibling_cpumask(cpu)) {
			if (!cpumask_test_cpu(sibling, cpus)) {
				pr_err("CPU %u is not in CPU pool\n", sibling);
				return -EINVAL;
			}
		}
	}
	return 0;
}

/*
 * Number the cores in the order of their lowest CPU. The AWS driver takes the
 * hardware's core ids, which are sparse on many hosts and refused there.
 */
static int ne_pool_number_cores(const struct cpumask *cpus)
{
	unsigned int *core_of;
	unsigned int cpu, sibling;
	unsigned int core = 0;

	core_of = kcalloc(nr_cpu_ids, sizeof(*core_of), GFP_KERNEL);
	if (!core_of)
		return -ENOMEM;

	for_each_cpu(cpu, cpus) {
		if (cpumask_first(topology_sibling_cpumask(cpu)) != cpu)
			continue;
		for_each_cpu(sibling, topology_sibling_cpumask(cpu))
			core_of[sibling] = core;
		core++;
	}

	ne_pool.core_of = core_of;
	return 0;
}

/* CPU hotplug is held off: only online CPUs know their siblings. */
static int ne_pool_take(const struct cpumask *cpus)
{
	unsigned int first = cpumask_first(cpus);
	int rc;

	lockdep_assert_held(&ne_pool.lock);
	guard(cpus_read_lock)();

	rc = ne_pool_check_online(cpus);
	if (!rc)
		rc = ne_pool_check_node(cpus);
	if (!rc)
		rc = ne_pool_check_cores(cpus);
	if (!rc)
		rc = ne_pool_number_cores(cpus);
	if (rc)
		return rc;

	ne_pool.nr_threads = cpumask_weight(topology_sibling_cpumask(first));
	ne_pool.numa_node = cpu_to_node(first);
	cpumask_copy(&ne_pool.cpus, cpus);
	cpumask_copy(&ne_pool.avail, cpus);
	return 0;
}

static int ne_pool_setup(const char *text)
{
	cpumask_var_t cpus;
	int rc;

	lockdep_assert_held(&ne_pool.lock);

	if (!alloc_cpumask_var(&cpus, GFP_KERNEL))
		return -ENOMEM;

	rc = cpulist_parse(text, cpus);
	if (rc) {
		pr_err("Error in cpulist parse [rc=%d]\n", rc);
	} else if (cpumask_empty(cpus)) {
		pr_err("No CPUs available in CPU pool\n");
		rc = -EINVAL;
	} else {
		rc = ne_pool_take(cpus);
	}
	free_cpumask_var(cpus);
	return rc;
}

/* Only now is a text too long for the AWS driver, after all else. */
static int ne_pool_store_text(const char *text)
{
	lockdep_assert_held(&ne_pool.lock);

	if (strscpy(ne_pool.text, text) >= 0)
		return 0;
	pr_err("ne_cpus: string doesn't fit in %d chars.\n", NE_CPUS_SIZE - 1);
	pr_err("Error in param set copystring [rc=%d]\n", -ENOSPC);
	return -ENOSPC;
}

/**
 * ne_pool_set() - replace the pool (a write to ne_cpus)
 * @text: CPU list; a newline ends it
 *
 * As in the AWS driver, the old pool is gone even when @text is refused, and a
 * write that cannot be parsed is the way to clear it.
 *
 * Context: Process context.
 * Return: 0; -EPERM (no CAP_SYS_ADMIN, or an enclave exists), -EINVAL, -ERANGE,
 * -EOVERFLOW (not a list of CPUs the pool may have), -ENOSPC (over 511
 * characters), -ENOMEM.
 */
int ne_pool_set(const char *text)
{
	int rc;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;

	guard(mutex)(&ne_registry_lock);
	if (!ne_registry_empty()) {
		pr_err("The CPU pool is used by enclave(s)\n");
		return -EPERM;
	}

	guard(mutex)(&ne_pool.lock);
	ne_pool_clear();
	rc = ne_pool_setup(text);
	if (rc)
		pr_err("Error in setup CPU pool [rc=%d]\n", rc);
	else
		rc = ne_pool_store_text(text);
	if (rc)
		ne_pool_clear();
	return rc;
}

/**
 * ne_pool_get() - what a read of ne_cpus gives: the stored bytes and a newline
 * @buf: one page
 *
 * Return: number of bytes.
 */
int ne_pool_get(char *buf)
{
	guard(mutex)(&ne_pool.lock);
	return scnprintf(buf, PAGE_SIZE, "%s\n", ne_pool.text);
}

/**
 * ne_pool_snapshot() - the CPUs of the pool at this moment
 * @cpus: all of them
 * @claimed: those that enclaves have
 *
 * Return: their NUMA node; NUMA_NO_NODE when the pool is not set.
 */
int ne_pool_snapshot(struct cpumask *cpus, struct cpumask *claimed)
{
	guard(mutex)(&ne_pool.lock);
	cpumask_copy(cpus, &ne_pool.cpus);
	cpumask_andnot(claimed, &ne_pool.cpus, &ne_pool.avail);
	return ne_pool.numa_node;
}

/*
 * Whether an enclave can run on all threads of the core of @cpu. The answer may be
 * out of date at once: a CPU can go offline under a running enclave as well.
 */
static bool ne_pool_core_online(unsigned int cpu)
{
	unsigned int thread;

	lockdep_assert_held(&ne_pool.lock);

	for_each_cpu(thread, &ne_pool.cpus)
		if (ne_pool.core_of[thread] == ne_pool.core_of[cpu] && !cpu_online(thread))
			return false;
	return true;
}

/* The lowest CPU of a core to be had, or nr_cpu_ids. */
static unsigned int ne_pool_first_free(void)
{
	unsigned int cpu;

	lockdep_assert_held(&ne_pool.lock);

	for_each_cpu(cpu, &ne_pool.avail)
		if (ne_pool_core_online(cpu))
			break;
	return cpu;
}

/** ne_pool_has_cpus() - true if a core of the pool is to be had */
bool ne_pool_has_cpus(void)
{
	guard(mutex)(&ne_pool.lock);
	return ne_pool_first_free() < nr_cpu_ids;
}

/** ne_pool_numa_node() - node of the pool's CPUs, constant while enclaves exist */
int ne_pool_numa_node(void)
{
	guard(mutex)(&ne_pool.lock);
	return ne_pool.numa_node;
}

/**
 * ne_pool_cpu_limit() - lowest number that is never a vCPU id
 *
 * The AWS driver's formula, which loses the last CPUs of hosts whose number of
 * CPUs is not a multiple of the threads per core.
 */
unsigned int ne_pool_cpu_limit(void)
{
	guard(mutex)(&ne_pool.lock);
	return ne_pool.nr_threads ? rounddown(nr_cpu_ids, ne_pool.nr_threads) : 0;
}

/* Move the core of @cpu from the pool to @claimed. */
static void ne_pool_claim_core(unsigned int cpu, struct cpumask *claimed)
{
	unsigned int core = ne_pool.core_of[cpu];
	unsigned int thread;

	lockdep_assert_held(&ne_pool.lock);

	for_each_cpu(thread, &ne_pool.avail) {
		if (ne_pool.core_of[thread] != core)
			continue;
		cpumask_clear_cpu(thread, &ne_pool.avail);
		cpumask_set_cpu(thread, claimed);
	}
}

/**
 * ne_pool_claim_first() - claim the first core of the pool
 * @claimed: gains its CPUs
 *
 * Return: lowest CPU of the core, or -NE_ERR_NO_CPUS_AVAIL_IN_POOL.
 */
int ne_pool_claim_first(struct cpumask *claimed)
{
	unsigned int cpu;

	guard(mutex)(&ne_pool.lock);
	cpu = ne_pool_first_free();
	if (cpu >= nr_cpu_ids)
		return -NE_ERR_NO_CPUS_AVAIL_IN_POOL;
	ne_pool_claim_core(cpu, claimed);
	return cpu;
}

/**
 * ne_pool_claim_cpu() - claim the core of a CPU
 * @cpu: any CPU below nr_cpu_ids
 * @claimed: gains the CPUs of the core
 *
 * Return: @cpu, or -NE_ERR_VCPU_NOT_IN_CPU_POOL.
 */
int ne_pool_claim_cpu(unsigned int cpu, struct cpumask *claimed)
{
	guard(mutex)(&ne_pool.lock);
	if (!cpumask_test_cpu(cpu, &ne_pool.avail) || !ne_pool_core_online(cpu))
		return -NE_ERR_VCPU_NOT_IN_CPU_POOL;
	ne_pool_claim_core(cpu, claimed);
	return cpu;
}

/**
 * ne_pool_next_thread() - first unused CPU of claimed cores, core by core
 * @claimed: CPUs of whole cores
 * @used: subset of @claimed
 *
 * Return: the CPU, or -ENOENT.
 */
int ne_pool_next_thread(const struct cpumask *claimed, const struct cpumask *used)
{
	unsigned int best = nr_cpu_ids;
	unsigned int cpu;

	guard(mutex)(&ne_pool.lock);
	for_each_cpu_andnot(cpu, claimed, used)
		if (best == nr_cpu_ids || ne_pool.core_of[cpu] < ne_pool.core_of[best])
			best = cpu;
	return best < nr_cpu_ids ? best : -ENOENT;
}

/** ne_pool_return() - give the CPUs of an enclave back; table locked */
void ne_pool_return(const struct cpumask *claimed)
{
	lockdep_assert_held(&ne_registry_lock);

	guard(mutex)(&ne_pool.lock);
	cpumask_or(&ne_pool.avail, &ne_pool.avail, claimed);
}

/**
 * ne_pool_exit() - forget the pool when the module goes, or does not come up
 *
 * Nobody else is left. A lock that nobody has taken yet must not be taken for the
 * first time here: lockdep does not know the locks of a module on its way out.
 */
void ne_pool_exit(void)
{
	if (!ne_pool.core_of)
		return;

	guard(mutex)(&ne_pool.lock);
	ne_pool_clear();
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/cpu_pool_kunit.c"
#endif
