/* SPDX-License-Identifier: Apache-2.0 */
/* Print messages on the terminal, and exit codes. */

#ifndef NE_EMU_COMMAND_TERMINAL_H
#define NE_EMU_COMMAND_TERMINAL_H

#include "common/error.h"

/* Exit codes; some commands add their own. */
#define COMMAND_OK	0
#define COMMAND_FAILED	1
#define COMMAND_USAGE	2

/**
 * term_error() - print an error or warning on stderr, after the name of the program
 * @fmt: as for printf(); the result is cleaned, see common/text.h
 */
__attribute__((format(printf, 1, 2)))
void term_error(const char *fmt, ...);

/**
 * term_result() - print the error of a command, if any
 * @err: 0 or a negative errno
 * @error: the message to print; if it is empty, that of the errno is printed
 *
 * Return: the exit code.
 */
int term_result(int err, const struct error *error);

enum term_colour {
	TERM_RED,
	TERM_GREEN,
	TERM_YELLOW,
	TERM_BOLD,
	TERM_PLAIN,
};

/** term_width() - columns of the terminal @fd; 0 if it is none, or does not know */
int term_width(int fd);

/**
 * term_colour() - escape sequence of a colour
 *
 * Return: the sequence; "" if @fd is not a terminal, if NO_COLOR is set, or if TERM is "dumb".
 */
const char *term_colour(int fd, enum term_colour colour);

#endif
