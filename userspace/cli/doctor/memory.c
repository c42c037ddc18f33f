// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: huge pages, and the command that sets up what is missing. */

#include "cli/doctor/doctor.h"

#include "cli/enclave/pool.h"
#include "cli/enclave/usage.h"
#include "cli/host/hugepages.h"
#include "cli/host/hugetlb_limit.h"
#include "cli/host/reserve.h"
#include "cli/host/sysfs.h"
#include "cli/host/topology.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* NE_START_ENCLAVE refuses enclaves with less. */
#define MEMORY_MIN	(64 * MIB)
/* What a first setup asks for, if the machine has it. */
#define MEMORY_ADVICE	512
#define CPUS_ADVICE	2
#define NODES_MAX	64

uint64_t doctor_free_memory(int node)
{
	struct huge_sizes sizes;

	return huge_sizes_read(node, &sizes) ? 0 : huge_sizes_total(&sizes);
}

/* The most MiB of a round number that "ne-emu setup" agrees to reserve; 0: not even the least. */
static unsigned int memory_to_set_up(int node)
{
	struct reserve plan;
	struct usage usage;
	struct error error;

	/* "setup" counts what enclaves use. */
	usage_read(&usage);
	for (unsigned int mib = MEMORY_ADVICE; mib >= MEMORY_MIN / MIB; mib /= 2)
		if (!reserve_plan(&plan, node, mib * MIB + usage.memory, usage.memory, &error))
			return mib + usage.memory / MIB;
	return 0;
}

/* Whole cores that "ne-emu setup" finds; 0: none. */
static unsigned int cpus_to_set_up(int *ret_node)
{
	__cleanup(topology_free) struct topology topology = {};
	uint32_t cpus[CPUS_ADVICE * 4];

	if (topology_read(&topology))
		return 0;
	for (unsigned int count = CPUS_ADVICE; count <= ARRAY_SIZE(cpus); count *= 2)
		if (!topology_choose(&topology, count, cpus, ret_node))
			return count;
	return topology_choose(&topology, 1, cpus, ret_node) ? 0 : 1;
}

bool doctor_setup_command(struct doctor *doctor, bool cpus, int node)
{
	unsigned int nr_cpus = cpus ? cpus_to_set_up(&node) : 0, mib = 0;
	char words[64] = "";

	if (cpus && !nr_cpus)
		return false;
	if (doctor_free_memory(node) < MEMORY_MIN) {
		mib = memory_to_set_up(node);
		if (!mib) {
			doctor_advice(doctor, "free memory first: less than %llu MiB can be "
				      "reserved", MEMORY_MIN / MIB);
			return false;
		}
		snprintf(words, sizeof(words), " --memory %u", mib);
	}
	if (cpus)
		snprintf(words + strlen(words), sizeof(words) - strlen(words), " --cpus %u",
			 nr_cpus);
	doctor_command(doctor, "sudo ne-emu setup%s", words);
	return true;
}

/* "40 of 128 pages of 2 MiB", for each size that is reserved or comes on demand. */
static void describe(int node, char *ret, size_t size)
{
	char dir[SYS_PATH_SIZE];
	struct huge_sizes sizes;
	size_t len = 0;

	*ret = 0;
	(void)huge_sizes_read(node, &sizes);
	(void)reserve_dir(node, dir);
	for (size_t i = 0; i < sizes.count && len < size; i++) {
		const struct huge_size *s = &sizes.list[i];
		uint64_t total = s->free;

		(void)sys_read_u64(&total, "%s/hugepages-%llukB/nr_hugepages", dir, s->size / KIB);
		if (total || s->free)
			len += snprintf(ret + len, size - len, "%s%" PRIu64 " of %" PRIu64
					" pages of %llu MiB", len ? ", " : "", s->free,
					MAX(total, s->free), s->size / MIB);
		if (s->more && len < size)
			len += snprintf(ret + len, size - len, "%s%" PRIu64 " of %llu MiB on "
					"demand", len ? ", " : "", s->more, s->size / MIB);
	}
}

static void describe_node(struct doctor *doctor, int node)
{
	char text[200];

	describe(node, text, sizeof(text));
	if (*text)
		doctor_ok(doctor, "node %d: free are %s", MAX(node, 0), text);
}

/* Only QEMU, which knows no other size, minds. */
static void check_sizes(struct doctor *doctor, int node)
{
	struct huge_sizes sizes;
	uint64_t small = 0;

	(void)huge_sizes_read(node, &sizes);
	for (size_t i = 0; i < sizes.count; i++)
		if (sizes.list[i].size == HUGE_UNIT)
			small = sizes.list[i].free + sizes.list[i].more;
	if (small * HUGE_UNIT >= MEMORY_MIN)
		return;
	doctor_warning(doctor, "huge-pages-large", "all free huge pages are larger than 2 MiB: "
		       "enclaves get whole ones, and QEMU finds none");
	doctor_advice(doctor, "where that matters, reserve small ones, too");
}

