/* SPDX-License-Identifier: Apache-2.0 */
/* Read files as a whole, and write files that appear only when they are complete. */

#ifndef NE_EMU_COMMAND_FILE_H
#define NE_EMU_COMMAND_FILE_H

#include "command/terminal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/**
 * file_read() - read a whole file
 * @path: the file
 * @max: limit on its size, bytes
 * @ret_data: its contents, followed by a NUL; the caller frees them
 * @ret_size: bytes at *@ret_data, without the NUL
 *
 * Return: 0, -EFBIG, -ENOMEM, or the errno of open or read.
 */
int file_read(const char *path, size_t max, char **ret_data, size_t *ret_size);

/**
 * struct file_new - a file that appears under its name only when it is complete
 * @fd: regular file to write to, which can be read before the commit; -1 if there is none
 * @target: path that the file will get; NULL: its contents are copied to @sink
 * @temp: temporary name, on file systems that do not support files without a name
 * @replaces: @target exists
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
 * file_new_open() - begin to write a file
 * @file: the caller calls file_new_abort() in any case
 * @path: its path; "-" is standard output
 * @error: set on failure
 *
 * The commit replaces an existing regular file atomically, also through symbolic links. The
 * new file has its permissions and, if the user may set them, its owner and group. If @path
 * is not a regular file, the commit copies the contents to it.
 *
 * Return: 0 or a negative errno with a message.
 */
int file_new_open(struct file_new *file, const char *path, struct error *error);

/**
 * file_new_open_private() - begin to write a file that only the caller may read
 * @file: the caller calls file_new_abort() in any case
 * @path: its path; "-" is standard output
 * @replace: take the place of an existing regular file
 * @error: set on failure
 *
 * Standard output, devices and pipes are written to directly: @file->sink is set, and there is
 * nothing to commit.
 *
 * Return: 0, or a negative errno with a message: -EEXIST unless @replace.
 */
int file_new_open_private(struct file_new *file, const char *path, bool replace,
			  struct error *error);

/** file_new_commit() - give the file its name, or copy it; 0 or a negative errno */
int file_new_commit(struct file_new *file, struct error *error);

/** file_new_abort() - release the file; removes it unless it was committed */
void file_new_abort(struct file_new *file);

/** file_new_report() - stream for messages: stderr if the file goes to stdout, else stdout */
FILE *file_new_report(const struct file_new *file);

/**
 * file_stream_open() - open a file that is written as data arrives
 * @path: its path; "-" is standard output, which must not be a terminal
 * @ret: the stream; the caller closes it
 * @error: set on failure
 *
 * Only the owner can read a regular file; an existing one is truncated. Devices and pipes
 * are opened as they are.
 *
 * Return: 0 or a negative errno with a message.
 */
int file_stream_open(const char *path, FILE **ret, struct error *error);

#endif
