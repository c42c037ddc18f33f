/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that folder.c and folder_prune.c share: names and entries of directories. */

#ifndef NE_EMU_DAEMON_FOLDER_PRIVATE_H
#define NE_EMU_DAEMON_FOLDER_PRIVATE_H

#include "daemon/folder.h"

/* An owner's directory is named by the user id, an enclave's by 16 hexadecimal digits. */
#define FOLDER_NAME_SIZE	17

void folder_owner_name(uid_t owner, char name[FOLDER_NAME_SIZE]);
void folder_slot_name(uint64_t slot_uid, char name[FOLDER_NAME_SIZE]);
/** folder_parse_owner() - Return: 0, or -EINVAL for names folder_owner_name() does not make */
int folder_parse_owner(const char *name, uid_t *ret_owner);
/** folder_parse_slot() - Return: 0, or -EINVAL for names folder_slot_name() does not make */
int folder_parse_slot(const char *name, uint64_t *ret_slot_uid);

/** folder_open_at() - open an existing directory without following symbolic links */
int folder_open_at(int at, const char *name, int *ret_fd);

/**
 * folder_each() - call @fn with the name of each entry, in any order, until it fails
 *
 * Return: the last result of @fn, or a negative errno.
 */
int folder_each(int fd, int (*fn)(int fd, const char *name, void *arg), void *arg);

#endif
