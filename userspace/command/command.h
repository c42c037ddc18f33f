/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of all programs share: options, sub-commands, messages. */

#ifndef NE_EMU_COMMAND_COMMAND_H
#define NE_EMU_COMMAND_COMMAND_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes; "ne-emu run" adds one of its own. */
#define CLI_OK		0
#define CLI_FAILED	1
#define CLI_USAGE	2

/** struct cli_command - one sub-command; @run gets its own name as argv[0] */
struct cli_command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

/**
 * cli_dispatch() - run the sub-command that argv[1] names, or print the list
 * @prefix: what the user typed to get here, "ne-emu" say
 * @commands: ends with an entry without name
 *
 * Return: the exit code.
 */
int cli_dispatch(const char *prefix, const struct cli_command *commands, int argc, char **argv);

enum cli_opt_kind {
	CLI_FLAG,		/* bool *: set */
	CLI_STRING,		/* const char ** */
	CLI_STRINGS,		/* struct cli_strings *: one more */
	CLI_NUMBER,		/* uint64_t *: from @min to @max */
	CLI_MEMORY,		/* uint64_t *: bytes; "512" is MiB, or with M, G, T */
};

#define CLI_STRINGS_MAX	32

struct cli_strings {
	const char *list[CLI_STRINGS_MAX];
	size_t count;
};

/**
 * struct cli_opt - one long option; a table ends with an entry without name
 * @letter: its short form, or 0
 * @metavar: name of its argument in the help text; NULL for a flag
 */
struct cli_opt {
	const char *name;
	char letter;
	enum cli_opt_kind kind;
	void *target;
	const char *metavar;
	const char *help;
	uint64_t min;
	uint64_t max;
};

#define CLI_OPT(n, k, t, m, h) \
	{ .name = (n), .kind = (k), .target = (t), .metavar = (m), .help = (h) }
#define OPT_FLAG(name, target, help)		CLI_OPT(name, CLI_FLAG, target, NULL, help)
#define OPT_STRING(name, target, metavar, help)	\
	CLI_OPT(name, CLI_STRING, target, metavar, help)
#define OPT_STRINGS(name, target, metavar, help) \
	CLI_OPT(name, CLI_STRINGS, target, metavar, help)
#define OPT_MEMORY(name, target, metavar, help)	\
	CLI_OPT(name, CLI_MEMORY, target, metavar, help)
#define OPT_NUMBER(n, t, m, h, low, high) \
	{ .name = (n), .kind = CLI_NUMBER, .target = (t), .metavar = (m), .help = (h), \
	  .min = (low), .max = (high) }

/**
 * struct cli_usage - how one command is called
 * @command: "ne-emu run"
 * @args: its arguments in the help text, or ""
 * @about: what it does; one or more lines, the last without newline
 * @min_args: fewest arguments that are not options
 * @max_args: most of them
 */
struct cli_usage {
	const char *command;
	const char *args;
	const char *about;
	const struct cli_opt *opts;
	int min_args;
	int max_args;
};

/**
 * cli_parse() - handle the options of a command
 * @ret_args: the first argument that is not an option
 *
 * Return: the number of these arguments; or, when the command must not go on,
 * -1 - the exit code (help was printed or the usage is wrong).
 */
int cli_parse(const struct cli_usage *usage, int argc, char **argv, char ***ret_args);

/** cli_exit_code() - of a negative result of cli_parse() */
static inline int cli_exit_code(int result)
{
	return -1 - result;
}

/* cli_error() - one line on stderr, clean, behind "ne-emu: " */
__attribute__((format(printf, 1, 2)))
void cli_error(const char *fmt, ...);

/** cli_usage_error() - the same with a pointer to --help; returns CLI_USAGE */
__attribute__((format(printf, 2, 3)))
int cli_usage_error(const struct cli_usage *usage, const char *fmt, ...);

/**
 * cli_result() - how a command ends
 * @r: 0 or a negative errno
 * @why: printed unless @r is 0; that of the errno if it is empty
 *
 * Return: the exit code.
 */
int cli_result(int r, const struct error *why);

enum cli_colour {
	CLI_RED,
	CLI_GREEN,
	CLI_YELLOW,
	CLI_BOLD,
	CLI_PLAIN,
};

/** cli_colour() - escape sequence for @fd, "" unless it is a terminal in colour */
const char *cli_colour(int fd, enum cli_colour colour);

#endif
