// SPDX-License-Identifier: Apache-2.0
/*
 * The partition for the CPU pool, on a fake cgroup tree: which files are written, and what
 * happens on hosts that cannot isolate. tests/lifecycle/partition.sh tests in the VM what
 * the kernel does with the values.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/paths.h"
#include "daemon/partition.h"
#include "fake_root.h"

#define OWN		"/sys/fs/cgroup/ne-emud.service"
#define POOL		OWN "/" PARTITION_GROUP
#define RUN		"/run/ne-emu"
#define STATE_FILE	RUN "/" NE_EMU_ISOLATION_FILE

static const uint32_t pool[] = { 2, 3, 6, 7, 9 };
static const char list[] = "2-3,6-7,9";

struct fixture {
	struct temp_dir root;
	char run[ROOT_PATH_SIZE];
	struct partition p;
};

/* A host that can isolate, with the files that mkdir() creates on cgroup2. */
static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	fake_root_create(&f->root);
	fake_root_put(&f->root, "/proc/self/cgroup", "0::/ne-emud.service\n");
	fake_root_put(&f->root, OWN "/cgroup.controllers", "cpuset pids\n");
	fake_root_put(&f->root, OWN "/cgroup.subtree_control", "\n");
	fake_root_put(&f->root, OWN "/cpuset.cpus.exclusive", "\n");
	fake_root_put(&f->root, POOL "/cgroup.type", "domain\n");
	fake_root_put(&f->root, POOL "/cgroup.threads", "");
	fake_root_put(&f->root, POOL "/cpuset.cpus.exclusive", "\n");
	fake_root_put(&f->root, POOL "/cpuset.cpus.partition", "member\n");
	fake_root_mkdir(&f->root, RUN);
	fake_root_path(&f->root, RUN, f->run);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	partition_exit(&f->p);
	fake_root_remove(&f->root);
	test_free(f);
	return 0;
}

static void init(struct fixture *f, bool wanted)
{
	partition_init(&f->p, f->root.path, f->run, wanted);
}

static void sync_pool(struct fixture *f)
{
	partition_sync(&f->p, pool, ARRAY_SIZE(pool), false);
}

/* Replace a file by one that discards or refuses writes. */
static void replace(struct fixture *f, const char *path, const char *target)
{
	char buf[ROOT_PATH_SIZE];

	fake_root_path(&f->root, path, buf);
	assert_int_equal(unlink(buf), 0);
	if (target)
		assert_int_equal(symlink(target, buf), 0);
}

static void expect_reason(struct fixture *f, const char *reason)
{
	char text[2 * ERROR_TEXT_SIZE];

	expect_text(f->p.reason.text, reason);
	assert_int_equal(f->p.threads_fd, -1);
	snprintf(text, sizeof(text), "%s\n%s\n", list, f->p.reason.text);
	fake_root_expect(&f->root, STATE_FILE, text);
}

static void expect_undone(struct fixture *f)
{
	fake_root_expect(&f->root, POOL "/cpuset.cpus.partition", "member");
	fake_root_expect(&f->root, POOL "/cpuset.cpus.exclusive", "\n");
	fake_root_expect(&f->root, OWN "/cpuset.cpus.exclusive", "\n");
	assert_int_equal(f->p.threads_fd, -1);
}

static void test_make(void **state)
{
	struct fixture *f = *state;

	init(f, true);
	sync_pool(f);
	assert_string_equal(f->p.reason.text, "");
	fake_root_expect(&f->root, POOL "/cgroup.type", "threaded");
	fake_root_expect(&f->root, OWN "/cgroup.subtree_control", "+cpuset");
	fake_root_expect(&f->root, OWN "/cpuset.cpus.exclusive", list);
	fake_root_expect(&f->root, POOL "/cpuset.cpus.exclusive", list);
	fake_root_expect(&f->root, POOL "/cpuset.cpus.partition", "isolated");
	fake_root_expect(&f->root, STATE_FILE, "2-3,6-7,9\n\n");
	assert_int_equal(write(f->p.threads_fd, "0", 1), 1);
	fake_root_expect(&f->root, POOL "/cgroup.threads", "0");
}

