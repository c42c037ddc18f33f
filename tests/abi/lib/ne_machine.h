/* SPDX-License-Identifier: Apache-2.0 */
/* Features of the machine: CPUs, cores, NUMA nodes, pages of 1 GiB, a movable zone. */

#ifndef NE_MACHINE_H
#define NE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#define NE_CPU_DIR	"/sys/devices/system/cpu"
#define NE_NODE_DIR	"/sys/devices/system/node"
#define NE_NODE0_1G	NE_NODE_DIR "/node0/hugepages/hugepages-1048576kB/"
#define NE_NODE0_2M	NE_NODE_DIR "/node0/hugepages/hugepages-2048kB/"
#define NE_NODE1_2M	NE_NODE_DIR "/node1/hugepages/hugepages-2048kB/"

/*
 * Needs of a case (struct ne_case). scripts/vm/qemu.sh has topologies that meet them.
 *
 * NE_NEED_NODES: two NUMA nodes with CPUs and memory
 * NE_NEED_1G: a page of 1 GiB on node 0
 * NE_NEED_SPARSE_IDS: a core other than CPU 0's whose hardware id is not below the
 *	number of cores
 * NE_NEED_ODD_CPUS: cores with two threads, but an odd number of CPUs
 * NE_NEED_MOVABLE: 1 GiB in ZONE_MOVABLE of node 0
 */
#define NE_NEED_NODES		0x1
#define NE_NEED_1G		0x2
#define NE_NEED_SPARSE_IDS	0x4
#define NE_NEED_ODD_CPUS	0x8
#define NE_NEED_MOVABLE		0x10

/** ne_machine_missing() - the first of @needs that the machine lacks; NULL if none */
const char *ne_machine_missing(unsigned int needs);

/** ne_cpu_core() - get the online CPUs in the core of @cpu, ascending; count or -errno */
int ne_cpu_core(unsigned int cpu, uint32_t *cpus, unsigned int max);
/** ne_nr_cpu_ids() - one more than the highest possible CPU */
unsigned int ne_nr_cpu_ids(void);
/** ne_cpu_on_node() - is @cpu on @node? */
bool ne_cpu_on_node(unsigned int cpu, unsigned int node);
bool ne_cpu_online(unsigned int cpu);
/** ne_cpu_set_online() - take a CPU online or offline; returns 0 or -errno */
int ne_cpu_set_online(unsigned int cpu, bool online);
/** ne_movable_pages() - pages of 4 KiB in ZONE_MOVABLE of node 0 */
long ne_movable_pages(void);
/** ne_sparse_core() - like ne_cpu_core(), for a core as in NE_NEED_SPARSE_IDS; 0 if none */
int ne_sparse_core(uint32_t *cpus, unsigned int max);

#endif
