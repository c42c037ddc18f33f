// SPDX-License-Identifier: Apache-2.0
/*
 * P: the module parameter ne_cpus. Also runs on the in-tree driver
 * (NE_MODULE=nitro_enclaves), which takes the pool's CPUs offline. The emulator keeps
 * them online, because an offline CPU cannot run KVM.
 */

#include "ne_env.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STRING_SIZE	512	/* including the NUL */
#define RACE_MS		3000

static void check_pool(struct ne_test *t, const char *expected)
{
	char buf[STRING_SIZE + 8];

	REQUIRE_OK(t, ne_read_file(NE_POOL, buf, sizeof(buf)));
	if (!CHECK(t, !strcmp(buf, expected)))
		ne_note("ne_cpus reads \"%s\"", buf);
}

/* Write the list and expect all of it to be accepted. */
static void set_pool(struct ne_test *t, const char *list)
{
	REQUIRE_EQ(t, ne_write_file(NE_POOL, list, strlen(list)), strlen(list));
}

/* Check that the CPUs of a core are in the pool, or back in use by the host. */
static void check_core(struct ne_test *t, const uint32_t *cpus, bool in_pool)
{
	struct ne_env *env = t->env;
	unsigned int i;

	for (i = 0; i < env->threads; i++)
		CHECK_EQ(t, ne_cpu_online(cpus[i]), !(in_pool && env->stock));
}

static void core_list(const struct ne_env *env, unsigned int core, char *buf, size_t size)
{
	const uint32_t *cpus = &env->cpus[core * env->threads];

	snprintf(buf, size, env->threads == 2 ? "%u,%u" : "%u", cpus[0], cpus[1]);
}

static void with_newlines(char *buf, size_t size, const char *list, const char *end)
{
	snprintf(buf, size, "%s%s", list, end);
}

static void p01_after_load(struct ne_test *t)
{
	struct ne_env *env = t->env;

	REQUIRE_EQ(t, ne_env_unload(env), 0);
	CHECK(t, access(NE_POOL, F_OK));
	REQUIRE_EQ(t, ne_env_load(env, NULL), 0);
	check_pool(t, "\n");
}

static void p02_set(struct ne_test *t)
{
	struct ne_env *env = t->env;
	char list[64], text[80];

	core_list(env, 0, list, sizeof(list));
	set_pool(t, list);
	with_newlines(text, sizeof(text), list, "\n");
	check_pool(t, text);
	check_core(t, env->cpus, true);

	set_pool(t, text);
	with_newlines(text, sizeof(text), list, "\n\n");
	check_pool(t, text);
	check_core(t, env->cpus, true);
}

static void p03_empty_write(struct ne_test *t)
{
	struct ne_env *env = t->env;
	char list[64], text[80];

	core_list(env, 0, list, sizeof(list));
	set_pool(t, list);
	CHECK_EQ(t, ne_write_file(NE_POOL, "", 0), 0);
	with_newlines(text, sizeof(text), list, "\n");
	check_pool(t, text);
	check_core(t, env->cpus, true);
}

static void p04_invalid_clears(struct ne_test *t)
{
	static const char *const invalid[] = { "\n", "abc", "0" };
	struct ne_env *env = t->env;
	char list[64];
	size_t i;

	core_list(env, 0, list, sizeof(list));
	for (i = 0; i < ARRAY_SIZE(invalid); i++) {
		set_pool(t, list);
		CHECK_ERR(t, ne_pool_set(invalid[i]), EINVAL);
		check_core(t, env->cpus, false);
		check_pool(t, "\n");
	}
}

/* Check that the list is refused with EINVAL and that the log has the reason. */
static void check_refused(struct ne_test *t, const char *list, const char *why)
{
	int kmsg = ne_kmsg_open(), last = ne_kmsg_open();

	CHECK_ERR(t, ne_pool_set(list), EINVAL);
	if (!CHECK(t, ne_kmsg_find(kmsg, why)))
		ne_note("%s: the kernel log has no \"%s\"", list, why);
	CHECK(t, ne_kmsg_find(last, "Error in setup CPU pool [rc=-22]"));
	close(last);
	close(kmsg);
	check_pool(t, "\n");
}

