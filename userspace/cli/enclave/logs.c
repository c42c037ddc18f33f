// SPDX-License-Identifier: Apache-2.0
/* What ne-emud keeps about an enclave: its console log, and the record of its end. */

#include "cli/enclave/logs.h"

#include "cli/enclave/console_log.h"
#include "cli/host/json_in.h"
#include "common/guest_status.h"
#include "common/paths.h"
#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the end of the log, bytes: more than the last lines of a guest that is not hostile. */
#define TAIL_SIZE	(16 * KIB)

const char *logs_path(char *buf, const struct logs_id *id, const char *name)
{
	return sys_path(buf, NE_EMU_LOG_DIR "/%" PRIu32 "/%016" PRIx64 "/%s", id->owner, id->uid,
			name);
}

bool logs_readable(const struct logs_id *id)
{
	char path[SYS_PATH_SIZE];

	return !access(logs_path(path, id, "."), R_OK | X_OK);
}

struct json_t *logs_load_exit(const struct logs_id *id)
{
	char path[SYS_PATH_SIZE];
	struct json_t *record = NULL;

	(void)json_in_load(logs_path(path, id, NE_EMU_EXIT_FILE), &record);
	return record;
}

/* The status of wait(2) again, which an older ne-emud has not recorded. */
static uint32_t record_status(const struct json_t *record)
{
	const struct json_t *program = json_in_object(record, "program");
	uint16_t status;

	if (!program)
		return 0;
	status = json_in_u64(program, "signal");
	if (!status)
		status = json_in_u64(program, "exit_code") << 8;
	return guest_status_valid(status) ? guest_status_make(status) : 0;
}

struct outcome logs_outcome(const struct json_t *record)
{
	const char *text = json_in_str(record, "text");
	struct outcome outcome = {
		.reason = json_in_str(record, "reason"),
		.guest_status = record_status(record),
	};

	for (uint32_t reason = 0; reason <= NE_EMU_EXIT_REASON_ADMIN_STOP; reason++)
		if (!strcmp(outcome.reason, ne_nl_exit_reason_name(reason)))
			outcome_classify(&outcome, reason);
	(void)text_clean(outcome.text, sizeof(outcome.text), text, strlen(text));
	return outcome;
}

/* Read the end of a file, with a NUL behind it. Return: its size, or a negative errno. */
static ssize_t read_tail(const char *path, char *buf, size_t size)
{
	__cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	off_t end;

	if (fd < 0)
		return -errno;
	end = lseek(fd, 0, SEEK_END);
	if (end < 0 || lseek(fd, MAX(end - (off_t)size + 1, 0), SEEK_SET) < 0)
		return -errno;
	n = read_full(fd, buf, size - 1);
	if (n >= 0)
		buf[n] = '\0';
	return n;
}

/* Remove the dates that the VMM has put in front of the lines. Return: the new size. */
static size_t drop_dates(char *text, size_t size)
{
	size_t from = 0, to = 0;
	int64_t ignored;

	while (from < size) {
		char *end = memchr(text + from, '\n', size - from);
		size_t len = end ? (size_t)(end - (text + from)) + 1 : size - from;
		size_t date = console_log_date(text + from, len, &ignored);

		memmove(text + to, text + from + date, len - date);
		to += len - date;
		from += len;
	}
	text[to] = '\0';
	return to;
}

/* Return: the beginning of the last @max lines that are not empty. */
static char *last_lines(char *text, size_t size, unsigned int max)
{
	char *at = text + size;
	unsigned int lines = 0;
	bool empty = true;

	while (at > text) {
		if (at[-1] == '\n') {
			lines += !empty;
			if (lines == max)
				return at;
			empty = true;
		} else if (at[-1] != '\r') {
			empty = false;
		}
		at--;
	}
	return at;
}

int logs_print_last(const struct logs_id *id, unsigned int max, FILE *to)
{
	char path[SYS_PATH_SIZE];
	__cleanup_free char *text = malloc(TAIL_SIZE);
	char *rest, *line;
	ssize_t size;
	int count = 0;

	if (!text)
		return -ENOMEM;
	size = read_tail(logs_path(path, id, NE_EMU_CONSOLE_LOG), text, TAIL_SIZE);
	if (size < 0)
		return size;
	/* NULs of the guest would end a line. */
	for (ssize_t i = 0; i < size; i++)
		if (!text[i])
			text[i] = ' ';
	size = drop_dates(text, size);
	rest = last_lines(text, size, max);
	while ((line = strsep(&rest, "\n"))) {
		size_t len = strcspn(line, "\r");

		if (!len)
			continue;
		fputs("  ", to);
		text_print(to, line, len, "\t");
		fputc('\n', to);
		count++;
	}
	return count;
}
