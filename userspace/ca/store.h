/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store roots on disk: one file per project, with certificate and private key in PEM, in a
 * directory that only its owner can access. A file is replaced as a whole or not at all.
 */

#ifndef NE_EMU_CA_STORE_H
#define NE_EMU_CA_STORE_H

#include "ca/cert.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CA_STATE_DIR		"/var/lib/ne-emu/ca"
#define CA_PROJECT_DEFAULT	"default"
#define CA_PROJECT_MAX		32

/* Validity of all roots: 30 years up to the last second that a UTCTime can express, so that
 * documents can have any recent time.
 */
#define CA_ROOT_NOT_BEFORE	1577836800LL	/* 2020-01-01 00:00:00 */
#define CA_ROOT_NOT_AFTER	2524607999LL	/* 2049-12-31 23:59:59 */

/**
 * struct ca_store - an open directory
 * @fd: the directory
 * @path: its name in messages; kept by reference
 */
struct ca_store {
	int fd;
	const char *path;
};

/** struct ca_version - identifies the contents of a file, to notice that it was replaced */
struct ca_version {
	ino_t inode;
	struct timespec changed;
};

/** ca_project_valid() - is it 1 to 32 characters of a-z, 0-9 and "-", without "-" at an end? */
bool ca_project_valid(const char *project);

/**
 * ca_store_open() - open the directory
 * @store: filled on success
 * @path: the directory
 * @create: create it and its parent if they are missing
 * @error: set on failure
 *
 * Fails if other users have any access to the directory.
 *
 * Return: 0, -ENOENT (it does not exist) or another negative errno, with @error.
 */
int ca_store_open(struct ca_store *store, const char *path, bool create,
		  struct error *error);
/** ca_store_close() - close the directory, if it is open */
void ca_store_close(struct ca_store *store);

/**
 * ca_store_load() - read the root of a project
 * @store: an open store
 * @project: name of the project
 * @ret: filled on success; the caller releases it with ca_signer_clear()
 * @error: set on failure
 *
 * Fails if other users have access to the file, or certificate and key do not match.
 *
 * Return: 0, -ENOENT (no such root) or another negative errno, with @error.
 */
int ca_store_load(const struct ca_store *store, const char *project, struct ca_signer *ret,
		  struct error *error);

/**
 * ca_store_create() - make a root for a project
 * @store: an open store
 * @project: name of the project
 * @replace: replace an existing root, which is kept as PROJECT.old.pem; the root that was
 *	kept there before is destroyed
 * @error: set on failure
 *
 * Return: 0, -EEXIST (there is one, and @replace is not set) or another negative
 * errno, with @error.
 */
int ca_store_create(const struct ca_store *store, const char *project, bool replace,
		    struct error *error);

/** ca_store_has_old() - is there a root from before a rotation? */
bool ca_store_has_old(const struct ca_store *store, const char *project);

/**
 * ca_store_forget() - destroy the root from before the last rotation, with its key
 * @store: an open store
 * @project: name of the project
 * @error: set on failure
 *
 * Overwrites and removes the file. Copies that the file system or the medium may hold
 * remain.
 *
 * Return: 0, -ENOENT (there is none) or another negative errno, with @error.
 */
int ca_store_forget(const struct ca_store *store, const char *project, struct error *error);

/** ca_store_obtain() - ca_store_load(); makes a root if there is none */
int ca_store_obtain(const struct ca_store *store, const char *project, struct ca_signer *ret,
		    struct error *error);

/** ca_store_version() - version of the root of a project; zeros if there is none */
struct ca_version ca_store_version(const struct ca_store *store, const char *project);

/**
 * ca_store_each() - call @fn for each project, in no particular order
 * @store: an open store
 * @fn: called with the name of a project and @arg; a result other than 0 ends the walk
 * @arg: passed on to @fn
 *
 * Return: what @fn returned, or a negative errno.
 */
int ca_store_each(const struct ca_store *store, int (*fn)(const char *project, void *arg),
		  void *arg);

#endif
