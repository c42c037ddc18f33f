// SPDX-License-Identifier: Apache-2.0
/* ne-emu stop: end enclaves and wait until their CPUs and memory are free. */

#include "cli/commands.h"
#include "cli/enclave/select.h"
#include "cli/enclave/vmm.h"
#include "cli/enclave/watch.h"
#include "cli/host/sysfs.h"

#include "command/progress.h"
#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT	10		/* seconds */
/* In another network namespace than the initial one there are no events, so poll too. */
#define LOOK_AGAIN_MS	500
/* How often to look for a VMM; the kernel does not announce its end. */
#define VMM_STEP_US	20000
#define NAME_SIZE	64

/* "process 4242 (name)"; without what this user may not see. */
static const char *launcher(const struct ne_nl_enclave *enclave, char buf[NAME_SIZE])
{
	char comm[SYS_TEXT_SIZE];

	if (!enclave->owner_pid)
		snprintf(buf, NAME_SIZE, "the process that created it");
	else if (sys_read(comm, "/proc/%u/comm", enclave->owner_pid))
		snprintf(buf, NAME_SIZE, "process %u", enclave->owner_pid);
	else
		snprintf(buf, NAME_SIZE, "process %u (%.32s)", enclave->owner_pid, comm);
	return buf;
}

static const char *owner(const struct ne_nl_enclave *enclave, char buf[NAME_SIZE])
{
	if (enclave->owner_uid == NE_NL_NO_OWNER)
		snprintf(buf, NAME_SIZE, "a user outside this container");
	else
		snprintf(buf, NAME_SIZE, "user %u", enclave->owner_uid);
	return buf;
}

static int ask_stop(struct ne_nl *nl, const struct ne_nl_enclave *enclave, struct error *error)
{
	char id[STATE_ID_SIZE], name[NAME_SIZE];
	int err = ne_nl_enclave_stop(nl, enclave->slot_uid);

	state_id(enclave->slot_uid, id);
	switch (err) {
	case 0:
	case -ENOENT:		/* already gone */
		return 0;
	case -ENOTCONN:
		/* It has ended; only its launcher still has to close it. */
		if (enclave->state == NE_EMU_ENCLAVE_STATE_STOPPED)
			return 0;
		return error_set(error, -ENOTCONN, "%s is not running; end %s", id,
				 launcher(enclave, name));
	case -EPERM:
		return error_set(error, -EPERM, "%s belongs to %s; use sudo", id,
				 owner(enclave, name));
	}
	return error_set(error, err, "cannot stop %s: %s", id, strerror(-err));
}

/* The caller checks the enclave after any event, so the contents do not matter. */
static void ignore_event(int cmd, const struct ne_nl_enclave *enclave, void *arg)
{
}

static int still_held(const struct ne_nl_enclave *enclave, struct error *error)
{
	char id[STATE_ID_SIZE], name[NAME_SIZE];

	return error_set(error, -ETIMEDOUT, "%s has ended, but its launcher still holds its CPUs "
			 "and memory: end %s", state_id(enclave->slot_uid, id),
			 launcher(enclave, name));
}

/* The CPUs and memory are free once the kernel no longer lists the enclave. */
static int wait_gone(struct ne_nl *nl, const struct ne_nl_enclave *enclave, uint64_t deadline_ns,
		     struct error *error)
{
	for (;;) {
		struct pollfd fd = { .fd = ne_nl_event_fd(nl), .events = POLLIN };
		struct ne_nl_enclave now;
		uint64_t now_ns, left_ms;
		int err;

		err = ne_nl_enclave_get(nl, enclave->slot_uid, &now);
		if (err == -ENOENT)
			return 0;
		if (err)
			return error_set(error, err, "cannot wait: %s", strerror(-err));
		ne_nl_enclave_done(&now);
		now_ns = watch_now_ns();
		if (now_ns >= deadline_ns)
			return still_held(enclave, error);
		left_ms = (deadline_ns - now_ns) / NSEC_PER_MSEC + 1;
		if (poll(&fd, 1, MIN(left_ms, LOOK_AGAIN_MS)) > 0)
			(void)ne_nl_event_read(nl, ignore_event, NULL);
	}
}

/*
 * An enclave holds nothing any more once the kernel does not list it, but its VMM may need a
 * moment to go, and holds the modules until then.
 */
static int wait_vmm(const struct ne_nl_enclave *enclave, uint64_t deadline_ns, struct error *error)
{
	char id[STATE_ID_SIZE];

	while (vmm_runs(enclave->slot_uid)) {
		if (watch_now_ns() >= deadline_ns)
			return error_set(error, -ETIMEDOUT, "%s has ended, but its VMM still runs; see "
					 "\"journalctl -u ne-emud\"",
					 state_id(enclave->slot_uid, id));
		(void)usleep(VMM_STEP_US);
	}
	return 0;
}

static int wait_end(struct ne_nl *nl, const struct ne_nl_enclave *enclave, uint64_t deadline_ns,
		    struct error *error)
{
	int err = wait_gone(nl, enclave, deadline_ns, error);

	return err ? err : wait_vmm(enclave, deadline_ns, error);
}

