// SPDX-License-Identifier: Apache-2.0
/* Reserve huge pages on one NUMA node: as many as requested, or none. */

#include "cli/host/reserve.h"

#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define NODE_DIR	"/sys/devices/system/node/node%d"
/* The host keeps 1/20 of the available memory. */
#define HOST_PART	20

const char *reserve_dir(int node, char *buf)
{
	snprintf(buf, SYS_PATH_SIZE, NODE_DIR "/hugepages", node);
	if (node < 0 || !sys_exists("%s", buf))
		snprintf(buf, SYS_PATH_SIZE, "/sys/kernel/mm/hugepages");
	return buf;
}

/* The value of the line "KEY:  N kB" in a meminfo file, in bytes; 0 if it is missing. */
static uint64_t meminfo(const char *text, const char *key)
{
	const char *line = strstr(text, key);
	uint64_t kib;

	return line && sscanf(line + strlen(key), " %" SCNu64 " kB", &kib) == 1 &&
		kib <= INT64_MAX / KIB ? kib * KIB : 0;
}

/* An estimate: the kernel has no MemAvailable for a single node. */
static uint64_t node_available(const char *text)
{
	return meminfo(text, " MemFree:") + meminfo(text, " FilePages:") +
		meminfo(text, " SReclaimable:");
}

/* Bytes that can be reserved without putting the host at risk of running out of memory. */
static int get_available(int node, uint64_t *ret, struct error *error)
{
	char text[SYS_TEXT_SIZE];
	int err = sys_read(text, "/proc/meminfo");

	if (err)
		return error_set(error, err, "cannot read /proc/meminfo: %s", strerror(-err));
	*ret = meminfo(text, "MemAvailable:");
	if (node >= 0 && !sys_read(text, NODE_DIR "/meminfo", node))
		*ret = MIN(*ret, node_available(text));
	*ret -= *ret / HOST_PART;
	return 0;
}

int reserve_plan(struct reserve *plan, int node, uint64_t memory, uint64_t used,
		 struct error *error)
{
	uint64_t available;
	int err;

	*plan = (struct reserve){};
	reserve_dir(node, plan->dir);
	err = huge_sizes_read(node, &plan->sizes);
	if (err)
		return error_set(error, err, "cannot count the huge pages: %s", strerror(-err));
	if (!plan->sizes.count)
		return error_set(error, -ENODEV, "this kernel has no huge pages of 2 MiB or more");
	for (size_t i = 0; i < plan->sizes.count; i++) {
		plan->free += plan->sizes.list[i].free * plan->sizes.list[i].size;
		plan->sizes.list[i].use = 0;
	}
	plan->used = used;
	plan->missing = memory - MIN(memory, plan->free + used);
	if (!plan->missing)
		return 0;
	err = get_available(node, &available, error);
	if (err || plan->missing <= available)
		return err;
	return error_set(error, -ENOMEM, "%llu MiB more are needed, but only %llu MiB are "
			 "available on NUMA node %d; nothing was changed", plan->missing / MIB,
			 available / MIB, MAX(node, 0));
}

/* Raise a page count. Return: number of pages that the kernel added, or -errno. */
static int64_t add_pages(const char *dir, uint64_t size, uint64_t count)
{
	uint64_t before, after;
	char text[24];
	int err;

	err = sys_read_u64(&before, "%s/hugepages-%llukB/nr_hugepages", dir, size / KIB);
	if (err)
		return err;
	snprintf(text, sizeof(text), "%" PRIu64, before + count);
	for (int tries = 0; tries < 2; tries++) {
		err = sys_write(text, "%s/hugepages-%llukB/nr_hugepages", dir, size / KIB);
		if (!err)
			err = sys_read_u64(&after, "%s/hugepages-%llukB/nr_hugepages", dir,
					   size / KIB);
		if (err)
			return err;
		if (after >= before + count)
			break;
		/* Memory may be fragmented: compact it and try again. */
		(void)sys_write("1", "/proc/sys/vm/compact_memory");
	}
	return after > before ? (int64_t)(after - before) : 0;
}

void reserve_give_back(const struct reserve *plan)
{
	for (size_t i = 0; i < plan->sizes.count; i++) {
		const struct huge_size *s = &plan->sizes.list[i];
		uint64_t now;
		char text[24];

		if (!s->use || sys_read_u64(&now, "%s/hugepages-%llukB/nr_hugepages",
					    plan->dir, s->size / KIB))
			continue;
		snprintf(text, sizeof(text), "%" PRIu64, now - MIN(now, s->use));
		(void)sys_write(text, "%s/hugepages-%llukB/nr_hugepages", plan->dir,
				s->size / KIB);
	}
}

/*
 * Reserve small pages first, because some clients use no others (QEMU asks for the default
 * size only), and larger ones if these are not enough.
 */
int reserve_pages(struct reserve *plan, struct error *error)
{
	uint64_t missing = plan->missing;
	int64_t came = 0;

	for (size_t i = plan->sizes.count; i-- > 0 && missing && came >= 0;) {
		struct huge_size *s = &plan->sizes.list[i];

		came = add_pages(plan->dir, s->size, (missing + s->size - 1) / s->size);
		s->use = MAX(came, 0);
		missing -= MIN(missing, s->use * s->size);
	}
	if (!missing)
		return 0;
	reserve_give_back(plan);
	if (came < 0)
		return error_set(error, came, "cannot reserve huge pages: %s", strerror(-came));
	return error_set(error, -ENOMEM, "only %llu of %llu MiB could be reserved as huge pages, "
			 "so they were released; free memory, or reserve huge pages at boot with "
			 "\"hugepages=%llu\" on the kernel command line",
			 (plan->missing - missing) / MIB, plan->missing / MIB,
			 plan->missing / HUGE_UNIT);
}
