/* SPDX-License-Identifier: Apache-2.0 */
/* Options from a table, from which --help, manuals and completion are generated as well. */

#ifndef NE_EMU_COMMAND_OPTIONS_H
#define NE_EMU_COMMAND_OPTIONS_H

#include "command/terminal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum opt_kind {
	OPT_KIND_FLAG,		/* bool; no argument */
	OPT_KIND_STRING,	/* const char * */
	OPT_KIND_STRINGS,	/* struct opt_strings; may be repeated */
	OPT_KIND_NUMBER,	/* uint64_t from @min to @max */
	OPT_KIND_MEMORY,	/* uint64_t, bytes; the argument is in MiB, or has a unit */
	OPT_KIND_TYPED,		/* a value that @type reads */
};

#define OPT_STRINGS_MAX	32

/**
 * struct opt_strings - values of an option that may be repeated
 * @list: values in the order of the command line
 * @count: entries of @list
 */
struct opt_strings {
	const char *list[OPT_STRINGS_MAX];
	size_t count;
};

/**
 * struct opt_type - a type of values for OPT_KIND_TYPED
 * @what: name of the type for error messages, e.g. "a CPU list"
 * @read: converts an argument; 0, or a negative errno if @text is not of this type
 * @write: prints a value so that @read can convert it
 * @given: is there a value to print? NULL: always
 */
struct opt_type {
	const char *what;
	int (*read)(const char *text, void *value);
	void (*write)(const void *value, FILE *to);
	bool (*given)(const void *value);
};

/* How a shell completes a value. */
enum opt_complete {
	OPT_COMPLETE_NOTHING,
	OPT_COMPLETE_FILES,	/* @from: only files with this suffix, and directories */
	OPT_COMPLETE_DIRS,
	OPT_COMPLETE_USERS,
	OPT_COMPLETE_WORDS,	/* the words in @from, separated by blanks */
	OPT_COMPLETE_LINES,	/* the lines that the command @from prints; not for options */
};

/**
 * struct opt_values - how a shell completes a value
 * @how: source of the words
 * @from: depends on @how; NULL if unused
 */
struct opt_values {
	enum opt_complete how;
	const char *from;
};

#define VALUES_FILES	{ .how = OPT_COMPLETE_FILES }
#define VALUES_DIRS	{ .how = OPT_COMPLETE_DIRS }
#define VALUES_USERS	{ .how = OPT_COMPLETE_USERS }

/**
 * struct opt - a long option; a table ends with an entry without a name
 * @name: its name without the dashes
 * @letter: its short form, or 0
 * @required: the command fails without it
 * @kind: kind of its value
 * @type: type of its value, for OPT_KIND_TYPED
 * @offset: where its value lies in the struct that the table fills
 * @size: size of its value
 * @metavar: name of its argument; NULL for a flag
 * @help: text for --help; may have several lines
 * @manual: text for the manual, in the markup of scdoc; NULL: @help serves as one
 * @values: how a shell completes its argument
 * @min: least value of OPT_KIND_NUMBER
 * @max: greatest value of OPT_KIND_NUMBER
 */
struct opt {
	const char *name;
	char letter;
	bool required;
	enum opt_kind kind;
	const struct opt_type *type;
	size_t offset;
	size_t size;
	const char *metavar;
	const char *help;
	const char *manual;
	struct opt_values values;
	uint64_t min;
	uint64_t max;
};

/* offsetof() that fails to compile unless the member has the type @want. */
#define OPT_OFFSET(type, member, want) \
	(offsetof(type, member) + \
	 0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((type *)0)->member), want) ? \
			 1 : -1]))
#define OPT_PLACE(type, member, want) \
	.offset = OPT_OFFSET(type, member, want), .size = sizeof(want)

/*
 * Entries of a table: @n is the name of the option, @member the member of struct @type that
 * it fills, @var the name of its argument and @text its help text. Further members of struct
 * opt can follow, such as .manual = "...".
 */