static void p05_rules(struct ne_test *t)
{
	struct ne_env *env = t->env;
	uint32_t core0[NE_MAX_THREADS];
	char list[64], why[64];

	check_refused(t, "0", "CPU 0 has to remain available");
	if (env->threads != 2)
		return;
	REQUIRE_EQ(t, ne_cpu_core(0, core0, NE_MAX_THREADS), 2);
	snprintf(list, sizeof(list), "%u", core0[1]);
	snprintf(why, sizeof(why), "CPU sibling %u for CPU 0 is in CPU pool", core0[1]);
	check_refused(t, list, why);

	snprintf(list, sizeof(list), "%u", env->cpus[0]);
	snprintf(why, sizeof(why), "CPU %u is not in CPU pool", env->cpus[1]);
	check_refused(t, list, why);

	REQUIRE_EQ(t, ne_cpu_set_online(env->cpus[1], 0), 0);
	core_list(env, 0, list, sizeof(list));
	snprintf(why, sizeof(why), "CPU %u is offline, has to be online to get its metadata",
		 env->cpus[1]);
	check_refused(t, list, why);
	REQUIRE_EQ(t, ne_cpu_set_online(env->cpus[1], 1), 0);
}

static void p06_two_nodes(struct ne_test *t)
{
	check_refused(t, "all", "CPUs with different NUMA nodes");
}

static void p07_parser(struct ne_test *t)
{
	struct ne_env *env = t->env;
	char text[80];

	snprintf(text, sizeof(text), "%u", ne_nr_cpu_ids());
	CHECK_ERR(t, ne_pool_set(text), ERANGE);
	CHECK_ERR(t, ne_pool_set("99999999999"), EOVERFLOW);
	CHECK_ERR(t, ne_pool_set("abc"), EINVAL);
	CHECK_ERR(t, ne_pool_set("3-"), EINVAL);
	CHECK_ERR(t, ne_pool_set("7-2"), EINVAL);
	CHECK_ERR(t, ne_pool_set("all"), EINVAL);
	if (env->threads == 2) {
		/* Every second CPU, which is half a core. */
		snprintf(text, sizeof(text), "%u-%u:1/2", env->cpus[0], env->cpus[0] + 1);
		CHECK_ERR(t, ne_pool_set(text), EINVAL);
	}

	/* Blanks and commas separate; anything after a newline is ignored. */
	snprintf(text, sizeof(text), "%s,,,", env->list);
	CHECK_EQ(t, ne_pool_set(text), 0);
	snprintf(text, sizeof(text), "%s\nfoo", env->list);
	CHECK_EQ(t, ne_pool_set(text), 0);
	snprintf(text, sizeof(text), "%s \nfoo", env->list);
	CHECK_ERR(t, ne_pool_set(text), EINVAL);
}

static void need_device(struct ne_test *t)
{
	if (access(NE_DEVICE, R_OK | W_OK))
		ne_skip(t, "there is no " NE_DEVICE);
}

static void p08_in_use(struct ne_test *t)
{
	struct ne_env *env = t->env;
	char text[80];
	int fd;

	need_device(t);
	set_pool(t, env->list);
	with_newlines(text, sizeof(text), env->list, "\n");
	fd = ne_require_enclave(t);
	CHECK_ERR(t, ne_pool_set(env->list), EPERM);
	CHECK_ERR(t, ne_pool_set("\n"), EPERM);
	CHECK_ERR(t, ne_pool_set("abc"), EPERM);
	check_pool(t, text);
	CHECK(t, ne_add_vcpu_id(fd, 0) > 0);
	close(fd);
	CHECK_EQ(t, ne_pool_set(env->list), 0);
}

static void p09_capability(struct ne_test *t)
{
	struct ne_env *env = t->env;
	char text[80];

	set_pool(t, env->list);
	REQUIRE_EQ(t, ne_drop_sys_admin(), 0);
	CHECK_ERR(t, ne_pool_set(env->list), EPERM);
	CHECK_ERR(t, ne_pool_set("\n"), EPERM);
	with_newlines(text, sizeof(text), env->list, "\n");
	check_pool(t, text);
}

