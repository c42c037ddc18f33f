// SPDX-License-Identifier: Apache-2.0
/* ne-emu console: copy the console of a running debug enclave. */

#include "cli/commands.h"
#include "cli/enclave/state.h"
#include "cli/enclave/vsock.h"
#include "cli/enclave/watch.h"

#include "common/util.h"

#include <errno.h>
#include <linux/nitro_enclaves.h>
#include <string.h>
#include <unistd.h>

/* On EC2 there is no emulator to look the enclave up in, so a CID is used unchecked. */
static int find_cid(const char *name, uint32_t *ret_cid, struct error *error)
{
	struct ne_nl_enclave enclave;
	uint64_t slot_uid;
	struct ne_nl *nl;
	int err;

	err = state_open(&nl, error);
	if (err)
		return !state_parse_id(name, &slot_uid, ret_cid) && *ret_cid ? 0 : err;
	err = state_find(nl, name, &enclave, error);
	ne_nl_close(nl);
	if (err)
		return err;
	if (enclave.state != NE_EMU_ENCLAVE_STATE_RUNNING)
		err = error_set(error, -ENOTCONN, "%s is not running; \"ne-emu logs %s\" shows its "
				"log", name, name);
	else if (!(enclave.flags & NE_ENCLAVE_DEBUG_MODE))
		err = error_set(error, -EPERM, "%s is a production enclave, which has no console; "
				"start it with --debug", name);
	*ret_cid = enclave.cid;
	ne_nl_enclave_done(&enclave);
	return err;
}

static int console_run(const struct command_call *call)
{
	__cleanup_fd int fd = -1;
	struct error error;
	uint32_t cid;
	int err;

	err = find_cid(call->args[0], &cid, &error);
	if (err)
		return term_result(err, &error);
	fd = vsock_connect_console(cid);
	if (fd < 0) {
		term_error("cannot connect to the console of CID %u: %s%s", cid, strerror(-fd),
			   fd == -ECONNRESET ? "; it has none: it is a production enclave or gone" :
			   "");
		return COMMAND_FAILED;
	}
	while (watch_copy_console(fd))
		;
	return COMMAND_OK;
}

const struct command cmd_console = {
	.name = "console",
	.summary = "show the console of a running debug enclave",
	.args = "ID|CID|NAME",
	.about = "Copy the console of a running debug enclave to stdout: first the stored\n"
		 "output, then new output until the enclave ends",
	.values = { VALUES_ENCLAVES },
	.min_args = 1,
	.max_args = 1,
	.run = console_run,
};
