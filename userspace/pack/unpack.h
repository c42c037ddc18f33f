/* SPDX-License-Identifier: Apache-2.0 */
/* Unpack archives and copy directories into a tree. */

#ifndef NE_EMU_PACK_UNPACK_H
#define NE_EMU_PACK_UNPACK_H

#include "pack/tree.h"

/**
 * unpack_layer() - unpack a container layer, a tar archive with whiteouts, over a tree
 * @tree: the tree below the layer, which is changed
 * @fd: file that contains the layer; may be the tree's data file
 * @offset: offset of the layer in that file
 * @size: size of the layer, which may be compressed
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a text.
 */
int unpack_layer(struct tree *tree, int fd, uint64_t offset, uint64_t size,
		 struct error *error);

/**
 * unpack_checked_layer() - unpack a layer, and check the hash of its contents
 * @tree: as for unpack_layer()
 * @fd: as for unpack_layer()
 * @offset: as for unpack_layer()
 * @size: as for unpack_layer()
 * @diff_id: digest of the layer without compression; NULL: unknown
 * @error: set on failure
 *
 * Return: likewise; after a failure, the tree may have been changed.
 */
int unpack_checked_layer(struct tree *tree, int fd, uint64_t offset, uint64_t size,
			 const char *diff_id, struct error *error);

/**
 * unpack_archive() - unpack a tar archive without whiteouts
 * @tree: the tree, which is changed
 * @fd: read from its current position; may be a pipe
 * @error: set on failure
 *
 * Return: likewise.
 */
int unpack_archive(struct tree *tree, int fd, struct error *error);

/**
 * unpack_folder() - copy a directory over a tree
 * @tree: the tree, which is changed
 * @path: the directory
 * @error: set on failure
 *
 * Symbolic links are not followed. Owners are kept if the caller is root; otherwise, root
 * becomes the owner of everything.
 */
int unpack_folder(struct tree *tree, const char *path, struct error *error);

/** unpack_layout() - the same for what does not become a ramdisk: its files may be larger */
int unpack_layout(struct tree *tree, const char *path, struct error *error);

#endif
