/* SPDX-License-Identifier: Apache-2.0 */
/* Run another program and read what it prints. */

#ifndef NE_EMU_CLI_HOST_PROCESS_H
#define NE_EMU_CLI_HOST_PROCESS_H

#include "common/error.h"

#include <stddef.h>

/**
 * process_read() - run a program and read its standard output
 * @argv: program, searched along PATH, and its arguments; ends with NULL
 * @max: limit on the output, bytes; not used if the output is discarded
 * @ret: output, followed by a NUL; the caller frees it. NULL: the output is discarded
 * @ret_size: bytes at *@ret; NULL if @ret is
 * @error: on failure, the last line that the program printed on standard error
 *
 * Standard input is /dev/null.
 *
 * Return: 0, -ENOENT (there is no such program), -EFBIG, -EREMOTEIO (the program failed) or
 * another negative errno, with a message.
 */
int process_read(const char *const argv[], size_t max, char **ret, size_t *ret_size,
		 struct error *error);

#endif
