// SPDX-License-Identifier: Apache-2.0
/* V: NE_ADD_VCPU. Cores are {a,b} and {c,d}. */

#include "ne_guest.h"
#include "ne_lib.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int start(int fd)
{
	uint64_t cid = 0;

	return ne_start(fd, 0, &cid);
}

static void v01_bad_argument(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int fd = ne_require_enclave(t);

	CHECK_ERR(t, ne_add_vcpu(fd, NULL), EFAULT);
	CHECK_ERR(t, ne_add_vcpu_id(fd, 0xffffffff), NE_ERR_INVALID_VCPU);
	CHECK_ERR(t, ne_add_vcpu_id(fd, ne_nr_cpu_ids() / env->threads * env->threads),
		  NE_ERR_INVALID_VCPU);
}

/* The last core has one thread, because the limit of CPUs cuts off the other. */
static void v01_odd_number_of_cpus(struct ne_test *t)
{
	unsigned int last = ne_nr_cpu_ids() - 1, node = !ne_cpu_on_node(last, 0);
	unsigned int cpu, expected[8], i, nr = 0;
	uint32_t core[NE_MAX_THREADS];
	char list[64], *end = list;
	int fd;

	for (cpu = 2; cpu <= last; cpu++) {
		REQUIRE_OK(t, ne_cpu_core(cpu, core, NE_MAX_THREADS));
		if (core[0] == 0 || !ne_cpu_on_node(cpu, node) || nr == ARRAY_SIZE(expected))
			continue;
		end += sprintf(end, "%s%u", nr ? "," : "", cpu);
		expected[nr++] = cpu;
	}
	REQUIRE(t, nr > 2 && expected[nr - 1] == last);
	REQUIRE_EQ(t, ne_pool_set(list), 0);
	fd = ne_require_enclave(t);
	CHECK_ERR(t, ne_add_vcpu_id(fd, last), NE_ERR_INVALID_VCPU);
	for (i = 0; i < nr; i++)
		CHECK_EQ(t, ne_add_vcpu_id(fd, 0), expected[i]);
	CHECK_ERR(t, ne_add_vcpu_id(fd, 0), NE_ERR_NO_CPUS_AVAIL_IN_POOL);
}

static void v02_not_in_pool(struct ne_test *t)
{
	struct ne_env *env = t->env;
	uint32_t parent[NE_MAX_THREADS];
	char core[32];
	int fd;

	ne_need_cores(t, 2);
	snprintf(core, sizeof(core), "%u,%u", env->cpus[0], env->cpus[1]);
	REQUIRE_EQ(t, ne_pool_set(core), 0);
	REQUIRE_EQ(t, ne_cpu_core(0, parent, NE_MAX_THREADS), 2);
	fd = ne_require_enclave(t);
	CHECK_ERR(t, ne_add_vcpu_id(fd, env->cpus[2]), NE_ERR_VCPU_NOT_IN_CPU_POOL);
	CHECK_ERR(t, ne_add_vcpu_id(fd, parent[1]), NE_ERR_VCPU_NOT_IN_CPU_POOL);
	CHECK_EQ(t, ne_add_vcpu_id(fd, env->cpus[0]), env->cpus[0]);
}

static void v03_order(struct ne_test *t)
{
	struct ne_env *env = t->env;
	const uint32_t *cpus = env->cpus;
	int fd = ne_require_enclave(t);

	ne_need_cores(t, 2);
	CHECK_EQ(t, ne_add_vcpu_id(fd, cpus[1]), cpus[1]);
	CHECK_ERR(t, ne_add_vcpu_id(fd, cpus[1]), NE_ERR_VCPU_ALREADY_USED);
	CHECK_EQ(t, ne_add_vcpu_id(fd, 0), cpus[0]);
	CHECK_EQ(t, ne_add_vcpu_id(fd, 0), cpus[2]);
	CHECK_EQ(t, ne_add_vcpu_id(fd, 0), cpus[3]);
	CHECK_ERR(t, ne_add_vcpu_id(fd, 0), NE_ERR_NO_CPUS_AVAIL_IN_POOL);
}

