/* SPDX-License-Identifier: Apache-2.0 */
/* CPU cores of this machine, as the CPU pool must respect them. */

#ifndef NE_EMU_CLI_HOST_TOPOLOGY_H
#define NE_EMU_CLI_HOST_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct cpu_core - one physical core
 * @cpus: its threads that are online, ascending, @nr_cpus of them
 * @node: NUMA node; -1: not known
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

/** topology_read() - 0 or a negative errno; end with topology_free() in any case */
int topology_read(struct topology *ret);
void topology_free(struct topology *topology);

/** topology_has_cpu() - whether the core has this CPU */
bool topology_has_cpu(const struct cpu_core *core, uint32_t cpu);

/**
 * topology_choose() - whole cores of one NUMA node, without CPU 0's
 * @count: CPUs wanted
 * @ret_cpus: room for @count CPUs, filled ascending
 * @ret_node: their node
 *
 * The highest cores are taken, since hosts keep their own work on the low ones.
 *
 * Return: 0, -EDOM (cores of that machine do not add up to @count) or -ENOSPC
 * (no node has as many).
 */
int topology_choose(const struct topology *topology, size_t count, uint32_t *ret_cpus,
		    int *ret_node);

#endif
