// SPDX-License-Identifier: Apache-2.0
/* ne-emu: run enclaves and look after them. */

#include "cli/commands.h"
#include "command/command.h"

#include <string.h>

static const struct cli_command commands[] = {
	{ "run", "start an enclave image and wait until it has booted", cmd_run },
	{ "ps", "list the enclaves of this machine", cmd_ps },
	{ "stop", "end enclaves", cmd_stop },
	{ "console", "show the console of a running debug enclave", cmd_console },
	{ "logs", "show what was kept of an enclave's console and end", cmd_logs },
	{ "pcap", "capture the vsock packets of enclaves", cmd_pcap },
	{ "eif", "build and describe enclave images", cmd_eif },
	{ "attest", "check and show attestation documents", cmd_attest },
	{ "lab", "change how enclaves attest themselves", cmd_lab },
	{ "doctor", "check that this machine can run enclaves", cmd_doctor },
	{ "setup", "reserve huge pages and CPUs for enclaves", cmd_setup },
	{ "version", "print the version", cmd_version },
	{}
};

int main(int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")))
		return cmd_version(1, argv);
	return cli_dispatch("ne-emu", commands, argc, argv);
}
