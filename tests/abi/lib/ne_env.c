// SPDX-License-Identifier: Apache-2.0
/* Sets up what a test program needs (module, CPU pool, huge pages) and undoes it. */

#include "ne_env.h"
#include "ne_lib.h"
#include "ne_machine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NR_HUGEPAGES	NE_NODE0_2M "nr_hugepages"
/* udev creates the node and sets its mode after the module is loaded. */
#define NODE_TIMEOUT_MS	(5000 * ne_slowness())

static void write_list(struct ne_env *env)
{
	char *end = env->list;
	unsigned int i;

	for (i = 0; i < env->nr_cores * env->threads; i++)
		end += sprintf(end, "%s%u", i ? "," : "", env->cpus[i]);
}

/* Find the first whole cores without CPU 0. The pool must be empty. */
static void find_cores(struct ne_env *env)
{
	unsigned int cpu, nr = ne_nr_cpu_ids();

	for (cpu = 1; cpu < nr && env->nr_cores < NE_MAX_CORES; cpu++) {
		uint32_t core[NE_MAX_THREADS];
		int threads = ne_cpu_core(cpu, core, NE_MAX_THREADS);

		if (threads < 1 || threads > NE_MAX_THREADS || !core[0] || core[0] != cpu ||
		    !ne_cpu_on_node(cpu, 0))
			continue;
		if (!env->nr_cores)
			env->threads = threads;
		if ((unsigned int)threads != env->threads)
			continue;
		memcpy(&env->cpus[env->nr_cores * threads], core, threads * sizeof(core[0]));
		env->nr_cores++;
	}
	write_list(env);
}

void ne_cpus_all_online(const struct ne_env *env)
{
	unsigned int i;

	for (i = 0; i < env->nr_cores * env->threads; i++)
		if (!ne_cpu_online(env->cpus[i]))
			ne_cpu_set_online(env->cpus[i], true);
}

void ne_single_threads(struct ne_test *t)
{
	struct ne_env *env = t->env;
	unsigned int i;

	REQUIRE_EQ(t, ne_pool_clear(), 0);
	for (i = 0; env->threads == 2 && i < env->nr_cores; i++) {
		REQUIRE_EQ(t, ne_cpu_set_online(env->cpus[2 * i + 1], false), 0);
		env->cpus[i] = env->cpus[2 * i];
	}
	env->threads = 1;
	write_list(env);
	REQUIRE_EQ(t, ne_env_pool_restore(env), 0);
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

/* Bind all memory of this program and its children. */
static void bind_to_node0(void)
{
	unsigned long mask = 1;

	syscall(SYS_set_mempolicy, MPOL_BIND, &mask, 8 * sizeof(mask));
}

static bool reserve_pages(struct ne_test *t, struct ne_env *env)
{
	env->saved_pages = ne_read_number(NR_HUGEPAGES);
	env->saved_gigantic = ne_read_number(NE_NODE0_1G "nr_hugepages");
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
	env->saved_gigantic = -1;
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
	/* Tests start it more often than systemd's rate limit allows. */
	NE_COMMAND("systemctl", "-q", "reset-failed", "ne-emud.service");
	return NE_COMMAND("systemctl", "-q", "start", "ne-emud.service");
}

bool ne_stop_daemon(void)
{
	/*
	 * If the module has just been loaded, udev is about to start ne-emud. Wait for
	 * that, or it would happen after the stop.
	 */
	NE_COMMAND("udevadm", "settle");
	return !ne_start_daemon() && !NE_COMMAND("systemctl", "stop", "ne-emud.service");
}

int ne_env_unload(const struct ne_env *env)
{
	/* On some systems the service keeps the module in use. udev starts it again. */
	if (!env->stock)
		NE_COMMAND("systemctl", "-q", "stop", "ne-emud.service");
	return NE_COMMAND("modprobe", "-r", env->module);
}

int ne_env_load(const struct ne_env *env, const char *option)
{
	return ne_command((const char *const []){ "modprobe", "-q", "-C", "/dev/null",
						  env->module, option, NULL });
}

void ne_env_reload(struct ne_test *t)
{
	struct ne_env *env = t->env;

	REQUIRE_EQ(t, ne_env_unload(env), 0);
	REQUIRE_EQ(t, ne_env_load(env, NULL), 0);
	REQUIRE(t, wait_for_device());
	NE_COMMAND("udevadm", "settle");
	REQUIRE_EQ(t, ne_start_daemon(), 0);
	REQUIRE_EQ(t, ne_env_pool_restore(env), 0);
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
	ne_cpus_all_online(env);
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
	/* Release the page that ne_machine_missing() may have assembled. */
	if (env->saved_gigantic >= 0)
		ne_write_number(NE_NODE0_1G "nr_hugepages", env->saved_gigantic);
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

int ne_env_run(const struct ne_env_hooks *hooks, const struct ne_case *cases, size_t nr_cases,
	       long page_need, int argc, char **argv)
{
	struct ne_env env = { .page_need = page_need };
	const struct ne_suite suite = {
		.cases = cases,
		.nr_cases = nr_cases,
		.env = &env,
		.setup = hooks->setup,
		.after = hooks->after,
		.teardown = hooks->teardown,
		.missing = ne_machine_missing,
	};

	return ne_suite_run(&suite, argc, argv);
}

int ne_env_main(const struct ne_case *cases, size_t nr_cases, long page_need, int argc,
		char **argv)
{
	return ne_env_run(&(struct ne_env_hooks){ ne_env_setup, ne_env_after, ne_env_teardown },
			  cases, nr_cases, page_need, argc, argv);
}

/* Restore: the pool is empty, the module is loaded, all CPUs are online. */
static void pool_after(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int rc;

	if (access(NE_POOL, F_OK))
		ne_env_load(env, NULL);
	rc = ne_pool_clear();
	if (rc)
		ne_fail(t, __FILE__, __LINE__, "the case left the pool in use: %s", strerror(-rc));
	ne_cpus_all_online(env);
}

static void pool_teardown(struct ne_test *t)
{
	const struct ne_env *env = t->env;

	ne_env_teardown(t);
	/* Its module has been replaced. */
	if (!env->stock)
		ne_start_daemon();
}

int ne_pool_main(const struct ne_case *cases, size_t nr_cases, int argc, char **argv)
{
	return ne_env_run(&(struct ne_env_hooks){ ne_env_setup, pool_after, pool_teardown },
			  cases, nr_cases, NE_NO_DEVICE, argc, argv);
}

/* ne-emud must not accept the requests of the test. */
static void alone_setup(struct ne_test *t)
{
	struct ne_env *env = t->env;

	ne_env_setup(t);
	if (!t->skip[0])
		env->stopped_daemon = ne_stop_daemon();
}

static void alone_teardown(struct ne_test *t)
{
	struct ne_env *env = t->env;

	if (env->stopped_daemon)
		ne_start_daemon();
	ne_env_teardown(t);
}

int ne_env_main_alone(const struct ne_case *cases, size_t nr_cases, long page_need, int argc,
		      char **argv)
{
	return ne_env_run(&(struct ne_env_hooks){ alone_setup, ne_env_after, alone_teardown },
			  cases, nr_cases, page_need, argc, argv);
}
