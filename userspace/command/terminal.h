/* SPDX-License-Identifier: Apache-2.0 */
/* Print messages on the terminal, and exit codes. */

#ifndef NE_EMU_COMMAND_TERMINAL_H
#define NE_EMU_COMMAND_TERMINAL_H

#include "common/error.h"

/* Exit codes; some commands add their own. */
#define CLI_OK		0
#define CLI_FAILED	1
#define CLI_USAGE	2

/**
 * cli_error() - print an error or warning on stderr, as a line that begins with "ne-emu: "
 * @fmt: as for printf(); the result is cleaned, see common/text.h
 */
__attribute__((format(printf, 1, 2)))
void cli_error(const char *fmt, ...);

/**
 * cli_result() - print the error of a command, if any
 * @r: 0 or a negative errno
 * @why: the message to print; if it is empty, that of the errno is printed
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

/** cli_colour() - escape sequence of a colour; "" if @fd is not a terminal or NO_COLOR is set */
const char *cli_colour(int fd, enum cli_colour colour);

#endif
