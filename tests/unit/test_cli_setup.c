// SPDX-License-Identifier: Apache-2.0
/* The choice of cores and huge pages, and "ne-emu setup" on a fake machine. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/commands.h"
#include "cli/host/hugepages.h"
#include "cli/host/topology.h"
#include "command/command.h"
#include "fake_root.h"

#include <inttypes.h>

#define POOL	"/sys/module/nitro_enclaves/parameters/ne_cpus"
#define SMALL	"hugepages-2048kB"
#define LARGE	"hugepages-1048576kB"

#define NODE	"/sys/devices/system/node/node"
#define STATE	"/run/ne-emu/setup.json"

/* What the fake kernel refuses or limits; with zeros it obeys. */
static struct {
	int pool;		/* errno for any list of CPUs (EPERM), or for the chosen one */
	uint64_t pages_max;	/* maximum of huge pages of 2 MiB */
	int large_pages;	/* errno for huge pages of 1 GiB */
} kernel;

int __real_sys_write(const char *text, const char *fmt, ...);
int __wrap_sys_write(const char *text, const char *fmt, ...);

int __wrap_sys_write(const char *text, const char *fmt, ...)
{
	char path[256], less[24];
	va_list args;

	va_start(args, fmt);
	assert_in_range(vsnprintf(path, sizeof(path), fmt, args), 1, sizeof(path) - 1);
	va_end(args);
	if (!strcmp(path, POOL) && kernel.pool && (kernel.pool == EPERM || !strcmp(text, "1,5"))) {
		/* Like the driver: a failed write empties the pool unless it is in use. */
		if (kernel.pool != EPERM)
			__real_sys_write("", "%s", path);
		return -kernel.pool;
	}
	if (strstr(path, LARGE) && kernel.large_pages)
		return -kernel.large_pages;
	snprintf(less, sizeof(less), "%" PRIu64, kernel.pages_max);
	if (strstr(path, SMALL) && kernel.pages_max && strtoull(text, NULL, 10) > kernel.pages_max)
		text = less;
	return __real_sys_write(text, "%s", path);
}

static void add_cpu(const struct temp_dir *root, unsigned int cpu, unsigned int node,
		    const char *siblings)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
		 cpu);
	fake_root_put(root, path, siblings);
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/node%u", cpu, node);
	fake_root_mkdir(root, path);
}

static void add_pages(const struct temp_dir *root, unsigned int node, const char *size,
		      const char *total, const char *free)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/hugepages/%s/nr_hugepages",
		 node, size);
	fake_root_put(root, path, total);
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/hugepages/%s/free_hugepages",
		 node, size);
	fake_root_put(root, path, free);
}

/* Two nodes of two cores with two threads each; CPU 7 is offline. */
static void make_machine(struct temp_dir *root)
{
	fake_root_create(root);
	fake_root_put(root, "/sys/devices/system/cpu/online", "0-6\n");
	add_cpu(root, 0, 0, "0,4\n");
	add_cpu(root, 4, 0, "0,4\n");
	add_cpu(root, 1, 0, "1,5\n");
	add_cpu(root, 5, 0, "1,5\n");
	add_cpu(root, 2, 1, "2,6\n");
	add_cpu(root, 6, 1, "2,6\n");
	add_cpu(root, 3, 1, "3\n");
	fake_root_mkdir(root, "/run");
	fake_root_put(root, POOL, "\n");
	add_pages(root, 0, SMALL, "8\n", "2\n");
	add_pages(root, 0, LARGE, "0\n", "0\n");
	add_pages(root, 1, SMALL, "0\n", "0\n");
	add_pages(root, 1, LARGE, "0\n", "0\n");
	fake_root_put(root, "/proc/meminfo",
		      "MemTotal:       33554432 kB\nMemFree:         1048576 kB\n"
		      "MemAvailable:   16777216 kB\n");
	fake_root_put(root, NODE "0/meminfo",
		      "Node 0 MemTotal:       16777216 kB\nNode 0 MemFree:         8388608 kB\n"
		      "Node 0 FilePages:       1048576 kB\nNode 0 SReclaimable:    1048576 kB\n");
	memset(&kernel, 0, sizeof(kernel));
}

static void expect_pages(const struct temp_dir *root, unsigned int node, const char *size,
			 const char *total)
{
	char path[256];

	snprintf(path, sizeof(path), NODE "%u/hugepages/%s/nr_hugepages", node, size);
	fake_root_expect(root, path, total);
}

static void expect_no_state(const struct temp_dir *root)
{
	char path[ROOT_PATH_SIZE];

	assert_int_not_equal(access(fake_root_path(root, STATE, path), F_OK), 0);
}