/* Limits of this process's control group, where the kernel would give the pages. */
static bool check_group(struct doctor *doctor)
{
	struct hugetlb_limit limit;

	if (hugetlb_limit_find(HUGE_UNIT, MEMORY_MIN, &limit))
		return false;
	doctor_error(doctor, "huge-pages-cgroup", "the control group of this process may use only "
		     "%llu MiB of huge pages, of which %llu MiB are in use", limit.max / MIB,
		     limit.current / MIB);
	doctor_advice(doctor, "raise the limit of the container or unit, or of the group itself");
	doctor_command(doctor, "echo max | sudo tee %.200s", limit.path);
	return true;
}

/* Has another node what the pool's node lacks? */
static bool other_node_has(int node)
{
	for (int i = 0; node >= 0 && i < NODES_MAX; i++)
		if (i != node && sys_exists("/sys/devices/system/node/node%d/hugepages", i) &&
		    doctor_free_memory(i) >= MEMORY_MIN)
			return true;
	return false;
}

static void too_few(struct doctor *doctor, uint64_t here, int node)
{
	struct usage usage;

	usage_read(&usage);
	if (usage.memory >= MEMORY_MIN) {
		doctor_ok(doctor, "%zu enclaves use %llu MiB of huge pages; %llu MiB are free",
			  usage.enclaves, usage.memory / MIB, here / MIB);
		return;
	}
	if (other_node_has(node))
		doctor_error(doctor, "huge-pages-node", "the free huge pages are not on node %d, "
			     "where the CPU pool is", node);
	else
		doctor_error(doctor, "huge-pages-missing", "only %llu MiB of huge pages are free; "
			     "an enclave needs at least 64 MiB", here / MIB);
	(void)doctor_setup_command(doctor, false, node);
}

static int pool_node(void)
{
	__cleanup(pool_free) struct pool pool;

	if (pool_read(&pool))
		return -1;
	return pool.count ? pool.node : -1;
}

/* Pages of ZONE_MOVABLE, from the lines "Node 0, zone  Movable" and "managed  N". */
static uint64_t movable_pages(void)
{
	char path[SYS_PATH_SIZE];
	__cleanup_free char *line = NULL;
	__cleanup_file FILE *file = fopen(sys_path(path, "/proc/zoneinfo"), "re");
	uint64_t pages, total = 0;
	size_t size = 0;
	bool movable = false;

	while (file && getline(&line, &size, file) > 0) {
		if (!strncmp(line, "Node ", 5))
			movable = strstr(line, "Movable");
		else if (movable && sscanf(line, " managed %" SCNu64, &pages) == 1)
			total += pages;
	}
	return total;
}

static void check_movable(struct doctor *doctor)
{
	uint64_t bytes = movable_pages() * sysconf(_SC_PAGESIZE);

	if (!bytes)
		return;
	doctor_warning(doctor, "huge-pages-movable", "%llu MiB of this machine are in "
		       "ZONE_MOVABLE: what enclaves have of it cannot be unplugged until they "
		       "end", bytes / MIB);
	doctor_advice(doctor, "end the enclaves before memory is taken from the machine");
}

void doctor_check_huge_pages(struct doctor *doctor)
{
	int node = pool_node();
	struct huge_sizes sizes;
	uint64_t here;
	int err;

	/* A machine with one node, or a kernel without nodes. */
	if (!sys_exists("/sys/devices/system/node/node1"))
		node = -1;
	err = huge_sizes_read(node, &sizes);
	if (err || !sizes.count) {
		doctor_error(doctor, "huge-pages-unsupported", "this kernel has no huge pages of "
			     "2 MiB or more: %s", strerror(err ? -err : ENOENT));
		doctor_advice(doctor, "boot a kernel with CONFIG_HUGETLBFS; in a container, mount "
			      "/sys");
		return;
	}
	here = huge_sizes_total(&sizes);
	if (here < MEMORY_MIN) {
		too_few(doctor, here, node);
		return;
	}
	if (check_group(doctor))
		return;
	for (int i = 0; i < NODES_MAX; i++)
		if (node >= 0 && sys_exists("/sys/devices/system/node/node%d/hugepages", i))
			describe_node(doctor, i);
	if (node < 0)
		describe_node(doctor, -1);
	check_sizes(doctor, node);
	check_movable(doctor);
}
