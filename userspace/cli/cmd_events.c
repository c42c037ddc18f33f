// SPDX-License-Identifier: Apache-2.0
/* ne-emu events: print a line for each change of an enclave. */

#include "cli/commands.h"
#include "cli/enclave/view_fields.h"
#include "cli/enclave/watch.h"

#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* In another network namespace than the initial one there are no events, so look, too. */
#define LOOK_AGAIN_MS	500

/**
 * struct known - the last state of an enclave that was printed
 * @seen: it is in the list that is being compared
 */
struct known {
	uint64_t slot_uid;
	uint32_t state;
	bool seen;
};

struct events {
	bool json;
	struct ne_nl *nl;
	struct known *known;
	size_t count;
	int err;
};

/* What the change to a state is called. */
static const char *event_name(uint32_t state)
{
	switch ((enum ne_emu_enclave_state)state) {
	case NE_EMU_ENCLAVE_STATE_INIT:
		break;
	case NE_EMU_ENCLAVE_STATE_RUNNING:
		return "started";
	case NE_EMU_ENCLAVE_STATE_STOPPED:
		return "ended";
	case NE_EMU_ENCLAVE_STATE_FREED:
		return "released";
	}
	return "changed";
}

static int print_json(const struct view *view, const char *event, const char *date)
{
	const struct ne_nl_enclave *enclave = &view->enclave;
	struct json_out out = {};
	char id[STATE_ID_SIZE];

	json_out_document(&out);
	json_out_str(&out, "Time", date);
	json_out_str(&out, "Event", event);
	json_out_str(&out, "EnclaveID", state_id(enclave->slot_uid, id));
	json_out_str(&out, "Name", *view->name ? view->name : NULL);
	if (enclave->cid)
		json_out_u64(&out, "EnclaveCID", enclave->cid);
	else
		json_out_null(&out, "EnclaveCID");
	outcome_json(&out, &view->outcome);
	return json_out_print(&out, stdout, 0);
}

static void print_text(const struct view *view, const char *event, const char *date)
{
	char id[STATE_ID_SIZE], end[VIEW_FIELD_SIZE];

	printf("%s %s %s", date, state_id(view->enclave.slot_uid, id), event);
	if (view->enclave.cid)
		printf(" CID %u", view->enclave.cid);
	if (*view->name)
		printf(" %s", view->name);
	if (*view_field(view, "exit", end))
		printf(" %s", end);
	putchar('\n');
}

static int print_event(const struct events *events, const struct ne_nl_enclave *enclave)
{
	const char *event = event_name(enclave->state);
	struct ne_nl_enclave copy = *enclave;
	char date[DATE_SIZE];
	struct view view;
	int err = 0;

	/* The notification keeps its CPUs. */
	copy.vcpus = NULL;
	copy.nr_vcpus = 0;
	view_live(&view, &copy);
	date_format(clock_ns(CLOCK_REALTIME), date);
	if (events->json)
		err = print_json(&view, event, date);
	else
		print_text(&view, event, date);
	view_done(&view);
	return err ? err : fflush(stdout) ? -errno : 0;
}

static struct known *find(struct events *events, uint64_t slot_uid)
{
	for (size_t i = 0; i < events->count; i++)
		if (events->known[i].slot_uid == slot_uid)
			return &events->known[i];
	return NULL;
}