static void v03_single_threads(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int fd1, fd2;

	if (env->nr_cores < 2)
		ne_skip(t, "needs 2 free cores besides CPU 0's");
	ne_single_threads(t);
	fd1 = ne_require_enclave(t);
	fd2 = ne_require_enclave(t);
	CHECK_EQ(t, ne_add_vcpu_id(fd1, env->cpus[1]), env->cpus[1]);
	CHECK_ERR(t, ne_add_vcpu_id(fd1, env->cpus[1]), NE_ERR_VCPU_ALREADY_USED);
	CHECK_EQ(t, ne_add_vcpu_id(fd2, 0), env->cpus[0]);
	CHECK_ERR(t, ne_add_vcpu_id(fd1, 0), NE_ERR_NO_CPUS_AVAIL_IN_POOL);
	CHECK_ERR(t, ne_add_vcpu_id(fd1, env->cpus[0]), NE_ERR_VCPU_NOT_IN_CPU_POOL);
}

static void v04_whole_core_taken(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int fd1 = ne_require_enclave(t), fd2 = ne_require_enclave(t);

	ne_need_cores(t, 2);
	CHECK_EQ(t, ne_add_vcpu_id(fd1, env->cpus[0]), env->cpus[0]);
	CHECK_ERR(t, ne_add_vcpu_id(fd2, env->cpus[1]), NE_ERR_VCPU_NOT_IN_CPU_POOL);
	CHECK_EQ(t, ne_add_vcpu_id(fd2, 0), env->cpus[2]);
}

static void v05_pool_taken(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int fd1 = ne_require_enclave(t), fd2 = ne_require_enclave(t);
	unsigned int i;

	for (i = 0; i < env->nr_cores * env->threads; i++)
		REQUIRE_OK(t, ne_add_vcpu_id(fd1, 0));
	CHECK_ERR(t, ne_add_vcpu_id(fd2, 0), NE_ERR_NO_CPUS_AVAIL_IN_POOL);
	CHECK_ERR(t, ne_add_vcpu_id(fd2, env->cpus[0]), NE_ERR_VCPU_NOT_IN_CPU_POOL);
}

/* Call NE_ADD_VCPU(0) in a forked child. */
static void add_in_child(struct ne_test *t, int fd, int expected)
{
	pid_t pid = fork();

	REQUIRE(t, pid >= 0);
	if (!pid) {
		CHECK_EQ(t, ne_add_vcpu_id(fd, 0), expected);
		fflush(stdout);
		_exit(0);
	}
	ne_wait_child(t, pid);
}

static void v06_forked_child(struct ne_test *t)
{
	add_in_child(t, ne_require_enclave(t), -EIO);
}

static void v07_core_stays_claimed(struct ne_test *t)
{
	struct ne_env *env = t->env;
	struct ne_enclave e;

	ne_need_cores(t, 1);
	ne_enclave_create(t, &e);
	add_in_child(t, e.fd, -EIO);
	ne_enclave_add_memory(t, &e, NE_MIN_ENCLAVE_SIZE);
	CHECK_ERR(t, start(e.fd), NE_ERR_NO_VCPUS_ADDED);
	CHECK_EQ(t, ne_add_vcpu_id(e.fd, 0), env->cpus[0]);
	CHECK_ERR(t, start(e.fd), NE_ERR_FULL_CORES_NOT_USED);
	CHECK_EQ(t, ne_add_vcpu_id(e.fd, 0), env->cpus[1]);
	CHECK_EQ(t, start(e.fd), 0);
}

struct add_call {
	int fd;
	int rc;
};

static void *add_in_thread(void *arg)
{
	struct add_call *call = arg;

	call->rc = ne_add_vcpu_id(call->fd, 0);
	return NULL;
}

