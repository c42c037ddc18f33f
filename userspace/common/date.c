// SPDX-License-Identifier: Apache-2.0
/* Dates in files and on command lines: RFC 3339, UTC, milliseconds. */

#include "common/date.h"

#include "common/clock.h"
#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define YEAR_MAX	(9999 - 1900)
/* Seconds that fit into nanoseconds of 63 bits. */
#define SECONDS_MAX	(INT64_MAX / NSEC_PER_SEC - 1)

char *date_format(int64_t ns, char *buf)
{
	time_t seconds = ns / NSEC_PER_SEC;
	struct tm tm;
	size_t len;

	*buf = 0;
	if (ns <= 0 || !gmtime_r(&seconds, &tm) || tm.tm_year > YEAR_MAX)
		return buf;
	len = strftime(buf, DATE_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + len, DATE_SIZE - len, ".%03dZ", (int)(ns % NSEC_PER_SEC / NSEC_PER_MSEC));
	return buf;
}

static int parse_date(const char *text, int64_t *ret_ns)
{
	int64_t unit = NSEC_PER_SEC, fraction = 0;
	struct tm tm = {};
	const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t seconds;

	if (at && *at == '.' && isdigit((unsigned char)at[1]))
		for (at++; isdigit((unsigned char)*at); at++) {
			unit /= 10;
			fraction += unit * (*at - '0');
		}
	if (!at || strcmp(at, "Z"))
		return -EINVAL;
	seconds = timegm(&tm);
	if (seconds < 0 || seconds > SECONDS_MAX)
		return -EINVAL;
	*ret_ns = seconds * NSEC_PER_SEC + fraction;
	return 0;
}

static int parse_age(const char *text, int64_t now_ns, int64_t *ret_ns)
{
	static const struct {
		char letter;
		int seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	size_t len = strlen(text);
	char digits[20];
	uint64_t value;

	if (len < 2 || len > sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, len - 1);
	digits[len - 1] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (units[i].letter != text[len - 1])
			continue;
		if (parse_u64(digits, 10, SECONDS_MAX / units[i].seconds, &value))
			return -EINVAL;
		*ret_ns = now_ns - (int64_t)value * units[i].seconds * NSEC_PER_SEC;
		return 0;
	}
	return -EINVAL;
}

int date_parse(const char *text, int64_t now_ns, int64_t *ret_ns)
{
	uint64_t seconds;

	if (*text == '@') {
		if (parse_u64(text + 1, 10, SECONDS_MAX, &seconds))
			return -EINVAL;
		*ret_ns = seconds * NSEC_PER_SEC;
		return 0;
	}
	return parse_date(text, ret_ns) ? parse_age(text, now_ns, ret_ns) : 0;
}
