// SPDX-License-Identifier: Apache-2.0
/* ne-emu trace: print what an enclave does, as strace does for a process. */

#include "cli/commands.h"
#include "cli/enclave/select.h"
#include "cli/enclave/session.h"
#include "cli/enclave/trace_text.h"
#include "cli/enclave/watch.h"
#include "command/file.h"

#include "common/util.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define KINDS		"nsm, vsock, heartbeat, device, exit, console"
#define PIECE_SIZE	16384

/**
 * struct tracer - the command
 * @path: where the trace is written; "-": standard output
 * @signals: signalfd
 */
struct tracer {
	bool json;
	bool latest;
	const char *path;
	const char *filter;
	int signals;
	struct session_client session;
	struct trace_text_out out;
};

/* Print all that is there. Return: 1 (the end), 0, or a negative errno with a message. */
static int take_input(struct tracer *tracer, struct error *error)
{
	char piece[PIECE_SIZE];
	ssize_t n;

	while ((n = session_read(&tracer->session, piece, sizeof(piece), error)) > 0) {
		int err = trace_text_add(&tracer->out, piece, n, error);

		if (err)
			return err;
	}
	if (n != -EAGAIN && n)
		return n;
	if (fflush(tracer->out.to))
		return errno == EPIPE ? 1 : error_set(error, -errno, "cannot write %.400s: %s",
						      tracer->path, strerror(errno));
	return !n;
}

/* Until the enclave ends, a signal comes, or nobody reads any more. */
static int print_events(struct tracer *tracer, struct error *error)
{
	struct pollfd fds[] = {
		{ .fd = tracer->session.read_fd, .events = POLLIN },
		{ .fd = tracer->signals, .events = POLLIN },
		{ .fd = fileno(tracer->out.to) },	/* POLLERR: the reader is gone */
	};
	int r;

	do {
		r = take_input(tracer, error);
		if (!r && poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			r = error_set(error, -errno, "cannot wait: %s", strerror(errno));
	} while (!r && !fds[1].revents && !fds[2].revents);
	return MIN(r, 0);
}

static int open_output(struct tracer *tracer, struct error *error)
{
	tracer->out.json = tracer->json;
	tracer->out.to = stdout;
	if (!strcmp(tracer->path, "-"))
		return 0;
	return file_stream_open(tracer->path, &tracer->out.to, error);
}

static int attach(struct tracer *tracer, const struct select *wanted, struct error *error)
{
	struct ne_nl_enclave enclave;
	int err = select_enclave(wanted, &enclave, error);

	if (err)
		return err;
	err = session_open(enclave.slot_uid, "trace", tracer->filter, &tracer->session, error);
	ne_nl_enclave_done(&enclave);
	return err;
}

static int trace(struct tracer *tracer, const struct select *wanted, struct error *error)
{
	int err;

	tracer->signals = watch_open_signals();
	if (tracer->signals < 0)
		return error_set(error, tracer->signals, "cannot watch signals: %s",
				 strerror(-tracer->signals));
	err = attach(tracer, wanted, error);
	if (!err)
		err = open_output(tracer, error);
	return err ? err : print_events(tracer, error);
}

static int trace_run(const struct command_call *call)
{
	struct tracer *tracer = call->options;
	struct select wanted;
	struct error error;
	int err = select_read(call, tracer->latest, &wanted);

	if (err)
		return err;
	err = trace(tracer, &wanted, &error);
	session_close(&tracer->session);
	fd_close(&tracer->signals);
	if (tracer->out.to && tracer->out.to != stdout && fclose(tracer->out.to) && !err)
		err = error_set(&error, -errno, "cannot write %.400s: %s", tracer->path,
				strerror(errno));
	return term_result(err, &error);
}

static const struct tracer defaults = {
	.path = "-", .filter = "", .signals = -1, .session = { .read_fd = -1, .write_fd = -1 },
};

static const struct opt options[] = {
	OPT_STRING("filter", struct tracer, filter, "KINDS", "only events of these kinds",
		   .manual = "Only events of these kinds, separated by commas: " KINDS
			     ". Default: all.",
		   .values = { OPT_COMPLETE_WORDS, "nsm vsock heartbeat device exit console" }),
	OPT_FLAG("json", struct tracer, json, "print a JSON object for each event, one a line"),
	OPT_LATEST(struct tracer, latest),
	OPT_STRING("output", struct tracer, path, "FILE",
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
	.size = sizeof(struct tracer),
	.defaults = &defaults,
	.run = trace_run,
};
