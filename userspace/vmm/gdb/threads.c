// SPDX-License-Identifier: Apache-2.0
/* The packets about threads, which are the vCPUs: H, T and several of q. */

#include "vmm/gdb/stub.h"

#include <errno.h>

int gdb_select_thread(struct gdb *gdb, char *args, size_t len)
{
	int cpu;

	/* 'c' selects for the packets c and s, whose other forms name their threads. */
	if (len < 2 || (args[0] != 'g' && args[0] != 'c'))
		return -EINVAL;
	args = gdb_read_thread(gdb, args + 1, &cpu);
	if (!args || *args)
		return -EINVAL;
	if (cpu >= 0)
		gdb->cpu = cpu;
	gdb_answer(gdb, "OK");
	return 0;
}

int gdb_thread_alive(struct gdb *gdb, char *args, size_t len)
{
	int cpu;

	args = gdb_read_thread(gdb, args, &cpu);
	if (!args || *args)
		return -EINVAL;
	gdb_answer(gdb, "OK");
	return 0;
}

int gdb_current_thread(struct gdb *gdb, char *args, size_t len)
{
	gdb_answer(gdb, "QC%x", gdb->cpu + 1);
	return 0;
}

int gdb_first_threads(struct gdb *gdb, char *args, size_t len)
{
	for (unsigned int i = 0; i < gdb->target->nr_cpus; i++)
		gdb_answer(gdb, "%c%x", i ? ',' : 'm', i + 1);
	return 0;
}

int gdb_next_threads(struct gdb *gdb, char *args, size_t len)
{
	gdb_answer(gdb, "l");
	return 0;
}

int gdb_thread_info(struct gdb *gdb, char *args, size_t len)
{
	char text[32];
	int cpu, n;

	args = gdb_read_thread(gdb, args, &cpu);
	if (!args || *args || cpu < 0)
		return -EINVAL;
	n = snprintf(text, sizeof(text), "vCPU %d", cpu);
	gdb_answer_hex(gdb, text, n);
	return 0;
}
