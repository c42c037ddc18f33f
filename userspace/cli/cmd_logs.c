// SPDX-License-Identifier: Apache-2.0
/* ne-emu logs: print the console log and exit record of an enclave, also after its end. */

#include "cli/commands.h"
#include "cli/enclave/log_list.h"
#include "cli/enclave/state.h"
#include "cli/host/json_in.h"
#include "cli/host/sysfs.h"

#include "common/paths.h"
#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_STEP	(64 * KIB)

#define __cleanup_json	__cleanup(json_in_free)

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
	if (log_list_read(&list, &error) ||
	    (!list_all && log_list_find(&list, name, &entry, &error))) {
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
