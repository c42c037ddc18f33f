/* SPDX-License-Identifier: Apache-2.0 */
/* What ne-emud keeps about an enclave: its console log, and the record of its end. */

#ifndef NE_EMU_CLI_ENCLAVE_LOGS_H
#define NE_EMU_CLI_ENCLAVE_LOGS_H

#include "cli/enclave/outcome.h"
#include "cli/host/sysfs.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct json_t;

/**
 * struct logs_id - the log directory of one enclave
 * @uid: slot uid
 * @owner: user whom it belongs to
 */
struct logs_id {
	uint64_t uid;
	uid_t owner;
};

/** logs_path() - path of a file in the directory; returns @buf, SYS_PATH_SIZE bytes */
const char *logs_path(char *buf, const struct logs_id *id, const char *name);

/** logs_readable() - may this user read the directory? */
bool logs_readable(const struct logs_id *id);

/** logs_load_exit() - the exit record, for json_in_free(); NULL if there is none (yet) */
struct json_t *logs_load_exit(const struct logs_id *id);

/** logs_outcome() - the outcome in an exit record; @reason is valid as long as the record */
struct outcome logs_outcome(const struct json_t *record);

/**
 * logs_print_last() - print the last lines of the console log, cleaned and indented
 * @id: the enclave
 * @max: maximum number of lines
 * @to: stream to print to
 *
 * Return: number of lines printed, or a negative errno (-ENOENT: there is no log).
 */
int logs_print_last(const struct logs_id *id, unsigned int max, FILE *to);

#endif
