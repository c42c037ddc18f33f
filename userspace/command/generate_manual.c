// SPDX-License-Identifier: Apache-2.0
/* Generate parts of manuals in the markup of scdoc. */

#include "command/generate.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* If a command has more options, its synopsis names only those that are required. */
#define SYNOPSIS_OPTIONS	3
#define ENTRIES_MAX		64

/* Print "ID|CID" as "_ID_|_CID_". */
static void print_names(const char *text)
{
	while (*text) {
		size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

		if (len)
			printf("_%.*s_", (int)len, text);
		else
			putchar(*text);
		text += len ? len : 1;
	}
}

static void print_option_name(const struct opt *option)
{
	printf("*--%s*", option->name);
	if (option->metavar) {
		putchar(' ');
		print_names(option->metavar);
	}
}

/* Print a help text as a sentence. */
static void print_help(const char *help)
{
	putchar(toupper((unsigned char)*help));
	for (help++; *help; help++)
		putchar(*help == '\n' ? ' ' : *help);
	printf(".\n\n");
}

static void print_entry(const struct opt *option)
{
	if (option->letter)
		printf("*-%c*, ", option->letter);
	print_option_name(option);
	printf("\n\t");
	if (option->manual)
		printf("%s\n\n", option->manual);
	else
		print_help(option->help);
}

/* Names of the options that are printed already, as commands may share options. */
struct entries {
	const char *names[ENTRIES_MAX];
	size_t count;
};

static void print_entries(const struct generate_node *node, void *arg)
{
	const struct command *command = node->command;
	struct entries *entries = arg;

	opt_for_each(option, command->options) {
		size_t i = 0;

		while (i < entries->count && strcmp(entries->names[i], option->name))
			i++;
		if (i < entries->count || i == ENTRIES_MAX)
			continue;
		entries->names[entries->count++] = option->name;
		print_entry(option);
	}
	if (command->version && !command->commands)
		printf("*-h*, *--help*\n\tPrint a summary and exit.\n\n"
		       "*-V*, *--version*\n\tPrint the version and exit.\n\n");
}

static size_t count_options(const struct command *command)
{
	size_t count = 0;

	while (command->options && command->options[count].name)
		count++;
	return count;
}

static void print_synopsis(const struct generate_node *node, void *arg)
{
	const struct command *command = node->command;
	size_t count = count_options(command);
	bool *first = arg;

	if (command->commands)
		return;
	printf("%s*%s*", *first ? "" : "++\n", node->path);
	*first = false;
	for (size_t i = 0; i < count; i++) {
		const struct opt *option = &command->options[i];

		if (!option->required && count > SYNOPSIS_OPTIONS)
			continue;
		printf(option->required ? " " : " [");
		print_option_name(option);
		if (!option->required)
			putchar(']');
	}
	if (count > SYNOPSIS_OPTIONS)
		printf(" [_OPTION_]...");
	if (command->args) {
		putchar(' ');
		print_names(command->args);
	}
}

/* The command below @command with these names, or NULL. */
static const struct command *find(const struct command *command, int count, char **names)
{
	for (int i = 0; command && i < count; i++) {
		const struct command *const *subs = command->commands;

		while (subs && *subs && strcmp((*subs)->name, names[i]))
			subs++;
		command = subs ? *subs : NULL;
	}
	return command;
}

int generate_manual(const struct command *program, int argc, char **argv)
{
	const struct command *command = find(program, argc - 1, argv + 1);
	char above[COMMAND_PATH_SIZE] = "";
	struct entries entries = {};
	bool first = true;

	if (!command || (strcmp(argv[0], "synopsis") && strcmp(argv[0], "options"))) {
		term_error("--manual needs \"synopsis\" or \"options\", and a command");
		return COMMAND_USAGE;
	}
	if (!strcmp(argv[0], "options")) {
		generate_walk(command, "", print_entries, &entries);
	} else {
		if (argc > 1)
			snprintf(above, sizeof(above), "%s", program->name);
		generate_walk(command, above, print_synopsis, &first);
		putchar('\n');
	}
	return COMMAND_OK;
}
