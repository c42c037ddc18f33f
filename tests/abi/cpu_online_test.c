// SPDX-License-Identifier: Apache-2.0
/*
 * H: what the CPU pool does beyond the in-tree driver's. Its CPUs stay online, so root can
 * take them offline; and netlink reports changes.
 */

#include "ne_backend.h"
#include "ne_env.h"
#include "ne_lib.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EVENT_MS	(5000 * ne_slowness())
#define NR_PAGES	(NE_MIN_ENCLAVE_SIZE / NE_PAGE)

static void need_two_cores(struct ne_test *t)
{
	struct ne_env *env = t->env;

	if (env->nr_cores < 2)
		ne_skip(t, "needs two free cores besides CPU 0's");
}

static void check_pool(struct ne_test *t, const char *list)
{
	char expected[80], buf[80];

	snprintf(expected, sizeof(expected), "%s\n", list);
	REQUIRE_OK(t, ne_read_file(NE_POOL, buf, sizeof(buf)));
	CHECK(t, !strcmp(buf, expected));
}

/* A core with an offline CPU is in the pool but not available. */
static void h01_offline(struct ne_test *t)
{
	struct ne_env *env = t->env;
	const uint32_t *one = env->cpus, *two = &env->cpus[env->threads];
	uint32_t last = one[env->threads - 1];
	unsigned int i;
	int fd;

	need_two_cores(t);
	REQUIRE_EQ(t, ne_cpu_set_online(last, false), 0);
	check_pool(t, env->list);

	fd = ne_require_enclave(t);
	CHECK_ERR(t, ne_add_vcpu_id(fd, one[0]), NE_ERR_VCPU_NOT_IN_CPU_POOL);
	CHECK_ERR(t, ne_add_vcpu_id(fd, last), NE_ERR_VCPU_NOT_IN_CPU_POOL);
	for (i = 0; i < env->threads; i++)
		CHECK_EQ(t, ne_add_vcpu_id(fd, 0), two[i]);
	CHECK_ERR(t, ne_add_vcpu_id(fd, 0), NE_ERR_NO_CPUS_AVAIL_IN_POOL);
	CHECK_ERR(t, ne_new_enclave(NULL), NE_ERR_NO_CPUS_AVAIL_IN_POOL);

	REQUIRE_EQ(t, ne_cpu_set_online(last, true), 0);
	CHECK_EQ(t, ne_add_vcpu_id(fd, 0), one[0]);
	close(fd);
}

static void h02_offline_at_write(struct ne_test *t)
{
	struct ne_env *env = t->env;

	REQUIRE_EQ(t, ne_cpu_set_online(env->cpus[0], false), 0);
	CHECK_ERR(t, ne_pool_set(env->list), EINVAL);
	check_pool(t, "");
	REQUIRE_EQ(t, ne_cpu_set_online(env->cpus[0], true), 0);
	CHECK_EQ(t, ne_pool_set(env->list), 0);
}

/* A CPU that goes offline after NE_ADD_VCPU makes the start fail, which can be repeated. */
static void h03_offline_at_start(struct ne_test *t)
{
	struct ne_env *env = t->env;
	struct ne_netlink nl;
	struct ne_info info;
	uint64_t cid = 0, uid;
	unsigned int i;
	void *mem;
	int fd;

	CHECK_EQ(t, ne_start_daemon(), 0);
	mem = ne_map_huge(NE_MIN_ENCLAVE_SIZE);
	REQUIRE(t, mem);
	fd = ne_new_enclave(&uid);
	REQUIRE_OK(t, fd);
	for (i = 0; i < env->threads; i++)
		CHECK_EQ(t, ne_add_vcpu_id(fd, 0), env->cpus[i]);
	CHECK_EQ(t, ne_add_region(fd, mem, NE_MIN_ENCLAVE_SIZE), 0);

	REQUIRE_EQ(t, ne_cpu_set_online(env->cpus[0], false), 0);
	CHECK_ERR(t, ne_start(fd, 0, &cid), ENXIO);
	REQUIRE_EQ(t, ne_netlink_open(&nl, NE_EMU_MCGRP_EVENTS), 0);
	CHECK_EQ(t, ne_netlink_get(&nl, uid, &info), 0);
	CHECK_EQ(t, info.state, NE_EMU_ENCLAVE_STATE_INIT);
	CHECK(t, strstr(info.exit_text, "is offline"));
	ne_netlink_close(&nl);

	REQUIRE_EQ(t, ne_cpu_set_online(env->cpus[0], true), 0);
	CHECK_EQ(t, ne_start(fd, 0, &cid), 0);
	CHECK(t, cid >= 16);
	/* From here on, the host's scheduler decides where the vCPU runs. */
	REQUIRE_EQ(t, ne_cpu_set_online(env->cpus[0], false), 0);
	close(fd);
	munmap(mem, NE_MIN_ENCLAVE_SIZE);
	REQUIRE_EQ(t, ne_cpu_set_online(env->cpus[0], true), 0);
}