static struct known *add(struct events *events, uint64_t slot_uid)
{
	struct known *grown = reallocarray(events->known, events->count + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	events->known = grown;
	grown[events->count] = (struct known){ .slot_uid = slot_uid };
	return &grown[events->count++];
}

static void forget(struct events *events, struct known *known)
{
	*known = events->known[--events->count];
}

/*
 * States only advance, and a list may be newer than notifications that are queued. Enclaves that
 * have not been started do not count: the kernel does not announce them.
 */
static void handle(struct events *events, const struct ne_nl_enclave *enclave, bool print)
{
	struct known *known = find(events, enclave->slot_uid);
	bool gone = enclave->state == NE_EMU_ENCLAVE_STATE_FREED;

	if (enclave->state == NE_EMU_ENCLAVE_STATE_INIT)
		return;
	if (events->err || (known && enclave->state <= known->state) || (!known && gone))
		return;
	if (!known)
		known = add(events, enclave->slot_uid);
	if (!known) {
		events->err = -ENOMEM;
		return;
	}
	known->state = enclave->state;
	if (gone)
		forget(events, known);
	if (print)
		events->err = print_event(events, enclave);
}

static void on_event(int cmd, const struct ne_nl_enclave *enclave, void *arg)
{
	if (enclave)
		handle(arg, enclave, true);
}

/* Compare the list with what is known: nothing is missed when notifications are. */
static int look(struct events *events, bool print)
{
	struct ne_nl_enclave *list;
	size_t count, i;
	int err;

	err = ne_nl_enclave_list(events->nl, &list, &count);
	if (err)
		return err;
	for (i = 0; i < events->count; i++)
		events->known[i].seen = false;
	for (i = 0; i < count; i++) {
		struct known *known;

		handle(events, &list[i], print);
		known = find(events, list[i].slot_uid);
		if (known)
			known->seen = true;
	}
	for (i = events->count; i > 0; i--) {
		struct ne_nl_enclave gone = {
			.slot_uid = events->known[i - 1].slot_uid, .owner_uid = NE_NL_NO_OWNER,
			.state = NE_EMU_ENCLAVE_STATE_FREED, .backend_fd = -1,
		};

		if (!events->known[i - 1].seen)
			handle(events, &gone, print);
	}
	ne_nl_list_free(list, count);
	return events->err;
}

/* Return: 0 when the reader of the output is gone, or a negative errno. */
static int watch(struct events *events)
{
	struct pollfd fds[] = {
		{ .fd = ne_nl_event_fd(events->nl), .events = POLLIN },
		{ .fd = STDOUT_FILENO },		/* POLLERR: the reader is gone */
	};
	int err = look(events, false);

	while (!err) {
		int ready = poll(fds, ARRAY_SIZE(fds), LOOK_AGAIN_MS);

		if (ready < 0 && errno != EINTR)
			return -errno;
		err = watch_output_lost(ready > 0 ? fds[1].revents : 0);
		if (!err && ready > 0)
			err = ne_nl_event_read(events->nl, on_event, events);
		/* -ENOBUFS: some were lost, so that only the list helps. */
		if (!ready || err == -ENOBUFS)
			err = look(events, true);
		err = err ? err : events->err;
	}
	return err == -EPIPE ? 0 : err;
}

struct events_options {
	bool json;
};

static int events_run(const struct command_call *call)
{
	static const char *const groups[] = { NE_EMU_MCGRP_EVENTS, NULL };
	const struct events_options *given = call->options;
	struct events events = { .json = given->json };
	struct error error;
	int err;

	(void)signal(SIGPIPE, SIG_IGN);
	err = state_open(&events.nl, &error);
	if (err)
		return term_result(err, &error);
	err = ne_nl_subscribe(events.nl, groups);
	if (!err)
		err = watch(&events);
	if (err == -ENOENT)
		error_set(&error, err, "the emulator was unloaded");
	else if (err)
		error_set(&error, err, "cannot watch enclaves: %s", strerror(-err));
	free(events.known);
	ne_nl_close(events.nl);
	return term_result(err, &error);
}

static const struct opt options[] = {
	OPT_FLAG("json", struct events_options, json,
		 "print each event as a JSON object on a line"),
	{}
};

const struct command cmd_events = {
	.name = "events",
	.summary = "print a line for each change of an enclave",
	.about = "Print a line for each enclave that is started, ends, or is released by its\n"
		 "owner, until Ctrl-C",
	.options = options,
	.size = sizeof(struct events_options),
	.run = events_run,
};
