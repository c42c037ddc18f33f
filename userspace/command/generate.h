/* SPDX-License-Identifier: Apache-2.0 */
/* Generate completion files and parts of manuals from the tables of a program. */

#ifndef NE_EMU_COMMAND_GENERATE_H
#define NE_EMU_COMMAND_GENERATE_H

#include "command/command.h"

/**
 * generate_completion() - print a completion file on standard output
 * @program: the program
 * @shell: "bash", "zsh" or "fish"
 *
 * Return: the exit code.
 */
int generate_completion(const struct command *program, const char *shell);

/**
 * generate_manual() - print a part of a manual on standard output, in the markup of scdoc
 * @program: the program
 * @argc: entries of @argv
 * @argv: "synopsis" or "options", then the names of a command and its parents; a command
 *	with sub-commands stands for all of these
 *
 * Return: the exit code.
 */
int generate_manual(const struct command *program, int argc, char **argv);

/** generate_bash() - print the completion file for bash */
void generate_bash(const struct command *program);
/** generate_zsh() - print the completion file for zsh */
void generate_zsh(const struct command *program);
/** generate_fish() - print the completion file for fish */
void generate_fish(const struct command *program);

/** struct generate_node - a command and its path, e.g. "ne-emu eif build" */
struct generate_node {
	const struct command *command;
	char path[COMMAND_PATH_SIZE];
};

/** generate_walk() - call @visit for a command and all commands below it, parents first */
void generate_walk(const struct command *command, const char *above,
		   void (*visit)(const struct generate_node *node, void *arg), void *arg);

/** generate_symbol() - print @path as the name of a shell function: "ne_emu_eif_build" */
void generate_symbol(const char *path);

/** generate_text() - print the first line of a help text with "\" before @escaped characters */
void generate_text(const char *help, const char *escaped);

#endif
