// SPDX-License-Identifier: Apache-2.0
/* ne-emu setup: reserve huge pages and set the CPU pool. */

#include "cli/commands.h"
#include "cli/enclave/pool.h"
#include "cli/enclave/state.h"
#include "cli/host/json_in.h"
#include "cli/host/reserve.h"
#include "cli/host/sysfs.h"
#include "cli/host/topology.h"
#include "command/file.h"

#include "common/clock.h"
#include "common/json_out.h"
#include "common/paths.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_FILE	NE_EMU_RUN_DIR "/setup.json"
#define STATE_CPUS	"cpus"		/* previous pool; the other members are page counts */
#define CPUS_MAX	4096
#define CPUS_TEXT_SIZE	512		/* longest CPU list that the driver takes */
#define ISOLATION_MS	2000
#define ISOLATION_STEP_MS	20

struct setup {
	uint64_t memory;
	uint64_t cpus;
	bool undo;
	bool dry_run;
};

/* Add a member for each page size below @base: its directory and current page count. */
static void save_pages(struct json_out *out, const char *base)
{
	char path[SYS_PATH_SIZE];
	struct dirent *entry;
	uint64_t pages;
	DIR *dir;

	dir = opendir(sys_path(path, "%s", base));
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		char key[SYS_PATH_SIZE];

		if (strncmp(entry->d_name, "hugepages-", 10) ||
		    sys_read_u64(&pages, "%s/%s/nr_hugepages", base, entry->d_name))
			continue;
		if (snprintf(key, sizeof(key), "%s/%s", base, entry->d_name) < SYS_PATH_SIZE)
			json_out_u64(out, key, pages);
	}
	closedir(dir);
}

static int copy_count(void *out, const char *key, uint64_t pages)
{
	json_out_u64(out, key, pages);
	return 0;
}

static int write_state(struct json_out *out, struct error *error)
{
	char path[SYS_PATH_SIZE];
	struct file_new file;
	FILE *stream;
	int err;

	(void)mkdir(sys_path(path, NE_EMU_RUN_DIR), 0755);	/* on failure the open fails */
	err = file_new_open(&file, sys_path(path, STATE_FILE), error);
	if (err)
		return err;
	stream = fdopen(dup(file.fd), "w");
	err = stream ? json_out_print(out, stream, 2) : -errno;
	if (stream && fclose(stream) && !err)
		err = -errno;
	err = err ? error_set(error, err, "cannot write %s: %s", STATE_FILE, strerror(-err)) :
		file_new_commit(&file, error);
	file_new_abort(&file);
	return err;
}

/* The first setup of a node since boot saves the state that --undo restores. */
static int save_state(int node, bool *ret_first, struct error *error)
{
	char dir[SYS_PATH_SIZE], path[SYS_PATH_SIZE], pool[SYS_TEXT_SIZE] = "";
	__cleanup(json_in_free) struct json_t *state = NULL;
	struct json_out out = {};
	int err = json_in_load(sys_path(path, STATE_FILE), &state);

	*ret_first = err == -ENOENT;
	if (err && err != -ENOENT)
		return error_set(error, err,
				 "cannot read %s: %s; remove it if there is nothing to undo",
				 STATE_FILE, strerror(-err));
	(void)sys_read(pool, NE_CPU_POOL_PATH);
	json_out_object(&out, NULL);
	json_out_str(&out, STATE_CPUS, state ? json_in_str(state, STATE_CPUS) : pool);
	save_pages(&out, reserve_dir(node, dir));
	/* Saved counts are from before the first setup, so they replace the current ones. */
	if (state)
		(void)json_in_each_u64(state, copy_count, &out);
	err = write_state(&out, error);
	json_out_free(&out);
	return err;
}

static int restore_pages(void *arg, const char *key, uint64_t pages)
{
	char text[24];
	int err;

	if (strncmp(key, "/sys/", 5))
		return 0;
	snprintf(text, sizeof(text), "%" PRIu64, pages);
	err = sys_write(text, "%s/nr_hugepages", key);
	if (err)
		term_error("%s/nr_hugepages: %s", key, strerror(-err));
	return err;
}