static int stop_list(struct ne_nl *nl, const struct ne_nl_enclave *list, size_t count,
		     uint64_t timeout)
{
	uint64_t deadline_ns = watch_now_ns() + timeout * NSEC_PER_SEC;
	__cleanup_free bool *asked = calloc(count + 1, sizeof(*asked));
	int code = asked ? COMMAND_OK : COMMAND_FAILED;
	char id[STATE_ID_SIZE];
	struct error error;
	int err;

	/* Send all requests first, so that the enclaves end in parallel. */
	for (size_t i = 0; asked && i < count; i++) {
		asked[i] = !ask_stop(nl, &list[i], &error);
		if (asked[i])
			continue;
		term_error("%s", error.text);
		code = COMMAND_FAILED;
	}
	for (size_t i = 0; asked && i < count; i++) {
		if (!asked[i])
			continue;
		progress_begin("waiting for the end");
		err = wait_end(nl, &list[i], deadline_ns, &error);
		progress_end();
		if (!err) {
			printf("%s stopped\n", state_id(list[i].slot_uid, id));
			continue;
		}
		term_error("%s", error.text);
		code = COMMAND_FAILED;
	}
	return code;
}

struct stop_options {
	bool all;
	bool latest;
	uint64_t timeout;
};

/* Named twice counts once: an enclave may have an id, a CID and a name in one call. */
static bool is_listed(const struct ne_nl_enclave *list, size_t count, uint64_t slot_uid)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].slot_uid == slot_uid)
			return true;
	return false;
}

/* Find all before any is ended, so that a mistake in one argument ends nothing. */
static int find_all(struct ne_nl *nl, const struct command_call *call,
		    struct ne_nl_enclave *list, size_t *ret_count, struct error *error)
{
	const struct stop_options *given = call->options;
	struct select wanted = { .latest = given->latest, .own = true };
	size_t count = 0;
	int err = 0;

	if (!call->count) {
		err = select_find(nl, &wanted, &list[0], error);
		count = !err;
	}
	for (int i = 0; !err && i < call->count; i++) {
		wanted.name = call->args[i];
		err = select_find(nl, &wanted, &list[count], error);
		if (!err && is_listed(list, count, list[count].slot_uid))
			ne_nl_enclave_done(&list[count]);
		else if (!err)
			count++;
	}
	*ret_count = count;
	return err;
}

static int stop_all(struct ne_nl *nl, uint64_t timeout)
{
	struct ne_nl_enclave *list;
	struct error error;
	size_t count;
	int err, code;

	err = state_list(nl, &list, &count, &error);
	if (err)
		return term_result(err, &error);
	code = stop_list(nl, list, count, timeout);
	ne_nl_list_free(list, count);
	return code;
}

static int stop_some(struct ne_nl *nl, const struct command_call *call, uint64_t timeout)
{
	struct ne_nl_enclave *list = calloc(call->count + 1, sizeof(*list));
	struct error error;
	size_t count;
	int err, code;

	if (!list)
		return term_result(-ENOMEM, &(const struct error){});
	err = find_all(nl, call, list, &count, &error);
	code = err ? term_result(err, &error) : stop_list(nl, list, count, timeout);
	ne_nl_list_free(list, count);
	return code;
}

static const struct stop_options defaults = { .timeout = DEFAULT_TIMEOUT };

static const struct opt options[] = {
	OPT_FLAG("all", struct stop_options, all, "end all enclaves"),
	OPT_LATEST(struct stop_options, latest),
	OPT_NUMBER("timeout", struct stop_options, timeout, "S", 1, 86400,
		   "seconds to wait for them to end; default: 10", .letter = 't',
		   .manual = "Seconds to wait until the enclaves have ended, their owners have "
			     "released them, and their VMMs are gone. Default: 10."),
	{}
};

static int stop_run(const struct command_call *call)
{
	static const char *const groups[] = { NE_EMU_MCGRP_EVENTS, NULL };
	const struct stop_options *given = call->options;
	struct error error;
	struct ne_nl *nl;
	int err, code;

	if (given->all + given->latest + !!call->count > 1)
		return command_usage_error(call, "specify enclaves, --latest or --all");
	code = select_check_all(call);
	if (code)
		return code;
	err = state_open(&nl, &error);
	if (err)
		return term_result(err, &error);
	err = ne_nl_subscribe(nl, groups);
	if (err) {
		term_error("cannot watch enclaves: %s", strerror(-err));
		code = COMMAND_FAILED;
	} else {
		code = given->all ? stop_all(nl, given->timeout) :
			stop_some(nl, call, given->timeout);
	}
	ne_nl_close(nl);
	return code;
}

static const struct command_hint hints[] = {
	{ "--enclave-id", "ENCLAVE, an argument without an option" },
	{ "--enclave-name", "ENCLAVE, an argument without an option" },
	{}
};

const struct command cmd_stop = {
	.name = "stop",
	.summary = "end enclaves",
	.args = "[ENCLAVE]...",
	.about = "End enclaves as if their guests had shut down, and wait until their CPUs and\n"
		 "memory are free. Without ENCLAVE, the only running one of the caller",
	.options = options,
	.hints = hints,
	.values = { VALUES_ENCLAVES },
	.max_args = INT_MAX,
	.size = sizeof(struct stop_options),
	.defaults = &defaults,
	.run = stop_run,
};
