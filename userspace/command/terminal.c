// SPDX-License-Identifier: Apache-2.0
/* Print messages on the terminal. */

#include "command/terminal.h"

#include "common/text.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Longest message; there is room for a path of any length. */
/* Also the beginning of the others' names. */
#define PROGRAM_NAME	"ne-emu"
#define TERM_ERROR_SIZE	(2 * PATH_MAX)

/* Of this project's programs; the name of anything else, such as a test, says nothing. */
static const char *program_name(void)
{
	const char *name = program_invocation_short_name;

	return !strncmp(name, PROGRAM_NAME, strlen(PROGRAM_NAME)) ? name : PROGRAM_NAME;
}

void term_error(const char *fmt, ...)
{
	char text[TERM_ERROR_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)text_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(stderr, "%s%s: %s%s\n", term_colour(STDERR_FILENO, TERM_RED), program_name(),
		text, term_colour(STDERR_FILENO, TERM_PLAIN));
}

int term_result(int err, const struct error *error)
{
	if (!err)
		return COMMAND_OK;
	term_error("%s", *error->text ? error->text : strerror(-err));
	return COMMAND_FAILED;
}

int term_width(int fd)
{
	struct winsize size = {};

	return isatty(fd) && !ioctl(fd, TIOCGWINSZ, &size) ? size.ws_col : 0;
}

const char *term_colour(int fd, enum term_colour colour)
{
	const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");

	if ((no_color && *no_color) || (terminal && !strcmp(terminal, "dumb")) || !isatty(fd))
		return "";
	switch (colour) {
	case TERM_RED:
		return "\033[31m";
	case TERM_GREEN:
		return "\033[32m";
	case TERM_YELLOW:
		return "\033[33m";
	case TERM_BOLD:
		return "\033[1m";
	case TERM_PLAIN:
		return "\033[0m";
	}
	return "";
}
