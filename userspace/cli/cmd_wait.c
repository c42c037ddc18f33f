// SPDX-License-Identifier: Apache-2.0
/* ne-emu wait: wait until an enclave has ended. */

#include "cli/commands.h"
#include "cli/enclave/view.h"

#include <string.h>

struct wait_options {
	bool json;
	bool latest;
};

static int wait_for_end(struct view *view, struct error *error)
{
	static const char *const groups[] = { NE_EMU_MCGRP_EVENTS, NULL };
	struct ne_nl *nl;
	int err;

	if (view->record)
		return 0;
	err = state_open(&nl, error);
	if (err)
		return err;
	err = ne_nl_subscribe(nl, groups);
	err = err ? error_set(error, err, "cannot watch enclaves: %s", strerror(-err)) :
		view_wait(nl, view, error);
	ne_nl_close(nl);
	return err;
}

static int print_end(const struct view *view, bool json)
{
	char id[STATE_ID_SIZE], text[OUTCOME_TEXT_SIZE];
	struct json_out out = {};

	state_id(view->id.uid, id);
	if (!json)
		return fprintf(stderr, "%s ended: %s\n", id,
			       outcome_text(&view->outcome, text)) < 0;
	json_out_document(&out);
	json_out_str(&out, "EnclaveID", id);
	json_out_str(&out, "Name", *view->name ? view->name : NULL);
	json_out_str(&out, "State", "TERMINATED");
	json_out_str(&out, "EndTime", *view->ended ? view->ended : NULL);
	outcome_json(&out, &view->outcome);
	return json_out_print(&out, stdout, 2);
}

static int wait_run(const struct command_call *call)
{
	const struct wait_options *given = call->options;
	struct select wanted;
	struct error error;
	struct view view;
	int err, code;

	err = select_read(call, given->latest, &wanted);
	if (err)
		return err;
	err = view_find(&wanted, &view, &error);
	if (err)
		return outcome_fail(err, &error);
	err = wait_for_end(&view, &error);
	if (err)
		code = outcome_fail(err, &error);
	else
		code = print_end(&view, given->json) ? OUTCOME_FAILED :
			outcome_exit_code(&view.outcome);
	view_done(&view);
	return code;
}

static const struct opt options[] = {
	OPT_FLAG("json", struct wait_options, json, "print one JSON object about the end"),
	OPT_LATEST(struct wait_options, latest),
	{}
};

const struct command cmd_wait = {
	.name = "wait",
	.summary = "wait until an enclave has ended",
	.args = SELECT_ARG,
	.about = "Wait until an enclave has ended, print how on stderr, and exit with the status\n"
		 "of its program as \"ne-emu run\" does; at once if it has ended already\n\n"
		 "Exit codes: that of the program, if its init reports it; otherwise 0 ended\n"
		 "normally, 2 incorrect usage, 125 ended by a fault, or cannot wait",
	.options = options,
	.values = { VALUES_LOGS },
	.max_args = 1,
	.size = sizeof(struct wait_options),
	.run = wait_run,
};
