// SPDX-License-Identifier: Apache-2.0
/* Read the CPU cores of this machine and choose cores for the CPU pool. */

#include "cli/host/topology.h"

#include "cli/host/sysfs.h"
#include "common/util.h"

#include <errno.h>

static int parse_cpu_file(const char *text, uint32_t **ret_cpus, size_t *ret_count)
{
	return *text ? parse_cpu_list(text, ret_cpus, ret_count) : -ENODATA;
}

static int read_core(uint32_t cpu, struct cpu_core *ret)
{
	char text[SYS_TEXT_SIZE];
	int err;

	err = sys_read(text, "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", cpu);
	if (!err)
		err = parse_cpu_file(text, &ret->cpus, &ret->nr_cpus);
	ret->node = sys_cpu_node(cpu);
	return err;
}

static int add_core(struct topology *topology, uint32_t cpu)
{
	struct cpu_core core = {}, *grown;
	int err;

	err = read_core(cpu, &core);
	if (err)
		return err;
	if (core.cpus[0] != cpu) {	/* another thread of a core that is already listed */
		free(core.cpus);
		return 0;
	}
	grown = reallocarray(topology->cores, topology->nr_cores + 1, sizeof(*grown));
	if (!grown) {
		free(core.cpus);
		return -ENOMEM;
	}
	topology->cores = grown;
	topology->cores[topology->nr_cores++] = core;
	return 0;
}

int topology_read(struct topology *ret)
{
	__cleanup_free uint32_t *online = NULL;
	char text[SYS_TEXT_SIZE];
	size_t count = 0;
	int err;

	*ret = (struct topology){};
	err = sys_read(text, "/sys/devices/system/cpu/online");
	if (!err)
		err = parse_cpu_file(text, &online, &count);
	for (size_t i = 0; !err && i < count; i++)
		err = add_core(ret, online[i]);
	return err;
}

void topology_free(struct topology *topology)
{
	for (size_t i = 0; i < topology->nr_cores; i++)
		free(topology->cores[i].cpus);
	free(topology->cores);
	*topology = (struct topology){};
}

bool topology_has_cpu(const struct cpu_core *core, uint32_t cpu)
{
	for (size_t i = 0; i < core->nr_cpus; i++)
		if (core->cpus[i] == cpu)
			return true;
	return false;
}

static int compare_cpu(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* topology_choose() for one node. */
static int choose_on_node(const struct topology *topology, int node, size_t count,
			  uint32_t *ret_cpus)
{
	size_t left = count, there = 0;

	for (size_t i = topology->nr_cores; i--;) {
		const struct cpu_core *core = &topology->cores[i];

		if (core->node != node || topology_has_cpu(core, 0))
			continue;
		there += core->nr_cpus;
		if (core->nr_cpus > left)
			continue;	/* cores may have different numbers of threads */
		for (size_t n = 0; n < core->nr_cpus; n++)
			ret_cpus[--left] = core->cpus[n];
	}
	if (left)
		return there >= count ? -EDOM : -ENOSPC;
	qsort(ret_cpus, count, sizeof(*ret_cpus), compare_cpu);
	return 0;
}

int topology_choose(const struct topology *topology, size_t count, uint32_t *ret_cpus,
		    int *ret_node)
{
	int result = -ENOSPC;

	for (size_t i = 0; i < topology->nr_cores; i++) {
		int node = topology->cores[i].node;
		int err = choose_on_node(topology, node, count, ret_cpus);

		if (!err) {
			*ret_node = node;
			return 0;
		}
		if (err == -EDOM)
			result = err;
	}
	return result;
}
