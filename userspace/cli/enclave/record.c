// SPDX-License-Identifier: Apache-2.0
/* What ne-emud keeps about an enclave: its name, its log. */

#include "cli/enclave/record.h"

#include "cli/enclave/daemon_client.h"
#include "cli/enclave/select.h"
#include "common/clock.h"
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

static int ask(const char *command, uint64_t slot_uid, const char *name, struct error *error)
{
	char target[UID_SIZE];
	json_t *answer;
	int err;

	snprintf(target, sizeof(target), "%016" PRIx64, slot_uid);
	err = daemon_request(json_pack("{s:s, s:s, s:s*}", "command", command, "target", target,
				       "name", name), &answer, error);
	if (!err)
		json_decref(answer);
	return err;
}

int record_set_name(uint64_t slot_uid, const char *name, struct error *error)
{
	return ask("name", slot_uid, name, error);
}

int record_forget(uint64_t slot_uid, struct error *error)
{
	int64_t deadline = clock_ms() + GONE_MS;
	int err;

	/* ne-emud refuses while it has not noticed the end; its record would come afterwards. */
	while ((err = ask("forget", slot_uid, NULL, error)) == -EPROTO &&
	       clock_ms() < deadline)
		(void)usleep(RETRY_US);
	return err;
}
