// SPDX-License-Identifier: Apache-2.0
/* Which enclave a command is about. */

#include "cli/enclave/select.h"

#include "common/enclave_name.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* Candidates that a message lists, and room for one of them. */
#define CANDIDATES_MAX	4
#define CANDIDATE_SIZE	(STATE_ID_SIZE + STATE_NAME_SIZE + 24)

static bool is_name(const char *text)
{
	uint64_t slot_uid;
	uint32_t cid;

	return !state_parse_id(text, &slot_uid, &cid) || enclave_name_valid(text);
}

int select_check(const struct command_call *call, const struct select *wanted)
{
	if (wanted->name && wanted->latest)
		return command_usage_error(call, "--latest stands for an enclave, but \"%s\" is "
					   "given, too", wanted->name);
	if (wanted->name && !is_name(wanted->name))
		return command_usage_error(call, "\"%s\" is neither an enclave id nor a CID nor a "
					   "name", wanted->name);
	return COMMAND_OK;
}

int select_check_all(const struct command_call *call)
{
	int code = COMMAND_OK;

	for (int i = 0; !code && i < call->count; i++)
		code = select_check(call, &(const struct select){ .name = call->args[i] });
	return code;
}

int select_read(const struct command_call *call, bool latest, struct select *ret)
{
	*ret = (struct select){ .name = call->count ? call->args[0] : NULL, .latest = latest };
	return select_check(call, ret);
}

static bool is_candidate(const struct ne_nl_enclave *enclave, uid_t uid, bool of_all)
{
	return enclave->state == NE_EMU_ENCLAVE_STATE_RUNNING &&
		(of_all || enclave->owner_uid == uid);
}

static size_t count_candidates(const struct ne_nl_enclave *list, size_t count, uid_t uid,
			       bool of_all)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += is_candidate(&list[i], uid, of_all);
	return found;
}

/* "enc0123456789abcdef (CID 16, web)" */
static void describe(const struct ne_nl_enclave *enclave, char *buf)
{
	char id[STATE_ID_SIZE], buf_name[STATE_NAME_SIZE];
	const char *name = state_enclave_name(ne_nl_owner(enclave), enclave->slot_uid, buf_name);

	snprintf(buf, CANDIDATE_SIZE, "%s (CID %" PRIu32 "%s%s)", state_id(enclave->slot_uid, id),
		 enclave->cid, name ? ", " : "", name ? name : "");
}

static int fail_several(const struct ne_nl_enclave *list, size_t count, uid_t uid, bool of_all,
			struct error *error)
{
	char text[CANDIDATES_MAX * (CANDIDATE_SIZE + 2) + 24] = "";
	size_t shown = 0, len = 0, all = count_candidates(list, count, uid, of_all);

	for (size_t i = 0; i < count && shown < CANDIDATES_MAX; i++) {
		char one[CANDIDATE_SIZE];

		if (!is_candidate(&list[i], uid, of_all))
			continue;
		describe(&list[i], one);
		len += snprintf(text + len, sizeof(text) - len, "%s%s", shown++ ? ", " : "", one);
	}
	if (all > shown)
		snprintf(text + len, sizeof(text) - len, " and %zu more", all - shown);
	return error_set(error, -ENOTUNIQ, "%zu enclaves are running: name one of %s, or use "
			 "--latest", all, text);
}

/* Neither no argument nor --latest takes those of other users. */
static int fail_none(const struct ne_nl_enclave *list, size_t count, uid_t uid,
		     struct error *error)
{
	size_t others = count_candidates(list, count, uid, true);
	char one[CANDIDATE_SIZE] = "";

	if (!others)
		return error_set(error, -ENOENT, "no enclave is running; \"ne-emu run\" starts one");
	for (size_t i = 0; i < count && !*one; i++)
		if (is_candidate(&list[i], uid, true))
			describe(&list[i], one);
	return error_set(error, -ENOENT, "no enclave of yours is running, only of other users: name "
			 "%s%s", one, others > 1 ? " or another, see \"ne-emu ps\"" : "");
}

int select_from(const struct select *wanted, const struct ne_nl_enclave *list, size_t count,
		uid_t uid, size_t *ret, struct error *error)
{
	size_t own = count_candidates(list, count, uid, false);
	bool of_all = !own && !uid && !wanted->own;
	size_t found = of_all ? count_candidates(list, count, uid, true) : own;
	size_t chosen = count;

	if (!found)
		return fail_none(list, count, uid, error);
	if (found > 1 && !wanted->latest)
		return fail_several(list, count, uid, of_all, error);
	for (size_t i = 0; i < count; i++)
		if (is_candidate(&list[i], uid, of_all) &&
		    (chosen == count || list[i].started_ns >= list[chosen].started_ns))
			chosen = i;
	*ret = chosen;
	return 0;
}

int select_find(struct ne_nl *nl, const struct select *wanted, struct ne_nl_enclave *ret,
		struct error *error)
{
	struct ne_nl_enclave *list;
	size_t count, chosen;
	int err;

	if (wanted->name)
		return state_find(nl, wanted->name, ret, error);
	err = state_list(nl, &list, &count, error);
	if (err)
		return err;
	err = select_from(wanted, list, count, geteuid(), &chosen, error);
	if (err)
		ne_nl_list_free(list, count);
	else
		state_take(list, count, chosen, ret);
	return err;
}

bool select_unchecked_cid(const struct select *wanted, uint32_t *ret_cid)
{
	uint64_t slot_uid;

	return wanted->name && !state_emulated() &&
		!state_parse_id(wanted->name, &slot_uid, ret_cid) && *ret_cid;
}

int select_enclave(const struct select *wanted, struct ne_nl_enclave *ret, struct error *error)
{
	struct ne_nl *nl;
	int err = state_open(&nl, error);

	if (err)
		return err;
	err = select_find(nl, wanted, ret, error);
	ne_nl_close(nl);
	return err;
}
