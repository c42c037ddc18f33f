// SPDX-License-Identifier: Apache-2.0
/* What ne-emud keeps about an enclave: its name, its log. */

#include "cli/enclave/record.h"

#include "cli/enclave/daemon_client.h"
#include "cli/enclave/select.h"
#include "common/clock.h"
#include "common/date.h"
#include "common/enclave_name.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define UID_SIZE	17
/* How long an enclave may take to go after its descriptor was closed. */
#define GONE_MS		10000
#define RETRY_US	20000

int record_check_name(const char *name, struct error *error)
{
	const struct select wanted = { .name = name };
	struct ne_nl_enclave enclave;
	int err;

	if (!state_emulated())
		return error_set(error, -EOPNOTSUPP, "--name: only the emulator has names");
	err = select_enclave(&wanted, &enclave, error);
	if (err)	/* names of other users do not matter */
		return err == -ENOENT || err == -ENOTUNIQ ? 0 : err;
	if (ne_nl_owner(&enclave) == getuid())
		err = error_set(error, -EEXIST, "an enclave with the name \"%s\" is running: "
				"\"ne-emu stop %s\" ends it", name, name);
	ne_nl_enclave_done(&enclave);
	return err;
}

int record_set_name(uint64_t slot_uid, const char *name, struct error *error)
{
	char target[UID_SIZE];
	json_t *answer;
	int err;

	snprintf(target, sizeof(target), "%016" PRIx64, slot_uid);
	err = daemon_request(json_pack("{s:s, s:s, s:s}", "command", "name", "target", target,
				       "name", name), &answer, error);
	if (!err)
		json_decref(answer);
	return err;
}

int record_hold(uint64_t slot_uid, const char *whom, struct error *error)
{
	char target[UID_SIZE];
	json_t *answer;
	int err;

	snprintf(target, sizeof(target), "%016" PRIx64, slot_uid);
	err = daemon_request(json_pack("{s:s, s:s, s:s}", "command", "hold", "target", target,
				       "for", whom), &answer, error);
	if (!err)
		json_decref(answer);
	return err;
}

void record_describe(uint64_t slot_uid, const char *image, struct json_t *measurements,
		     struct json_t *times, bool booted)
{
	char target[UID_SIZE], date[DATE_SIZE];
	struct error ignored;
	json_t *answer;

	if (!state_emulated())
		return;
	snprintf(target, sizeof(target), "%016" PRIx64, slot_uid);
	date_format(clock_ns(CLOCK_REALTIME), date);
	if (!daemon_request(json_pack("{s:s, s:s, s:s*, s:O*, s:O*, s:s*}", "command", "describe",
				      "target", target, "image", image, "measurements",
				      measurements, "times", times, "booted", booted ? date : NULL),
			    &answer, &ignored))
		json_decref(answer);
}

int record_forget(uint64_t slot_uid, uid_t owner, struct error *error)
{
	int64_t deadline = clock_ms() + GONE_MS;
	char target[UID_SIZE];
	int err;

	if (owner != geteuid() && geteuid() != 0)
		return error_set(error, -EPERM, "it belongs to another user; use sudo");
	snprintf(target, sizeof(target), "%016" PRIx64, slot_uid);
	/* ne-emud refuses while it has not noticed the end; its record would come afterwards. */
	do {
		json_t *user = owner == geteuid() ? NULL : json_integer(owner), *answer;

		err = daemon_request(json_pack("{s:s, s:s, s:o*}", "command", "forget", "target",
					       target, "user", user), &answer, error);
		if (!err)
			json_decref(answer);
	} while (err == -EPROTO && clock_ms() < deadline && !usleep(RETRY_US));
	return err;
}