static void p10_length(struct ne_test *t)
{
	struct ne_env *env = t->env;
	char text[STRING_SIZE + 1];
	int kmsg, last;

	memset(text, ',', sizeof(text));
	memcpy(text, env->list, strlen(env->list));
	text[STRING_SIZE - 1] = 0;
	CHECK_EQ(t, ne_pool_set(text), 0);
	check_core(t, env->cpus, true);

	text[STRING_SIZE - 1] = ',';
	text[STRING_SIZE] = 0;
	kmsg = ne_kmsg_open();
	last = ne_kmsg_open();
	CHECK_ERR(t, ne_pool_set(text), ENOSPC);
	CHECK(t, ne_kmsg_find(kmsg, "ne_cpus: string doesn't fit in 511 chars."));
	CHECK(t, ne_kmsg_find(last, "Error in param set copystring [rc=-28]"));
	close(last);
	close(kmsg);
	check_pool(t, "\n");
	check_core(t, env->cpus, false);
}

static void p10_no_enclave(struct ne_test *t)
{
	char text[STRING_SIZE + 1];
	struct ne_env *env = t->env;

	need_device(t);
	memset(text, ',', sizeof(text));
	memcpy(text, env->list, strlen(env->list));
	text[STRING_SIZE] = 0;
	CHECK_ERR(t, ne_pool_set(text), ENOSPC);
	CHECK_ERR(t, ne_new_enclave(NULL), NE_ERR_NO_CPUS_AVAIL_IN_POOL);
}

static void p11_load_option(struct ne_test *t)
{
	struct ne_env *env = t->env;
	char option[80], text[80];
	int kmsg;

	snprintf(option, sizeof(option), "ne_cpus=%s", env->list);
	REQUIRE_EQ(t, ne_env_unload(env), 0);
	REQUIRE_EQ(t, ne_env_load(env, option), 0);
	with_newlines(text, sizeof(text), env->list, "\n");
	check_pool(t, text);
	check_core(t, env->cpus, true);

	REQUIRE_EQ(t, ne_env_unload(env), 0);
	kmsg = ne_kmsg_open();
	CHECK(t, ne_env_load(env, "ne_cpus=0") != 0);
	CHECK(t, ne_kmsg_find(kmsg, "`0' invalid for parameter `ne_cpus'"));
	close(kmsg);
	CHECK(t, access(NE_POOL, F_OK));
	REQUIRE_EQ(t, ne_env_load(env, NULL), 0);
}

static void p12_unload(struct ne_test *t)
{
	struct ne_env *env = t->env;
	unsigned int i;

	set_pool(t, env->list);
	REQUIRE_EQ(t, ne_env_unload(env), 0);
	for (i = 0; i < env->nr_cores; i++)
		check_core(t, &env->cpus[i * env->threads], false);
	CHECK(t, access(NE_POOL, F_OK));
	CHECK(t, access("/sys/module/nitro_enclaves", F_OK));
	REQUIRE_EQ(t, ne_env_load(env, NULL), 0);
}

static void p14_sparse_core_ids(struct ne_test *t)
{
	struct ne_env *env = t->env;
	uint32_t core[NE_MAX_THREADS];
	int threads = ne_sparse_core(core, NE_MAX_THREADS);
	char list[64];

	REQUIRE(t, threads > 0 && threads <= NE_MAX_THREADS);
	snprintf(list, sizeof(list), threads == 2 ? "%u,%u" : "%u", core[0], core[1]);
	/* The in-tree driver requires ids below the number of cores. */
	CHECK_EQ(t, ne_pool_set(list), env->stock ? -EINVAL : 0);
}

/* Set and clear the pool for ever. */
__attribute__((noreturn)) static void toggle_pool(const struct ne_env *env)
{
	for (;;) {
		ne_env_pool_restore(env);
		ne_pool_clear();
	}
}

static void p15_race_with_create(struct ne_test *t)
{
	struct ne_env *env = t->env;
	unsigned int created = 0;
	uint64_t end;
	pid_t pid;

	need_device(t);
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid)
		toggle_pool(env);
	for (end = ne_now_ms() + RACE_MS; ne_now_ms() < end; ) {
		int fd = ne_new_enclave(NULL);

		if (fd < 0) {
			REQUIRE_EQ(t, fd, -NE_ERR_NO_CPUS_AVAIL_IN_POOL);
			continue;
		}
		created++;
		/* While an enclave exists, the pool cannot change. */
		CHECK_EQ(t, ne_add_vcpu_id(fd, 0), env->cpus[0]);
		close(fd);
	}
	/* The child is still toggling the pool. */
	CHECK_EQ(t, waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ne_note("%u enclaves created while the pool was toggled", created);
}

