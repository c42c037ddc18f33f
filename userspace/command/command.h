/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: a program is a tree of them. */

#ifndef NE_EMU_COMMAND_COMMAND_H
#define NE_EMU_COMMAND_COMMAND_H

#include "command/options.h"

/* Kinds of values that the arguments of one command may be. */
#define CLI_VALUES_MAX	2

/* "ne-emu attest verify" */
#define CLI_PATH_SIZE	64

/**
 * struct cli_call - a command that is to run
 * @command: its table
 * @path: what the user typed to get there, "ne-emu run" say
 * @options: the struct that the command's options fill, fresh for each call
 * @args: arguments that are not options, @count of them
 * @count: number of arguments
 */
struct cli_call {
	const struct cli_command *command;
	const char *path;
	void *options;
	char **args;
	int count;
};

/**
 * struct cli_command - one command
 * @name: the word that the user types
 * @summary: for the list of the command above
 * @commands: its sub-commands; ends with NULL. All below is for commands without
 * @args: names of its arguments, or NULL
 * @about: what it does; one or more lines, the last without full stop and newline
 * @options: ends with an entry without name; NULL: none
 * @values: what its arguments may be
 * @min_args: fewest arguments that are not options
 * @max_args: most of them
 * @size: of the struct that the options fill
 * @defaults: what that struct holds before; NULL: zeros
 * @run: returns the exit code
 * @version: of a program: print its version; returns the exit code
 */
struct cli_command {
	const char *name;
	const char *summary;
	const struct cli_command *const *commands;

	const char *args;
	const char *about;
	const struct cli_option *options;
	struct cli_values values[CLI_VALUES_MAX];
	int min_args;
	int max_args;
	size_t size;
	const void *defaults;
	int (*run)(const struct cli_call *call);
	int (*version)(void);
};

/**
 * cli_main() - run a program
 *
 * Beside what its commands say, it takes --completion and --manual, with which files for
 * shells and parts of manuals are made; see command/generate.h.
 *
 * Return: the exit code.
 */
int cli_main(const struct cli_command *program, int argc, char **argv);

/**
 * cli_run() - run a command or the sub-command that argv[1] names
 * @above: path of the command above; "" for a program
 *
 * Return: the exit code.
 */
int cli_run(const struct cli_command *command, const char *above, int argc, char **argv);

/** cli_usage_error() - one line on stderr and a pointer to --help; returns CLI_USAGE */
__attribute__((format(printf, 2, 3)))
int cli_usage_error(const struct cli_call *call, const char *fmt, ...);

/** cli_command_flags() - what the command takes beside its table */
static inline unsigned int cli_command_flags(const struct cli_command *command)
{
	return CLI_TAKE_HELP | (command->version ? CLI_TAKE_VERSION : 0);
}

#endif
