// SPDX-License-Identifier: Apache-2.0
/* ne-emu pause, ne-emu resume: let an enclave stand still, and go on. */

#include "cli/commands.h"
#include "cli/enclave/select.h"
#include "cli/enclave/session.h"

#include "common/pause.h"

struct pause_options {
	bool latest;
};

static const struct opt options[] = {
	OPT_LATEST(struct pause_options, latest),
	{}
};

/* The end of the session is the answer. */
static int ask(const struct ne_nl_enclave *enclave, const char *what, struct error *error)
{
	static struct session_client session;
	char byte;
	ssize_t n;
	int err = session_open(enclave->slot_uid, PAUSE_SERVICE, what, &session, error);

	if (err)
		return err;
	do {
		n = session_wait(&session, &byte, sizeof(byte), error);
	} while (n > 0);
	session_close(&session);
	return n;
}

static int change(const struct command_call *call, const char *what, const char *done)
{
	const struct pause_options *given = call->options;
	struct ne_nl_enclave enclave;
	struct select wanted;
	char id[STATE_ID_SIZE];
	struct error error;
	int err = select_read(call, given->latest, &wanted);

	if (err)
		return err;
	err = select_enclave(&wanted, &enclave, &error);
	if (err)
		return term_result(err, &error);
	err = ask(&enclave, what, &error);
	if (!err)
		printf("%s %s\n", state_id(enclave.slot_uid, id), done);
	ne_nl_enclave_done(&enclave);
	return term_result(err, &error);
}

static int pause_run(const struct command_call *call)
{
	return change(call, PAUSE_ON, "paused");
}

static int resume_run(const struct command_call *call)
{
	return change(call, PAUSE_OFF, "resumed");
}

const struct command cmd_pause = {
	.name = "pause",
	.summary = "let an enclave stand still",
	.args = SELECT_ARG,
	.about = "Stop all vCPUs of a running enclave, until \"ne-emu resume\"",
	.options = options,
	.values = { VALUES_ENCLAVES },
	.max_args = 1,
	.size = sizeof(struct pause_options),
	.run = pause_run,
};

const struct command cmd_resume = {
	.name = "resume",
	.summary = "let a paused enclave go on",
	.args = SELECT_ARG,
	.about = "Let an enclave go on that \"ne-emu pause\" has stopped",
	.options = options,
	.values = { VALUES_ENCLAVES },
	.max_args = 1,
	.size = sizeof(struct pause_options),
	.run = resume_run,
};
