/* SPDX-License-Identifier: Apache-2.0 */
/* Options from a table: what --help, manuals and completion say follows from it, too. */

#ifndef NE_EMU_COMMAND_OPTIONS_H
#define NE_EMU_COMMAND_OPTIONS_H

#include "command/terminal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum cli_option_kind {
	CLI_FLAG,		/* bool: set */
	CLI_STRING,		/* const char * */
	CLI_STRINGS,		/* struct cli_strings: one more */
	CLI_NUMBER,		/* uint64_t: from @min to @max */
	CLI_MEMORY,		/* uint64_t: bytes; "512" is MiB, or with M, G, T */
	CLI_TYPED,		/* what @type reads */
};

#define CLI_STRINGS_MAX	32

/**
 * struct cli_strings - values of an option that may be repeated
 * @list: in the order given, @count of them
 * @count: number of values
 */
struct cli_strings {
	const char *list[CLI_STRINGS_MAX];
	size_t count;
};

/**
 * struct cli_type - values of another kind
 * @what: what the text should have been, "a CPU list" say
 * @read: 0, or a negative errno if @text is not one
 * @write: the inverse
 * @given: is there a value to write? NULL: always
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
	CLI_FILES,		/* @from: only those with this suffix, and folders */
	CLI_DIRS,
	CLI_USERS,
	CLI_WORDS,		/* those in @from, separated by blanks */
	CLI_LINES,		/* the lines that the shell command @from prints; arguments only */
};

/**
 * struct cli_values - what a shell offers for a value
 * @how: where it has that from
 * @from: see enum cli_complete
 */
struct cli_values {
	enum cli_complete how;
	const char *from;
};

#define VALUES_FILES	{ .how = CLI_FILES }
#define VALUES_DIRS	{ .how = CLI_DIRS }
#define VALUES_USERS	{ .how = CLI_USERS }

/**
 * struct cli_option - one long option; a table ends with an entry without name
 * @name: without the dashes
 * @letter: its short form, or 0
 * @required: the command does not run without it
 * @kind: of its value
 * @type: reads the value of CLI_TYPED
 * @offset: of its value in the struct that the table fills
 * @metavar: name of its argument; NULL for a flag
 * @help: for --help; lines after the first are indented
 * @manual: for the manual, in the markup of scdoc; NULL: @help is all there is to say
 * @values: what its argument may be
 * @min: least number
 * @max: greatest number
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

/* offsetof() of a member that must have the type @want. */
#define CLI_OFFSET(type, member, want) \
	(offsetof(type, member) + \
	 0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((type *)0)->member), want) ? \
			 1 : -1]))

/*
 * Entries for a member of a struct. Behind the help text may stand further members of
 * struct cli_option, such as .manual = "...".
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

/** cli_for_each_option() - loop over a table, which may be NULL */
#define cli_for_each_option(option, table) \
	for (const struct cli_option *option = (table); option && option->name; option++)

/* Results of cli_options_read(), beside those of errors. */
#define CLI_ASKS_HELP		(-4096)
#define CLI_ASKS_VERSION	(-4097)

/* What cli_options_read() takes beside the table. */
enum cli_options_flags {
	CLI_TAKE_HELP = 1,	/* --help and -h */
	CLI_TAKE_VERSION = 2,	/* --version and -V */
	CLI_ONCE = 4,		/* no option twice */
};

/**
 * cli_options_read() - fill @values from a command line
 * @options: the table; NULL if there are none
 * @flags: of enum cli_options_flags
 * @values: the struct that the table's offsets are of
 * @argc: number of words in @argv, the first of which is skipped
 * @argv: they are put into another order: options first
 * @ret_args: the first argument that is not an option
 * @why: what is wrong with the command line
 *
 * Return: the number of these arguments, CLI_ASKS_HELP, CLI_ASKS_VERSION, or -EINVAL
 * with @why set.
 */
int cli_options_read(const struct cli_option *options, unsigned int flags, void *values,
		     int argc, char **argv, char ***ret_args, struct error *why);

/** cli_options_print() - the lines of --help */
void cli_options_print(const struct cli_option *options, unsigned int flags);

#endif
