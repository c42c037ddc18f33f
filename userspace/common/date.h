/* SPDX-License-Identifier: Apache-2.0 */
/* Dates in files and on command lines: RFC 3339, UTC, milliseconds. */

#ifndef NE_EMU_COMMON_DATE_H
#define NE_EMU_COMMON_DATE_H

#include <stdint.h>

/* "2026-01-31T12:00:00.000Z" and a NUL. */
#define DATE_SIZE	25
/* The same for people. */
#define DATE_RULE	"a date like 2026-01-31T12:00:00Z, an age like 90s, 10m, 2h or 1d, or @SECONDS"

/** date_format() - write a date; "" for 0 and for years beyond 9999; returns @buf, DATE_SIZE */
char *date_format(int64_t ns, char *buf);

/**
 * date_parse() - parse a moment
 * @text: see DATE_RULE; a fraction of seconds may follow the seconds of a date
 * @now_ns: CLOCK_REALTIME, from which ages count
 * @ret_ns: CLOCK_REALTIME, nanoseconds; set on success only
 *
 * Return: 0 or -EINVAL.
 */
int date_parse(const char *text, int64_t now_ns, int64_t *ret_ns);

#endif
