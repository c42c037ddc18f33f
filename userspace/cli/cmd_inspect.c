// SPDX-License-Identifier: Apache-2.0
/* ne-emu inspect: print all that is known about an enclave, running or ended. */

#include "cli/commands.h"
#include "cli/enclave/view_fields.h"
#include "cli/host/json_in.h"

#include "common/paths.h"
#include "common/util.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

struct inspect_options {
	bool json;
	bool latest;
};

/* Path of a file in its log directory; "" if there is none, or the user may not read it. */
static const char *file_of(const struct view *view, const char *name, char *buf)
{
	return access(logs_path(buf, &view->id, name), R_OK) ? "" : buf;
}

static json_t *measurements_of(const struct view *view)
{
	return json_object_get(view->image, "measurements");
}

static int print_json(const struct view *view)
{
	char buf_console[SYS_PATH_SIZE], buf_record[SYS_PATH_SIZE];
	const char *console = file_of(view, NE_EMU_CONSOLE_LOG, buf_console);
	const char *record = file_of(view, NE_EMU_EXIT_FILE, buf_record);
	struct json_out out = {};

	json_out_document(&out);
	view_json(&out, view);
	json_out_json(&out, "Measurements", measurements_of(view));
	json_out_str(&out, "Console", *console ? console : NULL);
	json_out_str(&out, "Record", *record ? record : NULL);
	json_out_bool(&out, "Emulated", true);
	return json_out_print(&out, stdout, 2);
}

static void print_line(const char *title, const char *value)
{
	if (*value)
		printf("%-11s %s\n", title, value);
}

static void print_measurements(const struct view *view)
{
	const char *name;
	json_t *value;

	json_object_foreach(measurements_of(view), name, value)
		if (!strncmp(name, "PCR", strlen("PCR")) && json_is_string(value))
			print_line(name, json_string_value(value));
}

static void print_text(const struct view *view)
{
	static const struct {
		const char *title, *field;
	} lines[] = {
		{ "id", "id" }, { "name", "name" }, { "status", "status" }, { "owner", "owner" },
		{ "process", "pid" }, { "CID", "cid" }, { "mode", "mode" }, { "CPUs", "cpus" },
		{ "memory", "memory" }, { "started", "started" }, { "booted", "booted" },
		{ "ended", "ended" }, { "image", "image" },
	};
	char buf[VIEW_FIELD_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		print_line(lines[i].title, view_field(view, lines[i].field, buf));
	print_measurements(view);
	print_line("console", file_of(view, NE_EMU_CONSOLE_LOG, buf));
	print_line("record", file_of(view, NE_EMU_EXIT_FILE, buf));
}

static int inspect_run(const struct command_call *call)
{
	const struct inspect_options *given = call->options;
	int code = COMMAND_OK;
	struct select wanted;
	struct error error;
	struct view view;
	int err;

	err = select_read(call, given->latest, &wanted);
	if (err)
		return err;
	err = view_find(&wanted, &view, &error);
	if (err)
		return term_result(err, &error);
	if (!given->json)
		print_text(&view);
	else if (print_json(&view))
		code = COMMAND_FAILED;
	view_done(&view);
	return code;
}

static const struct opt options[] = {
	OPT_FLAG("json", struct inspect_options, json, "print one JSON object"),
	OPT_LATEST(struct inspect_options, latest),
	{}
};

const struct command cmd_inspect = {
	.name = "inspect",
	.summary = "print all that is known about an enclave",
	.args = SELECT_ARG,
	.about = "Print all that is known about an enclave, running or ended: its image and\n"
		 "measurements, resources, times, end, and the files that are kept of it",
	.options = options,
	.values = { VALUES_LOGS },
	.max_args = 1,
	.size = sizeof(struct inspect_options),
	.run = inspect_run,
};