/* A correct partition is not changed, not even by the next supervisor. */
static void test_keep(void **state)
{
	struct fixture *f = *state;

	init(f, true);
	sync_pool(f);
	fake_root_put(&f->root, OWN "/cgroup.subtree_control", "cpuset\n");
	fake_root_put(&f->root, POOL "/cpuset.cpus.partition", "isolated\n");
	sync_pool(f);
	partition_exit(&f->p);
	init(f, true);
	partition_sync(&f->p, pool, ARRAY_SIZE(pool), true);
	assert_true(f->p.threads_fd >= 0);
	fake_root_expect(&f->root, OWN "/cgroup.subtree_control", "cpuset\n");
	fake_root_expect(&f->root, POOL "/cpuset.cpus.partition", "isolated\n");
}

static void test_change(void **state)
{
	struct fixture *f = *state;

	init(f, true);
	sync_pool(f);
	partition_sync(&f->p, pool + 2, 2, false);
	fake_root_expect(&f->root, OWN "/cpuset.cpus.exclusive", "6-7");
	fake_root_expect(&f->root, POOL "/cpuset.cpus.exclusive", "6-7");
	fake_root_expect(&f->root, POOL "/cpuset.cpus.partition", "isolated");
	fake_root_expect(&f->root, STATE_FILE, "6-7\n\n");
}

static void test_clear(void **state)
{
	char path[ROOT_PATH_SIZE];
	struct fixture *f = *state;

	init(f, true);
	sync_pool(f);
	partition_sync(&f->p, NULL, 0, false);
	expect_undone(f);
	assert_string_equal(f->p.reason.text, "");
	assert_int_equal(access(fake_root_path(&f->root, STATE_FILE, path), F_OK), -1);
	partition_sync(&f->p, NULL, 0, false);
	expect_undone(f);
}

/* The partition of an earlier supervisor is removed, too. */
static void test_switched_off(void **state)
{
	struct fixture *f = *state;

	init(f, true);
	sync_pool(f);
	partition_exit(&f->p);
	init(f, false);
	sync_pool(f);
	expect_undone(f);
	expect_reason(f, "--no-isolation");
}

/* All its CPUs were offline in the meantime. */
static void test_repair(void **state)
{
	struct fixture *f = *state;

	init(f, true);
	sync_pool(f);
	fake_root_put(&f->root, POOL "/cgroup.threads", "77\n");
	fake_root_put(&f->root, POOL "/cpuset.cpus.partition",
		      "isolated invalid (No cpu available due to hotplug)\n");
	partition_sync(&f->p, pool, ARRAY_SIZE(pool), true);
	assert_string_equal(f->p.reason.text, "");
	fake_root_expect(&f->root, POOL "/cpuset.cpus.partition", "isolated");
}

static void test_not_below_enclaves(void **state)
{
	struct fixture *f = *state;

	init(f, true);
	partition_sync(&f->p, pool, ARRAY_SIZE(pool), true);
	expect_reason(f, "running enclaves were started without isolation");
	fake_root_expect(&f->root, POOL "/cpuset.cpus.partition", "member\n");
	sync_pool(f);
	assert_string_equal(f->p.reason.text, "");
	fake_root_expect(&f->root, POOL "/cpuset.cpus.partition", "isolated");
}

struct lack {
	const char *path;
	const char *text;	/* NULL: the file does not exist */
	const char *reason;
};

