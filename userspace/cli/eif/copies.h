/* SPDX-License-Identifier: Apache-2.0 */
/* Files of this machine that are copied into the root file system of an image. */

#ifndef NE_EMU_CLI_EIF_COPIES_H
#define NE_EMU_CLI_EIF_COPIES_H

#include "command/options.h"
#include "common/error.h"

struct tree;

/** copies_check() - is @entry "SOURCE:DESTINATION" with an absolute destination? */
bool copies_check(const char *entry);

/** copies_source() - get SOURCE; the caller frees it. Return: NULL (out of memory) */
char *copies_source(const char *entry);

/**
 * copies_add() - copy files and directories into a tree
 * @copies: entries that copies_check() accepts
 * @tree: changed
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int copies_add(const struct opt_strings *copies, struct tree *tree, struct error *error);

#endif
