// SPDX-License-Identifier: Apache-2.0
/* ne-emu eif: the image tool. */

#include "cli/commands.h"
#include "cli/eif/show.h"
#include "command/command.h"

static const struct cli_command commands[] = {
	{ "build", "make an image from a kernel and ramdisks, a folder or a container image",
	  cmd_eif_build },
	{ "describe", "check an image, print its parts and measurements", cmd_eif_describe },
	{ "diff", "tell in which sections and measurements two images differ", cmd_eif_diff },
	{ "extract", "write the sections of an image into a folder", cmd_eif_extract },
	{ "pcr", "compute platform configuration registers", cmd_eif_pcr },
	{ "sign", "sign an image with a key and a certificate", cmd_eif_sign },
	{ "verify", "check all that EC2 checks, with a reason for each finding",
	  cmd_eif_verify },
	{}
};

int cmd_eif(int argc, char **argv)
{
	return cli_dispatch("ne-emu eif", commands, argc, argv);
}
