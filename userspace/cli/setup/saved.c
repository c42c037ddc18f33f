// SPDX-License-Identifier: Apache-2.0
/* The state of the machine before the first setup since boot, which "setup --undo" restores. */

#include "cli/setup/saved.h"

#include "cli/host/json_in.h"
#include "cli/host/reserve.h"
#include "cli/host/sysfs.h"
#include "command/file.h"
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
	__cleanup_free char *text = json_out_take(out);
	char path[SYS_PATH_SIZE];
	struct file_new file;
	int err;

	if (!text)
		return error_set(error, -ENOMEM, "cannot write %s: %s", STATE_FILE,
				 strerror(ENOMEM));
	(void)mkdir(sys_path(path, NE_EMU_RUN_DIR), 0755);	/* on failure the open fails */
	err = file_new_open(&file, sys_path(path, STATE_FILE), error);
	if (!err) {
		err = write_full(file.fd, text, strlen(text));
		err = err ? error_set(error, err, "cannot write %s: %s", STATE_FILE,
				      strerror(-err)) : file_new_commit(&file, error);
	}
	file_new_abort(&file);
	return err;
}

int saved_load(struct json_t **ret, struct error *error)
{
	char path[SYS_PATH_SIZE];
	int err = json_in_load(sys_path(path, STATE_FILE), ret);

	if (err == -ENOENT)
		return error_set(error, err, "nothing to undo: %s does not exist", STATE_FILE);
	if (err)
		return error_set(error, err,
				 "cannot read %s: %s; remove it if there is nothing to undo",
				 STATE_FILE, strerror(-err));
	return 0;
}

int saved_store(int node, bool *ret_first, struct error *error)
{
	char dir[SYS_PATH_SIZE], pool[SYS_TEXT_SIZE] = "";
	__cleanup(json_in_free) struct json_t *state = NULL;
	struct json_out out = {};
	int err = saved_load(&state, error);

	*ret_first = err == -ENOENT;
	if (err && err != -ENOENT)
		return err;
	(void)sys_read(pool, NE_CPU_POOL_PATH);
	json_out_object(&out, NULL);
	json_out_str(&out, STATE_CPUS, state ? saved_cpus(state) : pool);
	save_pages(&out, reserve_dir(node, dir));
	/* Saved counts are from before the first setup, so they replace the current ones. */
	if (state)
		(void)json_in_each_u64(state, copy_count, &out);
	err = write_state(&out, error);
	json_out_free(&out);
	return err;
}

const char *saved_cpus(const struct json_t *state)
{
	return json_in_str(state, STATE_CPUS);
}

static int restore_pages(void *error, const char *key, uint64_t pages)
{
	char text[24];
	int err;

	if (strncmp(key, "/sys/", 5))
		return 0;
	snprintf(text, sizeof(text), "%" PRIu64, pages);
	err = sys_write(text, "%s/nr_hugepages", key);
	return err ? error_set(error, err, "not all huge pages could be released: "
			       "%s/nr_hugepages: %s", key, strerror(-err)) : 0;
}

int saved_restore_pages(struct json_t *state, struct error *error)
{
	return json_in_each_u64(state, restore_pages, error);
}

int saved_forget(struct error *error)
{
	char path[SYS_PATH_SIZE];

	if (unlink(sys_path(path, STATE_FILE)) && errno != ENOENT)
		return error_set(error, -errno, "cannot remove %s: %s", STATE_FILE,
				 strerror(errno));
	return 0;
}
