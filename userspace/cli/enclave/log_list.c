// SPDX-License-Identifier: Apache-2.0
/* The log directories that ne-emud keeps, of running and of ended enclaves. */

#include "cli/enclave/log_list.h"

#include "cli/enclave/select.h"
#include "cli/enclave/state.h"
#include "cli/host/json_in.h"
#include "cli/host/sysfs.h"
#include "common/paths.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define UID_DIGITS	16
#define __cleanup_json	__cleanup(json_in_free)

void log_list_free(struct log_list *list)
{
	free(list->entries);
	free(list->others);
}

static void dir_cleanup(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

/* Slot uids begin with the time of creation. */
static int compare_newest(const void *a, const void *b)
{
	uint64_t x = ((const struct logs_id *)a)->uid, y = ((const struct logs_id *)b)->uid;

	return (x < y) - (x > y);
}

static int add_entry(struct log_list *list, uid_t owner, const char *name)
{
	struct logs_id *grown;
	uint64_t uid;

	if (strlen(name) != UID_DIGITS || parse_u64(name, 16, UINT64_MAX, &uid))
		return 0;	/* not ours */
	grown = reallocarray(list->entries, list->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->entries = grown;
	list->entries[list->count++] = (struct logs_id){ .uid = uid, .owner = owner };
	return 0;
}

static int add_other(struct log_list *list, uid_t owner)
{
	uid_t *grown = reallocarray(list->others, list->nr_others + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	list->others = grown;
	list->others[list->nr_others++] = owner;
	return 0;
}

static int read_owner(struct log_list *list, const char *name)
{
	__cleanup(dir_cleanup) DIR *dir = NULL;
	char path[SYS_PATH_SIZE];
	struct dirent *entry;
	uint64_t owner;
	int err = 0;

	if (parse_u64(name, 10, UINT32_MAX, &owner))
		return 0;	/* not ours */
	dir = opendir(sys_path(path, NE_EMU_LOG_DIR "/%" PRIu64, owner));
	if (!dir)
		return errno == EACCES ? add_other(list, owner) : 0;
	while (!err && (entry = readdir(dir)))
		err = add_entry(list, owner, entry->d_name);
	return err;
}

int log_list_read(struct log_list *list, struct error *error)
{
	__cleanup(dir_cleanup) DIR *dir = NULL;
	char path[SYS_PATH_SIZE];
	struct dirent *entry;
	int err = 0;

	dir = opendir(sys_path(path, NE_EMU_LOG_DIR));
	if (!dir)
		return error_set(error, -errno, "%s: %s%s", path, strerror(errno), errno == EACCES ?
				 "; use sudo or join the group ne" : errno == ENOENT ?
				 "; no enclave has been started yet" : "");
	while (!err && (entry = readdir(dir)))
		err = read_owner(list, entry->d_name);
	if (err)
		return error_set(error, err, "%s", strerror(-err));
	if (list->count)
		qsort(list->entries, list->count, sizeof(*list->entries), compare_newest);
	return 0;
}

/* Slot uid of the newest enclave with this CID, running or not; 0: none. */
static uint64_t find_cid(const struct log_list *list, const char *name, uint32_t cid)
{
	const struct select wanted = { .name = name };
	struct ne_nl_enclave enclave;
	struct error error;

	if (!select_enclave(&wanted, &enclave, &error)) {
		uint64_t uid = enclave.slot_uid;

		ne_nl_enclave_done(&enclave);
		return uid;
	}
	for (size_t i = 0; i < list->count; i++) {
		__cleanup_json struct json_t *record = logs_load_exit(&list->entries[i]);

		if (record && json_in_u64(record, "cid") == cid)
			return list->entries[i].uid;
	}
	return 0;
}

/* The directories of other users can be seen, but not opened. */
static int fail_not_kept(const struct log_list *list, const char *name, uint64_t uid,
			 struct error *error)
{
	char path[SYS_PATH_SIZE], user[STATE_USER_SIZE], id[STATE_ID_SIZE];

	for (size_t i = 0; uid && i < list->nr_others; i++) {
		sys_path(path, NE_EMU_LOG_DIR "/%" PRIu32 "/%016" PRIx64, list->others[i], uid);
		if (!access(path, F_OK))
			return error_set(error, -EACCES, "%s belongs to %s; use sudo",
					 state_id(uid, id), state_user(list->others[i], user));
	}
	return error_set(error, -ENOENT, "there are no logs of %s; see \"ne-emu logs --list\"",
			 name);
}

/* The newest one with this name, or 0. */
static uint64_t find_name(const struct log_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct logs_id *entry = &list->entries[i];
		char buf[STATE_NAME_SIZE];
		const char *its = state_enclave_name(entry->owner, entry->uid, buf);

		if (its && !strcmp(its, name))
			return entry->uid;
	}
	return 0;
}

int log_list_find(const struct log_list *list, const char *name, struct logs_id *ret,
		  struct error *error)
{
	uint64_t uid;
	uint32_t cid;

	if (!name && !list->count)
		return error_set(error, -ENOENT, "%s holds no logs%s", NE_EMU_LOG_DIR,
				 list->nr_others ? " of yours; use sudo for those of other users" :
				 "");
	if (!name) {
		*ret = list->entries[0];
		return 0;
	}
	if (state_parse_id(name, &uid, &cid)) {
		uid = find_name(list, name);
		if (!uid)
			return error_set(error, -ENOENT, "\"%s\" is neither an enclave id nor a "
					 "CID nor the name of an enclave; see \"ne-emu logs "
					 "--list\"", name);
	} else if (!uid) {
		uid = find_cid(list, name, cid);
	}
	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].uid == uid) {
			*ret = list->entries[i];
			return 0;
		}
	return fail_not_kept(list, name, uid, error);
}

