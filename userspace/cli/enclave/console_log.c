// SPDX-License-Identifier: Apache-2.0
/* Print the console log of an enclave, whose lines begin with dates that the VMM adds. */

#include "cli/enclave/console_log.h"

#include "common/date.h"
#include "common/paths.h"
#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>

size_t console_log_date(const char *line, size_t len, int64_t *ret_ns)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";
	char date[DATE_SIZE];

	if (len < sizeof(form) - 1)
		return 0;
	for (size_t i = 0; form[i]; i++) {
		bool digit = line[i] >= '0' && line[i] <= '9';

		if (form[i] == 'd' ? !digit : line[i] != form[i])
			return 0;
	}
	memcpy(date, line, DATE_SIZE - 1);
	date[DATE_SIZE - 1] = 0;
	return date_parse(date, 0, ret_ns) ? 0 : sizeof(form) - 1;
}

int console_log_open(struct console_log *log, const struct logs_id *id)
{
	char path[SYS_PATH_SIZE];

	log->file = fopen(logs_path(path, id, NE_EMU_CONSOLE_LOG), "re");
	return log->file ? 0 : -errno;
}

void console_log_close(struct console_log *log)
{
	if (log->file)
		fclose(log->file);
	free(log->line);
}

/* Lines without a date are as old as the one before: @ret_ns stays. Return: its length, or -1. */
static ssize_t next_line(struct console_log *log, size_t *ret_skip, int64_t *ret_ns)
{
	ssize_t len = getline(&log->line, &log->size, log->file);

	if (len > 0)
		*ret_skip = console_log_date(log->line, len, ret_ns);
	return len;
}

/* The guest controls every byte. Into a file or pipe, they go as they are. */
static int print_line(const struct console_log *log, size_t skip, size_t len)
{
	const char *text = log->line + skip;
	size_t size = len - skip;

	if (log->dates)
		fwrite(log->line, 1, skip, stdout);
	if (!log->clean)
		return fwrite(text, 1, size, stdout) == size ? 0 : -errno;
	if (size && text[size - 1] == '\n')
		size--;
	if (size && text[size - 1] == '\r')
		size--;
	text_print(stdout, text, size, "\t");
	return putchar('\n') == EOF ? -errno : 0;
}

static bool is_wanted(const struct console_log *log, int64_t ns)
{
	return ns >= log->since_ns;
}

static uint64_t count_lines(struct console_log *log)
{
	uint64_t count = 0;
	int64_t ns = 0;
	size_t skip;

	while (next_line(log, &skip, &ns) > 0)
		count += is_wanted(log, ns);
	rewind(log->file);
	return count;
}

/* Print the lines from here on, without the first @skip_lines wanted ones. */
static int print_rest(struct console_log *log, uint64_t skip_lines, bool finished)
{
	off_t start = ftello(log->file);
	int64_t ns = 0;
	ssize_t len;
	size_t skip;
	int err = 0;

	while (!err && (len = next_line(log, &skip, &ns)) > 0) {
		if (log->line[len - 1] != '\n' && !finished) {
			/* Take the line when it is complete. */
			err = fseeko(log->file, start, SEEK_SET) ? -errno : 0;
			break;
		}
		start += len;
		if (!is_wanted(log, ns))
			continue;
		if (skip_lines)
			skip_lines--;
		else
			err = print_line(log, skip, len);
	}
	if (!err && ferror(log->file))
		err = -EIO;
	clearerr(log->file);
	return err ? err : fflush(stdout) ? -errno : 0;
}

int console_log_print(struct console_log *log, bool finished)
{
	uint64_t count = log->tail == UINT64_MAX ? 0 : count_lines(log);

	return print_rest(log, count > log->tail ? count - log->tail : 0, finished);
}

int console_log_more(struct console_log *log, bool finished)
{
	/* What is added is newer than any line that was asked for. */
	log->since_ns = 0;
	return print_rest(log, 0, finished);
}
