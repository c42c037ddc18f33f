/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roots on disk: one file per project, its certificate and private key in PEM, in a
 * directory that only its owner can enter. A file is replaced as a whole or not at all.
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

/* Every root is valid in this span, so that documents of any recent time can be made:
 * 30 years, and the last date that is a UTCTime.
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

/** struct ca_version - tells whether a file is the one that was read */
struct ca_version {
	ino_t inode;
	struct timespec changed;
};

/** ca_project_valid() - 1 to 32 of a-z, 0-9 and "-", no "-" at either end */
bool ca_project_valid(const char *project);

/**
 * ca_store_open() - open the directory
 * @store: filled on success
 * @path: the directory
 * @create: make it if it is missing, with its parent
 * @error: set on failure
 *
 * A directory that others may change is refused. Return: 0, -ENOENT, or another negative
 * errno with @error.
 */
int ca_store_open(struct ca_store *store, const char *path, bool create,
		  struct error *error);
/** ca_store_close() - also one that is not open: @fd is -1 */
void ca_store_close(struct ca_store *store);

/**
 * ca_store_load() - read the root of a project
 * @store: an open store
 * @project: name of the project
 * @ret: release with ca_signer_clear()
 * @error: set on failure
 *
 * A file that others can read, or whose parts do not belong together, is refused.
 *
 * Return: 0, -ENOENT (no such root) or another negative errno, with @error.
 */
int ca_store_load(const struct ca_store *store, const char *project, struct ca_signer *ret,
		  struct error *error);

/**
 * ca_store_create() - a new root for a project
 * @store: an open store
 * @project: name of the project
 * @replace: keep the root there may be as PROJECT.old.pem; one that was kept before is
 *	destroyed
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
 * ca_store_forget() - destroy the root before the last one, with its key
 * @store: an open store
 * @project: name of the project
 * @error: set on failure
 *
 * Overwritten and then removed. What the file system or the medium may have kept of it
 * elsewhere is out of reach.
 *
 * Return: 0, -ENOENT (there is none) or another negative errno, with @error.
 */
int ca_store_forget(const struct ca_store *store, const char *project, struct error *error);

/** ca_store_obtain() - ca_store_load(), after ca_store_create() if there is none */
int ca_store_obtain(const struct ca_store *store, const char *project, struct ca_signer *ret,
		    struct error *error);

/** ca_store_version() - of the root that is there now; zeroes if there is none */
struct ca_version ca_store_version(const struct ca_store *store, const char *project);

/**
 * ca_store_each() - call @fn for each project, in no order, until it fails
 * @store: an open store
 * @fn: gets the name of a project and @arg; a result other than 0 ends the walk
 * @arg: passed on to @fn
 *
 * Return: what @fn returned, or a negative errno.
 */
int ca_store_each(const struct ca_store *store, int (*fn)(const char *project, void *arg),
		  void *arg);

#endif