static int set_pool(const char *cpus, struct error *error)
{
	int err = sys_write(cpus, NE_CPU_POOL_PATH);

	/* The driver clears the pool on an empty list, but returns EINVAL all the same. */
	if (err == -EINVAL && !*cpus)
		return 0;
	switch (-err) {
	case 0:
		return 0;
	case ENOENT:
		return error_set(error, -ENOENT,
				 "there is no CPU pool; load the driver with \"sudo "
				 "modprobe nitro_enclaves_emu\"");
	case EPERM:
		return error_set(error, -EPERM, "the CPU pool is in use; end all enclaves with "
				 "\"sudo ne-emu stop --all\"");
	}
	return error_set(error, err, "the driver refuses the CPU pool \"%s\": %s; its reason is in "
			 "the kernel log", cpus, strerror(-err));
}

static int undo(const struct setup *setup, struct error *error)
{
	char path[SYS_PATH_SIZE], state_path[SYS_PATH_SIZE];
	__cleanup(json_in_free) struct json_t *state = NULL;
	const char *cpus;
	int err;

	err = json_in_load(sys_path(state_path, STATE_FILE), &state);
	if (err == -ENOENT)
		return error_set(error, -ENOENT, "nothing to undo: %s does not exist", STATE_FILE);
	if (err)
		return error_set(error, err, "cannot read %s: %s", STATE_FILE, strerror(-err));
	cpus = json_in_str(state, STATE_CPUS);
	err = !setup->dry_run && sys_exists(NE_CPU_POOL_PATH) ? set_pool(cpus, error) : 0;
	if (err)
		return err;
	printf("CPU pool: back to %s\n", *cpus ? cpus : "empty");
	err = setup->dry_run ? 0 : json_in_each_u64(state, restore_pages, NULL);
	if (err)
		return error_set(error, err, "not all huge pages could be released");
	printf("huge pages: back to their previous numbers\n");
	if (!setup->dry_run && unlink(sys_path(path, STATE_FILE)))
		return error_set(error, -errno, "cannot remove %s: %s", STATE_FILE,
				 strerror(errno));
	return 0;
}

static int choose_cpus(const struct setup *setup, char *text, int *ret_node, struct error *error)
{
	__cleanup_free uint32_t *cpus = calloc(setup->cpus, sizeof(*cpus));
	__cleanup(topology_free) struct topology topology = {};
	size_t len = 0;
	int err;

	err = cpus ? topology_read(&topology) : -ENOMEM;
	if (err)
		return error_set(error, err, "cannot read the CPU topology: %s", strerror(-err));
	err = topology_choose(&topology, setup->cpus, cpus, ret_node);
	if (err == -EDOM)
		return error_set(error, -EDOM, "%llu CPUs are not a number of whole cores; ask "
				 "for a multiple of the threads per core",
				 (unsigned long long)setup->cpus);
	if (err)
		return error_set(error, err, "no NUMA node has %llu CPUs in addition to the core "
				 "of CPU 0, which belongs to the host",
				 (unsigned long long)setup->cpus);
	for (size_t i = 0; i < setup->cpus && len < CPUS_TEXT_SIZE; i++)
		len += snprintf(text + len, CPUS_TEXT_SIZE - len, "%s%u", i ? "," : "", cpus[i]);
	if (len >= CPUS_TEXT_SIZE)
		return error_set(error, -E2BIG, "the CPU list is too long for the driver");
	return 0;
}

static int pool_node(void)
{
	__cleanup_free uint32_t *cpus = NULL;
	size_t count = 0;

	return !sys_pool_cpus(&cpus, &count) && count ? sys_cpu_node(cpus[0]) : sys_cpu_node(0);
}

/* ne-emud isolates the pool when the kernel announces the change: wait for its report. */
static void print_isolation(void)
{
	int64_t end = clock_ms() + (state_daemon_pid() ? ISOLATION_MS : 0);
	struct pool pool;
	int err;

	while (!(err = pool_read(&pool)) && !pool.told && clock_ms() < end) {
		pool_free(&pool);
		(void)usleep(ISOLATION_STEP_MS * 1000);
	}
	if (err)
		return;
	if (pool.isolated)
		printf("isolation: only enclaves run on CPUs %s\n", pool.list);
	else
		printf("isolation: none: %s\n", pool.reason.text);
	pool_free(&pool);
}

/* When the driver refuses a list, it also clears the pool, so restore the previous one. */
static int change_pool(const struct setup *setup, const char *cpus, int node, const char *before,
		       struct error *error)
{
	int err = setup->dry_run ? 0 : set_pool(cpus, error);

