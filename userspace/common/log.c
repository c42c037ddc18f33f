// SPDX-License-Identifier: Apache-2.0
/* Write log lines to stderr, or to the journal if it reads stderr. */

#include "common/log.h"

#include "common/journal.h"
#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE	1024

static int log_max_level = LOG_INFO;
static const char *log_prefix;
static bool log_to_journal;
/* Of a service whose stderr is the journal; otherwise NULL and -1. */
static const char *log_program;
static int log_journal = -1;

void log_init(int max_level, const char *prefix)
{
	log_max_level = max_level;
	log_prefix = prefix;
	log_to_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_init_service(int max_level, const char *name)
{
	log_init(max_level, getenv("JOURNAL_STREAM") ? NULL : name);
	log_program = name;
	fd_close(&log_journal);
	log_journal = journal_open(STDERR_FILENO);
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

/* One write per line, so that lines of several processes do not mix. */
static void write_line(int level, const char *text)
{
	char line[LINE_SIZE];
	size_t len = 0;

	if (log_to_journal)
		len += snprintf(line, sizeof(line), "<%d>", level);
	if (log_prefix)
		len += snprintf(line + len, sizeof(line) - len, "%s: ", log_prefix);
	len = MIN(len, sizeof(line) - 2);
	text_clean(line + len, sizeof(line) - len - 1, text, strlen(text));
	len += strlen(line + len);
	line[len++] = '\n';
	/* A failure to log cannot be reported. */
	while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
		;
}

/* @enclave: its id, or NULL. Preserves errno. */
__attribute__((format(printf, 3, 0)))
static void log_line(int level, const char *enclave, const char *fmt, va_list args)
{
	char raw[LINE_SIZE], text[LINE_SIZE];
	int n, len = 0, saved = errno;

	if (level > log_max_level)
		return;
	if (enclave)
		len = snprintf(raw, sizeof(raw), "%s: ", enclave);
	errno = saved;	/* for %m */
	n = vsnprintf(raw + len, sizeof(raw) - len, fmt, args);
	n = len + MAX(n, 0);
	/* The message may contain text of a guest or an image. */
	text_clean(text, sizeof(text), raw, MIN((size_t)n, sizeof(raw) - 1));
	if (log_journal < 0 || journal_send(log_journal, level, log_program, enclave, text))
		write_line(level, text);
	errno = saved;
}

void log_write(int level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(level, NULL, fmt, args);
	va_end(args);
}

void log_enclave(int level, uint64_t slot_uid, const char *fmt, ...)
{
	char id[sizeof("enc0123456789abcdef")];
	int saved = errno;
	va_list args;

	snprintf(id, sizeof(id), "enc%016" PRIx64, slot_uid);
	errno = saved;
	va_start(args, fmt);
	log_line(level, id, fmt, args);
	va_end(args);
}
