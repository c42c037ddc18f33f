// SPDX-License-Identifier: Apache-2.0
/* ne-emu logs: print the console log and exit record of an enclave, also after its end. */

#include "cli/commands.h"
#include "cli/enclave/console_log.h"
#include "cli/enclave/log_list.h"
#include "cli/enclave/select.h"
#include "cli/enclave/watch.h"
#include "cli/host/json_in.h"
#include "cli/host/sysfs.h"

#include "common/clock.h"
#include "common/date.h"
#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long to wait for the rest of a record after the end. */
#define RECORD_MS	3000
/* The end of an enclave is looked for, and new output where it is not announced. */
#define LOOK_AGAIN_MS	500

struct logs_options {
	bool list;
	bool json;
	bool latest;
	bool follow;
	bool timestamps;
	uint64_t tail;
	int64_t since_ns;
};

#define __cleanup_json	__cleanup(json_in_free)

static const char *end_text(const struct json_t *record, char *buf)
{
	struct outcome outcome = logs_outcome(record);

	return outcome_text(&outcome, buf);
}

static void print_end(const struct logs_id *entry)
{
	__cleanup_json struct json_t *record = logs_load_exit(entry);
	char id[STATE_ID_SIZE], end[OUTCOME_TEXT_SIZE];

	state_id(entry->uid, id);
	if (record)
		fprintf(stderr, "%s: ended %s, %s\n", id, json_in_str(record, "ended"),
			end_text(record, end));
	else
		fprintf(stderr, "%s: has not ended, or ended while ne-emud was not running\n", id);
}

/* The record is complete, or the kernel does not know the enclave and there will be none. */
static bool has_ended(const struct logs_id *entry, int64_t *first_seen_ms)
{
	__cleanup_json struct json_t *record = logs_load_exit(entry);
	const struct json_t *vmm = json_in_object(record, "vmm");
	struct ne_nl_enclave enclave;
	struct ne_nl *nl;
	int err;

	if (record && (!vmm || json_in_has(vmm, "exit_code") || json_in_has(vmm, "signal")))
		return true;
	err = record ? -ENOENT : ne_nl_open(&nl);
	if (!err) {
		err = ne_nl_enclave_get(nl, entry->uid, &enclave);
		ne_nl_close(nl);
	}
	if (!err) {
		ne_nl_enclave_done(&enclave);
		*first_seen_ms = 0;
		return false;
	}
	if (!*first_seen_ms)
		*first_seen_ms = clock_ms();
	return clock_ms() - *first_seen_ms >= RECORD_MS;
}

/* Return: 0, or -EPIPE if the reader of the output is gone. */
static int wait_for_more(int notify)
{
	struct pollfd fds[] = {
		{ .fd = notify, .events = POLLIN },
		{ .fd = STDOUT_FILENO },
	};
	char events[4096];
	int ready = poll(fds, ARRAY_SIZE(fds), LOOK_AGAIN_MS);

	if (ready <= 0)
		return 0;
	if (fds[0].revents)
		(void)!read(notify, events, sizeof(events));
	return watch_output_lost(fds[1].revents);
}

static int follow(struct console_log *log, const struct logs_id *entry)
{
	__cleanup_fd int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[SYS_PATH_SIZE];
	int64_t first_seen_ms = 0;
	bool ended = false;
	int err = 0;

	/* Without it, output appears with a delay. */
	if (notify >= 0)
		(void)inotify_add_watch(notify, logs_path(path, entry, NE_EMU_CONSOLE_LOG),
					IN_MODIFY);
	while (!err && !ended) {
		err = wait_for_more(notify);
		ended = has_ended(entry, &first_seen_ms);
		if (!err && log->file)
			err = console_log_more(log, ended);
	}
	return err;
}

