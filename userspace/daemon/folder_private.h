/* SPDX-License-Identifier: Apache-2.0 */
/* What folder.c and folder_prune.c share: names of directories, walking through them. */

#ifndef NE_EMU_DAEMON_FOLDER_PRIVATE_H
#define NE_EMU_DAEMON_FOLDER_PRIVATE_H

#include "daemon/folder.h"

/* Of an owner's directory: the user id; of an enclave's: 16 hexadecimal digits. */
#define FOLDER_NAME_SIZE	17

void folder_owner_name(uid_t owner, char name[FOLDER_NAME_SIZE]);
void folder_slot_name(uint64_t slot_uid, char name[FOLDER_NAME_SIZE]);
/** folder_parse_owner() - Return: 0, or -EINVAL for what folder_owner_name() never makes */
int folder_parse_owner(const char *name, uid_t *ret_owner);
/** folder_parse_slot() - Return: 0, or -EINVAL for what folder_slot_name() never makes */
int folder_parse_slot(const char *name, uint64_t *ret_slot_uid);

/** folder_open_at() - open a directory that is there; links are not followed */
int folder_open_at(int at, const char *name, int *ret_fd);

/**
 * folder_each() - call @fn with the name of each entry, in no order, until it fails
 *
 * Return: what @fn returned last, or a negative errno.
 */
int folder_each(int fd, int (*fn)(int fd, const char *name, void *arg), void *arg);

#endif
