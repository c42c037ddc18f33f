/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of one enclave below the log folder: create, use, remove old ones. */

#ifndef NE_EMU_DAEMON_FOLDER_H
#define NE_EMU_DAEMON_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Group that may read the folders, as it may use the device. */
#define FOLDER_GROUP		"ne"
/* Folders kept; those of live enclaves are kept beyond it. */
#define FOLDER_KEEP		64

/**
 * struct log_root - the folder that holds the enclaves' folders
 * @fd: open folder
 * @gid: group of what is created, or (gid_t)-1 to leave it as it comes
 */
struct log_root {
	int fd;
	gid_t gid;
};

/** typedef folder_live_fn - does the enclave still exist? */
typedef bool (*folder_live_fn)(uint64_t slot_uid, void *arg);

/**
 * log_root_open() - open @path, creating its last part
 *
 * Return: 0 or a negative errno.
 */
int log_root_open(struct log_root *root, const char *path);
void log_root_close(struct log_root *root);

/**
 * folder_open() - open an enclave's folder, creating it if need be
 *
 * Return: 0 or a negative errno.
 */
int folder_open(const struct log_root *root, uint64_t slot_uid, int *ret_fd);

/**
 * folder_create_file() - an empty file for writing in an enclave's folder
 * @folder_fd: from folder_open()
 *
 * An older file of that name is emptied. Return: 0 or a negative errno.
 */
int folder_create_file(const struct log_root *root, int folder_fd, const char *name,
		       int *ret_fd);

/** folder_has_exit_file() - has the end of this enclave been recorded? */
bool folder_has_exit_file(const struct log_root *root, uint64_t slot_uid);

/**
 * folder_remove() - remove an enclave's folder with the files that belong in it
 *
 * Return: 0 (also if there is none), -ENOTEMPTY when it holds foreign files, or
 * another negative errno.
 */
int folder_remove(const struct log_root *root, uint64_t slot_uid);

/**
 * folder_prune() - remove the oldest folders
 * @keep: number of folders to keep
 * @live: tells enclaves whose folder must stay however old it is
 * @arg: for @live
 *
 * Return: number of folders removed, or a negative errno.
 */
int folder_prune(const struct log_root *root, size_t keep, folder_live_fn live, void *arg);

#endif
