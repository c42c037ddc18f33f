// SPDX-License-Identifier: Apache-2.0
/* The error object: a message that accompanies a negative errno. */

#include "common/error.h"

#include "common/text.h"

#include <stdio.h>
#include <string.h>

int error_vset(struct error *error, int err, const char *fmt, va_list args)
{
	/*
	 * On the stack, so that errors can be reported without memory. Longer than the
	 * message, so that text_clean() sees the last character that fits as a whole.
	 */
	char text[ERROR_TEXT_SIZE + 4] = "";

	if (!error)
		return err;
	(void)vsnprintf(text, sizeof(text), fmt, args);
	(void)text_clean(error->text, sizeof(error->text), text, strlen(text));
	return err;
}

int (error_set)(struct error *error, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)error_vset(error, err, fmt, args);
	va_end(args);
	return err;
}
