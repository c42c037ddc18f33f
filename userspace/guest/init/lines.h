/* SPDX-License-Identifier: Apache-2.0 */
/* Files of one item per line, by which an image says what to run. */

#ifndef NE_EMU_GUEST_INIT_LINES_H
#define NE_EMU_GUEST_INIT_LINES_H

#include <stddef.h>

/**
 * read_lines() - read the lines of a file and remove the file
 * @ret_count: number of lines
 *
 * Return: a NULL-terminated list, which is never freed; NULL if there is no such file.
 */
char **read_lines(const char *path, size_t *ret_count);

#endif