static void v08_thread_and_vfork(struct ne_test *t)
{
	struct ne_env *env = t->env;
	struct add_call call = { .fd = ne_require_enclave(t) };
	volatile int vfork_rc = -1;
	pthread_t thread;
	pid_t pid;

	ne_need_cores(t, 1);
	REQUIRE(t, !pthread_create(&thread, NULL, add_in_thread, &call));
	pthread_join(thread, NULL);
	CHECK_EQ(t, call.rc, env->cpus[0]);

	pid = vfork();
	if (!pid) {
		vfork_rc = ne_add_vcpu_id(call.fd, 0);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	CHECK_EQ(t, vfork_rc, env->cpus[1]);
}

static void v09_running(struct ne_test *t)
{
	struct ne_enclave e;

	ne_enclave_start(t, &e);
	CHECK_ERR(t, ne_add_vcpu_id(e.fd, 0), NE_ERR_NOT_IN_INIT_STATE);
	CHECK_ERR(t, ne_add_vcpu_id(e.fd, 9999), NE_ERR_NOT_IN_INIT_STATE);
	CHECK_ERR(t, ne_add_vcpu(e.fd, NULL), EFAULT);
}

/*
 * On EC2 the hypervisor can refuse a vCPU after its core was claimed. Here the check of
 * the caller's address space is the only step after the claim that can fail.
 */
static void v10_refused_after_claim(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int fd1 = ne_require_enclave(t), fd2 = ne_require_enclave(t);

	add_in_child(t, fd1, -EIO);
	if (env->nr_cores > 1)
		CHECK_EQ(t, ne_add_vcpu_id(fd2, 0), env->cpus[env->threads]);
	CHECK_EQ(t, ne_add_vcpu_id(fd1, 0), env->cpus[0]);
}

static void v11_copy_out_fails(struct ne_test *t)
{
	uint32_t *readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ne_env *env = t->env;
	int fd = ne_require_enclave(t);

	ne_need_cores(t, 1);
	CHECK_ERR(t, ne_add_vcpu(fd, readonly), EFAULT);
	CHECK_EQ(t, ne_add_vcpu_id(fd, 0), env->cpus[1]);
}

static void v12_reuse(struct ne_test *t)
{
	struct ne_env *env = t->env;
	unsigned int i;

	ne_need_cores(t, 1);
	for (i = 0; i < 2; i++) {
		int fd = ne_require_enclave(t);

		CHECK_EQ(t, ne_add_vcpu_id(fd, env->cpus[0]), env->cpus[0]);
		CHECK_EQ(t, ne_add_vcpu_id(fd, env->cpus[1]), env->cpus[1]);
		close(fd);
	}
}

static const struct ne_case cases[] = {
	{ "V01 bad pointer: EFAULT, id out of range: 271", v01_bad_argument, 0 },
	{ "V01 odd number of CPUs: the last one is 271, but automatic", v01_odd_number_of_cpus, 0,
	  NE_NEED_ODD_CPUS },
	{ "V02 CPU not in the pool: 257", v02_not_in_pool, 0 },
	{ "V03 explicit, repeated and automatic ids", v03_order, 0 },
	{ "V03 cores of one thread", v03_single_threads, 0 },
	{ "V04 an enclave takes whole cores", v04_whole_core_taken, 0 },
	{ "V05 pool taken by another enclave: 272, 257", v05_pool_taken, 0 },
	{ "V06 forked child: EIO", v06_forked_child, 0 },
	{ "V07 core stays claimed after EIO", v07_core_stays_claimed, 60 },
	{ "V08 thread and vfork child may add", v08_thread_and_vfork, 0 },
	{ "V09 running enclave: 270", v09_running, 120 },
	{ "V10 refused after the claim: the same CPU next time", v10_refused_after_claim, 0 },
	{ "V11 id cannot be copied out: EFAULT, vCPU added", v11_copy_out_fails, 0 },
	{ "V12 CPUs are free again after close", v12_reuse, 0 },
};

int main(int argc, char **argv)
{
	/* Twice, because a forked child copies donated pages instead of sharing them. */
	return ne_guest_main(cases, ARRAY_SIZE(cases), 2 * ne_guest_pages(), argc, argv);
}
