// SPDX-License-Identifier: Apache-2.0
/* ne-emu attest: check and print attestation documents. */

#include "cli/attest/commands.h"
#include "cli/commands.h"

static const struct command *const commands[] = {
	&cmd_attest_verify, &cmd_attest_show, &cmd_attest_root, NULL,
};

const struct command cmd_attest = {
	.name = "attest",
	.summary = "check and show attestation documents",
	.commands = commands,
};
