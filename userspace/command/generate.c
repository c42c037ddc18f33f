// SPDX-License-Identifier: Apache-2.0
/* Generate completion files: the parts that all shells have in common. */

#include "command/generate.h"

#include "common/util.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void generate_walk(const struct command *command, const char *above,
		   void (*visit)(const struct generate_node *node, void *arg), void *arg)
{
	struct generate_node node = { .command = command };

	snprintf(node.path, sizeof(node.path), "%s%s%s", above, *above ? " " : "", command->name);
	visit(&node, arg);
	for (size_t i = 0; command->commands && command->commands[i]; i++)
		generate_walk(command->commands[i], node.path, visit, arg);
}

void generate_symbol(const char *path)
{
	for (; *path; path++)
		putchar(isalnum((unsigned char)*path) ? *path : '_');
}

void generate_text(const char *text, const char *escaped)
{
	for (; *text && *text != '\n'; text++) {
		if (strchr(escaped, *text))
			putchar('\\');
		putchar(*text);
	}
}

int generate_completion(const struct command *program, const char *shell)
{
	static const struct {
		const char *shell;
		void (*generate)(const struct command *program);
	} shells[] = {
		{ "bash", generate_bash }, { "zsh", generate_zsh }, { "fish", generate_fish },
	};

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(shells[i].shell, shell))
			continue;
		shells[i].generate(program);
		return COMMAND_OK;
	}
	term_error("--completion: \"%s\" is not bash, zsh or fish", shell);
	return COMMAND_USAGE;
}