static void check_claimed(struct ne_test *t, struct ne_netlink *nl, size_t expected)
{
	struct ne_env *env = t->env;
	struct ne_pool_info info;

	REQUIRE_EQ(t, ne_netlink_pool(nl, &info), 0);
	CHECK_EQ(t, info.node, 0);
	CHECK_EQ(t, info.nr_cpus, env->nr_cores * env->threads);
	for (size_t i = 1; i < info.nr_cpus; i++)
		CHECK(t, info.cpus[i - 1] < info.cpus[i]);
	CHECK_EQ(t, info.nr_claimed, expected);
	if (expected)
		CHECK_EQ(t, info.claimed[0], env->cpus[0]);
}

static void check_told(struct ne_test *t, struct ne_netlink *nl, bool told)
{
	struct ne_info unused;
	int cmd = 0;

	do {
		if (ne_netlink_event(nl, told ? EVENT_MS : 0, &cmd, &unused))
			break;
	} while (cmd != NE_EMU_CMD_POOL_NTF);
	CHECK_EQ(t, cmd == NE_EMU_CMD_POOL_NTF, told);
}

static void h04_netlink(struct ne_test *t)
{
	struct ne_env *env = t->env;
	struct ne_pool_info info;
	struct ne_netlink nl;
	int fd;

	REQUIRE_EQ(t, ne_netlink_open(&nl, NE_EMU_MCGRP_EVENTS), 0);
	CHECK_EQ(t, ne_env_pool_restore(env), 0);
	check_told(t, &nl, true);
	check_claimed(t, &nl, 0);

	fd = ne_require_enclave(t);
	REQUIRE_EQ(t, ne_add_vcpu_id(fd, 0), env->cpus[0]);
	check_claimed(t, &nl, env->threads);
	/* A write that changes nothing is not announced. */
	CHECK_ERR(t, ne_pool_set(env->list), EPERM);
	check_told(t, &nl, false);
	close(fd);
	check_claimed(t, &nl, 0);

	CHECK_EQ(t, ne_pool_clear(), 0);
	check_told(t, &nl, true);
	CHECK_EQ(t, ne_netlink_pool(&nl, &info), 0);
	CHECK_EQ(t, info.nr_cpus, 0);
	CHECK_EQ(t, info.node, -1);
	ne_netlink_close(&nl);
}

static void after(struct ne_test *t)
{
	ne_cpus_all_online(t->env);
	ne_env_after(t);
}

static const struct ne_case cases[] = {
	{ "H01 offline CPU of the pool: its core is not available", h01_offline, 0 },
	{ "H02 offline CPU in a new pool: EINVAL, pool cleared", h02_offline_at_write, 0 },
	{ "H03 offline CPU of an enclave: start refused with ENXIO", h03_offline_at_start, 60 },
	{ "H04 pool-get and pool-ntf", h04_netlink, 0 },
};

int main(int argc, char **argv)
{
	struct ne_env env = { .page_need = NR_PAGES };
	const struct ne_suite suite = {
		.cases = cases,
		.nr_cases = ARRAY_SIZE(cases),
		.env = &env,
		.setup = ne_env_setup,
		.after = after,
		.teardown = ne_env_teardown,
	};

	return ne_suite_run(&suite, argc, argv);
}
