/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories below the log directory: one for each owner, named by the user id, and in it
 * one for each enclave. This module creates, uses and removes them.
 *
 * All belong to root. Members of the group may enter an owner's directory but not list it;
 * owners may list and read their own.
 */

#ifndef NE_EMU_DAEMON_FOLDER_H
#define NE_EMU_DAEMON_FOLDER_H

#include "common/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Name of a file while folder_replace_file() writes it. */
#define FOLDER_TEMP		".exit.json.new"
/* Group that may enter owners' directories. It may also use the device. */
#define FOLDER_GROUP		"ne"
/* Number of directories of ended enclaves that are kept: of each owner, and in total. */
#define FOLDER_KEEP		64
#define FOLDER_KEEP_ALL		1024
/* Maximum size of all console logs together, bytes: 32 full ones. */
#define FOLDER_CONSOLES_MAX	(2 * GIB)
/* Lowest limit for that: two owners with one full console log each. */
#define FOLDER_CONSOLES_MIN	(2 * NE_EMU_CONSOLE_LOG_MAX)

/** typedef folder_live_fn - Return: true if the enclave still exists */
typedef bool (*folder_live_fn)(uint64_t slot_uid, void *arg);

/**
 * struct log_root - the directory that holds the owners' directories
 * @fd: open directory
 * @gid: group of created directories, or (gid_t)-1 not to change it
 * @consoles_max: maximum size of all console logs together, bytes
 * @live: returns whether an enclave is live, so that its directory must stay; NULL: none is
 * @live_arg: argument of @live
 */
struct log_root {
	int fd;
	gid_t gid;
	uint64_t consoles_max;
	folder_live_fn live;
	void *live_arg;
};

/**
 * log_root_open() - open @path, creating its last component
 *
 * Directories of enclaves that version 0.1.0 created in it are moved below that of root.
 *
 * Return: 0 or a negative errno.
 */
int log_root_open(struct log_root *root, const char *path);
void log_root_close(struct log_root *root);

/**
 * folder_open() - open an enclave's directory, creating it if it does not exist
 * @owner: user who may read it besides root
 *
 * On a file system without access control lists, only root may read it.
 *
 * Return: 0 or a negative errno.
 */
int folder_open(const struct log_root *root, uid_t owner, uint64_t slot_uid, int *ret_fd);

/**
 * folder_create_file() - create a file for writing in an enclave's directory
 * @folder_fd: from folder_open()
 *
 * An existing file of that name is truncated. Return: 0 or a negative errno.
 */
int folder_create_file(int folder_fd, const char *name, int *ret_fd);

/** folder_set_name() - store the name of an enclave, replacing another; 0 or a negative errno */
int folder_set_name(const struct log_root *root, uid_t owner, uint64_t slot_uid,
		    const char *name);

/** folder_set_paused() - note whether an enclave is to stand still; 0 or a negative errno */
int folder_set_paused(const struct log_root *root, uid_t owner, uint64_t slot_uid, bool paused);

/**
 * folder_get_name() - get the name of an enclave
 * @ret: buffer of NE_EMU_NAME_MAX + 1 bytes
 *
 * Return: 0, -ENOENT (it has none) or another negative errno.
 */
int folder_get_name(const struct log_root *root, uid_t owner, uint64_t slot_uid, char *ret);

/**
 * folder_read_file() - read a small file in an enclave's directory
 * @name: name of the file
 * @ret: buffer for its contents and a NUL; a longer file is cut
 * @size: size of @ret
 *
 * Return: 0, -ENOENT or another negative errno.
 */
int folder_read_file(const struct log_root *root, uid_t owner, uint64_t slot_uid,
		     const char *name, char *ret, size_t size);

/**
 * folder_replace_file() - write a file with @text and a newline in an enclave's directory
 *
 * Readers see either the old file or the complete new one. Return: 0 or a negative errno.
 */
int folder_replace_file(const struct log_root *root, uid_t owner, uint64_t slot_uid,
			const char *name, const char *text);

/** folder_has_exit_file() - Return: true if the end of this enclave has been recorded */
bool folder_has_exit_file(const struct log_root *root, uid_t owner, uint64_t slot_uid);

/**
 * folder_remove() - remove an enclave's directory and our files in it
 *
 * Return: 0 (also if it does not exist), -ENOTEMPTY (it contains other files) or another
 * negative errno.
 */
int folder_remove(const struct log_root *root, uid_t owner, uint64_t slot_uid);

/**
 * folder_prune() - remove the oldest directories of ended enclaves
 *
 * Keeps at most FOLDER_KEEP of each owner. Beyond FOLDER_KEEP_ALL or consoles_max in
 * total, removes those of the owner who has the most.
 *
 * Return: number of directories removed, or a negative errno.
 */
int folder_prune(const struct log_root *root);

/**
 * folder_make_room() - remove old directories until there is room for another console log
 * @slot_uid: enclave that the log is for
 *
 * The log of a live enclave counts with its maximum size. Live enclaves of one owner may
 * use at most half of consoles_max.
 *
 * Return: 0, -ENOSPC (live enclaves use all of it), -EDQUOT (live enclaves of this owner
 * use their half) or another negative errno.
 */
int folder_make_room(const struct log_root *root, uid_t owner, uint64_t slot_uid);

#endif