static void test_topology(void **state)
{
	static const struct {
		size_t count;
		int result, node;
		uint32_t cpus[3];
	} cases[] = {
		{ 1, 0, 1, { 3 } },
		{ 2, 0, 0, { 1, 5 } },
		{ 3, 0, 1, { 2, 3, 6 } },
		{ 4, -ENOSPC, 0, {} },
		{ 100, -ENOSPC, 0, {} },
	};
	struct topology topology;
	struct temp_dir root;
	uint32_t cpus[100];
	int node;

	make_machine(&root);
	assert_int_equal(topology_read(&topology), 0);
	assert_int_equal(topology.nr_cores, 4);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(topology_choose(&topology, cases[i].count, cpus, &node),
				 cases[i].result);
		if (cases[i].result)
			continue;
		assert_int_equal(node, cases[i].node);
		assert_memory_equal(cpus, cases[i].cpus, cases[i].count * sizeof(*cpus));
	}
	topology_free(&topology);

	/* Without the single-threaded core, odd numbers of CPUs are impossible. */
	fake_root_put(&root, "/sys/devices/system/cpu/online", "0-2,4-6\n");
	assert_int_equal(topology_read(&topology), 0);
	assert_int_equal(topology_choose(&topology, 1, cpus, &node), -EDOM);
	assert_int_equal(topology_choose(&topology, 3, cpus, &node), -ENOSPC);
	topology_free(&topology);
	fake_root_remove(&root);
}

