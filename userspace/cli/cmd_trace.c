// SPDX-License-Identifier: Apache-2.0
/* ne-emu trace: print what an enclave does, as strace does for a process. */

#include "cli/commands.h"
#include "cli/enclave/select.h"
#include "cli/enclave/tracer.h"
#include "cli/enclave/watch.h"

#include "common/util.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define KINDS		"nsm, vsock, heartbeat, device, exit, console"
struct trace_options {
	bool json;
	bool latest;
	const char *path;
	const char *filter;
};

/* Until the enclave ends, a signal comes, or nobody reads any more. */
static int print_events(struct tracer *tracer, int signals, struct error *error)
{
	struct pollfd fds[] = {
		{ .fd = tracer_fd(tracer), .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
		{ .fd = tracer_out_fd(tracer) },	/* POLLERR: the reader is gone */
	};
	int r;

	do {
		r = tracer_take(tracer, error);
		if (!r && poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			r = error_set(error, -errno, "cannot wait: %s", strerror(errno));
	} while (!r && !fds[1].revents && !fds[2].revents);
	return MIN(r, 0);
}

static int trace(const struct trace_options *given, const struct select *wanted,
		 struct error *error)
{
	__cleanup_fd int signals = watch_open_signals();
	struct ne_nl_enclave enclave;
	struct tracer *tracer = NULL;
	struct error late;
	int err;

	if (signals < 0)
		return error_set(error, signals, "cannot watch signals: %s", strerror(-signals));
	err = select_enclave(wanted, &enclave, error);
	if (err)
		return err;
	err = tracer_open(given->path, given->json, &tracer, error);
	if (!err)
		err = tracer_attach(tracer, enclave.slot_uid, given->filter, error);
	ne_nl_enclave_done(&enclave);
	if (!err)
		err = print_events(tracer, signals, error);
	if (tracer_close(tracer, &late) && !err)
		err = error_set(error, -EIO, "%s", late.text);
	return err;
}

static int trace_run(const struct command_call *call)
{
	const struct trace_options *given = call->options;
	struct select wanted;
	struct error error;
	int err = select_read(call, given->latest, &wanted);

	return err ? err : term_result(trace(given, &wanted, &error), &error);
}

static const struct trace_options defaults = { .path = "-", .filter = "" };

static const struct opt options[] = {
	OPT_STRING("filter", struct trace_options, filter, "KINDS", "only events of these kinds",
		   .manual = "Only events of these kinds, separated by commas: " KINDS
			     ". Default: all.",
		   .values = { OPT_COMPLETE_WORDS, "nsm vsock heartbeat device exit console" }),
	OPT_FLAG("json", struct trace_options, json,
		 "print a JSON object for each event, one a line"),
	OPT_LATEST(struct trace_options, latest),
	OPT_STRING("output", struct trace_options, path, "FILE",
		   "write to this file; default: \"-\", standard output",
		   .manual = "Write to this file, which only its owner can read. Default: \"-\", "
			     "standard output.",
		   .letter = 'o', .values = VALUES_FILES),
	{}
};

const struct command cmd_trace = {
	.name = "trace",
	.summary = "print what an enclave does, as strace does for a process",
	.args = SELECT_ARG,
	.about = "Print what an enclave does, as strace does for a process: requests to the NSM\n"
		 "with their results, connections, the heartbeat, its devices, and console lines\n"
		 "of debug enclaves. It shows names, sizes and times, not what is in requests and\n"
		 "packets, so production enclaves can be traced, too. Ctrl-C ends it\n\n"
		 "Kinds of events: " KINDS,
	.options = options,
	.values = { VALUES_ENCLAVES },
	.max_args = 1,
	.size = sizeof(struct trace_options),
	.defaults = &defaults,
	.run = trace_run,
};