static void test_hosts_that_cannot(void **state)
{
	static const struct lack lacks[] = {
		{ "/proc/self/cgroup", NULL, "does not use cgroup v2" },
		{ "/proc/self/cgroup", "3:cpuset:/\n1:name=systemd:/\n", "does not use cgroup v2" },
		{ "/proc/self/cgroup", "3:cpuset:/\n0::/elsewhere\n", "not mounted" },
		{ "/proc/self/cgroup", "0::relative\n", "does not use cgroup v2" },
		{ OWN "/cgroup.controllers", "cpu io\n", "Delegate=cpuset" },
		{ OWN "/cgroup.controllers", "cpusets xcpuset\n", "Delegate=cpuset" },
		{ OWN "/cgroup.controllers", "", "Delegate=cpuset" },
		{ OWN "/cpuset.cpus.exclusive", NULL, "since 6.7" },
	};
	struct fixture *f;

	for (size_t i = 0; i < ARRAY_SIZE(lacks); i++) {
		setup((void **)&f);
		if (lacks[i].text)
			fake_root_put(&f->root, lacks[i].path, lacks[i].text);
		else
			replace(f, lacks[i].path, NULL);
		init(f, true);
		assert_string_equal(f->p.reason.text, "");
		sync_pool(f);
		expect_reason(f, lacks[i].reason);
		fake_root_expect(&f->root, POOL "/cpuset.cpus.partition", "member\n");
		partition_sync(&f->p, NULL, 0, false);
		assert_string_equal(f->p.reason.text, "");
		teardown((void **)&f);
	}
}

/* Each step is refused: the reason names it, and nothing is left behind. */
static void test_refused(void **state)
{
	static const struct lack lacks[] = {
		{ POOL "/cgroup.type", "/dev/full", "threaded cgroup: No space" },
		{ OWN "/cgroup.subtree_control", "/dev/full", "cpuset controller: No space" },
		{ OWN "/cpuset.cpus.exclusive", "/dev/full", "reserve the CPUs: No space" },
		{ POOL "/cpuset.cpus.exclusive", "/dev/full", "reserve the CPUs: No space" },
		{ POOL "/cpuset.cpus.partition", "/dev/full", "make a partition: No space" },
		{ POOL "/cpuset.cpus.partition", "/dev/null", "refuses the partition: \"\"" },
		{ POOL "/cgroup.threads", NULL, "cgroup.threads: No such file" },
	};
	struct fixture *f;

	for (size_t i = 0; i < ARRAY_SIZE(lacks); i++) {
		setup((void **)&f);
		replace(f, lacks[i].path, lacks[i].text);
		init(f, true);
		sync_pool(f);
		expect_reason(f, lacks[i].reason);
		if (strcmp(lacks[i].path, POOL "/cpuset.cpus.partition"))
			fake_root_expect(&f->root, POOL "/cpuset.cpus.partition", "member");
		if (strcmp(lacks[i].path, OWN "/cpuset.cpus.exclusive"))
			fake_root_expect(&f->root, OWN "/cpuset.cpus.exclusive", "\n");
		teardown((void **)&f);
	}
}

/* Without a place for the state file, as in a test or on a read-only host. */
static void test_no_run_dir(void **state)
{
	struct fixture *f = *state;

	partition_init(&f->p, f->root.path, "/does/not/exist", true);
	sync_pool(f);
	assert_string_equal(f->p.reason.text, "");
	partition_exit(&f->p);
	partition_init(&f->p, f->root.path, NULL, true);
	sync_pool(f);
	assert_true(f->p.threads_fd >= 0);
}

static void test_format(void **state)
{
	static const struct {
		uint32_t cpus[6];
		size_t count;
		const char *text;
	} cases[] = {
		{ { 0 }, 0, "" },
		{ { 0 }, 1, "0" },
		{ { 2, 3 }, 2, "2-3" },
		{ { 2, 4, 6 }, 3, "2,4,6" },
		{ { 1, 2, 3, 9, 10, 65535 }, 6, "1-3,9-10,65535" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = format_cpu_list(cases[i].cpus, cases[i].count);

		assert_string_equal(text, cases[i].text);
		free(text);
	}
}

#define CASE(f)		cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_make),
		CASE(test_keep),
		CASE(test_change),
		CASE(test_clear),
		CASE(test_switched_off),
		CASE(test_repair),
		CASE(test_not_below_enclaves),
		cmocka_unit_test(test_hosts_that_cannot),
		cmocka_unit_test(test_refused),
		CASE(test_no_run_dir),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests_name("partition", tests, NULL, NULL);
}