#define OPT_FLAG(n, type, member, text, ...) \
	{ .name = (n), .kind = OPT_KIND_FLAG, OPT_PLACE(type, member, bool), \
	  .help = (text), __VA_ARGS__ }
#define OPT_STRING(n, type, member, var, text, ...) \
	{ .name = (n), .kind = OPT_KIND_STRING, OPT_PLACE(type, member, const char *), \
	  .metavar = (var), .help = (text), __VA_ARGS__ }
#define OPT_STRINGS(n, type, member, var, text, ...) \
	{ .name = (n), .kind = OPT_KIND_STRINGS, OPT_PLACE(type, member, struct opt_strings), \
	  .metavar = (var), .help = (text), __VA_ARGS__ }
#define OPT_MEMORY(n, type, member, var, text, ...) \
	{ .name = (n), .kind = OPT_KIND_MEMORY, OPT_PLACE(type, member, uint64_t), \
	  .metavar = (var), .help = (text), __VA_ARGS__ }
#define OPT_NUMBER(n, type, member, var, low, high, text, ...) \
	{ .name = (n), .kind = OPT_KIND_NUMBER, OPT_PLACE(type, member, uint64_t), \
	  .metavar = (var), .min = (low), .max = (high), .help = (text), __VA_ARGS__ }
#define OPT_TYPED(n, type_, member, ctype, type_of, var, text, ...) \
	{ .name = (n), .kind = OPT_KIND_TYPED, OPT_PLACE(type_, member, ctype), \
	  .type = (type_of), .metavar = (var), .help = (text), __VA_ARGS__ }

/** opt_for_each() - loop over the options of a table, which may be NULL */
#define opt_for_each(option, table) \
	for (const struct opt *option = (table); option && option->name; option++)

/* Results of opt_read() that are outside the range of errnos. */
#define OPT_ASKS_HELP		(-4096)
#define OPT_ASKS_VERSION	(-4097)

/* Flags of opt_read(). */
enum opt_flags {
	OPT_TAKE_HELP = 1,	/* also accept --help and -h */
	OPT_TAKE_VERSION = 2,	/* also accept --version and -V */
	OPT_ONCE = 4,		/* refuse an option that is given twice */
	OPT_STOP = 8,		/* options end at the first other argument */
};

/**
 * opt_read() - read the options of a command line
 * @options: the table, or NULL
 * @flags: bits of enum opt_flags
 * @values: the struct that the table fills
 * @argc: entries of @argv; the first one is skipped
 * @argv: the command line; the function moves options before other arguments
 * @ret_args: first argument in @argv that is not an option
 * @error: set with -EINVAL
 *
 * Return: the number of arguments at *@ret_args, OPT_ASKS_HELP, OPT_ASKS_VERSION, or
 * -EINVAL or -ENOENT with a message. With -ENOENT, the option *@ret_args is unknown.
 */
int opt_read(const struct opt *options, unsigned int flags, void *values,
	     int argc, char **argv, char ***ret_args, struct error *error);

/**
 * opt_set() - set an option that a file gives as "name = value"
 * @options: the table
 * @name: name of the option, without the dashes
 * @value: its argument; "yes" or "no" for a flag. Must stay valid as long as @values
 * @values: the struct that the table fills
 * @error: set on failure, without file and line
 *
 * Return: 0, or -EINVAL with a message.
 */
int opt_set(const struct opt *options, const char *name, const char *value, void *values,
	    struct error *error);

/**
 * opt_merge() - set the options that have their defaults still
 * @options: the table
 * @defaults: initial contents of the struct that the table fills
 * @values: a struct that opt_read() has filled
 * @others: another one, e.g. from a file
 */
void opt_merge(const struct opt *options, const void *defaults, void *values,
	       const void *others);

/** opt_print() - print the options for --help; @flags: as for opt_read() */
void opt_print(const struct opt *options, unsigned int flags);

#endif
