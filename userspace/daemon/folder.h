/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories below the log directory: one per owner, named by the user id, and in it one per
 * enclave. Create, use, remove old ones.
 *
 * All belong to root. A member of the group may pass through an owner's directory but not
 * list it; owners may list and read what is theirs.
 */

#ifndef NE_EMU_DAEMON_FOLDER_H
#define NE_EMU_DAEMON_FOLDER_H

#include "common/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Group that may look for directories, as it may use the device. */
#define FOLDER_GROUP		"ne"
/* Directories of ended enclaves that are kept: of each owner, and of all together. */
#define FOLDER_KEEP		64
#define FOLDER_KEEP_ALL		1024
/* What console logs may take together: 32 that are full. */
#define FOLDER_CONSOLES_MAX	(2 * GIB)
/* Two owners with one console log each. */
#define FOLDER_CONSOLES_MIN	(2 * NE_EMU_CONSOLE_LOG_MAX)

/** typedef folder_live_fn - does the enclave still exist? */
typedef bool (*folder_live_fn)(uint64_t slot_uid, void *arg);

/**
 * struct log_root - the directory that holds the owners' directories
 * @fd: open directory
 * @gid: group of what is created, or (gid_t)-1 to leave it as it comes
 * @consoles_max: bytes of all console logs together
 * @live: tells enclaves whose directory stays however old it is; NULL: there are none
 * @live_arg: for @live
 */
struct log_root {
	int fd;
	gid_t gid;
	uint64_t consoles_max;
	folder_live_fn live;
	void *live_arg;
};

/**
 * log_root_open() - open @path, creating its last part
 *
 * Directories of enclaves that lie in it as earlier versions put them become root's.
 *
 * Return: 0 or a negative errno.
 */
int log_root_open(struct log_root *root, const char *path);
void log_root_close(struct log_root *root);

/**
 * folder_open() - open an enclave's directory, creating it if need be
 * @owner: who may read it besides root
 *
 * On a file system without access control lists only root may.
 *
 * Return: 0 or a negative errno.
 */
int folder_open(const struct log_root *root, uid_t owner, uint64_t slot_uid, int *ret_fd);

/**
 * folder_create_file() - an empty file for writing in an enclave's directory
 * @folder_fd: from folder_open()
 *
 * An older file of that name is emptied. Return: 0 or a negative errno.
 */
int folder_create_file(int folder_fd, const char *name, int *ret_fd);

/** folder_has_exit_file() - has the end of this enclave been recorded? */
bool folder_has_exit_file(const struct log_root *root, uid_t owner, uint64_t slot_uid);

/**
 * folder_remove() - remove an enclave's directory with the files that belong in it
 *
 * Return: 0 (also if there is none), -ENOTEMPTY when it holds foreign files, or
 * another negative errno.
 */
int folder_remove(const struct log_root *root, uid_t owner, uint64_t slot_uid);

/**
 * folder_prune() - remove the oldest directories of ended enclaves
 *
 * Of each owner beyond FOLDER_KEEP; beyond FOLDER_KEEP_ALL and consoles_max, of the
 * owner who has most.
 *
 * Return: number of directories removed, or a negative errno.
 */
int folder_prune(const struct log_root *root);

/**
 * folder_make_room() - remove old directories until one more console log has room
 * @slot_uid: whose log it will be
 *
 * A live enclave counts with all that its console may still print. Those of one owner
 * may have half of consoles_max.
 *
 * Return: 0, -ENOSPC (live enclaves have it all), -EDQUOT (live enclaves of this owner
 * have their half) or another negative errno.
 */
int folder_make_room(const struct log_root *root, uid_t owner, uint64_t slot_uid);

#endif
