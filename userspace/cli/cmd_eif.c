// SPDX-License-Identifier: Apache-2.0
/* ne-emu eif: work on enclave images. */

#include "cli/commands.h"
#include "cli/eif/commands.h"

static const struct command *const commands[] = {
	&cmd_eif_build, &cmd_eif_describe, &cmd_eif_diff, &cmd_eif_extract, &cmd_eif_pcr,
	&cmd_eif_sign, &cmd_eif_verify, NULL,
};

const struct command cmd_eif = {
	.name = "eif",
	.summary = "build, inspect, sign and verify enclave images",
	.commands = commands,
};
