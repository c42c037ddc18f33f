/* SPDX-License-Identifier: Apache-2.0 */
/* Walk through directories: identify their contents, or remove them. */

#ifndef NE_EMU_CLI_IMAGE_WALK_H
#define NE_EMU_CLI_IMAGE_WALK_H

#include "common/sha256.h"
#include "common/error.h"

/**
 * walk_digest() - identify what is in a directory, or a file, without reading the contents
 * @path: the directory; symbolic links in it are not followed
 * @ret: digest of the names and attributes, with inodes and times of change
 * @error: set on failure
 *
 * Contents that change get another time of change, and so another digest, as for make(1).
 *
 * Return: 0 or a negative errno with a message.
 */
int walk_digest(const char *path, char ret[SHA256_TEXT_SIZE], struct error *error);

/** walk_remove() - remove a directory and everything in it, as far as possible */
void walk_remove(const char *path);

#endif
