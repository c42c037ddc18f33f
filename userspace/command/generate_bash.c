// SPDX-License-Identifier: Apache-2.0
/* Generate completion for bash: one function for all commands. */

#include "command/generate.h"

#include <stdio.h>

/* Print a call of the function that adds the matches of compgen for the last word. */
static void print_add(const struct command *program, const char *indent)
{
	printf("%s_", indent);
	generate_symbol(program->name);
	printf("_add ");
}

static void print_values(const struct command *program, const struct opt_values *values,
			 const char *indent)
{
	if (values->how == OPT_COMPLETE_NOTHING)
		return;
	print_add(program, indent);
	switch (values->how) {
	case OPT_COMPLETE_NOTHING:
		return;
	case OPT_COMPLETE_FILES:
		if (values->from) {
			printf("-f -X '!*%s'\n", values->from);
			print_add(program, indent);
			printf("-d\n");
		} else {
			printf("-f\n");
		}
		printf("%scompopt -o filenames\n", indent);
		return;
	case OPT_COMPLETE_DIRS:
		printf("-d\n%scompopt -o filenames\n", indent);
		return;
	case OPT_COMPLETE_USERS:
		printf("-u\n");
		return;
	case OPT_COMPLETE_WORDS:
		printf("-W '%s'\n", values->from);
		return;
	case OPT_COMPLETE_LINES:
		printf("-W \"$(%s)\"\n", values->from);
		return;
	}
}

/* Print the cases that recognize commands, so that the rest are options and arguments. */
static void print_path(const struct generate_node *node, void *program)
{
	if (node->command != program)
		printf("\t\t'%s') path+=\" ${COMP_WORDS[i]}\" ;;\n", node->path);
	if (node->command->commands)
		printf("\t\t'%s help') path+=' help' ;;\n", node->path);
}

static void print_option_values(const struct generate_node *node, void *program)
{
	opt_for_each(option, node->command->options) {
		if (!option->metavar)
			continue;
		printf("\t'%s --%s'", node->path, option->name);
		if (option->letter)
			printf(" | '%s -%c'", node->path, option->letter);
		printf(")\n");
		print_values(program, &option->values, "\t\t");
		printf("\t\treturn\n\t\t;;\n");
	}
}

static void print_options(const struct command *program, const struct command *command,
			  const char *indent)
{
	print_add(program, indent);
	printf("-W '");
	opt_for_each(option, command->options)
		printf("--%s ", option->name);
	printf("--help%s'\n", command->version ? " --version" : "");
}

static void print_commands(const struct command *program, const struct command *command,
			   const char *last, const char *indent)
{
	print_add(program, indent);
	printf("-W '");
	for (size_t i = 0; command->commands[i]; i++)
		printf("%s ", command->commands[i]->name);
	printf("%s'\n", last);
}

static void print_words(const struct generate_node *node, void *program)
{
	const struct command *command = node->command;

	printf("\t'%s')\n\t\tif [[ $cur == -* ]]; then\n", node->path);
	print_options(program, command, "\t\t\t");
	printf("\t\telse\n");
	if (command->commands) {
		print_commands(program, command, "help", "\t\t\t");
	} else if (!command->args) {
		print_options(program, command, "\t\t\t");
	} else {
		printf("\t\t\t:\n");
		for (size_t i = 0; i < COMMAND_VALUES_MAX; i++)
			print_values(program, &command->values[i], "\t\t\t");
	}
	printf("\t\tfi\n\t\t;;\n");
	if (!command->commands)
		return;
	printf("\t'%s help')\n", node->path);
	print_commands(program, command, "", "\t\t");
	printf("\t\t;;\n");
}

static void print_head(const struct command *program)
{
	printf("# bash completion for %s, made by \"%s --completion bash\"\n\n", program->name,
	       program->name);
	printf("_");
	generate_symbol(program->name);
	printf("_add() {\n"
	       "\tlocal -a found\n\n"
	       "\tmapfile -t found < <(compgen \"$@\" -- \"$cur\")\n"
	       "\tCOMPREPLY+=(\"${found[@]}\")\n"
	       "}\n\n_");
	generate_symbol(program->name);
	printf("() {\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	       "\tlocal path=%s%s\n\n"
	       "\tCOMPREPLY=()\n", program->name, program->commands ? " i" : "");
}

void generate_bash(const struct command *program)
{
	void *arg = (void *)program;	/* for callbacks, which do not write to it */

	print_head(program);
	if (program->commands) {
		printf("\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		       "\t\tcase \"$path ${COMP_WORDS[i]}\" in\n");
		generate_walk(program, "", print_path, arg);
		printf("\t\t*) break ;;\n\t\tesac\n\tdone\n");
	}
	printf("\tcase \"$path $prev\" in\n");
	generate_walk(program, "", print_option_values, arg);
	printf("\tesac\n\tcase $path in\n");
	generate_walk(program, "", print_words, arg);
	printf("\tesac\n"
	       "\t[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace\n"
	       "}\n\ncomplete -F _");
	generate_symbol(program->name);
	printf(" %s\n", program->name);
}
