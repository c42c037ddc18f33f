/* SPDX-License-Identifier: Apache-2.0 */
/* Users of a container image, from the image's /etc/passwd and /etc/group. */

#ifndef NE_EMU_PACK_USERS_H
#define NE_EMU_PACK_USERS_H

#include "pack/tree.h"

/**
 * users_resolve() - resolve "user[:group]" to numbers
 * @ret: receives a line each for user, group and further groups, with the number; the caller
 *	frees it
 *
 * A number does not need an entry. Without a group, that of the entry is used, or 0.
 *
 * Return: 0, -ENOENT (no such name) with a text, or a negative errno.
 */
int users_resolve(struct tree *tree, const char *user, char **ret, struct error *error);

/**
 * users_find_home() - find the home directory of "user[:group]"
 * @user: NULL or "": root
 * @ret: receives it, "/" if the image does not name one; the caller frees it
 *
 * Return: 0 or -ENOMEM.
 */
int users_find_home(struct tree *tree, const char *user, char **ret);

#endif
