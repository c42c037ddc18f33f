// SPDX-License-Identifier: Apache-2.0
/* C: NE_CREATE_VM. */

#include "ne_env.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_MAX	"/proc/sys/fs/file-max"
#define ROUNDS		1000
/* Time limit for what the kernel frees after a grace period. */
#define FREE_TIMEOUT_MS	(10000 * ne_slowness())

/* The descriptor that the next open file gets. */
static int lowest_free_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void c01_no_pool(struct ne_test *t)
{
	int dev_fd = ne_require_device(t);
	uint64_t uid = 0;

	REQUIRE_EQ(t, ne_pool_clear(), 0);
	CHECK_ERR(t, ne_create_vm(dev_fd, &uid), NE_ERR_NO_CPUS_AVAIL_IN_POOL);
	CHECK_EQ(t, uid, 0);
}

static void c02_two(struct ne_test *t)
{
	uint64_t uid1 = 0x1234, uid2 = 0x1234;
	int dev_fd = ne_require_device(t);
	int fd1 = ne_create_vm(dev_fd, &uid1);
	int fd2 = ne_create_vm(dev_fd, &uid2);

	REQUIRE_OK(t, fd1);
	REQUIRE_OK(t, fd2);
	CHECK(t, fd1 != fd2);
	CHECK(t, uid1 && uid2 && uid1 != uid2);
	CHECK(t, uid1 != 0x1234);
}

static void c03_bad_pointer(struct ne_test *t)
{
	void *readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ne_env *env = t->env;
	int dev_fd = ne_require_device(t);
	int next = lowest_free_fd();

	CHECK_ERR(t, ne_create_vm(dev_fd, NULL), EFAULT);
	CHECK_ERR(t, ne_create_vm(dev_fd, readonly), EFAULT);
	CHECK_EQ(t, lowest_free_fd(), next);
	CHECK_EQ(t, ne_env_pool_restore(env), 0);
}

static void c04_pool_used_up(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int dev_fd = ne_require_device(t);
	uint64_t uid;
	int fd = ne_create_vm(dev_fd, &uid);
	unsigned int i;

	REQUIRE_OK(t, fd);
	for (i = 0; i < env->nr_cores * env->threads; i++)
		REQUIRE_OK(t, ne_add_vcpu_id(fd, 0));
	CHECK_ERR(t, ne_create_vm(dev_fd, &uid), NE_ERR_NO_CPUS_AVAIL_IN_POOL);
	close(fd);
	CHECK(t, ne_create_vm(dev_fd, &uid) >= 0);
}

static void c05_no_fd_left(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int dev_fd = ne_require_device(t);
	struct rlimit limit;
	uint64_t uid = 0;
	rlim_t old;

	REQUIRE(t, !getrlimit(RLIMIT_NOFILE, &limit));
	old = limit.rlim_cur;
	limit.rlim_cur = lowest_free_fd();
	REQUIRE(t, !setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_ERR(t, ne_create_vm(dev_fd, &uid), EMFILE);
	limit.rlim_cur = old;
	REQUIRE(t, !setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(t, ne_env_pool_restore(env), 0);
}

/* The hypervisor of EC2 has a limit of four. The emulator's limit is higher. */
static void c06_more_than_four(struct ne_test *t)
{
	uint64_t uids[6];
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(uids); i++) {
		CHECK(t, ne_new_enclave(&uids[i]) >= 0);
		for (k = 0; k < i; k++)
			CHECK(t, uids[i] != uids[k]);
	}
}

/*
 * The last step that can fail is the allocation of the enclave's file, because of the
 * system's limit of files, which does not apply to CAP_SYS_ADMIN. The fault tests of the
 * debug kernel make the earlier allocations fail.
 */
static void c07_last_step_fails(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int dev_fd = ne_require_device(t);
	int limit_fd = open(FILE_MAX, O_WRONLY | O_CLOEXEC);
	int next = lowest_free_fd();
	char limit[32];
	uint64_t uid = 77;
	int len, rc;

	REQUIRE(t, limit_fd >= 0);
	len = ne_read_file(FILE_MAX, limit, sizeof(limit));
	REQUIRE_OK(t, len);
	if (!fork()) {
		int err = ne_drop_sys_admin();

		REQUIRE_EQ(t, write(limit_fd, "1", 1), 1);
		rc = ne_create_vm(dev_fd, &uid);
		REQUIRE_EQ(t, pwrite(limit_fd, limit, len, 0), len);
		CHECK_EQ(t, err, 0);
		CHECK_EQ(t, rc, -ENFILE);
		CHECK_EQ(t, uid, 77);
		CHECK_EQ(t, lowest_free_fd(), next);
		/* No enclave is left, although this process still runs. */
		CHECK_EQ(t, ne_new_enclave(NULL) >= 0, true);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	CHECK_EQ(t, ne_env_pool_restore(env), 0);
}

static void c08_many_rounds(struct ne_test *t)
{
	int kmsg = ne_kmsg_open();
	int dev_fd = ne_require_device(t);
	long before = ne_meminfo("SUnreclaim");
	uint64_t uid, end;
	unsigned int i;
	long slab;

	for (i = 0; i < ROUNDS; i++) {
		int fd = ne_create_vm(dev_fd, &uid);

		REQUIRE_OK(t, fd);
		close(fd);
	}
	/*
	 * An enclave takes more than 1 KiB, so a leak in each round would add up to 1 MiB. The
	 * kernel frees files only after a grace period of all CPUs.
	 */
	end = ne_now_ms() + FREE_TIMEOUT_MS;
	while ((slab = ne_meminfo("SUnreclaim") - before) >= ROUNDS && ne_now_ms() < end)
		ne_msleep(100);
	if (slab >= ROUNDS)
		ne_note("unreclaimable slab grew by %ld KiB", slab);
	CHECK(t, slab < ROUNDS);
	CHECK(t, ne_kmsg_is_quiet(kmsg));
}

static void c09_first_come(struct ne_test *t)
{
	struct ne_env *env = t->env;
	char core[32];
	int fd1, fd2;

	snprintf(core, sizeof(core), env->threads == 2 ? "%u,%u" : "%u", env->cpus[0],
		 env->cpus[1]);
	REQUIRE_EQ(t, ne_pool_set(core), 0);
	fd1 = ne_new_enclave(NULL);
	fd2 = ne_new_enclave(NULL);
	REQUIRE_OK(t, fd1);
	REQUIRE_OK(t, fd2);
	CHECK_EQ(t, ne_add_vcpu_id(fd2, 0), env->cpus[0]);
	CHECK_ERR(t, ne_add_vcpu_id(fd1, 0), NE_ERR_NO_CPUS_AVAIL_IN_POOL);
}

static const struct ne_case cases[] = {
	{ "C01 no pool: 272", c01_no_pool, 0 },
	{ "C02 two enclaves with different uids", c02_two, 0 },
	{ "C03 bad pointer: EFAULT, nothing left", c03_bad_pointer, 0 },
	{ "C04 pool used up: 272 until closed", c04_pool_used_up, 0 },
	{ "C05 no fd left: EMFILE, nothing left", c05_no_fd_left, 0 },
	{ "C06 more than four enclaves", c06_more_than_four, 0 },
	{ "C07 last step fails: ENFILE, nothing left", c07_last_step_fails, 0 },
	{ "C08 1000 times create and close", c08_many_rounds, 120 },
	{ "C09 the first to add a vCPU gets the core", c09_first_come, 0 },
};

int main(int argc, char **argv)
{
	return ne_env_main(cases, ARRAY_SIZE(cases), 0, argc, argv);
}
