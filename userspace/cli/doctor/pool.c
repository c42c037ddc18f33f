// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: the CPU pool, and its isolation. */

#include "cli/doctor/doctor.h"

#include "cli/enclave/pool.h"
#include "cli/enclave/state.h"
#include "cli/host/sysfs.h"
#include "cli/host/topology.h"
#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define LIST_SIZE	160

static bool contains(const uint32_t *cpus, size_t count, uint32_t cpu)
{
	for (size_t i = 0; i < count; i++)
		if (cpus[i] == cpu)
			return true;
	return false;
}

/* The CPUs of the pool that are not in a list such as "0-3", separated by blanks. */
static void missing_in(const struct pool *pool, const char *list, char ret[LIST_SIZE])
{
	__cleanup_free uint32_t *cpus = NULL;
	size_t count = 0, len = 0;

	*ret = 0;
	if (parse_cpu_list(list, &cpus, &count))
		return;
	for (size_t i = 0; i < pool->count && len < LIST_SIZE; i++)
		if (!contains(cpus, count, pool->cpus[i]))
			len += snprintf(ret + len, LIST_SIZE - len, "%s%" PRIu32, len ? " " : "",
					pool->cpus[i]);
}

/* Is a core of the pool complete? One with an offline thread shows fewer than others. */
static bool has_core(const struct pool *pool)
{
	__cleanup(topology_free) struct topology topology = {};
	size_t threads = 0;
	bool found = false;

	if (topology_read(&topology))
		return true;
	for (size_t i = 0; i < topology.nr_cores; i++)
		threads = MAX(threads, topology.cores[i].nr_cpus);
	for (size_t i = 0; i < topology.nr_cores && !found; i++) {
		const struct cpu_core *core = &topology.cores[i];

		found = core->nr_cpus == threads && contains(pool->cpus, pool->count,
							      core->cpus[0]);
	}
	return found;
}

static void offline(struct doctor *doctor, const struct pool *pool, const char *cpus)
{
	if (has_core(pool))
		doctor_warning(doctor, "pool-offline", "CPUs of the pool are offline, and no "
			       "enclave gets their cores: %s", cpus);
	else
		doctor_error(doctor, "pool-offline", "each core of the pool has a CPU that is "
			     "offline: %s", cpus);
	doctor_command(doctor, "for cpu in %s; do echo 1 | sudo tee "
		       "/sys/devices/system/cpu/cpu$cpu/online; done", cpus);
}

static void describe(struct doctor *doctor, const struct pool *pool)
{
	char node[32] = "", claimed[48] = "";

	if (pool->node >= 0)
		snprintf(node, sizeof(node), ", NUMA node %d", pool->node);
	if (pool->claims_known)
		snprintf(claimed, sizeof(claimed), ", %zu claimed by enclaves", pool->nr_claimed);
	doctor_ok(doctor, "%zu CPUs: %.80s%s%s", pool->count, pool->list, node, claimed);
}

static void check(struct doctor *doctor, const struct pool *pool)
{
	char online[SYS_TEXT_SIZE], cpus[LIST_SIZE] = "";

	if (!pool->count) {
		doctor_error(doctor, "pool-empty", "the CPU pool is empty");
		(void)doctor_setup_command(doctor, true, -1);
		return;
	}
	if (!sys_read(online, "/sys/devices/system/cpu/online"))
		missing_in(pool, online, cpus);
	if (*cpus)
		offline(doctor, pool, cpus);
	else
		describe(doctor, pool);
}

void doctor_check_pool(struct doctor *doctor)
{
	__cleanup(pool_free) struct pool pool;
	int err = pool_read(&pool);

	if (!err) {
		check(doctor, &pool);
		return;
	}
	doctor_warning(doctor, "pool-unreadable", "cannot read the CPU pool, %s: %s",
		       NE_CPU_POOL_PATH, strerror(-err));
	doctor_advice(doctor, "in a container, mount /sys of the host");
}

/* VMMs inherit the CPUs that the supervisor may use. */
static bool check_cpuset(struct doctor *doctor, const struct pool *pool)
{
	char text[SYS_TEXT_SIZE], cpus[LIST_SIZE] = "";
	uint64_t pid = state_daemon_pid();
	char *list;

	if (!pid || sys_read(text, "/proc/%" PRIu64 "/status", pid))
		return false;
	list = strstr(text, "\nCpus_allowed_list:\t");
	if (!list)
		return false;
	list += strlen("\nCpus_allowed_list:\t");
	list[strcspn(list, "\n")] = 0;
	missing_in(pool, list, cpus);
	if (!*cpus)
		return false;
	doctor_warning(doctor, "pool-cpuset", "the control group of ne-emud may only use CPUs "
		       "%.80s, so vCPUs do not run on these of the pool: %s", list, cpus);
	doctor_command(doctor, "sudo systemctl set-property --runtime ne-emud AllowedCPUs= && sudo "
		       "systemctl restart ne-emud");
	return true;
}

void doctor_check_isolation(struct doctor *doctor)
{
	__cleanup(pool_free) struct pool pool;

	if (pool_read(&pool) || !pool.count)
		return;
	if (pool.isolated) {
		doctor_ok(doctor, "only enclaves run on CPUs %.80s", pool.list);
		return;
	}
	/* Without a supervisor, nobody isolates them. */
	if ((!pool.told && doctor_failed(doctor, "daemon")) || check_cpuset(doctor, &pool))
		return;
	doctor_warning(doctor, "pool-not-isolated", "other programs may run on the pool's CPUs: "
		       "%s", pool.reason.text);
	doctor_advice(doctor, "see ISOLATION in ne-emud(8)");
}
