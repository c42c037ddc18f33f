// SPDX-License-Identifier: Apache-2.0
/* What a test program needs: module, CPU pool, huge pages; prepared and undone. */

#include "ne_env.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODE_DIR	"/sys/devices/system/node"
#define NR_HUGEPAGES	NODE_DIR "/node0/hugepages/hugepages-2048kB/nr_hugepages"
#define CPU_DIR		"/sys/devices/system/cpu"
/* udev creates and adjusts the node after the module is in. */
#define NODE_TIMEOUT_MS	5000

/* Parse "0-2,4"; stores at most @max numbers, returns how many there are. */
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

	snprintf(path, sizeof(path), CPU_DIR "/cpu%u/topology/thread_siblings_list", cpu);
	rc = ne_read_file(path, list, sizeof(list));
	return rc < 0 ? rc : parse_list(list, cpus, max);
}

unsigned int ne_nr_cpu_ids(void)
{
	char list[256];
	const char *last;

	if (ne_read_file(CPU_DIR "/possible", list, sizeof(list)) < 0)
		return 0;
	last = strrchr(list, '-');
	if (!last)
		last = strrchr(list, ',');
	return strtoul(last ? last + 1 : list, NULL, 10) + 1;
}

bool ne_cpu_online(unsigned int cpu)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), CPU_DIR "/cpu%u/online", cpu);
	return ne_read_number(path) == 1;
}

int ne_cpu_set_online(unsigned int cpu, bool online)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), CPU_DIR "/cpu%u/online", cpu);
	return ne_write_number(path, online);
}

void ne_cpus_all_online(const struct ne_env *env)
{
	unsigned int i;

	for (i = 0; i < env->nr_cores * env->threads; i++)
		if (!ne_cpu_online(env->cpus[i]))
			ne_cpu_set_online(env->cpus[i], true);
}

static bool on_node0(unsigned int cpu)
{
	char path[PATH_MAX];

	if (access(NODE_DIR "/node1", F_OK))
		return true;
	snprintf(path, sizeof(path), CPU_DIR "/cpu%u/node0", cpu);
	return !access(path, F_OK);
}

/* The first whole cores without CPU 0; the pool has to be empty meanwhile. */
static void find_cores(struct ne_env *env)
{
	unsigned int cpu, nr = ne_nr_cpu_ids();
	char *end = env->list;

	for (cpu = 1; cpu < nr && env->nr_cores < NE_MAX_CORES; cpu++) {
		uint32_t core[NE_MAX_THREADS];
		int threads = ne_cpu_core(cpu, core, NE_MAX_THREADS);

		if (threads < 1 || threads > NE_MAX_THREADS || !core[0] || core[0] != cpu ||
		    !on_node0(cpu))
			continue;
		if (!env->nr_cores)
			env->threads = threads;
		if ((unsigned int)threads != env->threads)
			continue;
		memcpy(&env->cpus[env->nr_cores * threads], core, threads * sizeof(core[0]));
		env->nr_cores++;
	}
	for (cpu = 0; cpu < env->nr_cores * env->threads; cpu++)
		end += sprintf(end, "%s%u", cpu ? "," : "", env->cpus[cpu]);
}

static bool wait_for_device(void)
{
	uint64_t limit = ne_now_ms() + NODE_TIMEOUT_MS;

	while (access(NE_DEVICE, R_OK | W_OK)) {
		if (ne_now_ms() > limit)
			return false;
		ne_msleep(20);
	}
	return true;
}

static bool load_module(struct ne_test *t, struct ne_env *env)
{
	char path[PATH_MAX];

	env->module = getenv("NE_MODULE");
	if (!env->module)
		env->module = "nitro_enclaves_emu";
	env->stock = !strcmp(env->module, "nitro_enclaves");

	snprintf(path, sizeof(path), "/sys/module/%s", env->module);
	if (access(path, F_OK) && NE_COMMAND("modprobe", env->module)) {
		ne_skip_suite(t, "module %s cannot be loaded", env->module);
		return false;
	}
	if (env->page_need != NE_NO_DEVICE && !wait_for_device()) {
		ne_skip_suite(t, "there is no " NE_DEVICE);
		return false;
	}
	return true;
}

/* All memory of this program and its children. */
static void bind_to_node0(void)
{
	unsigned long mask = 1;

	syscall(SYS_set_mempolicy, MPOL_BIND, &mask, 8 * sizeof(mask));
}

