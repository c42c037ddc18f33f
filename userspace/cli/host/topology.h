/* SPDX-License-Identifier: Apache-2.0 */
/* Read the CPU cores of this machine and choose cores for the CPU pool. */

#ifndef NE_EMU_CLI_HOST_TOPOLOGY_H
#define NE_EMU_CLI_HOST_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct cpu_core - one physical core
 * @cpus: its online threads, ascending
 * @nr_cpus: entries of @cpus
 * @node: NUMA node, or -1 if it is unknown
 */
struct cpu_core {
	uint32_t *cpus;
	size_t nr_cpus;
	int node;
};

/** struct topology - online cores in the order of their first CPU */
struct topology {
	struct cpu_core *cores;
	size_t nr_cores;
};

/** topology_read() - 0 or a negative errno; the caller calls topology_free() in any case */
int topology_read(struct topology *ret);
/** topology_free() - release what topology_read() allocated */
void topology_free(struct topology *topology);

/** topology_has_cpu() - is this CPU a thread of the core? */
bool topology_has_cpu(const struct cpu_core *core, uint32_t cpu);

/**
 * topology_choose() - choose whole cores of one NUMA node, except that of CPU 0
 * @topology: cores of the machine
 * @count: number of CPUs
 * @ret_cpus: room for @count CPUs; filled in ascending order
 * @ret_node: NUMA node of the CPUs
 *
 * Chooses the highest CPU numbers, because hosts tend to run their own work on low ones.
 *
 * Return: 0, -EDOM (@count is not a number of whole cores) or -ENOSPC (no node has that
 * many CPUs).
 */
int topology_choose(const struct topology *topology, size_t count, uint32_t *ret_cpus,
		    int *ret_node);

#endif
