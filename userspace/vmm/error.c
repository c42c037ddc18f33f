// SPDX-License-Identifier: Apache-2.0
/* A reason for people that travels with a negative errno. */

#include "vmm/error.h"

#include "common/text.h"

#include <stdio.h>
#include <string.h>

void vmm_error_vset(struct vmm_error *error, const char *fmt, va_list args)
{
	/* Longer than what is kept, which ends in front of a character then. */
	char text[2 * sizeof(error->text)] = "";

	(void)vsnprintf(text, sizeof(text), fmt, args);
	(void)text_clean(error->text, sizeof(error->text), text, strlen(text));
}

int vmm_error_set(struct vmm_error *error, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vmm_error_vset(error, fmt, args);
	va_end(args);
	return err;
}
