/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave does not have of its image. */

#ifndef NE_EMU_PACK_LOSSES_H
#define NE_EMU_PACK_LOSSES_H

#include "pack/tree.h"

#define LOSSES_NAMES_MAX	3

/**
 * struct loss - files that have something in common
 * @count: their number
 * @names: paths of the first ones, which the loss owns
 */
struct loss {
	uint64_t count;
	char *names[LOSSES_NAMES_MAX];
};

/**
 * struct losses - what an enclave does not have of its image
 * @covered: files below directories on which the init mounts file systems
 * @capable: files with capabilities, which ramdisks cannot keep
 */
struct losses {
	struct loss covered;
	struct loss capable;
};

/** tree_is_covered() - Return: whether a node is below such a directory */
bool tree_is_covered(const struct tree_node *node);

/**
 * losses_find() - look for losses in a whole tree
 * @ret: filled; release it with losses_free(), also on failure
 *
 * Return: 0 or -ENOMEM.
 */
int losses_find(const struct tree *tree, struct losses *ret);
void losses_free(struct losses *losses);

#endif
