// SPDX-License-Identifier: Apache-2.0
/* What went wrong with a certificate authority, for people. */

#include "ca/error.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>

int ca_fail(struct ca_error *ret, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(ret->text, sizeof(ret->text), fmt, args);
	va_end(args);
	return -error;
}

int ca_fail_openssl(struct ca_error *ret, const char *what)
{
	unsigned long code = ERR_get_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return ca_fail(ret, EIO, "%s: OpenSSL: %s", what, reason ? reason : "unknown error");
}
