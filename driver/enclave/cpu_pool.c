// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPU pool: the host CPUs that enclaves may use, set through ne_cpus.
 *
 * The rules are those of the AWS driver's parameter, except that the CPUs stay online,
 * because an offline CPU cannot run KVM. Enclaves claim whole cores.
 *
 * The topology is read once, when the pool is set, because CPUs that go offline later
 * disappear from it. A core with an offline CPU stays in the pool, but no enclave gets it
 * until the CPU is online again.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/cpu.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "ne_emu.h"

/*
 * The pool. It is set and cleared only while no enclave exists, under ne_registry_lock as
 * well.
 *
 * @lock: protects all fields
 * @cpus: all CPUs
 * @avail: CPUs of cores that no enclave has claimed, a subset of @cpus
 * @core_of: core number of each CPU of the pool; cores are numbered in the order of their
 *	lowest CPU; NULL while the pool is not set
 * @nr_threads: threads per core
 * @numa_node: NUMA node of all CPUs
 * @text: ne_cpus as written
 */
static struct {
	struct mutex lock;	/* protects all fields */
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

/* CPU 0 and its siblings stay with the host; other cores must be complete. */
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
 * Number the cores in the order of their lowest CPU. The AWS driver uses the core ids of
 * the hardware, which are sparse on many hosts, and then refuses the pool.
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

/* Excludes CPU hotplug: the siblings of a CPU are known only while it is online. */
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

/* Like the AWS driver, checks the length of the text last. */
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
 * @text: CPU list, terminated by a newline or NUL
 *
 * As in the AWS driver, the old pool is cleared even if @text is refused, and writing a
 * list that cannot be parsed is the way to clear it.
 *
 * Context: Process context.
 * Return: 0, -EPERM (no CAP_SYS_ADMIN, or an enclave exists), -EINVAL, -ERANGE or
 * -EOVERFLOW (not a list of CPUs allowed in the pool), -ENOSPC (over 511 characters),
 * -ENOMEM.
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
 * ne_pool_get() - read ne_cpus: the text as written, and a newline
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
 * ne_pool_snapshot() - copy the current state of the pool
 * @cpus: receives all CPUs
 * @claimed: receives the CPUs that enclaves have claimed
 *
 * Return: the NUMA node of the pool, or NUMA_NO_NODE if the pool is not set.
 */
int ne_pool_snapshot(struct cpumask *cpus, struct cpumask *claimed)
{
	guard(mutex)(&ne_pool.lock);
	cpumask_copy(cpus, &ne_pool.cpus);
	cpumask_andnot(claimed, &ne_pool.cpus, &ne_pool.avail);
	return ne_pool.numa_node;
}

/*
 * Return: true if all threads of the core of @cpu are online. This may change at any
 * time: a CPU can also go offline under a running enclave.
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

/* Return: the lowest CPU of the first free core, or nr_cpu_ids. */
static unsigned int ne_pool_first_free(void)
{
	unsigned int cpu;

	lockdep_assert_held(&ne_pool.lock);

	for_each_cpu(cpu, &ne_pool.avail)
		if (ne_pool_core_online(cpu))
			break;
	return cpu;
}

/**
 * ne_pool_has_cpus() - check whether the pool has a free core
 *
 * Return: true if it has.
 */
bool ne_pool_has_cpus(void)
{
	guard(mutex)(&ne_pool.lock);
	return ne_pool_first_free() < nr_cpu_ids;
}

/**
 * ne_pool_numa_node() - get the NUMA node of the pool
 *
 * Return: the node, which is constant while enclaves exist.
 */
int ne_pool_numa_node(void)
{
	guard(mutex)(&ne_pool.lock);
	return ne_pool.numa_node;
}

/**
 * ne_pool_cpu_limit() - get the upper limit of vCPU ids
 *
 * Uses the formula of the AWS driver, which excludes the last CPUs of a host whose number
 * of CPUs is not a multiple of the threads per core.
 *
 * Return: the lowest number that is never a vCPU id.
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
 * ne_pool_claim_first() - claim the first free core of the pool
 * @claimed: the CPUs of the core are added here
 *
 * Return: the lowest CPU of the core, or -NE_ERR_NO_CPUS_AVAIL_IN_POOL.
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
 * @claimed: the CPUs of the core are added here
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
 * ne_pool_next_thread() - find the first unused CPU of claimed cores, core by core
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

/**
 * ne_pool_return() - return the CPUs of an enclave to the pool
 * @claimed: CPUs of whole cores, claimed before
 *
 * Context: Process context under ne_registry_lock.
 */
void ne_pool_return(const struct cpumask *claimed)
{
	lockdep_assert_held(&ne_registry_lock);

	guard(mutex)(&ne_pool.lock);
	cpumask_or(&ne_pool.avail, &ne_pool.avail, claimed);
}

/**
 * ne_pool_exit() - clear the pool on unload, or if the module fails to load
 *
 * There are no other users. The lock is taken only if the pool was set: lockdep complains
 * when a lock of a module that is going away is taken for the first time.
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
