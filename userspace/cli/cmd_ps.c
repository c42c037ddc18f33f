// SPDX-License-Identifier: Apache-2.0
/* ne-emu ps: list the enclaves of this machine. */

#include "cli/commands.h"
#include "cli/enclave/channels.h"
#include "cli/enclave/view_fields.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define WIDTH_MIN	80

/*
 * Columns of the table: the name of the field, and the width of a value that is not cut. The
 * last one gets what is left of the line.
 */
static const struct {
	const char *title;
	const char *field;
	int width;
	bool right;
} columns[] = {
	{ "ID", "id", 19, false },
	{ "NAME", "name", 12, false },
	{ "CID", "cid", 5, true },
	{ "MODE", "mode", 5, false },
	{ "CPUS", "cpus", 8, false },
	{ "MEMORY", "memory", 9, true },
	{ "STATUS", "status", 0, false },
};

struct ps_options {
	bool all;
	bool json;
	bool quiet;
	bool no_trunc;
	const char *format;
	struct opt_strings filters;
};

/* @text becomes at most @max characters. Values are ASCII, apart from texts of a guest. */
static void cut(char *text, size_t max)
{
	if (strlen(text) <= max)
		return;
	while (max > 3 && (text[max - 3] & 0xc0) == 0x80)
		max--;		/* not within a character */
	strcpy(text + max - 3, "...");
}

static void print_row(const struct view *view, int width)
{
	int left = width;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		bool last = i == ARRAY_SIZE(columns) - 1;
		int column = last ? left : columns[i].width;
		char value[VIEW_FIELD_SIZE];

		(void)view_field(view, columns[i].field, value);
		if (width)
			cut(value, column);
		if (last)
			printf("%s\n", value);
		else
			left -= printf(columns[i].right ? "%*s " : "%-*s ", columns[i].width,
				       *value ? value : "-");
	}
}

/* @width: of the terminal; 0: cut nothing */
static void print_table(const struct view_list *list, int width)
{
	printf("%s", term_colour(STDOUT_FILENO, TERM_BOLD));
	for (size_t i = 0; i < ARRAY_SIZE(columns) - 1; i++)
		printf(columns[i].right ? "%*s " : "%-*s ", columns[i].width, columns[i].title);
	printf("%s%s\n", columns[ARRAY_SIZE(columns) - 1].title,
	       term_colour(STDOUT_FILENO, TERM_PLAIN));
	for (size_t i = 0; i < list->count; i++)
		print_row(&list->views[i], width);
}

static void json_vsock(struct json_out *out, const struct channel *channel)
{
	if (!channel) {
		json_out_null(out, "Vsock");
		return;
	}
	json_out_object(out, "Vsock");
	json_out_u64(out, "QueuedPackets", channel->queued);
	json_out_u64(out, "DroppedPackets", channel->dropped);
	json_out_u64(out, "MalformedPackets", channel->malformed);
	json_out_end(out);
}

static int print_json(const struct view_list *list)
{
	__cleanup_free struct channel *channels = NULL;
	struct json_out out = {};
	size_t nr_channels = 0;

	/* On failure "Vsock" is null; the rest is still useful. */
	(void)channel_list(&channels, &nr_channels);
	json_out_array(&out, NULL);
	for (size_t i = 0; i < list->count; i++) {
		const struct view *view = &list->views[i];

		json_out_document(&out);
		view_json(&out, view);
		json_vsock(&out, view->record ? NULL :
			   channel_find(channels, nr_channels, view->enclave.cid));
		json_out_bool(&out, "Emulated", true);
		json_out_end(&out);
	}
	return json_out_print(&out, stdout, 2);
}

static bool matches(const struct view *view, const struct opt_strings *filters)
{
	for (size_t i = 0; i < filters->count; i++)
		if (!view_matches(view, filters->list[i]))
			return false;
	return true;
}

static void filter(struct view_list *list, const struct opt_strings *filters)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (matches(&list->views[i], filters))
			list->views[kept++] = list->views[i];
		else
			view_done(&list->views[i]);
	}
	list->count = kept;
}

static int print_list(const struct view_list *list, const struct ps_options *wanted)
{
	const char *format = wanted->quiet ? "{id}" : wanted->format;

	if (wanted->json || (format && !strcmp(format, "json")))
		return print_json(list) ? COMMAND_FAILED : COMMAND_OK;
	if (!format)
		print_table(list, wanted->no_trunc ? 0 : MAX(term_width(STDOUT_FILENO), WIDTH_MIN));
	for (size_t i = 0; format && i < list->count; i++)
		view_format(&list->views[i], format, stdout);
	return COMMAND_OK;
}

static int check_usage(const struct command_call *call, const struct ps_options *wanted)
{
	struct error error;

	if (wanted->json + wanted->quiet + !!wanted->format > 1)
		return command_usage_error(call, "--json, --quiet and --format exclude each other");
	if (wanted->format && view_format_check(wanted->format, &error))
		return command_usage_error(call, "%s", error.text);
	for (size_t i = 0; i < wanted->filters.count; i++)
		if (view_filter_check(wanted->filters.list[i], &error))
			return command_usage_error(call, "%s", error.text);
	return COMMAND_OK;
}

static int ps_run(const struct command_call *call)
{
	const struct ps_options *wanted = call->options;
	struct view_list list;
	struct error error;
	int err = check_usage(call, wanted);

	if (err)
		return err;
	err = view_list_read(&list, wanted->all, &error);
	if (err)
		return term_result(err, &error);
	filter(&list, &wanted->filters);
	err = print_list(&list, wanted);
	view_list_free(&list);
	return err;
}

static const struct opt options[] = {
	OPT_FLAG("all", struct ps_options, all, "also those that have ended", .letter = 'a',
		 .manual = "Also those that have ended, as far as their records are kept and the "
			   "caller may read them."),
	OPT_STRINGS("filter", struct ps_options, filters, "KEY=VALUE",
		    "only these: by name, state, owner, cid or debug",
		    .manual = "Only enclaves with this name, state (init, running, stopped, "
			      "terminated), owner (name or number), cid, or debug (true, false). "
			      "With several filters, all must match.", .letter = 'f'),
	OPT_STRING("format", struct ps_options, format, "TEMPLATE",
		   "print a line per enclave, e.g. '{id} {name}', or json",
		   .manual = "Print this text for each enclave, with \"{id}\" and other fields "
			     "replaced by their values, which are empty if not known: id, cid, "
			     "name, state, status (as in the table), owner, mode, cpus, memory, "
			     "uptime, pid, exit, started, booted, ended, image. \"\\\\t\" is a tab, "
			     "\"\\\\n\" a new line, \"{{\" a brace. _json_ stands for *--json*."),
	OPT_FLAG("json", struct ps_options, json, "print a JSON array"),
	OPT_FLAG("no-trunc", struct ps_options, no_trunc, "do not cut long lines",
		 .manual = "Do not cut names and lines that are longer than the terminal is wide "
			   "(80 characters if it is none)."),
	OPT_FLAG("quiet", struct ps_options, quiet, "print only ids", .letter = 'q'),
	{}
};

const struct command cmd_ps = {
	.name = "ps",
	.summary = "list the enclaves of this machine",
	.about = "List the enclaves of this machine, oldest first",
	.options = options,
	.size = sizeof(struct ps_options),
	.run = ps_run,
};
