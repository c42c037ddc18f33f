// SPDX-License-Identifier: Apache-2.0
/* Sub-commands by name. */

#include "command/command.h"

#include <stdio.h>
#include <string.h>

static void print_commands(FILE *to, const char *prefix, const struct cli_command *commands)
{
	fprintf(to, "Usage: %s COMMAND [ARGUMENT]...\n\nCommands:\n", prefix);
	for (; commands->name; commands++)
		fprintf(to, "  %-10s %s\n", commands->name, commands->summary);
	fprintf(to, "\n\"%s COMMAND --help\" explains each.\n", prefix);
}

static const struct cli_command *find(const struct cli_command *commands, const char *name)
{
	for (; commands->name; commands++)
		if (!strcmp(commands->name, name))
			return commands;
	return NULL;
}

int cli_dispatch(const char *prefix, const struct cli_command *commands, int argc, char **argv)
{
	char *help[] = { NULL, (char *)"--help", NULL };
	const struct cli_command *command;

	if (argc < 2) {
		print_commands(stderr, prefix, commands);
		return CLI_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    (!strcmp(argv[1], "help") && argc == 2)) {
		print_commands(stdout, prefix, commands);
		return CLI_OK;
	}
	if (!strcmp(argv[1], "help")) {
		help[0] = argv[2];
		command = find(commands, argv[2]);
		if (command)
			return command->run(2, help);
		argv++;
	}
	command = find(commands, argv[1]);
	if (command)
		return command->run(argc - 1, argv + 1);
	cli_error("\"%s\" is no command of %s; try \"%s help\"", argv[1], prefix, prefix);
	return CLI_USAGE;
}
