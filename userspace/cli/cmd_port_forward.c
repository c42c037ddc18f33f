// SPDX-License-Identifier: Apache-2.0
/* ne-emu port-forward: reach vsock ports of an enclave through sockets of this host. */

#include "cli/commands.h"
#include "cli/enclave/forward.h"
#include "cli/enclave/select.h"
#include "cli/enclave/watch.h"

#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

/* In another network namespace than the initial one there are no events, so look, too. */
#define LOOK_AGAIN_MS	2000

/** struct target - the enclave; @nl: NULL on EC2, where nothing is known but its CID */
struct target {
	struct ne_nl *nl;
	uint64_t slot_uid;
	uint32_t cid;
	char id[STATE_ID_SIZE];
};

static int find_target(const struct select *wanted, struct target *target, struct error *error)
{
	static const char *const groups[] = { NE_EMU_MCGRP_EVENTS, NULL };
	struct ne_nl_enclave enclave;
	int err;

	*target = (struct target){};
	if (select_unchecked_cid(wanted, &target->cid)) {
		snprintf(target->id, sizeof(target->id), "CID %" PRIu32, target->cid);
		return 0;
	}
	err = state_open(&target->nl, error);
	if (err)
		return err;
	err = ne_nl_subscribe(target->nl, groups);
	if (err)
		return error_set(error, err, "cannot watch enclaves: %s", strerror(-err));
	err = select_find(target->nl, wanted, &enclave, error);
	if (err)
		return err;
	target->slot_uid = enclave.slot_uid;
	target->cid = enclave.cid;
	state_id(enclave.slot_uid, target->id);
	if (enclave.state != NE_EMU_ENCLAVE_STATE_RUNNING)
		err = error_set(error, -ENOTCONN, "%s is not running", target->id);
	ne_nl_enclave_done(&enclave);
	return err;
}

/* The caller looks the enclave up after any event, so the contents do not matter. */
static void ignore_event(int cmd, const struct ne_nl_enclave *enclave, void *arg)
{
}

/* Another enclave may get the CID of one that has ended. */
static bool has_ended(const struct target *target)
{
	struct ne_nl_enclave now;
	bool runs;

	if (!target->nl)
		return false;
	(void)ne_nl_event_read(target->nl, ignore_event, NULL);
	if (ne_nl_enclave_get(target->nl, target->slot_uid, &now))
		return true;
	runs = now.state == NE_EMU_ENCLAVE_STATE_RUNNING;
	ne_nl_enclave_done(&now);
	return !runs;
}

static void print_refused(void *arg, uint32_t port, int err)
{
	const struct target *target = arg;

	term_error("cannot connect to port %" PRIu32 " of %s: %s%s", port, target->id,
		   strerror(-err), err == -ECONNRESET ? "; nothing listens there" : "");
}

/* Return: the exit code. */
static int serve(struct forward *forward, const struct target *target)
{
	__cleanup_fd int signals = watch_open_signals();
	struct pollfd fds[] = {
		{ .fd = forward->epoll, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
		{ .fd = target->nl ? ne_nl_event_fd(target->nl) : -1, .events = POLLIN },
	};
	int count, err = MIN(signals, 0);

	while (!err) {
		count = poll(fds, ARRAY_SIZE(fds), LOOK_AGAIN_MS);
		if (count < 0 && errno != EINTR)
			err = -errno;
		if (count < 0)
			continue;
		if (fds[1].revents)
			return COMMAND_OK;
		if ((!count || fds[2].revents) && has_ended(target)) {
			term_error("%s has ended", target->id);
			return COMMAND_FAILED;
		}
		if (fds[0].revents)
			err = forward_dispatch(forward);
	}
	term_error("cannot forward: %s", strerror(-err));
	return COMMAND_FAILED;
}

static int open_pairs(struct forward *forward, const struct forward_pair *pairs, size_t count,
		      struct error *error)
{
	const struct forward_listener *listener;

	for (size_t i = 0; i < count; i++) {
		int err = forward_listen(forward, &pairs[i], &listener, error);

		if (err)
			return err;
		printf("Forwarding from %s -> %" PRIu32 "\n", listener->text, pairs[i].port);
	}
	/* For a script that reads the port that was chosen. */
	return fflush(stdout) ? error_set(error, -errno, "cannot write: %s", strerror(errno)) : 0;
}

static int forward_all(const struct select *wanted, const struct forward_pair *pairs, size_t count)
{
	struct target target;
	struct forward forward;
	struct error error = {};
	int code, err = find_target(wanted, &target, &error);

	if (!err) {
		err = forward_init(&forward, target.cid);
		forward.refused = print_refused;
		forward.refused_arg = &target;
		if (!err)
			err = open_pairs(&forward, pairs, count, &error);
		code = err ? term_result(err, &error) : serve(&forward, &target);
		forward_exit(&forward);
	} else {
		code = term_result(err, &error);
	}
	ne_nl_close(target.nl);
	return code;
}

struct port_forward_options {
	bool latest;
};

static const struct opt options[] = {
	OPT_LATEST(struct port_forward_options, latest),
	{}
};

/* What has a colon is a pair: ids, CIDs and names have none. */
static int port_forward_run(const struct command_call *call)
{
	const struct port_forward_options *given = call->options;
	struct select wanted = { .latest = given->latest };
	struct forward_pair pairs[FORWARD_PAIRS_MAX];
	int first = strchr(call->args[0], ':') ? 0 : 1, count = call->count - first, code;
	struct error error;

	if (first)
		wanted.name = call->args[0];
	code = select_check(call, &wanted);
	if (code)
		return code;
	if (!count)
		return command_usage_error(call, "specify ports: [ADDRESS:]HOSTPORT:PORT");
	if (count > FORWARD_PAIRS_MAX)
		return command_usage_error(call, "more than %d pairs", FORWARD_PAIRS_MAX);
	for (int i = 0; i < count; i++)
		if (forward_parse(call->args[first + i], &pairs[i], &error))
			return command_usage_error(call, "%s", error.text);
	return forward_all(&wanted, pairs, count);
}

const struct command cmd_port_forward = {
	.name = "port-forward",
	.summary = "reach ports of an enclave through ports of this host",
	.args = "[ENCLAVE] [ADDRESS:]HOSTPORT:PORT...",
	.about = "Accept TCP connections on this host, by default on 127.0.0.1 only, and connect\n"
		 "each to a vsock port of the enclave, until Ctrl-C or the end of the enclave.\n"
		 "HOSTPORT 0: a free port, which is printed. A path with a slash in the place of\n"
		 "HOSTPORT is a Unix socket",
	.options = options,
	.values = { VALUES_ENCLAVES },
	.min_args = 1,
	.max_args = INT_MAX,
	.size = sizeof(struct port_forward_options),
	.run = port_forward_run,
};
