/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands: a program is a tree of them, described by tables.
 *
 * ne-emu, ne-emud, ne-emu-vmm and ne-emu-ca use this directory, so names do not refer to one.
 * Names begin with that of their file or object: command_ (dispatch.c), opt_ (options.c,
 * log_level.c), term_ (terminal.c), file_, generate_ and progress_.
 */

#ifndef NE_EMU_COMMAND_COMMAND_H
#define NE_EMU_COMMAND_COMMAND_H

#include "command/options.h"

/* Kinds of values that a shell can offer for the arguments of one command. */
#define COMMAND_VALUES_MAX	2

/* Room for the path of a command, such as "ne-emu attest verify". */
#define COMMAND_PATH_SIZE	64

/**
 * struct command_hint - a word that users of other tools try
 * @word: name of a command, or of an option with its dashes
 * @here: what does the same here, as the user would type it
 */
struct command_hint {
	const char *word;
	const char *here;
};

/**
 * struct command_call - a call of a command
 * @command: the command
 * @path: program and commands as the user typed them, e.g. "ne-emu run"
 * @options: struct that holds the values of the options, new for each call
 * @args: arguments that are not options
 * @count: entries of @args
 */
struct command_call {
	const struct command *command;
	const char *path;
	void *options;
	char **args;
	int count;
};

/**
 * struct command - a command
 * @name: word that the user types
 * @summary: one line for the list of commands of its parent
 * @commands: sub-commands, ends with NULL; NULL: a command that runs. The members below,
 *	except @version, are only for those
 * @hints: words that are not commands or options, ends with an entry without a word; or NULL
 * @args: names of the arguments for --help and manuals, or NULL
 * @about: description for --help; one or more lines, the last without full stop and newline
 * @options: table of options, ends with an entry without a name; NULL: none
 * @values: how a shell completes the arguments
 * @takes_command: what follows the first argument belongs to a command, and is not read as
 *	options
 * @min_args: least number of arguments that are not options
 * @max_args: greatest number of such arguments
 * @size: size of the struct that the options fill
 * @defaults: initial contents of that struct; NULL: zeros
 * @run: runs the command; returns the exit code
 * @version: for programs: prints the version; returns the exit code
 */
struct command {
	const char *name;
	const char *summary;
	const struct command *const *commands;
	const struct command_hint *hints;

	const char *args;
	const char *about;
	const struct opt *options;
	struct opt_values values[COMMAND_VALUES_MAX];
	bool takes_command;
	int min_args;
	int max_args;
	size_t size;
	const void *defaults;
	int (*run)(const struct command_call *call);
	int (*version)(void);
};

/**
 * command_main() - run a program
 * @program: the program, a command without a parent
 * @argc: as for main()
 * @argv: as for main()
 *
 * In addition to the options of its table, every program takes --completion and --manual,
 * which the build uses to generate completion files and parts of manuals, see
 * command/generate.h.
 *
 * Return: the exit code.
 */
int command_main(const struct command *program, int argc, char **argv);

/**
 * command_run() - run a command, or the sub-command that argv[1] names
 * @command: the command
 * @above: path of its parent; "" for a program
 * @argc: entries of @argv
 * @argv: name of the command, then its options and arguments
 *
 * Return: the exit code.
 */
int command_run(const struct command *command, const char *above, int argc, char **argv);

/**
 * command_usage_error() - print a usage error and a pointer to --help on stderr
 * @call: the call with the error
 * @fmt: format of the message, as for printf()
 *
 * Return: COMMAND_USAGE.
 */
__attribute__((format(printf, 2, 3)))
int command_usage_error(const struct command_call *call, const char *fmt, ...);

/**
 * command_options_error() - print the error of opt_read(), with a hint if there is one
 * @call: the call with the error
 * @err: what opt_read() returned
 * @word: for -ENOENT: the option
 * @error: what opt_read() set
 *
 * Return: COMMAND_USAGE.
 */
int command_options_error(const struct command_call *call, int err, const char *word,
			  const struct error *error);

/** command_flags() - flags for opt_read(): options that the table need not list */
static inline unsigned int command_flags(const struct command *command)
{
	return OPT_TAKE_HELP | (command->version ? OPT_TAKE_VERSION : 0) |
		(command->takes_command ? OPT_STOP : 0);
}

#endif
