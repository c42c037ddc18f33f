// SPDX-License-Identifier: Apache-2.0
/* The choice of cores and huge pages, and "ne-emu setup" on a fake machine. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/commands.h"
#include "cli/enclave/usage.h"
#include "cli/host/hugepages.h"
#include "cli/host/hugetlb_limit.h"
#include "cli/host/topology.h"
#include "command/command.h"
#include "fake_root.h"

#include <inttypes.h>
#include <jansson.h>
#include <sys/resource.h>

#define POOL	"/sys/module/nitro_enclaves/parameters/ne_cpus"
#define SMALL	"hugepages-2048kB"
#define LARGE	"hugepages-1048576kB"

#define NODE	"/sys/devices/system/node/node"
#define STATE	"/run/ne-emu/setup.json"
#define CONF	"/etc/ne-emu/setup.conf"
#define UNIT	"/usr/lib/systemd/system/ne-emu-setup.service"
#define YAML	"/etc/nitro_enclaves/allocator.yaml"
#define HEADER	"# Written by \"ne-emu setup --persistent\"; \"ne-emu setup --undo\" removes it.\n"

/* What the fake kernel refuses or limits; with zeros it obeys. */
static struct {
	int pool;		/* errno for any list of CPUs (EPERM), or for the chosen one */
	uint64_t pages_max;	/* maximum of huge pages of 2 MiB */
	int large_pages;	/* errno for huge pages of 1 GiB */
} kernel;

/* What the emulator would report. */
static struct usage usage;

void __wrap_usage_read(struct usage *ret);

void __wrap_usage_read(struct usage *ret)
{
	*ret = usage;
}

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
	fake_root_mkdir(root, "/etc");
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
	memset(&usage, 0, sizeof(usage));
}

static void expect_pages(const struct temp_dir *root, unsigned int node, const char *size,
			 const char *total)
{
	char path[256];

	snprintf(path, sizeof(path), NODE "%u/hugepages/%s/nr_hugepages", node, size);
	fake_root_expect(root, path, total);
}

static void expect_none(const struct temp_dir *root, const char *file)
{
	char path[ROOT_PATH_SIZE];

	assert_int_not_equal(access(fake_root_path(root, file, path), F_OK), 0);
}