static void test_choose_pages(void **state)
{
	static const struct {
		uint64_t large, small;		/* free */
		uint64_t mib;
		int result;
		uint64_t use_large, use_small;
	} cases[] = {
		{ 0, 32, 64, 0, 0, 32 },
		{ 0, 31, 64, -ENOMEM, 0, 0 },
		{ 2, 600, 1024, 0, 1, 0 },
		{ 2, 600, 1536, 0, 1, 256 },
		{ 1, 600, 2100, 0, 1, 538 },
		{ 2, 100, 1536, 0, 2, 0 },	/* not the 100 small ones in addition */
		{ 1, 0, 64, 0, 1, 0 },
		{ 1, 10, 64, 0, 1, 0 },
		{ 1, 100, 64, 0, 0, 32 },
		{ 1, 100, 1536, -ENOMEM, 0, 0 },
		{ 0, 0, 2, -ENOMEM, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct huge_sizes sizes = { .count = 2, .list = {
			{ .size = GIB, .free = cases[i].large },
			{ .size = 2 * MIB, .free = cases[i].small },
		} };

		assert_int_equal(huge_sizes_choose(&sizes, cases[i].mib * MIB), cases[i].result);
		if (cases[i].result)
			continue;
		assert_int_equal(sizes.list[0].use, cases[i].use_large);
		assert_int_equal(sizes.list[1].use, cases[i].use_small);
	}
}

static void test_read_pages(void **state)
{
	struct huge_sizes sizes;
	struct temp_dir root;

	make_machine(&root);
	/* arm64 has these, which are too small for the ABI. */
	add_pages(&root, 0, "hugepages-64kB", "5\n", "5\n");
	huge_sizes_read(0, &sizes);
	assert_int_equal(sizes.count, 2);
	assert_int_equal(sizes.list[0].size, GIB);
	assert_int_equal(sizes.list[1].size, 2 * MIB);
	assert_int_equal(sizes.list[1].free, 2);
	huge_sizes_read(-1, &sizes);
	assert_int_equal(sizes.count, 0);
	fake_root_remove(&root);
}

static void test_setup_and_undo(void **state)
{
	struct command_result result;
	struct temp_dir root;

	make_machine(&root);
	run_command(&result, &cmd_setup, "setup", "--memory", "64", "--cpus", "2", NULL);
	assert_string_equal(result.err, "");
	assert_int_equal(result.code, COMMAND_OK);
	expect_text(result.out, "huge pages: 60 MiB more");
	expect_text(result.out, "CPU pool: 1,5 on NUMA node 0\n");
	expect_text(result.out, "isolation: none: ne-emud has not isolated CPUs 1,5; is it running?\n");
	fake_root_expect(&root, POOL, "1,5\n");
	fake_root_expect(&root, "/sys/devices/system/node/node0/hugepages/" SMALL "/nr_hugepages",
			 "38\n");

	/* A second setup still knows the state before the first. */
	run_command(&result, &cmd_setup, "setup", "--memory", "1024", "--cpus", "2", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	run_command(&result, &cmd_setup, "setup", "--undo", NULL);
	assert_string_equal(result.err, "");
	assert_int_equal(result.code, COMMAND_OK);
	fake_root_expect(&root, POOL, "\n");
	fake_root_expect(&root, "/sys/devices/system/node/node0/hugepages/" SMALL "/nr_hugepages",
			 "8\n");
	fake_root_expect(&root, "/sys/devices/system/node/node0/hugepages/" LARGE "/nr_hugepages",
			 "0\n");
	run_command(&result, &cmd_setup, "setup", "--undo", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	expect_text(result.err, "nothing to undo");
	fake_root_remove(&root);
}

/* QEMU can only use pages of the default size. */
static void test_small_pages_first(void **state)
{
	struct command_result result;
	struct temp_dir root;

	make_machine(&root);
	fake_root_put(&root, "/run/ne-emu/isolation", "2-3,6\n\n");
	fake_root_put(&root, "/sys/fs/cgroup/cpuset.cpus.isolated", "2-3,6\n");
	run_command(&result, &cmd_setup, "setup", "--memory", "3G", "--cpus", "3", NULL);
	expect_text(result.out, "isolation: only enclaves run on CPUs 2-3,6\n");
	assert_int_equal(result.code, COMMAND_OK);
	fake_root_expect(&root, "/sys/devices/system/node/node1/hugepages/" LARGE "/nr_hugepages",
			 "0\n");
	fake_root_expect(&root, "/sys/devices/system/node/node1/hugepages/" SMALL "/nr_hugepages",
			 "1536\n");
	fake_root_remove(&root);
}

static void test_dry_run(void **state)
{
	struct command_result result;
	struct temp_dir root;
	char path[ROOT_PATH_SIZE];

	make_machine(&root);
	run_command(&result, &cmd_setup, "setup", "--memory", "64", "--cpus", "2", "--dry-run",
		    NULL);
	assert_int_equal(result.code, COMMAND_OK);
	expect_text(result.out, "CPU pool: 1,5");
	fake_root_expect(&root, POOL, "\n");
	assert_int_not_equal(access(fake_root_path(&root, "/run/ne-emu/setup.json", path), F_OK),
			     0);
	fake_root_remove(&root);
}

static void test_setup_errors(void **state)
{
	struct command_result result;
	struct temp_dir root;
	char path[ROOT_PATH_SIZE];

	make_machine(&root);
	run_command(&result, &cmd_setup, "setup", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	run_command(&result, &cmd_setup, "setup", "--undo", "--cpus", "2", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	run_command(&result, &cmd_setup, "setup", "--cpus", "4", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	expect_text(result.err, "no NUMA node has 4 CPUs");
	assert_int_equal(unlink(fake_root_path(&root, POOL, path)), 0);
	run_command(&result, &cmd_setup, "setup", "--cpus", "2", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	expect_text(result.err, "modprobe nitro_enclaves_emu");
	fake_root_remove(&root);
}

/* 5 % of the memory stay with the host. */
static void test_too_much_memory(void **state)
{
	static const struct {
		const char *memory, *text;	/* NULL: enough */
	} cases[] = {
		{ "100G", "102396 MiB more are needed, but only 9728 MiB are available on NUMA "
			  "node 0; nothing was changed" },
		{ "9734", "9730 MiB more are needed, but only 9728 MiB are available" },
		{ "9732", NULL },
	};
	struct command_result result;
	struct temp_dir root;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_machine(&root);
		run_command(&result, &cmd_setup, "setup", "--memory", cases[i].memory, "--cpus", "2",
			    NULL);
		if (!cases[i].text) {
			assert_int_equal(result.code, COMMAND_OK);
			fake_root_remove(&root);
			continue;
		}
		assert_int_equal(result.code, COMMAND_FAILED);
		expect_text(result.err, cases[i].text);
		assert_string_equal(result.out, "");
		fake_root_expect(&root, POOL, "\n");
		expect_pages(&root, 0, SMALL, "8\n");
		expect_no_state(&root);
		fake_root_remove(&root);
	}
	/* The whole machine has less memory than the node shows. */
	make_machine(&root);
	fake_root_put(&root, "/proc/meminfo", "MemAvailable:   65536 kB\n");
	run_command(&result, &cmd_setup, "setup", "--memory", "68", NULL);
	expect_text(result.err, "64 MiB more are needed, but only 60 MiB are available");
	run_command(&result, &cmd_setup, "setup", "--memory", "64", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	fake_root_remove(&root);
}

/* If not all pages can be allocated, setup restores the pages and the pool. */
static void test_pages_do_not_come(void **state)
{
	struct command_result result;
	struct temp_dir root;

	make_machine(&root);
	fake_root_put(&root, POOL, "3\n");
	kernel.pages_max = 20;
	kernel.large_pages = ENOMEM;
	run_command(&result, &cmd_setup, "setup", "--memory", "64", "--cpus", "2", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	expect_text(result.err, "cannot reserve huge pages: Cannot allocate memory");
	assert_string_equal(result.out, "CPU pool: 1,5 on NUMA node 0\nCPU pool: back to 3\n");
	fake_root_expect(&root, POOL, "3\n");
	expect_pages(&root, 0, SMALL, "8\n");
	expect_no_state(&root);
	fake_root_remove(&root);

	/* Large pages are used instead of small ones. */
	make_machine(&root);
	kernel.pages_max = 20;
	run_command(&result, &cmd_setup, "setup", "--memory", "64", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	expect_pages(&root, 0, SMALL, "20\n");
	expect_pages(&root, 0, LARGE, "1\n");
	fake_root_remove(&root);
}

/* Without another page size, "too few" is an error. */
static void test_too_few_pages(void **state)
{
	char path[ROOT_PATH_SIZE];
	struct command_result result;
	struct temp_dir root;

	make_machine(&root);
	assert_int_equal(unlink(fake_root_path(&root, NODE "0/hugepages/" LARGE "/free_hugepages",
					       path)), 0);
	kernel.pages_max = 20;
	run_command(&result, &cmd_setup, "setup", "--memory", "64", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	expect_text(result.err, "only 24 of 60 MiB could be reserved as huge pages, so they were "
		    "released");
	assert_string_equal(result.out, "");
	expect_pages(&root, 0, SMALL, "8\n");
	expect_no_state(&root);
	fake_root_remove(&root);
}

/* If an enclave exists or the driver refuses the list, no memory is allocated. */
static void test_pool_refused(void **state)
{
	static const struct {
		int error;
		const char *text;
	} cases[] = {
		{ EPERM, "the CPU pool is in use; end all enclaves" },
		{ EINVAL, "the driver refuses the CPU pool \"1,5\": Invalid argument" },
	};
	struct command_result result;
	struct temp_dir root;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_machine(&root);
		fake_root_put(&root, POOL, "3\n");
		kernel.pool = cases[i].error;
		run_command(&result, &cmd_setup, "setup", "--memory", "64", "--cpus", "2", NULL);
		assert_int_equal(result.code, COMMAND_FAILED);
		expect_text(result.err, cases[i].text);
		assert_string_equal(result.out, "");
		fake_root_expect(&root, POOL, "3\n");
		expect_pages(&root, 0, SMALL, "8\n");
		expect_no_state(&root);
		fake_root_remove(&root);
	}
}

static void test_undo_refused(void **state)
{
	struct command_result result;
	struct temp_dir root;

	make_machine(&root);
	fake_root_put(&root, POOL, "3\n");
	run_command(&result, &cmd_setup, "setup", "--memory", "64", "--cpus", "2", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	kernel.pool = EPERM;
	run_command(&result, &cmd_setup, "setup", "--undo", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	expect_text(result.err, "the CPU pool is in use");
	assert_string_equal(result.out, "");
	expect_pages(&root, 0, SMALL, "38\n");
	kernel.pool = 0;
	run_command(&result, &cmd_setup, "setup", "--undo", NULL);
	assert_string_equal(result.out, "CPU pool: back to 3\nhuge pages: back to their previous "
			    "numbers\n");
	expect_pages(&root, 0, SMALL, "8\n");
	fake_root_remove(&root);
}

/* Each node returns to its state before its first setup. */
static void test_undo_two_nodes(void **state)
{
	struct command_result result;
	struct temp_dir root;

	make_machine(&root);
	add_pages(&root, 1, SMALL, "3\n", "0\n");
	run_command(&result, &cmd_setup, "setup", "--memory", "64", "--cpus", "2", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	add_pages(&root, 1, SMALL, "5\n", "0\n");	/* changed by another program */
	run_command(&result, &cmd_setup, "setup", "--memory", "64", "--cpus", "3", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	run_command(&result, &cmd_setup, "setup", "--memory", "128", "--cpus", "3", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	expect_pages(&root, 1, SMALL, "101\n");
	run_command(&result, &cmd_setup, "setup", "--undo", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	expect_pages(&root, 0, SMALL, "8\n");
	expect_pages(&root, 1, SMALL, "5\n");
	expect_no_state(&root);
	fake_root_remove(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_topology),
		cmocka_unit_test(test_choose_pages),
		cmocka_unit_test(test_read_pages),
		cmocka_unit_test(test_setup_and_undo),
		cmocka_unit_test(test_small_pages_first),
		cmocka_unit_test(test_dry_run),
		cmocka_unit_test(test_setup_errors),
		cmocka_unit_test(test_too_much_memory),
		cmocka_unit_test(test_pages_do_not_come),
		cmocka_unit_test(test_too_few_pages),
		cmocka_unit_test(test_pool_refused),
		cmocka_unit_test(test_undo_refused),
		cmocka_unit_test(test_undo_two_nodes),
	};

	return cmocka_run_group_tests_name("cli_setup", tests, NULL, NULL);
}
