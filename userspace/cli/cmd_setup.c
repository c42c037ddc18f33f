// SPDX-License-Identifier: Apache-2.0
/* ne-emu setup: reserve huge pages and set the CPU pool. */

#include "cli/commands.h"
#include "cli/enclave/pool.h"
#include "cli/enclave/state.h"
#include "cli/host/json_in.h"
#include "cli/setup/change.h"
#include "cli/setup/saved.h"
#include "cli/setup/conf.h"

#include "common/clock.h"
#include "common/json_out.h"
#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define UNIT_NAME	"ne-emu-setup.service"
#define ISOLATION_MS	2000
#define ISOLATION_STEP_MS	20

struct setup {
	struct setup_conf settings;
	const char *from;
	bool persistent;
	bool undo;
	bool dry_run;
	bool json;
};

/* ne-emud isolates the pool when the kernel announces the change: wait for its report. */
static int read_isolation(struct pool *pool)
{
	int64_t end = clock_ms() + (state_daemon_pid() ? ISOLATION_MS : 0);
	int err;

	while (!(err = pool_read(pool)) && !pool->told && clock_ms() < end) {
		pool_free(pool);
		(void)usleep(ISOLATION_STEP_MS * 1000);
	}
	return err;
}

static void print_isolation(void)
{
	struct pool pool;

	if (read_isolation(&pool))
		return;
	if (pool.isolated)
		printf("isolation: only enclaves run on CPUs %s\n", pool.list);
	else
		printf("isolation: none: %s\n", pool.reason.text);
	pool_free(&pool);
}

static void print_pages(const struct setup *setup, const struct reserve *memory)
{
	if (memory->missing) {
		printf("huge pages: %s%llu MiB more in %s\n", setup->dry_run ? "would take " : "",
		       memory->missing / MIB, memory->dir);
		return;
	}
	printf("huge pages: %llu MiB are already free", memory->free / MIB);
	if (memory->used)
		printf(", enclaves use %llu MiB", memory->used / MIB);
	putchar('\n');
}

static bool unit_is_installed(void)
{
	return sys_exists("/usr/lib/systemd/system/" UNIT_NAME) ||
		sys_exists("/etc/systemd/system/" UNIT_NAME);
}

static void print_persistent(const struct setup *setup)
{
	if (setup->dry_run)
		printf("at each boot: would be the same, by %s\n", SETUP_CONF_FILE);
	else if (unit_is_installed())
		printf("at each boot: the same, by " UNIT_NAME " (%s)\n", SETUP_CONF_FILE);
	else
		printf("at each boot: run \"ne-emu setup --from %s\" once the module is loaded; "
		       "there is no " UNIT_NAME "\n", SETUP_CONF_FILE);
}

/* The text describes what has been done, so it is printed last. */
static void print_text(const struct setup *setup, const struct change *change)
{
	if (*change->cpus)
		printf("CPU pool: %s%s on NUMA node %d%s\n", setup->dry_run && !change->same_pool ?
		       "would be " : "", change->cpus, MAX(change->node, 0),
		       change->same_pool ? ", as before" : "");
	if (change->settings->memory)
		print_pages(setup, &change->memory);
	/* At boot, ne-emud starts after this command. */
	if (*change->cpus && !setup->dry_run && (!setup->from || state_daemon_pid()))
		print_isolation();
	if (setup->persistent)
		print_persistent(setup);
}

static void json_pages(struct json_out *out, const struct reserve *memory)
{
	json_out_object(out, "HugePages");
	json_out_str(out, "Directory", memory->dir);
	json_out_u64(out, "ReservedMiB", memory->missing / MIB);
	json_out_u64(out, "FreeBeforeMiB", memory->free / MIB);
	json_out_u64(out, "UsedByEnclavesMiB", memory->used / MIB);
	json_out_end(out);
}

static void json_pool(struct json_out *out, const struct setup *setup,
		      const struct change *change)
{
	struct pool pool;

	json_out_str(out, "CPUList", change->cpus);
	if (setup->dry_run || read_isolation(&pool))
		return;
	pool_json(out, "CPUPool", &pool);
	pool_free(&pool);
}

static int print_json(const struct setup *setup, const struct change *change)
{
	struct json_out out = {};

	json_out_document(&out);
	json_out_bool(&out, "DryRun", setup->dry_run);
	if (*change->cpus)
		json_pool(&out, setup, change);
	if (change->settings->memory)
		json_pages(&out, &change->memory);
	json_out_str(&out, "PersistentFile", setup->persistent ? SETUP_CONF_FILE : NULL);
	return json_out_print(&out, stdout, 2);
}

static int do_setup(struct setup *setup, struct error *error)
{
	__cleanup(setup_conf_free) struct setup_conf settings = setup->settings;
	struct change change;
	int err = 0;

	settings.text = NULL;		/* the original keeps it */
	if (settings.allocator)
		err = setup_conf_allocate(&settings, error);
	if (!err)
		err = change_plan(&change, &settings, error);
	if (!err && !setup->dry_run)
		err = change_apply(&change, error);
	if (!err && !setup->dry_run && setup->persistent) {
		err = setup_conf_store(&setup->settings, error);
		if (err)
			change_revert(&change);
	}
	if (err)
		return err;
	if (setup->json)
		return print_json(setup, &change);
	print_text(setup, &change);
	return 0;
}

