// SPDX-License-Identifier: Apache-2.0
/* What an enclave does not have of its image. */

#include "pack/losses.h"

#include "common/util.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static const struct tree_node *top_of(const struct tree_node *node)
{
	while (node->parent && node->parent->parent)
		node = node->parent;
	return node->parent ? node : NULL;
}

bool tree_is_covered(const struct tree_node *node)
{
	static const char *const covered[] = { "dev", "proc", "run", "sys", "tmp" };
	const struct tree_node *top = top_of(node);

	for (size_t i = 0; top && top != node && i < ARRAY_SIZE(covered); i++)
		if (!strcmp(top->name, covered[i]))
			return true;
	return false;
}

/*
 * Directories are not missed. Neither is what engines leave in /dev: devices, links, and an
 * empty file in place of the console.
 */
static bool is_missed(const struct tree_node *node)
{
	if (S_ISDIR(node->mode) || !tree_is_covered(node))
		return false;
	return strcmp(top_of(node)->name, "dev") || (node->file && node->file->size);
}

static int loss_add(struct loss *loss, const char *path)
{
	if (loss->count < LOSSES_NAMES_MAX) {
		loss->names[loss->count] = strdup(path);
		if (!loss->names[loss->count])
			return -ENOMEM;
	}
	loss->count++;
	return 0;
}

/* @path: buffer of PATH_MAX bytes, of which @len are in use; longer paths are cut off */
static int find_in(struct losses *losses, const struct tree_node *node, char *path, size_t len)
{
	__cleanup_free struct tree_node **children = tree_children(node);
	int err = children ? 0 : -ENOMEM;

	if (!err && is_missed(node))
		err = loss_add(&losses->covered, path);
	else if (!err && node->file && node->file->capable)
		err = loss_add(&losses->capable, path);
	for (size_t i = 0; !err && i < node->count; i++) {
		int n = snprintf(path + len, PATH_MAX - len, "/%s", children[i]->name);

		err = find_in(losses, children[i], path, MIN(len + n, PATH_MAX - 1UL));
		path[len] = 0;
	}
	return err;
}

int losses_find(const struct tree *tree, struct losses *ret)
{
	char path[PATH_MAX] = "";

	*ret = (struct losses){};
	return find_in(ret, &tree->root, path, 0);
}

static void loss_free(struct loss *loss)
{
	for (size_t i = 0; i < ARRAY_SIZE(loss->names); i++)
		free(loss->names[i]);
}

void losses_free(struct losses *losses)
{
	loss_free(&losses->covered);
	loss_free(&losses->capable);
}
