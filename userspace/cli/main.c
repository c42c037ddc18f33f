// SPDX-License-Identifier: Apache-2.0
/* ne-emu: run and manage enclaves. */

#include "cli/commands.h"

static const struct command *const commands[] = {
	&cmd_run, &cmd_images, &cmd_ps, &cmd_inspect, &cmd_stop, &cmd_wait, &cmd_rm,
	&cmd_console, &cmd_logs, &cmd_events,
	&cmd_port_forward, &cmd_pcap, &cmd_eif,
	&cmd_attest, &cmd_lab, &cmd_doctor, &cmd_setup, &cmd_version, NULL,
};

static int print_version(void)
{
	char *argv[] = { (char *)cmd_version.name, NULL };

	return command_run(&cmd_version, "ne-emu", 1, argv);
}

static const struct command program = {
	.name = "ne-emu", .commands = commands, .version = print_version,
};

int main(int argc, char **argv)
{
	return command_main(&program, argc, argv);
}
