// SPDX-License-Identifier: Apache-2.0
/* A reason for people that travels with a negative errno. */

#include "pack/error.h"

#include "common/text.h"

#include <stdarg.h>

int pack_fail(struct pack_error *ret, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)text_vformat(ret->text, sizeof(ret->text), fmt, args);
	va_end(args);
	return error;
}