/* Only the console log goes to stdout, so that it can be piped. */
static int show(const struct logs_id *entry, const struct logs_options *wanted)
{
	struct console_log log = {
		.tail = wanted->tail, .since_ns = wanted->since_ns, .dates = wanted->timestamps,
		.clean = isatty(STDOUT_FILENO),
	};
	int err = console_log_open(&log, entry);
	char id[STATE_ID_SIZE];

	state_id(entry->uid, id);
	if (err == -ENOENT) {
		fprintf(stderr, "%s: no console log; only debug enclaves have one\n", id);
		err = 0;
	} else if (!err) {
		err = console_log_print(&log, !wanted->follow);
	}
	if (!err && wanted->follow)
		err = follow(&log, entry);
	console_log_close(&log);
	if (err == -EPIPE)
		return COMMAND_OK;	/* nobody reads any more */
	if (err) {
		term_error("%s: cannot copy the console: %s", id, strerror(-err));
		return COMMAND_FAILED;
	}
	print_end(entry);
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

		json_out_document(&out);
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

static int read_since(const char *text, void *value)
{
	return date_parse(text, clock_ns(CLOCK_REALTIME), value);
}

static const struct opt_type since_type = { .what = DATE_RULE, .read = read_since };

static const struct logs_options defaults = { .tail = UINT64_MAX };

static const struct opt options[] = {
	OPT_FLAG("follow", struct logs_options, follow,
		 "go on until the enclave has ended", .letter = 'f'),
	OPT_FLAG("json", struct logs_options, json, "print the list as a JSON array"),
	OPT_LATEST(struct logs_options, latest),
	OPT_FLAG("list", struct logs_options, list,
		 "list all enclaves that have logs, newest first"),
	OPT_TYPED("since", struct logs_options, since_ns, int64_t, &since_type, "TIME",
		  "only lines since a date, or e.g. 10m ago",
		  .manual = "Only lines since this moment: a date in UTC such as "
			    "2026-01-31T12:00:00Z, an age such as 90s, 10m, 2h or 1d, or @ and "
			    "seconds since 1970."),
	OPT_NUMBER("tail", struct logs_options, tail, "N", 0, UINT64_MAX - 1,
		   "only the last N lines", .letter = 'n',
		   .manual = "Only the last _N_ of the lines that exist."),
	OPT_FLAG("timestamps", struct logs_options, timestamps,
		 "with the date of each line", .letter = 't'),
	{}
};

static int check_usage(const struct command_call *call, const struct logs_options *wanted)
{
	struct select unused;
	bool list = wanted->list || wanted->json;

	if (list && call->count)
		return command_usage_error(call, "--list takes no argument");
	if (list && (wanted->follow || wanted->timestamps || wanted->latest || wanted->since_ns ||
		     wanted->tail != UINT64_MAX))
		return command_usage_error(call, "--list shows no lines of a log");
	return select_read(call, wanted->latest, &unused);
}

static int logs_run(const struct command_call *call)
{
	const struct logs_options *wanted = call->options;
	const char *name = call->count ? call->args[0] : NULL;
	__cleanup(log_list_free) struct log_list list = {};
	bool list_all = wanted->list || wanted->json;
	struct logs_id entry = { 0 };
	struct error error;
	int code = check_usage(call, wanted);

	if (code)
		return code;
	if (log_list_read(&list, &error) ||
	    (!list_all && log_list_find(&list, name, &entry, &error))) {
		term_error("%s", error.text);
		return COMMAND_FAILED;
	}
	if (wanted->json)
		return print_json(&list);
	if (!list_all)
		return show(&entry, wanted);
	print_table(&list);
	return COMMAND_OK;
}

const struct command cmd_logs = {
	.name = "logs",
	.summary = "show the console log of an enclave and why it ended",
	.args = SELECT_ARG,
	.about = "Show the console log of an enclave and why it ended; without an argument,\n"
		 "of the newest one. Root sees the logs of all users, others only their own",
	.options = options,
	.values = { VALUES_LOGS },
	.max_args = 1,
	.size = sizeof(struct logs_options),
	.defaults = &defaults,
	.run = logs_run,
};
