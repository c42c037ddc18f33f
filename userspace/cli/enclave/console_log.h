/* SPDX-License-Identifier: Apache-2.0 */
/* Print the console log of an enclave, whose lines begin with dates that the VMM adds. */

#ifndef NE_EMU_CLI_ENCLAVE_CONSOLE_LOG_H
#define NE_EMU_CLI_ENCLAVE_CONSOLE_LOG_H

#include "cli/enclave/logs.h"

#include <stdbool.h>

/**
 * struct console_log - a log that is being printed on standard output
 * @file: the log
 * @tail: print only this many lines of those that exist; UINT64_MAX: all
 * @since_ns: print only lines from this moment on, CLOCK_REALTIME; 0: all
 * @dates: keep the dates in front of the lines
 * @clean: escape what a terminal would act on
 * @line: buffer of getline()
 * @size: size of @line
 */
struct console_log {
	FILE *file;
	uint64_t tail;
	int64_t since_ns;
	bool dates;
	bool clean;
	char *line;
	size_t size;
};

/**
 * console_log_date() - find the date of a line
 * @line: the line
 * @len: its length in bytes
 * @ret_ns: the date; set on success only
 *
 * Return: bytes of date and blank, or 0 (the line has none: an older VMM wrote it, or output is
 * missing because the disk was full).
 */
size_t console_log_date(const char *line, size_t len, int64_t *ret_ns);

/** console_log_open() - open the log of an enclave; 0 or a negative errno */
int console_log_open(struct console_log *log, const struct logs_id *id);
void console_log_close(struct console_log *log);

/**
 * console_log_print() - print what exists; @tail and @since_ns apply
 * @finished: the enclave has ended, so that a last line without an end is complete, too
 *
 * Return: 0 or a negative errno.
 */
int console_log_print(struct console_log *log, bool finished);

/** console_log_more() - print what has been added since; as console_log_print() */
int console_log_more(struct console_log *log, bool finished);

#endif