	if (err && err != -EPERM && *before)
		(void)set_pool(before, NULL);
	if (!err)
		printf("CPU pool: %s on NUMA node %d\n", cpus, MAX(node, 0));
	return err;
}

static int change_memory(const struct setup *setup, struct reserve *plan, struct error *error)
{
	int err;

	if (!plan->missing) {
		printf("huge pages: %llu MiB are already free\n", plan->free / MIB);
		return 0;
	}
	err = setup->dry_run ? 0 : reserve_pages(plan, error);
	if (!err)
		printf("huge pages: %llu MiB more in %s\n", plan->missing / MIB, plan->dir);
	return err;
}

/* The pool first: it fails early if an enclave exists, and reserving memory is slow. */
static int change(const struct setup *setup, const char *cpus, int node, struct reserve *plan,
		  struct error *error)
{
	char before[SYS_TEXT_SIZE] = "";
	int err = 0;

	(void)sys_read(before, NE_CPU_POOL_PATH);
	if (setup->cpus)
		err = change_pool(setup, cpus, node, before, error);
	if (err || !setup->memory)
		return err;
	err = change_memory(setup, plan, error);
	if (err && setup->cpus && !set_pool(before, NULL))
		printf("CPU pool: back to %s\n", *before ? before : "empty");
	return err;
}

static int do_setup(const struct setup *setup, struct error *error)
{
	char cpus[CPUS_TEXT_SIZE] = "", path[SYS_PATH_SIZE];
	struct reserve plan = {};
	bool first = false;
	int node, err = 0;

	if (setup->cpus)
		err = choose_cpus(setup, cpus, &node, error);
	else
		node = pool_node();
	if (!err && setup->memory)
		err = reserve_plan(&plan, node, (setup->memory + HUGE_UNIT - 1) & ~(HUGE_UNIT - 1),
				   error);
	if (!err && !setup->dry_run)
		err = save_state(node, &first, error);
	if (err)
		return err;
	err = change(setup, cpus, node, &plan, error);
	/* Nothing was changed, so there is nothing to undo. */
	if (err && first)
		(void)unlink(sys_path(path, STATE_FILE));
	if (!err && setup->cpus && !setup->dry_run)
		print_isolation();
	return err;
}

static const struct opt options[] = {
	OPT_MEMORY("memory", struct setup, memory, "SIZE",
		   "make this much memory free in huge pages;\nin MiB, or e.g. 2G",
		   .manual = "Make this much memory free in huge pages. Free pages count; the rest "
			     "is reserved, in pages of 2 MiB if possible, because some clients "
			     "(QEMU) use no other size. The command fails at once if it would "
			     "take more than 95 % of the available memory (MemAvailable in "
			     "_/proc/meminfo_; with several NUMA nodes, also the free and cache "
			     "memory of the node)."),
	OPT_NUMBER("cpus", struct setup, cpus, "N", 1, CPUS_MAX,
		   "put this many CPUs into the pool",
		   .manual = "Put this many CPUs into the pool: the whole cores with the highest "
			     "numbers, except that of CPU 0. No enclave may exist. The last line "
			     "of output shows whether *ne-emud*(8) has isolated them."),
	OPT_FLAG("undo", struct setup, undo,
		 "restore the state before the first setup",
		 .manual = "Restore the pool and the huge pages to the state before the first "
			   "setup since boot (of each NUMA node), which _/run/ne-emu/setup.json_ "
			   "records."),
	OPT_FLAG("dry-run", struct setup, dry_run, "only print what would be done",
		 .manual = "Only print what would be done. Needs no root."),
	{}
};

static int setup_run(const struct command_call *call)
{
	const struct setup *setup = call->options;
	struct error error = {};
	int err;

	if (setup->undo == (setup->memory || setup->cpus))
		return command_usage_error(call, "specify --memory, --cpus or both, or --undo");
	if (geteuid() && !setup->dry_run && !*sys_root()) {
		term_error("this needs root: use sudo, or --dry-run to see what would be done");
		return COMMAND_FAILED;
	}
	err = setup->undo ? undo(setup, &error) : do_setup(setup, &error);
	return term_result(err, &error);
}

const struct command cmd_setup = {
	.name = "setup",
	.summary = "reserve huge pages and CPUs for enclaves",
	.about = "Reserve huge pages and set the CPU pool, both on one NUMA node. The pool\n"
		 "consists of whole cores, except that of CPU 0. Needs root",
	.options = options,
	.size = sizeof(struct setup),
	.run = setup_run,
};