static void expect_no_state(const struct temp_dir *root)
{
	expect_none(root, STATE);
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

/* Pages that the kernel has yet to make are the second choice. */
static void test_choose_pages_on_demand(void **state)
{
	static const struct {
		uint64_t large, small, more;
		uint64_t mib;
		int result;
		uint64_t use_large, use_small;
	} cases[] = {
		{ 0, 0, 400, 256, 0, 0, 128 },
		{ 0, 100, 400, 256, 0, 0, 128 },
		{ 0, 100, 27, 256, -ENOMEM, 0, 0 },
		{ 1, 0, 400, 256, 0, 1, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct huge_sizes sizes = { .count = 2, .list = {
			{ .size = GIB, .free = cases[i].large },
			{ .size = 2 * MIB, .free = cases[i].small, .more = cases[i].more },
		} };

		assert_int_equal(huge_sizes_choose(&sizes, cases[i].mib * MIB), cases[i].result);
		if (cases[i].result)
			continue;
		assert_int_equal(sizes.list[0].use, cases[i].use_large);
		assert_int_equal(sizes.list[1].use, cases[i].use_small);
	}
}

#define GLOBAL	"/sys/kernel/mm/hugepages/" SMALL "/"

static void test_read_pages_on_demand(void **state)
{
	struct huge_sizes sizes;
	struct temp_dir root;

	fake_root_create(&root);
	fake_root_put(&root, GLOBAL "free_hugepages", "10\n");
	fake_root_put(&root, GLOBAL "resv_hugepages", "4\n");
	fake_root_put(&root, GLOBAL "nr_overcommit_hugepages", "400\n");
	fake_root_put(&root, GLOBAL "surplus_hugepages", "100\n");
	assert_int_equal(huge_sizes_read(-1, &sizes), 0);
	assert_int_equal(sizes.count, 1);
	assert_int_equal(sizes.list[0].free, 6);
	assert_int_equal(sizes.list[0].more, 300);
	assert_int_equal(huge_sizes_total(&sizes), 306 * 2 * MIB);
	fake_root_put(&root, GLOBAL "nr_overcommit_hugepages", "50\n");
	fake_root_put(&root, GLOBAL "resv_hugepages", "11\n");
	assert_int_equal(huge_sizes_read(-1, &sizes), 0);
	assert_int_equal(huge_sizes_total(&sizes), 0);
	fake_root_remove(&root);
}

#define GROUP	"/sys/fs/cgroup/a.slice/b.scope/"

/* The innermost limit that is in the way, of this group or of those above it. */
static void test_group_limit(void **state)
{
	struct hugetlb_limit limit;
	struct temp_dir root;

	fake_root_create(&root);
	assert_int_equal(hugetlb_limit_find(2 * MIB, MIB, &limit), -ENOENT);
	fake_root_put(&root, "/proc/self/cgroup", "1:hugetlb:/x\n0::/a.slice/b.scope\n");
	fake_root_put(&root, GROUP "hugetlb.2MB.max", "max\n");
	fake_root_put(&root, GROUP "hugetlb.2MB.current", "52428800\n");
	fake_root_put(&root, "/sys/fs/cgroup/a.slice/hugetlb.2MB.max", "104857600\n");
	fake_root_put(&root, "/sys/fs/cgroup/a.slice/hugetlb.2MB.current", "52428800\n");
	fake_root_put(&root, GROUP "hugetlb.1GB.max", "0\n");
	fake_root_put(&root, GROUP "hugetlb.1GB.current", "0\n");
	assert_int_equal(hugetlb_limit_find(2 * MIB, 50 * MIB, &limit), -ENOENT);
	assert_int_equal(hugetlb_limit_find(2 * MIB, 52 * MIB, &limit), 0);
	assert_string_equal(limit.path, "/sys/fs/cgroup/a.slice/hugetlb.2MB.max");
	assert_int_equal(limit.max, 100 * MIB);
	assert_int_equal(limit.current, 50 * MIB);
	assert_int_equal(hugetlb_limit_find(GIB, GIB, &limit), 0);
	assert_string_equal(limit.path, GROUP "hugetlb.1GB.max");
	fake_root_put(&root, "/proc/self/cgroup", "0::/\n");
	fake_root_put(&root, "/sys/fs/cgroup/hugetlb.2MB.max", "0\n");
	fake_root_put(&root, "/sys/fs/cgroup/hugetlb.2MB.current", "0\n");
	assert_int_equal(hugetlb_limit_find(2 * MIB, 2 * MIB, &limit), 0);
	assert_string_equal(limit.path, "/sys/fs/cgroup/hugetlb.2MB.max");
	fake_root_remove(&root);
}

/* With too few descriptors, pages are not counted as missing. */
static void test_no_descriptors(void **state)
{
	struct rlimit saved, none;
	struct huge_sizes sizes;
	struct temp_dir root;

	make_machine(&root);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	none = (struct rlimit){ 0, saved.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(huge_sizes_read(0, &sizes), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
	fake_root_remove(&root);
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
	expect_text(result.out, "CPU pool: would be 1,5 on NUMA node 0\n");
	expect_text(result.out, "huge pages: would take 60 MiB more");
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
	assert_string_equal(result.out, "");
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

/* The pool of running enclaves cannot change, so no memory is taken either. */
static void test_enclaves_exist(void **state)
{
	struct command_result result;
	struct temp_dir root;

	make_machine(&root);
	fake_root_put(&root, POOL, "3\n");
	usage = (struct usage){ .enclaves = 1, .memory = 64 * MIB };
	for (int dry = 0; dry < 2; dry++) {
		run_command(&result, &cmd_setup, "setup", "--memory", "512", "--cpus", "2",
			    dry ? "--dry-run" : NULL, NULL);
		assert_int_equal(result.code, COMMAND_FAILED);
		expect_text(result.err, "the CPU pool is in use; end all enclaves");
		assert_string_equal(result.out, "");
		expect_pages(&root, 0, SMALL, "8\n");
		expect_no_state(&root);
	}
	fake_root_remove(&root);
}

/* The same setup again changes nothing, also while enclaves use all of it. */
static void test_again_with_enclaves(void **state)
{
	struct command_result result;
	struct temp_dir root;

	make_machine(&root);
	fake_root_put(&root, POOL, "5,1\n");
	add_pages(&root, 0, SMALL, "128\n", "0\n");
	usage = (struct usage){ .enclaves = 2, .memory = 256 * MIB };
	kernel.pool = EPERM;
	run_command(&result, &cmd_setup, "setup", "--memory", "256", "--cpus", "2", NULL);
	assert_string_equal(result.err, "");
	expect_text(result.out, "CPU pool: 1,5 on NUMA node 0, as before\n"
		    "huge pages: 0 MiB are already free, enclaves use 256 MiB\n");
	expect_pages(&root, 0, SMALL, "128\n");
	/* Memory for one more. */
	run_command(&result, &cmd_setup, "setup", "--memory", "320", "--cpus", "2", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	expect_text(result.out, "huge pages: 64 MiB more");
	expect_pages(&root, 0, SMALL, "160\n");
	fake_root_remove(&root);
}

static void test_cpu_ids(void **state)
{
	struct command_result result;
	struct temp_dir root;

	make_machine(&root);
	run_command(&result, &cmd_setup, "setup", "--cpu-ids", "2,6", NULL);
	assert_string_equal(result.err, "");
	expect_text(result.out, "CPU pool: 2,6 on NUMA node 1\n");
	fake_root_expect(&root, POOL, "2,6\n");
	run_command(&result, &cmd_setup, "setup", "--cpu-ids", "70", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	expect_text(result.err, "there is no CPU 70");
	run_command(&result, &cmd_setup, "setup", "--cpu-ids", "2-", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	expect_text(result.err, "cpu-ids is not a CPU list");
	run_command(&result, &cmd_setup, "setup", "--cpu-ids", "2,6", "--cpus", "2", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	fake_root_remove(&root);
}

static void test_persistent(void **state)
{
	char conf[ROOT_PATH_SIZE];
	struct command_result result;
	struct temp_dir root;

	make_machine(&root);
	fake_root_path(&root, CONF, conf);
	run_command(&result, &cmd_setup, "setup", "--memory", "64", "--cpus", "2", "--persistent",
		    "--dry-run", NULL);
	expect_text(result.out, "at each boot: would be the same");
	expect_none(&root, CONF);
	run_command(&result, &cmd_setup, "setup", "--memory", "64", "--cpus", "2", "--persistent",
		    NULL);
	assert_string_equal(result.err, "");
	expect_text(result.out, "at each boot: run \"ne-emu setup --from " CONF "\"");
	fake_root_expect(&root, CONF, HEADER "memory = 64\ncpus = 2\n");

	/* The other setting stays. */
	fake_root_put(&root, UNIT, "");
	run_command(&result, &cmd_setup, "setup", "--cpu-ids", "2,6", "--persistent", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	expect_text(result.out, "at each boot: the same, by ne-emu-setup.service (" CONF ")\n");
	fake_root_expect(&root, CONF, HEADER "memory = 64\ncpu-ids = 2,6\n");

	/* The next boot. */
	fake_root_put(&root, POOL, "\n");
	add_pages(&root, 1, SMALL, "0\n", "0\n");
	run_command(&result, &cmd_setup, "setup", "--from", conf, NULL);
	assert_string_equal(result.err, "");
	assert_string_equal(result.out, "CPU pool: 2,6 on NUMA node 1\nhuge pages: 64 MiB more in "
			    NODE "1/hugepages\n");
	fake_root_expect(&root, POOL, "2,6\n");
	expect_pages(&root, 1, SMALL, "32\n");

	run_command(&result, &cmd_setup, "setup", "--undo", NULL);
	assert_string_equal(result.err, "");
	expect_text(result.out, "at each boot: nothing, " CONF " is removed\n");
	expect_none(&root, CONF);
	fake_root_remove(&root);
}

/* After a boot at which the unit did not run, there is only the file. */
static void test_undo_only_the_file(void **state)
{
	struct command_result result;
	struct temp_dir root;

	make_machine(&root);
	fake_root_put(&root, CONF, "memory = 64\n");
	run_command(&result, &cmd_setup, "setup", "--undo", NULL);
	assert_string_equal(result.err, "");
	assert_string_equal(result.out, "at each boot: nothing, " CONF " is removed\n");
	expect_none(&root, CONF);
	fake_root_remove(&root);
}

/* If the file cannot be written, nothing changes. */
static void test_persistent_fails(void **state)
{
	struct command_result result;
	struct temp_dir root;

	make_machine(&root);
	fake_root_put(&root, POOL, "3\n");
	fake_root_mkdir(&root, CONF);
	run_command(&result, &cmd_setup, "setup", "--memory", "64", "--cpus", "2", "--persistent",
		    NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	assert_string_equal(result.out, "");
	expect_text(result.err, CONF);
	fake_root_expect(&root, POOL, "3\n");
	expect_pages(&root, 0, SMALL, "8\n");
	fake_root_remove(&root);
}

static void test_bad_conf(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "memory = 64\nregon = 1\n", "setup.conf:2: regon: no such setting" },
		{ "memory = much\n", "setup.conf:1: memory: \"much\" is not a memory size" },
		{ "cpus = 5000\n", "setup.conf:1: cpus: \"5000\" is not a number from 1 to 4096" },
		{ "[cpu]\ncpus = 2\n", "setup.conf:2: [cpu]: this file has no sections" },
		{ "cpus = 2\ncpu-ids = 2,6\n", "cpus cannot be combined with cpu-ids" },
		{ "# nothing\n", "there is neither memory nor cpus" },
		{ "undo = yes\n", "setup.conf:1: undo: no such setting" },
	};
	char conf[ROOT_PATH_SIZE];
	struct command_result result;
	struct temp_dir root;

	make_machine(&root);
	fake_root_path(&root, CONF, conf);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_root_put(&root, CONF, cases[i].text);
		run_command(&result, &cmd_setup, "setup", "--from", conf, NULL);
		assert_int_equal(result.code, COMMAND_FAILED);
		expect_text(result.err, cases[i].error);
		expect_no_state(&root);
	}
	fake_root_remove(&root);
}

/* The file as AWS's package installs it, with values of its manual. */
static const char aws_file[] =
	"---\n"
	"# Enclave configuration file.\n"
	"#\n"
	"# How much memory to allocate for enclaves (in MiB).\n"
	"memory_mib: 64\n"
	"#\n"
	"# How many CPUs to reserve for enclaves.\n"
	"cpu_count: 2\n"
	"#\n"
	"# cpu_pool: 2,3,6-9\n";

static void test_allocator(void **state)
{
	static const struct {
		const char *text, *pool, *error;	/* one of them */
	} cases[] = {
		{ aws_file, "1,5\n", NULL },
		{ "memory_mib: 64   # MiB\r\ncpu_pool: \"2,6\"\r\n", "2,6\n", NULL },
		{ "# first\n---\nmemory_mib: 64\ncpu_pool: 3", "3\n", NULL },
		{ "memory_mib: 64\ncpu_pool: 2#6\n", NULL,
		  ":2: cpu_pool: \"2#6\" is not a CPU list" },
		{ "memory_mib: 64\ncpus: 2\n", NULL, ":2: cpus: unknown; known are memory_mib" },
		{ "memory_mib: 0\n", NULL, ":1: memory_mib: not a number, or out of range" },
		{ "memory_mib: 99999999999999\n", NULL, ":1: memory_mib: not a number" },
		{ "memory_mib: 64\nmemory_mib: 64\n", NULL, ":2: memory_mib: given twice" },
		{ "memory_mib: 64\n---\n", NULL, ":2: \"---\" is not \"key: value\"" },
		{ "memory_mib: [64]\n", NULL, ":1: \"[64]\" is not a number" },
		{ "memory_mib: '64\n", NULL, ":1: the quote in '64 is not closed" },
		{ "memory_mib:\n  64\n", NULL, ":1: \"\" is not a number" },
		{ "pools:\n- memory_mib: 64\n", NULL, ":1: \"\" is not a number" },
		{ "- memory_mib: 64\n", NULL, ":1: \"- memory_mib: 64\" is not \"key: value\"" },
		{ "memory_mib:64\n", NULL, ":1: \"memory_mib:64\" is not \"key: value\"" },
		{ "memory_mib: 64\n", NULL, "cpu_count or cpu_pool is missing" },
		{ "cpu_count: 2\n", NULL, "memory_mib is missing" },
		{ "memory_mib: 64\ncpu_count: 2\ncpu_pool: 2,6\n", NULL,
		  "cpu_count cannot be combined with cpu_pool" },
	};
	struct command_result result;
	char file[ROOT_PATH_SIZE];
	struct temp_dir root;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_machine(&root);
		fake_root_path(&root, YAML, file);
		fake_root_put(&root, YAML, cases[i].text);
		run_command(&result, &cmd_setup, "setup", "--allocator", file, NULL);
		if (cases[i].pool) {
			assert_string_equal(result.err, "");
			fake_root_expect(&root, POOL, cases[i].pool);
		} else {
			assert_int_equal(result.code, COMMAND_FAILED);
			expect_text(result.err, cases[i].error);
			expect_text(result.err, "allocator.yaml");
			expect_no_state(&root);
		}
		fake_root_remove(&root);
	}
}

/* Each boot reads the file again. */
static void test_persistent_allocator(void **state)
{
	char conf[ROOT_PATH_SIZE], file[ROOT_PATH_SIZE], wanted[2 * ROOT_PATH_SIZE];
	struct command_result result;
	struct temp_dir root;

	make_machine(&root);
	fake_root_path(&root, CONF, conf);
	fake_root_path(&root, YAML, file);
	fake_root_put(&root, CONF, "memory = 4096\n");
	fake_root_put(&root, YAML, aws_file);
	run_command(&result, &cmd_setup, "setup", "--allocator", file, "--persistent", NULL);
	assert_string_equal(result.err, "");
	snprintf(wanted, sizeof(wanted), HEADER "allocator = %s\n", file);
	fake_root_expect(&root, CONF, wanted);
	fake_root_put(&root, YAML, "memory_mib: 128\ncpu_pool: 2,6\n");
	run_command(&result, &cmd_setup, "setup", "--from", conf, NULL);
	assert_string_equal(result.err, "");
	fake_root_expect(&root, POOL, "2,6\n");
	expect_pages(&root, 1, SMALL, "64\n");
	fake_root_remove(&root);
}

static void test_json(void **state)
{
	struct command_result result;
	struct temp_dir root;
	const char *list, *file;
	int version, dry, mib;
	json_t *json;

	make_machine(&root);
	run_command(&result, &cmd_setup, "setup", "--memory", "64", "--cpus", "2", "--persistent",
		    "--json", NULL);
	json = json_loads(result.out, 0, NULL);
	assert_non_null(json);
	assert_int_equal(json_unpack(json, "{s:i, s:b, s:s, s:{s:i}, s:s}", "FormatVersion",
				     &version, "DryRun", &dry, "CPUList", &list, "HugePages",
				     "ReservedMiB", &mib, "PersistentFile", &file), 0);
	assert_int_equal(version, 1);
	assert_int_equal(dry, 0);
	assert_string_equal(list, "1,5");
	assert_int_equal(mib, 60);
	assert_string_equal(file, CONF);
	json_decref(json);
	run_command(&result, &cmd_setup, "setup", "--undo", "--json", NULL);
	json = json_loads(result.out, 0, NULL);
	assert_non_null(json);
	assert_int_equal(json_unpack(json, "{s:b, s:s, s:s}", "Undone", &dry, "CPUList", &list,
				     "RemovedFile", &file), 0);
	assert_string_equal(list, "");
	json_decref(json);
	fake_root_remove(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_topology),
		cmocka_unit_test(test_choose_pages),
		cmocka_unit_test(test_choose_pages_on_demand),
		cmocka_unit_test(test_read_pages_on_demand),
		cmocka_unit_test(test_group_limit),
		cmocka_unit_test(test_no_descriptors),
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
		cmocka_unit_test(test_enclaves_exist),
		cmocka_unit_test(test_again_with_enclaves),
		cmocka_unit_test(test_cpu_ids),
		cmocka_unit_test(test_persistent),
		cmocka_unit_test(test_undo_only_the_file),
		cmocka_unit_test(test_persistent_fails),
		cmocka_unit_test(test_bad_conf),
		cmocka_unit_test(test_allocator),
		cmocka_unit_test(test_persistent_allocator),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests_name("cli_setup", tests, NULL, NULL);
}
