// SPDX-License-Identifier: Apache-2.0
/* Features of the machine: CPUs, cores, NUMA nodes, pages of 1 GiB, a movable zone. */

#include "ne_machine.h"
#include "ne_lib.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_THREADS	8
#define MOVABLE_PAGES	(1 << 18)	/* of 4 KiB: what NE_NEED_MOVABLE means */

/* Parse "0-2,4" and store at most @max numbers. Return: how many there are. */
static int parse_list(const char *list, uint32_t *cpus, unsigned int max)
{
	unsigned int n = 0;

	while (*list >= '0' && *list <= '9') {
		char *end;
		unsigned long first = strtoul(list, &end, 10);
		unsigned long last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last; first++, n++)
			if (n < max)
				cpus[n] = first;
		list = *end == ',' ? end + 1 : end;
	}
	return n;
}

int ne_cpu_core(unsigned int cpu, uint32_t *cpus, unsigned int max)
{
	char path[PATH_MAX], list[256];
	int rc;

	snprintf(path, sizeof(path), NE_CPU_DIR "/cpu%u/topology/thread_siblings_list", cpu);
	rc = ne_read_file(path, list, sizeof(list));
	return rc < 0 ? rc : parse_list(list, cpus, max);
}

unsigned int ne_nr_cpu_ids(void)
{
	char list[256];
	const char *last;

	if (ne_read_file(NE_CPU_DIR "/possible", list, sizeof(list)) < 0)
		return 0;
	last = strrchr(list, '-');
	if (!last)
		last = strrchr(list, ',');
	return strtoul(last ? last + 1 : list, NULL, 10) + 1;
}

bool ne_cpu_on_node(unsigned int cpu, unsigned int node)
{
	char path[PATH_MAX];

	if (!node && access(NE_NODE_DIR "/node1", F_OK))
		return true;
	snprintf(path, sizeof(path), NE_CPU_DIR "/cpu%u/node%u", cpu, node);
	return !access(path, F_OK);
}

static void online_path(unsigned int cpu, char *path, size_t size)
{
	snprintf(path, size, NE_CPU_DIR "/cpu%u/online", cpu);
}

bool ne_cpu_online(unsigned int cpu)
{
	char path[PATH_MAX];

	online_path(cpu, path, sizeof(path));
	return ne_read_number(path) == 1;
}

int ne_cpu_set_online(unsigned int cpu, bool online)
{
	char path[PATH_MAX];

	online_path(cpu, path, sizeof(path));
	return ne_write_number(path, online);
}

int ne_sparse_core(uint32_t *cpus, unsigned int max)
{
	unsigned int cpu, nr = ne_nr_cpu_ids();
	char path[PATH_MAX];

	for (cpu = 1; cpu < nr; cpu++) {
		int threads = ne_cpu_core(cpu, cpus, max);

		snprintf(path, sizeof(path), NE_CPU_DIR "/cpu%u/topology/core_id", cpu);
		if (threads > 0 && cpus[0] && ne_read_number(path) >= (long)(nr / threads))
			return threads;
	}
	return 0;
}

long ne_movable_pages(void)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	bool here = false;
	char line[256];
	long pages = 0;

	while (file && !pages && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "Node ", 5))
			here = !strcmp(line, "Node 0, zone  Movable\n");
		else if (here)
			(void)!sscanf(line, " managed %ld", &pages);
	}
	if (file)
		fclose(file);
	return pages;
}

static bool has_nodes(void)
{
	unsigned int cpu, nr = ne_nr_cpu_ids();

	if (access(NE_NODE1_2M "nr_hugepages", W_OK))
		return false;
	for (cpu = 0; cpu < nr; cpu++)
		if (ne_cpu_on_node(cpu, 1))
			return true;
	return false;
}

/* There is one, or the kernel can still assemble one. */
static bool has_1g(void)
{
	if (ne_read_number(NE_NODE0_1G "free_hugepages") > 0)
		return true;
	ne_write_number(NE_NODE0_1G "nr_hugepages", 1);
	return ne_read_number(NE_NODE0_1G "free_hugepages") > 0;
}

static bool has_odd_cpus(void)
{
	uint32_t core[MAX_THREADS];

	return ne_nr_cpu_ids() % 2 && ne_cpu_core(0, core, MAX_THREADS) == 2;
}

const char *ne_machine_missing(unsigned int needs)
{
	uint32_t core[MAX_THREADS];

	if ((needs & NE_NEED_NODES) && !has_nodes())
		return "two NUMA nodes with CPUs and memory";
	if ((needs & NE_NEED_1G) && !has_1g())
		return "a page of 1 GiB on node 0";
	if ((needs & NE_NEED_SPARSE_IDS) && !ne_sparse_core(core, MAX_THREADS))
		return "core ids with gaps";
	if ((needs & NE_NEED_ODD_CPUS) && !has_odd_cpus())
		return "an odd number of CPUs in cores of two";
	if ((needs & NE_NEED_MOVABLE) && ne_movable_pages() < MOVABLE_PAGES)
		return "1 GiB of movable memory on node 0";
	return NULL;
}
