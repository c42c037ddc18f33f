/* SPDX-License-Identifier: Apache-2.0 */
/* Archives and directories into a tree. */

#ifndef NE_EMU_PACK_UNPACK_H
#define NE_EMU_PACK_UNPACK_H

#include "pack/tree.h"

/**
 * unpack_layer() - a container layer: a tar archive with whiteouts, over the tree
 * @tree: what the layer is put over
 * @fd: what holds it; also the tree's own data file
 * @offset: where it begins there
 * @size: its length; may be compressed
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a text.
 */
int unpack_layer(struct tree *tree, int fd, uint64_t offset, uint64_t size,
		 struct error *error);

/** unpack_archive() - a tar archive as it is; the same result */
int unpack_archive(struct tree *tree, int fd, struct error *error);

/**
 * unpack_folder() - what is on disk
 * @tree: what the directory is put over
 * @path: the directory
 * @error: set on failure
 *
 * Symbolic links are not followed. All belongs to root unless the caller is root.
 */
int unpack_folder(struct tree *tree, const char *path, struct error *error);

#endif
