// SPDX-License-Identifier: Apache-2.0
/* Find the command that a command line names, and run it. */

#include "command/command.h"

#include "command/generate.h"
#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int cli_usage_error(const struct cli_call *call, const char *fmt, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)text_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(stderr, "%s: %s\nTry \"%s --help\".\n", call->path, text, call->path);
	return CLI_USAGE;
}

static void print_help(const struct cli_call *call)
{
	const char *args = call->command->args;

	printf("Usage: %s [OPTION]...%s%s\n\n%s.\n\n", call->path, args ? " " : "",
	       args ? args : "", call->command->about);
	cli_options_print(call->command->options, cli_command_flags(call->command));
}

static int check_count(const struct cli_call *call)
{
	const struct cli_command *command = call->command;

	if (call->count >= command->min_args && call->count <= command->max_args)
		return 0;
	return cli_usage_error(call, call->count < command->min_args ?
			       "missing argument, expected: %s" :
			       "too many arguments, expected: %s",
			       command->args ? command->args : "none");
}

/* These functions return the exit code. */
static int run_leaf(const struct cli_command *command, const char *path, int argc, char **argv)
{
	__cleanup_free void *options = calloc(1, command->size ? command->size : 1);
	struct cli_call call = { .command = command, .path = path, .options = options };
	struct error why = {};
	int r;

	if (!options) {
		cli_error("%s", strerror(ENOMEM));
		return CLI_FAILED;
	}
	if (command->defaults)
		memcpy(options, command->defaults, command->size);
	call.count = cli_options_read(command->options, cli_command_flags(command), options, argc,
				      argv, &call.args, &why);
	if (call.count == CLI_ASKS_HELP) {
		print_help(&call);
		return CLI_OK;
	}
	if (call.count == CLI_ASKS_VERSION)
		return command->version();
	if (call.count < 0)
		return cli_usage_error(&call, "%s", why.text);
	r = check_count(&call);
	return r ? r : command->run(&call);
}

static void print_commands(FILE *to, const char *path, const struct cli_command *const *commands)
{
	fprintf(to, "Usage: %s COMMAND [ARGUMENT]...\n\nCommands:\n", path);
	for (; *commands; commands++)
		fprintf(to, "  %-10s %s\n", (*commands)->name, (*commands)->summary);
	fprintf(to, "\n\"%s COMMAND --help\" explains a command.\n", path);
}

static const struct cli_command *find(const struct cli_command *const *commands, const char *name)
{
	for (; *commands; commands++)
		if (!strcmp((*commands)->name, name))
			return *commands;
	return NULL;
}

static int run_sub(const struct cli_command *command, const char *path, int argc, char **argv)
{
	const struct cli_command *sub = find(command->commands, argv[0]);

	if (sub)
		return cli_run(sub, path, argc, argv);
	cli_error("unknown command \"%s\"; try \"%s help\"", argv[0], path);
	return CLI_USAGE;
}

static int run_group(const struct cli_command *command, const char *path, int argc, char **argv)
{
	char *help[] = { NULL, (char *)"--help", NULL };

	if (argc < 2) {
		print_commands(stderr, path, command->commands);
		return CLI_USAGE;
	}
	if (command->version && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")))
		return command->version();
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    (!strcmp(argv[1], "help") && argc == 2)) {
		print_commands(stdout, path, command->commands);
		return CLI_OK;
	}
	if (strcmp(argv[1], "help"))
		return run_sub(command, path, argc - 1, argv + 1);
	help[0] = argv[2];
	return run_sub(command, path, 2, help);
}

int cli_run(const struct cli_command *command, const char *above, int argc, char **argv)
{
	char path[CLI_PATH_SIZE];

	snprintf(path, sizeof(path), "%s%s%s", above, *above ? " " : "", command->name);
	return command->commands ? run_group(command, path, argc, argv) :
		run_leaf(command, path, argc, argv);
}

int cli_main(const struct cli_command *program, int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "--completion"))
		return generate_completion(program, argv[2]);
	if (argc > 2 && !strcmp(argv[1], "--manual"))
		return generate_manual(program, argc - 2, argv + 2);
	return cli_run(program, "", argc, argv);
}
