// SPDX-License-Identifier: Apache-2.0
/* End this process, and with it the enclave, with a message. */

#include "guest/init/die.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *fmt, ...)
{
	int error = errno;
	va_list args;

	fputs("init: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(error));
	exit(1);
}
