// SPDX-License-Identifier: Apache-2.0
/* Generate completion for zsh: a function for each command. */

#include "command/generate.h"

#include <stdio.h>
#include <string.h>

/* Characters with a meaning in descriptions and messages of _arguments. */
#define SPECIAL_TEXT	"[]:"

/* Print the first line of a text, escaped for single quotes and _arguments. */
static void print_text(const char *text)
{
	for (; *text && *text != '\n'; text++) {
		if (*text == '\'')
			printf("'\\''");
		else
			printf(strchr(SPECIAL_TEXT, *text) ? "\\%c" : "%c", *text);
	}
}

static void print_action(const struct opt_values *values)
{
	switch (values->how) {
	case OPT_COMPLETE_NOTHING:
	case OPT_COMPLETE_LINES:		/* not used for options */
		printf(" ");
		return;
	case OPT_COMPLETE_FILES:
		printf("_files");
		return;
	case OPT_COMPLETE_DIRS:
		printf("_files -/");
		return;
	case OPT_COMPLETE_USERS:
		printf("_users");
		return;
	case OPT_COMPLETE_WORDS:
		printf("(%s)", values->from);
		return;
	}
}

static void print_option(const struct opt *option)
{
	const char *again = option->kind == OPT_KIND_STRINGS ? "*" : "";

	if (option->letter)
		printf(" \\\n\t\t'(-%c --%s)'{-%c,--%s}'[", option->letter, option->name,
		       option->letter, option->name);
	else
		printf(" \\\n\t\t'%s--%s[", again, option->name);
	print_text(option->help);
	printf("]");
	if (option->metavar) {
		printf(":");
		print_text(option->metavar);
		printf(":");
		print_action(&option->values);
	}
	printf("'");
}

static void print_values(const struct opt_values *values)
{
	switch (values->how) {
	case OPT_COMPLETE_NOTHING:
		return;
	case OPT_COMPLETE_FILES:
		if (values->from)
			printf("\t_files -g '*%s'\n", values->from);
		else
			printf("\t_files\n");
		return;
	case OPT_COMPLETE_DIRS:
		printf("\t_files -/\n");
		return;
	case OPT_COMPLETE_USERS:
		printf("\t_users\n");
		return;
	case OPT_COMPLETE_WORDS:
		printf("\tcompadd %s-- %s\n", strchr(values->from, '=') ? "-S '' " : "",
		       values->from);
		return;
	case OPT_COMPLETE_LINES:
		printf("\tcompadd -- ${(f)\"$(%s)\"}\n", values->from);
		return;
	}
}

static void print_leaf(const struct generate_node *node)
{
	const struct command *command = node->command;

	if (command->args) {
		printf("_");
		generate_symbol(node->path);
		printf("_values() {\n");
		for (size_t i = 0; i < COMMAND_VALUES_MAX; i++)
			print_values(&command->values[i]);
		printf("}\n\n");
	}
	printf("_");
	generate_symbol(node->path);
	printf("() {\n\t_arguments");
	opt_for_each(option, command->options)
		print_option(option);
	printf(" \\\n\t\t'(- *)'{-h,--help}'[print help]'");
	if (command->version)
		printf(" \\\n\t\t'(- *)'{-V,--version}'[print the version]'");
	if (command->args) {
		printf(" \\\n\t\t'*:");
		print_text(command->args);
		printf(":_");
		generate_symbol(node->path);
		printf("_values'");
	}
	printf("\n}\n\n");
}

static void print_group(const struct generate_node *node)
{
	const struct command *const *commands = node->command->commands;

	printf("_");
	generate_symbol(node->path);
	printf("() {\n\tlocal -a commands=(\n");
	for (size_t i = 0; commands[i]; i++) {
		printf("\t\t'%s:", commands[i]->name);
		print_text(commands[i]->summary);
		printf("'\n");
	}
	printf("\t)\n\tlocal -a and_help=($commands 'help:explain a command')\n\n"
	       "\tif (( CURRENT == 2 )); then\n"
	       "\t\tif [[ $PREFIX == -* ]]; then\n\t\t\tcompadd -- --help%s\n\t\telse\n"
	       "\t\t\t_describe command and_help\n\t\tfi\n\t\treturn\n\tfi\n"
	       "\tshift words\n\t(( CURRENT-- ))\n\tcase $words[1] in\n",
	       node->command->version ? " --version" : "");
	for (size_t i = 0; commands[i]; i++) {
		printf("\t%s) _", commands[i]->name);
		generate_symbol(node->path);
		printf("_");
		generate_symbol(commands[i]->name);
		printf(" ;;\n");
	}
	printf("\thelp) (( CURRENT > 2 )) || _describe command commands ;;\n\tesac\n}\n\n");
}

static void print_function(const struct generate_node *node, void *arg)
{
	if (node->command->commands)
		print_group(node);
	else
		print_leaf(node);
}

void generate_zsh(const struct command *program)
{
	printf("#compdef %s\n# zsh completion for %s, made by \"%s --completion zsh\"\n\n",
	       program->name, program->name, program->name);
	generate_walk(program, "", print_function, NULL);
	printf("_");
	generate_symbol(program->name);
	printf(" \"$@\"\n");
}
