/* SPDX-License-Identifier: Apache-2.0 */
/* Copy files and directories of this machine to a place in a tree. */

#ifndef NE_EMU_PACK_COPY_H
#define NE_EMU_PACK_COPY_H

#include "pack/tree.h"

/**
 * tree_copy() - copy a file, or a directory with everything in it
 * @tree: the tree, which is changed
 * @source: its path; symbolic links in a directory are copied as such
 * @target: absolute path in the tree; missing directories are created
 * @error: set on failure
 *
 * Modes are kept, and root becomes the owner. Other files than regular ones, directories and
 * symbolic links are refused.
 *
 * Return: 0 or a negative errno with a message.
 */
int tree_copy(struct tree *tree, const char *source, const char *target, struct error *error);

#endif
