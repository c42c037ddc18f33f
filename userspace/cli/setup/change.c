// SPDX-License-Identifier: Apache-2.0
/* One setup: a plan of what to change, and the change, which happens as a whole or not at all. */

#include "cli/setup/change.h"

#include "cli/enclave/usage.h"
#include "cli/host/topology.h"
#include "cli/setup/saved.h"
#include "command/progress.h"
#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define TEXT_IN_USE	"the CPU pool is in use; end all enclaves with \"sudo ne-emu stop --all\""
#define TEXT_NO_POOL	"there is no CPU pool; load the driver with \"sudo modprobe " \
			"nitro_enclaves_emu\""

int change_set_pool(const char *cpus, struct error *error)
{
	int err = sys_write(cpus, NE_CPU_POOL_PATH);

	/* The driver clears the pool on an empty list, but returns EINVAL all the same. */
	if (err == -EINVAL && !*cpus)
		return 0;
	switch (-err) {
	case 0:
		return 0;
	case ENOENT:
		return error_set(error, -ENOENT, TEXT_NO_POOL);
	case EPERM:
		return error_set(error, -EPERM, TEXT_IN_USE);
	}
	return error_set(error, err, "the driver refuses the CPU pool \"%s\": %s; its reason is in "
			 "the kernel log", cpus, strerror(-err));
}

static int choose_cpus(struct change *change, struct error *error)
{
	uint64_t count = change->settings->cpus;
	__cleanup_free uint32_t *cpus = calloc(count, sizeof(*cpus));
	__cleanup(topology_free) struct topology topology = {};
	size_t len = 0;
	int err;

	err = cpus ? topology_read(&topology) : -ENOMEM;
	if (err)
		return error_set(error, err, "cannot read the CPU topology: %s", strerror(-err));
	err = topology_choose(&topology, count, cpus, &change->node);
	if (err == -EDOM)
		return error_set(error, -EDOM, "%" PRIu64 " CPUs are not a number of whole cores; "
				 "ask for a multiple of the threads per core", count);
	if (err)
		return error_set(error, err, "no NUMA node has %" PRIu64 " CPUs in addition to the "
				 "core of CPU 0, which belongs to the host", count);
	for (size_t i = 0; i < count && len < CPUS_TEXT_SIZE; i++)
		len += snprintf(change->cpus + len, CPUS_TEXT_SIZE - len, "%s%u", i ? "," : "",
				cpus[i]);
	if (len >= CPUS_TEXT_SIZE)
		return error_set(error, -E2BIG, "the CPU list is too long for the driver");
	return 0;
}

/* The driver checks the rest: whole cores of one node. */
static int take_cpus(struct change *change, struct error *error)
{
	const char *list = change->settings->cpu_ids;
	__cleanup_free uint32_t *cpus = NULL;
	size_t count;

	if (parse_cpu_list(list, &cpus, &count) || !count)
		return error_set(error, -EINVAL, "\"%s\" is not a CPU list (e.g. 2,3 or 2-5)",
				 list);
	for (size_t i = 0; i < count; i++)
		if (!sys_exists("/sys/devices/system/cpu/cpu%u", cpus[i]))
			return error_set(error, -ENODEV, "there is no CPU %u", cpus[i]);
	if ((size_t)snprintf(change->cpus, CPUS_TEXT_SIZE, "%s", list) >= CPUS_TEXT_SIZE)
		return error_set(error, -E2BIG, "the CPU list is too long for the driver");
	change->node = sys_cpu_node(cpus[0]);
	return 0;
}

static int compare_cpus(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Do two lists name the same CPUs? The driver shows them in its own order. */
static bool same_cpus(const char *a, const char *b)
{
	__cleanup_free uint32_t *cpus_a = NULL;
	__cleanup_free uint32_t *cpus_b = NULL;
	size_t count_a, count_b;

	if (parse_cpu_list(a, &cpus_a, &count_a) || parse_cpu_list(b, &cpus_b, &count_b) ||
	    count_a != count_b)
		return false;
	qsort(cpus_a, count_a, sizeof(*cpus_a), compare_cpus);
	qsort(cpus_b, count_b, sizeof(*cpus_b), compare_cpus);
	return !memcmp(cpus_a, cpus_b, count_a * sizeof(*cpus_a));
}

/* The driver refuses a change while an enclave exists: report it before memory is taken. */
static int plan_pool(struct change *change, const struct usage *usage, struct error *error)
{
	int err = change->settings->cpus ? choose_cpus(change, error) : take_cpus(change, error);

	if (err)
		return err;
	err = sys_read(change->before, NE_CPU_POOL_PATH);
	if (err)
		return err == -ENOENT ? error_set(error, err, TEXT_NO_POOL) :
			error_set(error, err, "cannot read the CPU pool: %s", strerror(-err));
	change->same_pool = same_cpus(change->cpus, change->before);
	if (!change->same_pool && usage->enclaves)
		return error_set(error, -EPERM, TEXT_IN_USE);
	return 0;
}

static int pool_node(void)
{
	__cleanup_free uint32_t *cpus = NULL;
	size_t count = 0;

	return !sys_pool_cpus(&cpus, &count) && count ? sys_cpu_node(cpus[0]) : sys_cpu_node(0);
}

int change_plan(struct change *change, const struct setup_conf *settings, struct error *error)
{
	struct usage usage;
	int err = 0;

	*change = (struct change){ .settings = settings };
	usage_read(&usage);
	if (settings->cpus || settings->cpu_ids)
		err = plan_pool(change, &usage, error);
	else
		change->node = pool_node();
	if (err || !settings->memory)
		return err;
	return reserve_plan(&change->memory, change->node,
			    (settings->memory + HUGE_UNIT - 1) & ~(HUGE_UNIT - 1), usage.memory,
			    error);
}

/* When the driver refuses a list, it also clears the pool, so restore the previous one. */
static int change_pool(const struct change *change, struct error *error)
{
	int err = change_set_pool(change->cpus, error);

	if (err && err != -EPERM && *change->before)
		(void)change_set_pool(change->before, NULL);
	return err;
}

static bool changes_pool(const struct change *change)
{
	return *change->cpus && !change->same_pool;
}

static int reserve(struct change *change, struct error *error)
{
	char what[64];
	int err;

	if (!change->memory.missing)
		return 0;
	snprintf(what, sizeof(what), "reserving %llu MiB in huge pages",
		 change->memory.missing / MIB);
	progress_begin(what);
	err = reserve_pages(&change->memory, error);
	progress_end();
	if (err && changes_pool(change))
		(void)change_set_pool(change->before, NULL);
	return err;
}

/* The pool first: it fails early if an enclave exists, and reserving memory is slow. */
int change_apply(struct change *change, struct error *error)
{
	bool first;
	int err = saved_store(change->node, &first, error);

	if (err)
		return err;
	if (changes_pool(change))
		err = change_pool(change, error);
	if (!err)
		err = reserve(change, error);
	/* Nothing was changed, so there is nothing to undo. */
	if (err && first)
		(void)saved_forget(NULL);
	return err;
}

void change_revert(const struct change *change)
{
	reserve_give_back(&change->memory);
	if (changes_pool(change))
		(void)change_set_pool(change->before, NULL);
}
