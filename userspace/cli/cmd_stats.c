// SPDX-License-Identifier: Apache-2.0
/* ne-emu stats: print counters of running enclaves. */

#include "cli/commands.h"
#include "cli/stats/formats.h"

#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CLEAR	"\033[H\033[J"

struct stats_options {
	bool json;
	bool openmetrics;
	bool watch;
	bool latest;
	uint64_t interval;
};

struct sources {
	struct stats_source *list;
	size_t count;
};

static void sources_free(struct sources *sources)
{
	for (size_t i = 0; i < sources->count; i++)
		stats_source_close(&sources->list[i]);
	free(sources->list);
}

/* Add an enclave; takes over @view. */
static int add(struct sources *sources, struct view *view, struct error *error)
{
	int err;

	err = stats_source_open(&sources->list[sources->count], view, error);
	*view = (struct view){};
	if (err)
		stats_source_close(&sources->list[sources->count]);
	else
		sources->count++;
	return err;
}

/* May this user look into it, and does it run? */
static bool is_wanted(const struct view *view)
{
	uid_t uid = geteuid();

	return view->enclave.state == NE_EMU_ENCLAVE_STATE_RUNNING &&
	       (!uid || ne_nl_owner(&view->enclave) == uid);
}

static int open_all(struct sources *sources, struct error *error)
{
	struct view_list list;
	int err = view_list_read(&list, false, error);

	if (!err)
		sources->list = calloc(MAX(list.count, 1U), sizeof(*sources->list));
	if (!err && !sources->list)
		err = error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; !err && i < list.count; i++) {
		if (!is_wanted(&list.views[i]))
			continue;
		err = add(sources, &list.views[i], error);
		/* It has ended since. */
		if (err == -EPIPE)
			err = 0;
	}
	view_list_free(&list);
	return err;
}

static int open_one(struct sources *sources, const struct select *wanted, struct error *error)
{
	struct view view;
	int err = view_find(wanted, &view, error);

	if (err)
		return err;
	sources->list = calloc(1, sizeof(*sources->list));
	if (sources->list)
		return add(sources, &view, error);
	view_done(&view);
	return error_set(error, -ENOMEM, "out of memory");
}

static int print(const struct sources *sources, const struct stats_options *given)
{
	if (given->json)
		return stats_json(sources->list, sources->count, stdout);
	if (given->openmetrics)
		return stats_openmetrics(sources->list, sources->count, stdout);
	if (given->watch && isatty(STDOUT_FILENO))
		fputs(CLEAR, stdout);
	return stats_table(sources->list, sources->count, stdout);
}

/* Read all again, and drop those that have ended. */
static int read_again(struct sources *sources, struct error *error)
{
	size_t left = 0;

	for (size_t i = 0; i < sources->count; i++) {
		int err = stats_source_read(&sources->list[i], error);

		if (err && err != -EPIPE && err != -EREMOTEIO)
			return err;
		if (err)
			stats_source_close(&sources->list[i]);
		else
			sources->list[left++] = sources->list[i];
	}
	sources->count = left;
	return 0;
}

static int watch(struct sources *sources, const struct stats_options *given,
		 struct error *error)
{
	const struct timespec pause = { .tv_sec = given->interval };
	int err = 0;

	while (!err && sources->count) {
		(void)nanosleep(&pause, NULL);
		err = read_again(sources, error);
		if (!err && sources->count && print(sources, given))
			return COMMAND_FAILED;
	}
	return err ? term_result(err, error) : COMMAND_OK;
}

static int show(struct sources *sources, const struct stats_options *given, struct error *error)
{
	if (print(sources, given))
		return COMMAND_FAILED;
	return given->watch ? watch(sources, given, error) : COMMAND_OK;
}

static int stats_run(const struct command_call *call)
{
	const struct stats_options *given = call->options;
	struct sources sources = {};
	struct select wanted;
	struct error error;
	int err;

	if (given->json && given->openmetrics)
		return command_usage_error(call, "--json and --openmetrics exclude each other");
	if (given->watch && given->openmetrics)
		return command_usage_error(call, "--watch and --openmetrics exclude each other");
	err = select_read(call, given->latest, &wanted);
	if (err)
		return err;
	(void)signal(SIGPIPE, SIG_IGN);		/* a VMM may end at any time */
	err = wanted.name || wanted.latest ? open_one(&sources, &wanted, &error) :
	      open_all(&sources, &error);
	err = err ? term_result(err, &error) : show(&sources, given, &error);
	sources_free(&sources);
	return err;
}

static const struct stats_options defaults = { .interval = 2 };

static const struct opt options[] = {
	OPT_NUMBER("interval", struct stats_options, interval, "SECONDS", 1, 3600,
		   "with --watch: time between two tables (2)"),
	OPT_FLAG("json", struct stats_options, json, "print a JSON array",
		 .manual = "Print a JSON array with an object per enclave; with *--watch*, one on "
			   "each line."),
	OPT_LATEST(struct stats_options, latest),
	OPT_FLAG("openmetrics", struct stats_options, openmetrics,
		 "print the text format of OpenMetrics",
		 .manual = "Print the text format of OpenMetrics 1.0, which Prometheus and its "
			   "node_exporter (textfile collector) read."),
	OPT_FLAG("watch", struct stats_options, watch, "print it again and again", .letter = 'w',
		 .manual = "Print it again every *--interval* until the enclaves have ended, on a "
			   "terminal in place of the last one."),
	{}
};

const struct command cmd_stats = {
	.name = "stats",
	.summary = "print counters of running enclaves",
	.args = SELECT_ARG,
	.about = "Print what running enclaves have used and done: CPU time, memory, exits, vsock,\n"
		 "requests to the NSM; without ENCLAVE, of all that are the caller's",
	.options = options,
	.values = { VALUES_ENCLAVES },
	.max_args = 1,
	.size = sizeof(struct stats_options),
	.defaults = &defaults,
	.run = stats_run,
};
