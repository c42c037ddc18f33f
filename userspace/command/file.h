/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files in and out. */

#ifndef NE_EMU_COMMAND_FILE_H
#define NE_EMU_COMMAND_FILE_H

#include "command/terminal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/**
 * file_read() - all of a file
 * @max: larger files are refused, bytes
 * @ret_data: with a NUL behind the last byte; the caller frees it
 *
 * Return: 0, -EFBIG, -ENOMEM, or the errno of open or read.
 */
int file_read(const char *path, size_t max, char **ret_data, size_t *ret_size);

/**
 * struct file_new - a file that appears under its name only when it is complete
 * @fd: to be written, and read again before the file gets its name; a regular file
 * @target: what it becomes, or NULL: @sink gets its contents
 * @temp: name that it has until then, where the file system knows no nameless files
 * @replaces: there is a file of that name already
 * @sink: standard output, a device or a pipe; or -1
 */
struct file_new {
	int fd;
	char *target;
	char *temp;
	bool replaces;
	int sink;
};

/**
 * file_new_open() - begin; release with file_new_abort() in any case
 * @path: "-" is standard output
 *
 * A regular file that is there will be replaced at once, by one with its permissions
 * and, where the user may do that, its owner; also if symbolic links lead to it. What
 * is not a regular file stays and gets the contents in the end.
 *
 * Return: 0 or a negative errno with a message.
 */
int file_new_open(struct file_new *file, const char *path, struct error *why);
/** file_new_commit() - give the file its name, or copy it; the same result */
int file_new_commit(struct file_new *file, struct error *why);
/** file_new_abort() - release it; removes what was not committed */
void file_new_abort(struct file_new *file);

/** file_new_report() - where to say what was written: not into standard output if it is that */
FILE *file_new_report(const struct file_new *file);

/**
 * file_stream_open() - a file that is written bit by bit, for its owner only
 * @path: "-" is standard output
 *
 * What is there is written to, a regular file from its beginning on.
 *
 * Return: 0 or a negative errno with a message.
 */
int file_stream_open(const char *path, FILE **ret, struct error *why);

#endif
