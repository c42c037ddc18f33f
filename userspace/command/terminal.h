/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to the person at the terminal, and exit codes. */

#ifndef NE_EMU_COMMAND_TERMINAL_H
#define NE_EMU_COMMAND_TERMINAL_H

#include "common/error.h"

/* Exit codes; some commands add their own. */
#define CLI_OK		0
#define CLI_FAILED	1
#define CLI_USAGE	2

/* cli_error() - one line on stderr, clean, behind "ne-emu: " */
__attribute__((format(printf, 1, 2)))
void cli_error(const char *fmt, ...);

/**
 * cli_result() - how a command ends
 * @r: 0 or a negative errno
 * @why: printed unless @r is 0; that of the errno if it is empty
 *
 * Return: the exit code.
 */
int cli_result(int r, const struct error *why);

enum cli_colour {
	CLI_RED,
	CLI_GREEN,
	CLI_YELLOW,
	CLI_BOLD,
	CLI_PLAIN,
};

/** cli_colour() - escape sequence for @fd, "" unless it is a terminal in colour */
const char *cli_colour(int fd, enum cli_colour colour);

#endif
