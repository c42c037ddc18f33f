// SPDX-License-Identifier: Apache-2.0
/* The option --log-level. */

#include "command/log_level.h"

#include "common/log.h"

static int read_level(const char *text, void *value)
{
	int level = log_level_parse(text);

	if (level < 0)
		return level;
	*(int *)value = level;
	return 0;
}

static void write_level(const void *value, FILE *to)
{
	fputs(log_level_name(*(const int *)value), to);
}

const struct opt_type opt_log_level = {
	.what = "a log level (error, warning, info or debug)",
	.read = read_level,
	.write = write_level,
};
