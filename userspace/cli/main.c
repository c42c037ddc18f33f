// SPDX-License-Identifier: Apache-2.0
/* ne-emu: run and manage enclaves. */

#include "cli/commands.h"

static const struct command *const commands[] = {
	&cmd_run, &cmd_images, &cmd_ps, &cmd_inspect, &cmd_stats, &cmd_stop, &cmd_wait, &cmd_rm,
	&cmd_console, &cmd_logs, &cmd_events, &cmd_exec, &cmd_cp,
	&cmd_port_forward, &cmd_pcap, &cmd_gdb, &cmd_pause, &cmd_resume, &cmd_dump, &cmd_trace,
	&cmd_timeline, &cmd_eif,
	&cmd_attest, &cmd_lab, &cmd_doctor, &cmd_setup, &cmd_version, NULL,
};

/* Of nitro-cli, docker, podman and kubectl. */
static const struct command_hint hints[] = {
	{ "run-enclave", "\"ne-emu run IMAGE\"" },
	{ "start", "\"ne-emu run IMAGE\"" },
	{ "create", "\"ne-emu run IMAGE\"" },
	{ "describe-enclaves", "\"ne-emu ps\", with --json as nitro-cli prints it" },
	{ "list", "\"ne-emu ps\"" },
	{ "ls", "\"ne-emu ps\"" },
	{ "describe", "\"ne-emu inspect\" for an enclave, \"ne-emu eif describe\" for an image" },
	{ "terminate-enclave", "\"ne-emu stop\"" },
	{ "terminate", "\"ne-emu stop\"" },
	{ "kill", "\"ne-emu stop\"" },
	{ "unpause", "\"ne-emu resume\"" },
	{ "attach", "\"ne-emu console\"" },
	{ "delete", "\"ne-emu rm\"" },
	{ "build-enclave", "\"ne-emu eif build\"" },
	{ "build", "\"ne-emu eif build\"" },
	{ "describe-eif", "\"ne-emu eif describe\"" },
	{ "pcr", "\"ne-emu eif pcr\"" },
	{ "sign-eif", "\"ne-emu eif sign\"" },
	{ "explain", "\"ne-emu doctor\", and each error message itself" },
	{ "top", "\"ne-emu stats --watch\"" },
	{ "info", "\"ne-emu doctor\"" },
	{ "-v", "\"ne-emu --version\"" },
	{}
};

static int print_version(void)
{
	char *argv[] = { (char *)cmd_version.name, NULL };

	return command_run(&cmd_version, "ne-emu", 1, argv);
}

static const struct command program = {
	.name = "ne-emu", .commands = commands, .hints = hints, .version = print_version,
};

int main(int argc, char **argv)
{
	return command_main(&program, argc, argv);
}