static int restore(struct json_t *state, struct error *error)
{
	const char *cpus = saved_cpus(state);
	char now[SYS_TEXT_SIZE];
	int err = 0;

	if (!sys_read(now, NE_CPU_POOL_PATH) && strcmp(now, cpus))
		err = change_set_pool(cpus, error);
	if (!err)
		err = saved_restore_pages(state, error);
	return err ? err : saved_forget(error);
}

static int forget_settings(bool *ret_removed, struct error *error)
{
	char path[SYS_PATH_SIZE];

	*ret_removed = !unlink(sys_path(path, SETUP_CONF_FILE));
	if (!*ret_removed && errno != ENOENT)
		return error_set(error, -errno, "cannot remove %s: %s", SETUP_CONF_FILE,
				 strerror(errno));
	return 0;
}

static int print_undone(const struct setup *setup, const struct json_t *state, bool persistent)
{
	const char *cpus = state ? saved_cpus(state) : NULL;
	const char *back = setup->dry_run ? "would go back to" : "back to";
	struct json_out out = {};

	if (setup->json) {
		json_out_document(&out);
		json_out_bool(&out, "DryRun", setup->dry_run);
		json_out_bool(&out, "Undone", true);
		json_out_str(&out, "CPUList", cpus);
		json_out_str(&out, "RemovedFile", persistent ? SETUP_CONF_FILE : NULL);
		return json_out_print(&out, stdout, 2);
	}
	if (state)
		printf("CPU pool: %s %s\nhuge pages: %s their previous numbers\n", back,
		       *cpus ? cpus : "empty", back);
	if (persistent)
		printf("at each boot: %snothing, %s %s\n", setup->dry_run ? "would be " : "",
		       SETUP_CONF_FILE, setup->dry_run ? "would be removed" : "is removed");
	return 0;
}

/* First what can fail because of an enclave: nothing has changed then. */
static int undo(const struct setup *setup, struct error *error)
{
	__cleanup(json_in_free) struct json_t *state = NULL;
	bool persistent = sys_exists(SETUP_CONF_FILE);
	int err = saved_load(&state, error);

	if (err && (err != -ENOENT || !persistent))
		return err;
	err = state && !setup->dry_run ? restore(state, error) : 0;
	if (!err && !setup->dry_run)
		err = forget_settings(&persistent, error);
	return err ? err : print_undone(setup, state, persistent);
}

#define IN_SETUP(member)	settings.member

static const struct opt options[] = {
	SETUP_CONF_OPTIONS(struct setup, IN_SETUP),
	OPT_FLAG("persistent", struct setup, persistent,
		 "do the same at each boot",
		 .manual = "Do the same at each boot: write the settings to "
			   "_/etc/ne-emu/setup.conf_, which *ne-emu-setup.service* applies once it "
			   "has loaded the driver. What an earlier *--persistent* has set and this "
			   "one does not mention stays."),
	OPT_STRING("from", struct setup, from, "FILE", "read the settings from a file",
		   .manual = "Read the settings from a file with lines \"name = value\": *memory*, "
			     "*cpus*, *cpu-ids* and *allocator*, with the values of these options.",
		   .values = VALUES_FILES),
	OPT_FLAG("undo", struct setup, undo,
		 "restore the state before the first setup",
		 .manual = "Restore the pool and the huge pages to the state before the first "
			   "setup since boot (of each NUMA node), which _/run/ne-emu/setup.json_ "
			   "records, and remove what *--persistent* wrote. Other configuration of "
			   "the kernel, such as sysctl, stays."),
	OPT_FLAG("dry-run", struct setup, dry_run, "only print what would be done",
		 .manual = "Only print what would be done. Needs no root."),
	OPT_FLAG("json", struct setup, json, "print a JSON object",
		 .manual = "Print a JSON object about what was done."),
	{}
};

static bool any_settings(const struct setup_conf *settings)
{
	return settings->memory || settings->cpus || settings->cpu_ids || settings->allocator;
}

static int check_usage(const struct command_call *call, const struct setup *setup)
{
	const char *wrong;

	if (setup->undo + any_settings(&setup->settings) + !!setup->from != 1)
		return command_usage_error(call, "specify --memory, --cpus or both, or --undo");
	if (setup->persistent && (setup->undo || setup->from))
		return command_usage_error(call, "--persistent cannot be combined with %s",
					   setup->undo ? "--undo, which removes its file" :
					   "--from");
	wrong = any_settings(&setup->settings) ? setup_conf_check(&setup->settings) : NULL;
	return wrong ? command_usage_error(call, "%s", wrong) : COMMAND_OK;
}

static int setup_run(const struct command_call *call)
{
	struct setup *setup = call->options;
	struct error error = {};
	int code = check_usage(call, setup);
	int err = 0;

	if (code)
		return code;
	if (geteuid() && !setup->dry_run && !*sys_root()) {
		term_error("this needs root: use sudo, or --dry-run to see what would be done");
		return COMMAND_FAILED;
	}
	if (setup->from)
		err = setup_conf_load(setup->from, &setup->settings, &error);
	if (!err)
		err = setup->undo ? undo(setup, &error) : do_setup(setup, &error);
	setup_conf_free(&setup->settings);
	return term_result(err, &error);
}

const struct command cmd_setup = {
	.name = "setup",
	.summary = "reserve huge pages and CPUs for enclaves",
	.about = "Reserve huge pages and set the CPU pool, both on one NUMA node. The pool\n"
		 "consists of whole cores, except that of CPU 0. Until the next boot, or with\n"
		 "--persistent at each boot. Needs root",
	.options = options,
	.size = sizeof(struct setup),
	.run = setup_run,
};
