/* SPDX-License-Identifier: Apache-2.0 */
/* Completion files and parts of manuals, made from the tables of a program. */

#ifndef NE_EMU_COMMAND_GENERATE_H
#define NE_EMU_COMMAND_GENERATE_H

#include "command/command.h"

/**
 * generate_completion() - the completion file of a program on standard output
 * @shell: "bash", "zsh" or "fish"
 *
 * Return: the exit code.
 */
int generate_completion(const struct cli_command *program, const char *shell);

/**
 * generate_manual() - a part of a manual on standard output, in the markup of scdoc
 * @argv: "synopsis" or "options", and the names that lead to a command; of one that has
 *	sub-commands it is about all of these
 *
 * Return: the exit code.
 */
int generate_manual(const struct cli_command *program, int argc, char **argv);

void generate_bash(const struct cli_command *program);
void generate_zsh(const struct cli_command *program);
void generate_fish(const struct cli_command *program);

/** struct generate_node - a command and how it is called */
struct generate_node {
	const struct cli_command *command;
	char path[CLI_PATH_SIZE];
};

/** generate_walk() - @visit a command and all below it, parents first */
void generate_walk(const struct cli_command *command, const char *above,
		   void (*visit)(const struct generate_node *node, void *arg), void *arg);

/** generate_symbol() - @path as the name of a shell function: "ne_emu_eif_build" */
void generate_symbol(const char *path);

/** generate_text() - the first line of a help text, @escaped characters behind a "\" */
void generate_text(const char *help, const char *escaped);

#endif
