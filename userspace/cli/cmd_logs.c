// SPDX-License-Identifier: Apache-2.0
/* ne-emu logs: print the console log and exit record of an enclave, also after its end. */

#include "cli/commands.h"
#include "cli/enclave/logs.h"
#include "cli/enclave/state.h"
#include "cli/host/json_in.h"
#include "cli/host/sysfs.h"

#include "common/paths.h"
#include "common/text.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UID_DIGITS	16
#define COPY_STEP	(64 * KIB)

/**
 * struct log_list - log directories that the user may read, newest first
 * @others: users whose directories this user may not read, @nr_others of them
 */
struct log_list {
	struct logs_id *entries;
	size_t count;
	uid_t *others;
	size_t nr_others;
};

#define __cleanup_json	__cleanup(json_in_free)

static void log_list_free(struct log_list *list)
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

static int log_list_read(struct log_list *list, struct error *error)
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
	struct ne_nl_enclave enclave;
	struct error error;
	struct ne_nl *nl;

	if (!ne_nl_open(&nl)) {
		int err = state_find(nl, name, &enclave, &error);

		ne_nl_close(nl);
		if (!err) {
			uint64_t uid = enclave.slot_uid;

			ne_nl_enclave_done(&enclave);
			return uid;
		}
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

static int choose(const struct log_list *list, const char *name, struct logs_id *ret,
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

/* The guest controls every byte, so escape what the terminal would act on. */
static int print_console(FILE *file)
{
	__cleanup_free char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, file)) > 0) {
		if (line[len - 1] == '\n')
			len--;
		if (len && line[len - 1] == '\r')
			len--;
		text_print(stdout, line, len, "\t");
		if (putchar('\n') == EOF)
			return -EPIPE;
	}
	return ferror(file) ? -EIO : 0;
}

static int copy_console(const struct logs_id *entry)
{
	char path[SYS_PATH_SIZE], buf[COPY_STEP];
	__cleanup_file FILE *file = fopen(logs_path(path, entry, NE_EMU_CONSOLE_LOG), "re");
	ssize_t n;

	if (!file)
		return -errno;
	if (isatty(STDOUT_FILENO))
		return print_console(file);
	while ((n = read_full(fileno(file), buf, sizeof(buf))) > 0)
		if (write_full(STDOUT_FILENO, buf, n))
			return -EPIPE;
	return n;
}

static const char *end_text(const struct json_t *record, char *buf)
{
	struct outcome outcome = logs_outcome(record);

	return outcome_text(&outcome, buf);
}

/* Only the console log goes to stdout, so that it can be piped. */
static int show(const struct logs_id *entry)
{
	__cleanup_json struct json_t *record = logs_load_exit(entry);
	char id[STATE_ID_SIZE], end[OUTCOME_TEXT_SIZE];
	int err = copy_console(entry);

	state_id(entry->uid, id);
	if (err == -ENOENT) {
		fprintf(stderr, "%s: no console log; only debug enclaves have one\n", id);
	} else if (err) {
		term_error("%s: cannot copy the console: %s", id, strerror(-err));
		return COMMAND_FAILED;
	}
	if (record)
		fprintf(stderr, "%s: ended %s, %s\n", id, json_in_str(record, "ended"),
			end_text(record, end));
	else
		fprintf(stderr, "%s: has not ended, or ended while ne-emud was not running\n", id);
	return COMMAND_OK;
}

static uint64_t console_size(const struct logs_id *entry)
{
	char path[SYS_PATH_SIZE];
	struct stat st;

	return stat(logs_path(path, entry, NE_EMU_CONSOLE_LOG), &st) ? 0 : st.st_size;
}

static void print_table(const struct log_list *list)
{
	printf("%-19s %10s %10s %12s  %s\n", "ID", "OWNER", "CID", "CONSOLE", "END");
	for (size_t i = 0; i < list->count; i++) {
		const struct logs_id *entry = &list->entries[i];
		__cleanup_json struct json_t *record = logs_load_exit(entry);
		char id[STATE_ID_SIZE], end[OUTCOME_TEXT_SIZE];

		printf("%-19s %10" PRIu32 " ", state_id(entry->uid, id), entry->owner);
		if (record)
			printf("%10" PRIu64 " ", json_in_u64(record, "cid"));
		else
			printf("%10s ", "-");
		printf("%12" PRIu64 "  ", console_size(entry));
		if (record)
			printf("%s %s\n", json_in_str(record, "ended"), end_text(record, end));
		else
			printf("-\n");
	}
}

static int print_json(const struct log_list *list)
{
	struct json_out out = {};

	json_out_array(&out, NULL);
	for (size_t i = 0; i < list->count; i++) {
		const struct logs_id *entry = &list->entries[i];
		__cleanup_json struct json_t *record = logs_load_exit(entry);
		char id[STATE_ID_SIZE], name[STATE_NAME_SIZE], path[SYS_PATH_SIZE];

		json_out_object(&out, NULL);
		json_out_str(&out, "EnclaveID", state_id(entry->uid, id));
		json_out_str(&out, "Name", state_enclave_name(entry->owner, entry->uid, name));
		json_out_u64(&out, "OwnerUID", entry->owner);
		json_out_str(&out, "Console", console_size(entry) ?
			     logs_path(path, entry, NE_EMU_CONSOLE_LOG) : NULL);
		json_out_u64(&out, "ConsoleBytes", console_size(entry));
		json_out_bool(&out, "Ended", record);
		if (record) {
			struct outcome outcome = logs_outcome(record);

			json_out_u64(&out, "EnclaveCID", json_in_u64(record, "cid"));
			json_out_str(&out, "EndTime", json_in_str(record, "ended"));
			outcome_json(&out, &outcome);
		}
		json_out_end(&out);
	}
	return json_out_print(&out, stdout, 2) ? COMMAND_FAILED : COMMAND_OK;
}

struct logs_options {
	bool list;
	bool json;
};

static const struct opt options[] = {
	OPT_FLAG("list", struct logs_options, list,
		 "list all enclaves that have logs, newest first"),
	OPT_FLAG("json", struct logs_options, json, "print the list as a JSON array"),
	{}
};

static int logs_run(const struct command_call *call)
{
	const struct logs_options *wanted = call->options;
	const char *name = call->count ? call->args[0] : NULL;
	__cleanup(log_list_free) struct log_list list = {};
	bool list_all = wanted->list || wanted->json;
	struct logs_id entry = { 0 };
	struct error error;

	if (list_all && name)
		return command_usage_error(call, "--list takes no argument");
	if (log_list_read(&list, &error) || (!list_all && choose(&list, name, &entry, &error))) {
		term_error("%s", error.text);
		return COMMAND_FAILED;
	}
	if (wanted->json)
		return print_json(&list);
	if (!list_all)
		return show(&entry);
	print_table(&list);
	return COMMAND_OK;
}

const struct command cmd_logs = {
	.name = "logs",
	.summary = "show the console log of an enclave and why it ended",
	.args = "[ID|CID|NAME]",
	.about = "Show the console log of an enclave and why it ended; without an argument,\n"
		 "of the newest one. Root sees the logs of all users, others only their own",
	.options = options,
	.values = { VALUES_LOGS },
	.max_args = 1,
	.size = sizeof(struct logs_options),
	.run = logs_run,
};
