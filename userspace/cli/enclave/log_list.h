/* SPDX-License-Identifier: Apache-2.0 */
/* The log directories that ne-emud keeps, of running and of ended enclaves. */

#ifndef NE_EMU_CLI_ENCLAVE_LOG_LIST_H
#define NE_EMU_CLI_ENCLAVE_LOG_LIST_H

#include "cli/enclave/logs.h"
#include "common/error.h"

/**
 * struct log_list - log directories that the user may read, newest first
 * @entries: the directories, @count of them
 * @others: users whose directories this user may not read, @nr_others of them
 */
struct log_list {
	struct logs_id *entries;
	size_t count;
	uid_t *others;
	size_t nr_others;
};

/** log_list_free() - free what a list holds, also after a failure of log_list_read() */
void log_list_free(struct log_list *list);

/**
 * log_list_read() - read the list
 * @list: all zeros
 * @error: set on failure
 *
 * Return: 0, or a negative errno with a message: -ENOENT (no enclave was ever started),
 * -EACCES, or that of the system.
 */
int log_list_read(struct log_list *list, struct error *error);

/**
 * log_list_find() - find the directory of an enclave
 * @list: the list
 * @name: as ENCLAVE in cli/enclave/select.h; of several with one CID or name, the running or
 *	newest one is meant; NULL: the newest one of all
 * @ret: the directory
 * @error: set on failure
 *
 * Return: 0, or a negative errno with a message: -ENOENT, -EACCES (it belongs to another user).
 */
int log_list_find(const struct log_list *list, const char *name, struct logs_id *ret,
		  struct error *error);

#endif
