/* SPDX-License-Identifier: Apache-2.0 */
/* The file of an enclave: its image, its command and the options of "ne-emu run". */

#ifndef NE_EMU_CLI_ENCLAVE_FILE_H
#define NE_EMU_CLI_ENCLAVE_FILE_H

#include "command/command.h"

#define ENCLAVE_FILE_WORDS	64	/* image, and words of the command */

/**
 * struct enclave_file - what the file says besides options
 * @words: the image, if it is given, and the words of the command; as arguments of "run"
 * @count: entries of @words
 * @text: the file, which strings point into; the caller frees it
 */
struct enclave_file {
	char *words[ENCLAVE_FILE_WORDS + 1];
	size_t count;
	char *text;
};

/**
 * enclave_file_read() - read a file with lines "name = value"
 * @path: the file
 * @command: its table has the names that are valid, beside "image" and "command", and its
 *	defaults those of the options
 * @values: the struct that the table fills; what the command line has set stays
 * @ret: filled; the caller calls enclave_file_free() in any case
 * @error: set on failure, with file and line
 *
 * Return: 0 or a negative errno with a message.
 */
int enclave_file_read(const char *path, const struct command *command, void *values,
		      struct enclave_file *ret, struct error *error);
/** enclave_file_free() - free what @values and @words point into */
void enclave_file_free(struct enclave_file *file);

#endif