static bool reserve_pages(struct ne_test *t, struct ne_env *env)
{
	env->saved_pages = ne_read_number(NR_HUGEPAGES);
	if (env->page_need <= 0)
		return true;
	bind_to_node0();
	/* The kernel may need several rounds to assemble them. */
	ne_write_number("/proc/sys/vm/compact_memory", 1);
	ne_write_number(NR_HUGEPAGES, env->page_need);
	ne_write_number(NR_HUGEPAGES, env->page_need);
	env->free_pages = ne_meminfo("HugePages_Free");
	if (env->free_pages < env->page_need) {
		ne_skip_suite(t, "only %ld of %ld huge pages of 2 MiB", env->free_pages,
			      env->page_need);
		return false;
	}
	return true;
}

void ne_env_setup(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int rc;

	env->supervisor_fd = -1;
	env->saved_pages = -1;
	if (geteuid()) {
		ne_skip_suite(t, "root only");
		return;
	}
	if (!load_module(t, env))
		return;
	CHECK(t, ne_read_file(NE_POOL, env->saved_list, sizeof(env->saved_list)) >= 0);
	rc = ne_pool_clear();
	if (rc) {
		ne_skip_suite(t, "the CPU pool is in use: %s", strerror(-rc));
		return;
	}
	find_cores(env);
	if (!env->nr_cores) {
		ne_skip_suite(t, "no whole core on node 0 besides CPU 0's");
		return;
	}
	if (!reserve_pages(t, env) || env->page_need == NE_NO_DEVICE)
		return;
	CHECK_EQ(t, ne_env_pool_restore(env), 0);
}

int ne_start_daemon(void)
{
	/* Tests start it more often than systemd allows in a minute. */
	NE_COMMAND("systemctl", "-q", "reset-failed", "ne-emud.service");
	return NE_COMMAND("systemctl", "-q", "start", "ne-emud.service");
}

bool ne_stop_daemon(void)
{
	/*
	 * When the module has just been loaded, udev is about to start it: let that
	 * happen first, or it happens after the stop.
	 */
	NE_COMMAND("udevadm", "settle");
	return !ne_start_daemon() && !NE_COMMAND("systemctl", "stop", "ne-emud.service");
}

int ne_env_pool_restore(const struct ne_env *env)
{
	return ne_pool_set(env->list);
}

void ne_env_after(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int rc;

	if (env->page_need == NE_NO_DEVICE)
		return;
	/* Refused with EPERM as long as any enclave exists. */
	rc = ne_env_pool_restore(env);
	if (rc)
		ne_fail(t, __FILE__, __LINE__, "the case left an enclave behind: ne_cpus: %s",
			strerror(-rc));
	if (env->page_need > 0 && ne_read_number(NR_HUGEPAGES) != env->page_need)
		ne_write_number(NR_HUGEPAGES, env->page_need);
	if (env->page_need > 0 && ne_meminfo("HugePages_Free") != env->free_pages)
		ne_fail(t, __FILE__, __LINE__, "HugePages_Free: %ld before the case, %ld after",
			env->free_pages, ne_meminfo("HugePages_Free"));
}

void ne_env_teardown(struct ne_test *t)
{
	struct ne_env *env = t->env;

	if (env->saved_pages >= 0)
		ne_write_number(NR_HUGEPAGES, env->saved_pages);
	if (!env->nr_cores)
		return;
	env->saved_list[strcspn(env->saved_list, "\n")] = 0;
	if (env->saved_list[0])
		ne_pool_set(env->saved_list);
	else
		ne_pool_clear();
}

void ne_need_cores(struct ne_test *t, unsigned int cores)
{
	struct ne_env *env = t->env;

	if (env->threads != 2)
		ne_skip(t, "needs cores of two threads, this machine has %u", env->threads);
	if (env->nr_cores < cores)
		ne_skip(t, "needs %u free cores besides CPU 0's, there are %u", cores,
			env->nr_cores);
}

int ne_require_device(struct ne_test *t)
{
	int fd = ne_open(O_RDWR);

	REQUIRE_OK(t, fd);
	return fd;
}

int ne_require_enclave(struct ne_test *t)
{
	int fd = ne_new_enclave(NULL);

	REQUIRE_OK(t, fd);
	return fd;
}

int ne_env_main(const struct ne_case *cases, size_t nr_cases, long page_need, int argc,
		char **argv)
{
	struct ne_env env = { .page_need = page_need };
	const struct ne_suite suite = {
		.cases = cases,
		.nr_cases = nr_cases,
		.env = &env,
		.setup = ne_env_setup,
		.after = ne_env_after,
		.teardown = ne_env_teardown,
	};

	return ne_suite_run(&suite, argc, argv);
}
