/* SPDX-License-Identifier: Apache-2.0 */
/* Users of a container image, by its own /etc/passwd and /etc/group. */

#ifndef NE_EMU_PACK_USERS_H
#define NE_EMU_PACK_USERS_H

#include "pack/tree.h"

/**
 * users_resolve() - "user[:group]" to numbers
 * @ret: lines of user, group and further groups, each a number; the caller frees it
 *
 * A number needs no entry; without a group, that of the entry counts, or 0.
 *
 * Return: 0, -ENOENT (no such name) with a text, or a negative errno.
 */
int users_resolve(struct tree *tree, const char *user, char **ret, struct error *error);

#endif
