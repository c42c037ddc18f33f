// SPDX-License-Identifier: Apache-2.0
/* Print messages on the terminal. */

#include "command/terminal.h"

#include "common/text.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Longest message; there is room for a path of any length. */
#define CLI_ERROR_SIZE	(2 * PATH_MAX)

void cli_error(const char *fmt, ...)
{
	char text[CLI_ERROR_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)text_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(stderr, "%sne-emu: %s%s\n", cli_colour(STDERR_FILENO, CLI_RED), text,
		cli_colour(STDERR_FILENO, CLI_PLAIN));
}

int cli_result(int r, const struct error *why)
{
	if (!r)
		return CLI_OK;
	cli_error("%s", *why->text ? why->text : strerror(-r));
	return CLI_FAILED;
}

const char *cli_colour(int fd, enum cli_colour colour)
{
	const char *no_color = getenv("NO_COLOR");

	if ((no_color && *no_color) || !isatty(fd))
		return "";
	switch (colour) {
	case CLI_RED:
		return "\033[31m";
	case CLI_GREEN:
		return "\033[32m";
	case CLI_YELLOW:
		return "\033[33m";
	case CLI_BOLD:
		return "\033[1m";
	case CLI_PLAIN:
		return "\033[0m";
	}
	return "";
}
