// SPDX-License-Identifier: Apache-2.0
/* Write log lines to stderr, with level prefixes if the journal reads them. */

#include "common/log.h"

#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int log_max_level = LOG_INFO;
static const char *log_prefix;
static bool log_to_journal;

void log_init(int max_level, const char *prefix)
{
	log_max_level = max_level;
	log_prefix = prefix;
	log_to_journal = getenv("JOURNAL_STREAM") != NULL;
}

static const struct {
	const char *name;
	int level;
} log_levels[] = {
	{ "error", LOG_ERR },
	{ "warning", LOG_WARNING },
	{ "info", LOG_INFO },
	{ "debug", LOG_DEBUG },
};

int log_level_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(log_levels); i++)
		if (!strcmp(log_levels[i].name, name))
			return log_levels[i].level;
	return -EINVAL;
}

const char *log_level_name(int level)
{
	for (size_t i = 0; i < ARRAY_SIZE(log_levels); i++)
		if (log_levels[i].level == level)
			return log_levels[i].name;
	return "info";
}

void log_write(int level, const char *fmt, ...)
{
	int saved = errno;
	/* One write per line, so that lines of several processes do not mix. */
	char line[1024], message[1024];
	size_t len = 0;
	va_list args;
	int n;

	if (level > log_max_level)
		return;

	if (log_to_journal)
		len += snprintf(line, sizeof(line), "<%d>", level);
	if (log_prefix)
		len += snprintf(line + len, sizeof(line) - len, "%s: ", log_prefix);
	len = MIN(len, sizeof(line) - 2);

	errno = saved;	/* for %m */
	va_start(args, fmt);
	n = vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (n < 0)
		n = 0;
	/* The message may contain text of a guest or an image. */
	text_clean(line + len, sizeof(line) - len - 1, message,
		   MIN((size_t)n, sizeof(message) - 1));
	len += strlen(line + len);
	line[len++] = '\n';

	/* A failure to log cannot be reported. */
	while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
		;
	errno = saved;
}