/* Do with ne_cpus what nitro-enclaves-allocator does, in the same order. */
static void allocate(struct ne_test *t, const char *list)
{
	struct ne_env *env = t->env;
	char text[STRING_SIZE], expected[80];
	unsigned int i;
	struct stat st;
	int rc;

	/* It gives all CPUs back and ignores every error except EPERM. */
	rc = ne_write_file(NE_POOL, "\n", 1);
	CHECK(t, rc == 1 || rc == -EINVAL);
	/* Then it looks for the file, and for whole cores among the online CPUs. */
	REQUIRE_EQ(t, stat(NE_POOL, &st), 0);
	CHECK(t, S_ISREG(st.st_mode));
	for (i = 0; i < env->nr_cores * env->threads; i++)
		CHECK(t, ne_cpu_online(env->cpus[i]));
	/* It writes core by core, with a newline, and fails on any error. */
	snprintf(text, sizeof(text), "%s\n", list);
	REQUIRE_EQ(t, ne_write_file(NE_POOL, text, strlen(text)), strlen(text));
	/* It splits what it reads at commas and dashes, and skips blank lines. */
	with_newlines(expected, sizeof(expected), list, "\n\n");
	check_pool(t, expected);
}

static void p16_allocator(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int fd;

	allocate(t, env->list);
	allocate(t, env->list);

	/* If it is restarted while an enclave exists, only EPERM makes it stop. */
	need_device(t);
	fd = ne_require_enclave(t);
	CHECK_ERR(t, ne_write_file(NE_POOL, "\n", 1), EPERM);
	close(fd);
	allocate(t, env->list);
}

/*
 * Only in this order. sysfs refuses the other order too, but writes a stack trace to the
 * kernel log.
 */
static void p17_in_tree_driver(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int kmsg;

	if (env->stock || NE_COMMAND("modprobe", "-q", "-n", "nitro_enclaves"))
		ne_skip(t, "needs the emulator and the in-tree driver");
	REQUIRE_EQ(t, ne_env_unload(env), 0);
	REQUIRE_EQ(t, NE_COMMAND("modprobe", "nitro_enclaves"), 0);
	kmsg = ne_kmsg_open();
	CHECK(t, ne_env_load(env, NULL) != 0);
	CHECK(t, ne_kmsg_find(kmsg, "the AWS driver nitro_enclaves is loaded"));
	REQUIRE_EQ(t, NE_COMMAND("modprobe", "-r", "nitro_enclaves"), 0);
	CHECK_EQ(t, ne_env_load(env, NULL), 0);
}

static const struct ne_case cases[] = {
	{ "P01 empty after load", p01_after_load, 60 },
	{ "P02 set, with and without newline", p02_set, 0 },
	{ "P03 zero-length write changes nothing", p03_empty_write, 0 },
	{ "P04 invalid list clears the pool", p04_invalid_clears, 0 },
	{ "P05 CPU 0, its sibling, half a core, offline CPU: EINVAL", p05_rules, 0 },
	{ "P06 CPUs of two nodes: EINVAL", p06_two_nodes, 0, NE_NEED_NODES },
	{ "P07 errors of the parser", p07_parser, 0 },
	{ "P08 enclave open: EPERM, pool unchanged", p08_in_use, 0 },
	{ "P09 without CAP_SYS_ADMIN: EPERM", p09_capability, 0 },
	{ "P10 511 characters fit, 512: ENOSPC", p10_length, 0 },
	{ "P10 no enclave after ENOSPC", p10_no_enclave, 0 },
	{ "P11 as option at load", p11_load_option, 60 },
	{ "P12 unload gives the CPUs back", p12_unload, 60 },
	{ "P14 core ids with gaps", p14_sparse_core_ids, 0, NE_NEED_SPARSE_IDS },
	{ "P15 writer against NE_CREATE_VM", p15_race_with_create, 0 },
	{ "P16 as nitro-enclaves-allocator does it, twice", p16_allocator, 0 },
	{ "P17 not beside the in-tree driver", p17_in_tree_driver, 60 },
};

int main(int argc, char **argv)
{
	return ne_pool_main(cases, ARRAY_SIZE(cases), argc, argv);
}
