/* SPDX-License-Identifier: Apache-2.0 */
/* Options from a table, from which --help, manuals and completion are generated as well. */

#ifndef NE_EMU_COMMAND_OPTIONS_H
#define NE_EMU_COMMAND_OPTIONS_H

#include "command/terminal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum cli_option_kind {
	CLI_FLAG,		/* bool; no argument */
	CLI_STRING,		/* const char * */
	CLI_STRINGS,		/* struct cli_strings; may be repeated */
	CLI_NUMBER,		/* uint64_t from @min to @max */
	CLI_MEMORY,		/* uint64_t, bytes; the argument is in MiB, or has a unit M, G, T */
	CLI_TYPED,		/* a value that @type reads */
};

#define CLI_STRINGS_MAX	32

/**
 * struct cli_strings - values of an option that may be repeated
 * @list: values in the order of the command line
 * @count: entries of @list
 */
struct cli_strings {
	const char *list[CLI_STRINGS_MAX];
	size_t count;
};

/**
 * struct cli_type - a type of values for CLI_TYPED
 * @what: name of the type for error messages, e.g. "a CPU list"
 * @read: converts an argument; 0, or a negative errno if @text is not of this type
 * @write: prints a value so that @read can convert it
 * @given: is there a value to print? NULL: always
 */
struct cli_type {
	const char *what;
	int (*read)(const char *text, void *value);
	void (*write)(const void *value, FILE *to);
	bool (*given)(const void *value);
};

/* How a shell completes a value. */
enum cli_complete {
	CLI_NOTHING,
	CLI_FILES,		/* files; @from: only those with this suffix, and directories */
	CLI_DIRS,
	CLI_USERS,
	CLI_WORDS,		/* the words in @from, separated by blanks */
	CLI_LINES,		/* the lines that the shell command @from prints; not for options */
};

/**
 * struct cli_values - how a shell completes a value
 * @how: source of the words
 * @from: depends on @how; NULL if unused
 */
struct cli_values {
	enum cli_complete how;
	const char *from;
};

#define VALUES_FILES	{ .how = CLI_FILES }
#define VALUES_DIRS	{ .how = CLI_DIRS }
#define VALUES_USERS	{ .how = CLI_USERS }

/**
 * struct cli_option - a long option; a table ends with an entry without a name
 * @name: its name without the dashes
 * @letter: its short form, or 0
 * @required: the command fails without it
 * @kind: kind of its value
 * @type: type of its value, for CLI_TYPED
 * @offset: where its value lies in the struct that the table fills
 * @metavar: name of its argument; NULL for a flag
 * @help: text for --help; may have several lines
 * @manual: text for the manual, in the markup of scdoc; NULL: @help serves as one
 * @values: how a shell completes its argument
 * @min: least value of CLI_NUMBER
 * @max: greatest value of CLI_NUMBER
 */
struct cli_option {
	const char *name;
	char letter;
	bool required;
	enum cli_option_kind kind;
	const struct cli_type *type;
	size_t offset;
	const char *metavar;
	const char *help;
	const char *manual;
	struct cli_values values;
	uint64_t min;
	uint64_t max;
};

/* offsetof() that fails to compile unless the member has the type @want. */
#define CLI_OFFSET(type, member, want) \
	(offsetof(type, member) + \
	 0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((type *)0)->member), want) ? \
			 1 : -1]))

/*
 * Entries of a table: @n is the name of the option, @member the member of struct @type that
 * it fills, @var the name of its argument and @text its help text. Further members of struct
 * cli_option can follow, such as .manual = "...".
 */
#define OPT_FLAG(n, type, member, text, ...) \
	{ .name = (n), .kind = CLI_FLAG, .offset = CLI_OFFSET(type, member, bool), \
	  .help = (text), __VA_ARGS__ }
#define OPT_STRING(n, type, member, var, text, ...) \
	{ .name = (n), .kind = CLI_STRING, .offset = CLI_OFFSET(type, member, const char *), \
	  .metavar = (var), .help = (text), __VA_ARGS__ }
#define OPT_STRINGS(n, type, member, var, text, ...) \
	{ .name = (n), .kind = CLI_STRINGS, \
	  .offset = CLI_OFFSET(type, member, struct cli_strings), \
	  .metavar = (var), .help = (text), __VA_ARGS__ }
#define OPT_MEMORY(n, type, member, var, text, ...) \
	{ .name = (n), .kind = CLI_MEMORY, .offset = CLI_OFFSET(type, member, uint64_t), \
	  .metavar = (var), .help = (text), __VA_ARGS__ }
#define OPT_NUMBER(n, type, member, var, low, high, text, ...) \
	{ .name = (n), .kind = CLI_NUMBER, .offset = CLI_OFFSET(type, member, uint64_t), \
	  .metavar = (var), .min = (low), .max = (high), .help = (text), __VA_ARGS__ }
#define OPT_TYPED(n, type_, member, ctype, type_of, var, text, ...) \
	{ .name = (n), .kind = CLI_TYPED, .offset = CLI_OFFSET(type_, member, ctype), \
	  .type = (type_of), .metavar = (var), .help = (text), __VA_ARGS__ }

/** cli_for_each_option() - loop over the options of a table, which may be NULL */
#define cli_for_each_option(option, table) \
	for (const struct cli_option *option = (table); option && option->name; option++)

/* Results of cli_options_read() that are outside the range of errnos. */
#define CLI_ASKS_HELP		(-4096)
#define CLI_ASKS_VERSION	(-4097)

/* Flags of cli_options_read(). */
enum cli_options_flags {
	CLI_TAKE_HELP = 1,	/* also accept --help and -h */
	CLI_TAKE_VERSION = 2,	/* also accept --version and -V */
	CLI_ONCE = 4,		/* refuse an option that is given twice */
};

/**
 * cli_options_read() - read the options of a command line
 * @options: the table, or NULL
 * @flags: bits of enum cli_options_flags
 * @values: the struct that the table fills
 * @argc: entries of @argv; the first one is skipped
 * @argv: the command line; the function moves options before other arguments
 * @ret_args: first argument in @argv that is not an option
 * @why: set with -EINVAL
 *
 * Return: the number of arguments at *@ret_args, CLI_ASKS_HELP, CLI_ASKS_VERSION, or
 * -EINVAL with a message.
 */
int cli_options_read(const struct cli_option *options, unsigned int flags, void *values,
		     int argc, char **argv, char ***ret_args, struct error *why);

/** cli_options_print() - print the options for --help; @flags: as for cli_options_read() */
void cli_options_print(const struct cli_option *options, unsigned int flags);

#endif
