// SPDX-License-Identifier: Apache-2.0
/* A reason for people that travels with a negative errno. */

#include "vmm/error.h"

#include <stdarg.h>
#include <stdio.h>

int vmm_error_set(struct vmm_error *error, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(error->text, sizeof(error->text), fmt, args);
	va_end(args);
	return err;
}
