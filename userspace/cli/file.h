/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files in and out. */

#ifndef NE_EMU_CLI_FILE_H
#define NE_EMU_CLI_FILE_H

#include <stddef.h>

/**
 * file_read() - all of a file
 * @max: larger files are refused, bytes
 * @ret_data: with a NUL behind the last byte; the caller frees it
 *
 * Return: 0, -EFBIG, -ENOMEM, or the errno of open or read.
 */
int file_read(const char *path, size_t max, char **ret_data, size_t *ret_size);

/** struct file_new - a file that appears under its name only when it is complete */
struct file_new {
	int fd;
	const char *path;
	char *temp;
};

/** file_new_open() - begin; release with file_new_abort() in any case */
int file_new_open(struct file_new *file, const char *path);
/** file_new_commit() - give the file its name */
int file_new_commit(struct file_new *file);
/** file_new_abort() - release it; removes what was not committed */
void file_new_abort(struct file_new *file);

#endif
