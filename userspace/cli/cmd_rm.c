// SPDX-License-Identifier: Apache-2.0
/* ne-emu rm: remove logs and records of enclaves that have ended. */

#include "cli/commands.h"
#include "cli/enclave/log_list.h"
#include "cli/enclave/record.h"
#include "cli/enclave/select.h"
#include "common/util.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

struct rm_options {
	bool all;
};

static int check_ended(const struct logs_id *id, struct error *error)
{
	struct ne_nl_enclave enclave;
	char text[STATE_ID_SIZE];
	struct ne_nl *nl;
	int err = ne_nl_open(&nl);

	if (err)
		return 0;	/* without the emulator, none is running */
	err = ne_nl_enclave_get(nl, id->uid, &enclave);
	ne_nl_close(nl);
	if (err)
		return 0;
	ne_nl_enclave_done(&enclave);
	state_id(id->uid, text);
	return error_set(error, -EBUSY, "%s has not ended; \"ne-emu stop %s\" ends it", text, text);
}

static int remove_ended(const struct logs_id *id, struct error *error)
{
	char text[STATE_ID_SIZE];
	int err = record_forget(id->uid, id->owner, error);

	if (!err)
		printf("%s removed\n", state_id(id->uid, text));
	return err;
}

/* Of the caller, also for root: "all" is never more than what is one's own. */
static int remove_all(const struct log_list *list)
{
	int code = COMMAND_OK;
	struct error error;

	for (size_t i = 0; i < list->count; i++) {
		int err;

		if (list->entries[i].owner != geteuid() || check_ended(&list->entries[i], &error))
			continue;
		err = remove_ended(&list->entries[i], &error);
		if (err)
			code = term_result(err, &error);
	}
	return code;
}

static int rm_run(const struct command_call *call)
{
	__cleanup(log_list_free) struct log_list list = {};
	const struct rm_options *given = call->options;
	int err, code;
	struct error error;

	if (given->all != !call->count)
		return command_usage_error(call, "specify enclaves or --all");
	code = select_check_all(call);
	if (code)
		return code;
	err = log_list_read(&list, &error);
	if (err)
		return given->all && err == -ENOENT ? COMMAND_OK : term_result(err, &error);
	if (given->all)
		return remove_all(&list);
	for (int i = 0; i < call->count; i++) {
		struct logs_id id;

		err = log_list_find(&list, call->args[i], &id, &error);
		if (!err)
			err = check_ended(&id, &error);
		if (!err)
			err = remove_ended(&id, &error);
		if (err)
			code = term_result(err, &error);
	}
	return code;
}

static const struct opt options[] = {
	OPT_FLAG("all", struct rm_options, all, "remove those of all enclaves of the caller",
		 .letter = 'a'),
	{}
};

const struct command cmd_rm = {
	.name = "rm",
	.summary = "remove logs and records of enclaves that have ended",
	.args = "ENCLAVE...",
	.about = "Remove the logs and records of enclaves that have ended",
	.options = options,
	.values = { VALUES_LOGS },
	.max_args = INT_MAX,
	.size = sizeof(struct rm_options),
	.run = rm_run,
};
