// SPDX-License-Identifier: Apache-2.0
/* Generate completion for fish: a line for each command, option and argument. */

#include "command/generate.h"

#include <stdio.h>
#include <string.h>

/* Characters with a meaning within single quotes. */
#define SPECIAL		"'\\"

/* The path without the name of the program. */
static const char *words_of(const struct generate_node *node)
{
	const char *blank = strchr(node->path, ' ');

	return blank ? blank + 1 : "";
}

/*
 * Print the start of a line that applies to the command @node. @where is "in" for its whole
 * command line, or "at" for the word after the command.
 */
static void print_begin(const struct command *program, const struct generate_node *node,
			const char *where, const char *more)
{
	printf("complete -c %s", program->name);
	if (!program->commands)
		return;
	printf(" -n '__");
	generate_symbol(program->name);
	printf("_%s %s%s'", where, words_of(node), more);
}

static void print_description(const char *text)
{
	printf(" -d '");
	generate_text(text, SPECIAL);
	printf("'\n");
}

static void print_values(const struct opt_values *values)
{
	switch (values->how) {
	case OPT_COMPLETE_NOTHING:
		return;
	case OPT_COMPLETE_FILES:
		if (values->from)
			printf(" -a '(for file in (commandline -ct)*%s; echo $file; end; "
			       "__fish_complete_directories)'", values->from);
		else
			printf(" -F");
		return;
	case OPT_COMPLETE_DIRS:
		printf(" -a '(__fish_complete_directories)'");
		return;
	case OPT_COMPLETE_USERS:
		printf(" -a '(__fish_complete_users)'");
		return;
	case OPT_COMPLETE_WORDS:
		printf(" -a '%s'", values->from);
		return;
	case OPT_COMPLETE_LINES:
		printf(" -a '(");
		generate_text(values->from, SPECIAL);
		printf(")'");
		return;
	}
}

static void print_option(const struct opt *option)
{
	if (option->letter)
		printf(" -s %c", option->letter);
	printf(" -l %s", option->name);
	if (option->metavar)
		printf(option->values.how == OPT_COMPLETE_FILES ? " -r" : " -x");
	print_values(&option->values);
	print_description(option->help);
}

static void print_commands(const struct command *program, const struct generate_node *node,
			   const char *more)
{
	const struct command *const *commands = node->command->commands;

	for (size_t i = 0; commands[i]; i++) {
		print_begin(program, node, "at", more);
		printf(" -a %s", commands[i]->name);
		print_description(commands[i]->summary);
	}
}

static void print_group(const struct command *program, const struct generate_node *node)
{
	print_commands(program, node, "");
	print_begin(program, node, "at", "");
	printf(" -a help -d 'explain a command'\n");
	print_commands(program, node, *words_of(node) ? " help" : "help");
}

static void print_leaf(const struct command *program, const struct generate_node *node)
{
	const struct command *command = node->command;

	opt_for_each(option, command->options) {
		print_begin(program, node, "in", "");
		print_option(option);
	}
	for (size_t i = 0; i < COMMAND_VALUES_MAX; i++) {
		if (command->values[i].how == OPT_COMPLETE_NOTHING)
			continue;
		print_begin(program, node, "in", "");
		print_values(&command->values[i]);
		printf("\n");
	}
}

static void print_node(const struct generate_node *node, void *arg)
{
	const struct command *program = arg, *command = node->command;
	const char *where = command->commands ? "at" : "in";

	if (command->commands)
		print_group(program, node);
	else
		print_leaf(program, node);
	print_begin(program, node, where, "");
	printf(" -s h -l help -d 'print help'\n");
	if (command->version) {
		print_begin(program, node, where, "");
		printf(" -s V -l version -d 'print the version'\n");
	}
}

/* Print the functions that test the words before the one that is completed. */
static void print_conditions(const struct command *program)
{
	printf("function __");
	generate_symbol(program->name);
	printf("_in\n\tset -l words (commandline -opc)\n"
	       "\tstring match -q -- \"$argv *\" \"$words[2..-1] \"\nend\n\nfunction __");
	generate_symbol(program->name);
	printf("_at\n\tset -l words (commandline -opc)\n"
	       "\ttest \"$words[2..-1]\" = \"$argv\"\nend\n\n");
}

void generate_fish(const struct command *program)
{
	printf("# fish completion for %s, made by \"%s --completion fish\"\n\n", program->name,
	       program->name);
	if (program->commands)
		print_conditions(program);
	printf("complete -c %s -f\n", program->name);
	generate_walk(program, "", print_node, (void *)program);
}
