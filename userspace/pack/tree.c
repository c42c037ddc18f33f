// SPDX-License-Identifier: Apache-2.0
/* A file system that exists only here. */

#include "pack/tree.h"

#include "common/util.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NODES_MAX	(4 * 1024 * 1024)
/* Links make paths that are longer than PATH_MAX; some functions go this deep. */
#define DEPTH_MAX	1024
#define LINKS_MAX	40		/* as the kernel follows at most */
#define FOLDER_MODE	(S_IFDIR | 0755)

int tree_init(struct tree *tree)
{
	*tree = (struct tree){ .fd = temp_file_open(), .root.mode = FOLDER_MODE };
	return tree->fd < 0 ? tree->fd : 0;
}

static void drop_contents(struct tree_node *node)
{
	if (node->file && !--node->file->links)
		free(node->file);
	node->file = NULL;
	free(node->target);
	node->target = NULL;
}

static void free_node(struct tree *tree, struct tree_node *node);

static void free_children(struct tree *tree, struct tree_node *node)
{
	for (size_t i = 0; i < node->count; i++)
		free_node(tree, node->children[i]);
	free(node->children);
	node->children = NULL;
	node->count = 0;
}

/* At most DEPTH_MAX deep, as the others that call themselves. */
static void free_node(struct tree *tree, struct tree_node *node)
{
	free_children(tree, node);
	drop_contents(node);
	free(node->name);
	free(node);
	tree->nodes--;
}

void tree_exit(struct tree *tree)
{
	free_children(tree, &tree->root);
	fd_close(&tree->fd);
}

/* Place of @name among the children, or where it would be. */
static size_t child_index(const struct tree_node *node, const char *name, bool *ret_found)
{
	size_t low = 0, high = node->count;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, node->children[middle]->name);

		if (!order) {
			*ret_found = true;
			return middle;
		}
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct tree_node *tree_child(const struct tree_node *node, const char *name)
{
	bool found;
	size_t i = child_index(node, name, &found);

	return found ? node->children[i] : NULL;
}

static int add_child(struct tree *tree, struct tree_node *node, const char *name, mode_t mode,
		     struct tree_node **ret)
{
	struct tree_node **children, *child;
	bool found;
	size_t i;

	if (tree->nodes == NODES_MAX)
		return -E2BIG;
	if (node->depth == DEPTH_MAX)
		return -ENAMETOOLONG;
	/* Grows at powers of two. */
	if (!(node->count & (node->count - 1))) {
		children = reallocarray(node->children, node->count ? 2 * node->count : 1,
					sizeof(*children));
		if (!children)
			return -ENOMEM;
		node->children = children;
	}
	child = calloc(1, sizeof(*child));
	if (!child)
		return -ENOMEM;
	child->name = strdup(name);
	if (!child->name) {
		free(child);
		return -ENOMEM;
	}
	child->parent = node;
	child->mode = mode;
	child->layer = tree->layer;
	child->depth = node->depth + 1;
	i = child_index(node, name, &found);
	memmove(&node->children[i + 1], &node->children[i],
		(node->count - i) * sizeof(*node->children));
	node->children[i] = child;
	node->count++;
	tree->nodes++;
	*ret = child;
	return 0;
}

static void remove_child(struct tree *tree, struct tree_node *node)
{
	struct tree_node *parent = node->parent;
	bool found;
	size_t i = child_index(parent, node->name, &found);

	parent->count--;
	memmove(&parent->children[i], &parent->children[i + 1],
		(parent->count - i) * sizeof(*parent->children));
	free_node(tree, node);
}

/**
 * struct walk - a path being followed
 * @create: make folders that are missing
 * @links: symbolic links followed so far
 */
struct walk {
	struct tree *tree;
	bool create;
	unsigned int links;
};

static int walk_path(struct walk *walk, struct tree_node *from, const char *path, bool follow,
		     struct tree_node **ret);

/* One name: ".." stops at the root, links start from where they are. */
static int walk_name(struct walk *walk, struct tree_node **node, const char *name, bool follow)
{
	struct tree_node *child;
	int r;

	if (!S_ISDIR((*node)->mode))
		return -ENOTDIR;
	if (!strcmp(name, "."))
		return 0;
	if (!strcmp(name, "..")) {
		*node = (*node)->parent ?: *node;
		return 0;
	}
	child = tree_child(*node, name);
	if (!child && !walk->create)
		return -ENOENT;
	if (!child) {
		r = add_child(walk->tree, *node, name, FOLDER_MODE, &child);
		if (r)
			return r;
	}
	if (!S_ISLNK(child->mode) || !follow) {
		*node = child;
		return 0;
	}
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	return walk_path(walk, *child->target == '/' ? &walk->tree->root : *node, child->target,
			 true, node);
}

static int walk_path(struct walk *walk, struct tree_node *from, const char *path, bool follow,
		     struct tree_node **ret)
{
	char name[NAME_MAX + 1];
	int r = 0;

	while (!r && *(path += strspn(path, "/"))) {
		size_t len = strcspn(path, "/");

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = 0;
		path += len;
		r = walk_name(walk, &from, name, follow || path[strspn(path, "/")]);
	}
	if (!r)
		*ret = from;
	return r;
}

struct tree_node *tree_find(struct tree *tree, const char *path, bool follow)
{
	struct walk walk = { .tree = tree };
	struct tree_node *node;

	return walk_path(&walk, &tree->root, path, follow, &node) ? NULL : node;
}

/* Names, one slash between them, no ".."; empty: the root itself. */
static int clean_path(const char *path, char ret[PATH_MAX])
{
	size_t used = 0;

	while (*(path += strspn(path, "/"))) {
		size_t len = strcspn(path, "/");

		if (len == 2 && !memcmp(path, "..", 2))
			return -EINVAL;
		if (len > NAME_MAX || used + len + 2 > PATH_MAX)
			return -ENAMETOOLONG;
		if (len != 1 || *path != '.') {
			if (used)
				ret[used++] = '/';
			memcpy(ret + used, path, len);
			used += len;
		}
		path += len;
	}
	ret[used] = 0;
	return 0;
}

static struct tree_node *replace(struct tree *tree, struct tree_node *node, mode_t mode)
{
	if (!S_ISDIR(mode) || !S_ISDIR(node->mode))
		free_children(tree, node);
	drop_contents(node);
	node->mode = mode;
	node->layer = tree->layer;
	node->uid = 0;
	node->gid = 0;
	node->rdev = 0;
	return node;
}

int tree_add(struct tree *tree, const char *path, mode_t mode, struct tree_node **ret)
{
	struct walk walk = { .tree = tree, .create = true };
	struct tree_node *parent, *node;
	char clean[PATH_MAX];
	char *name;
	int r;

	r = clean_path(path, clean);
	if (r)
		return r;
	if (!*clean && !S_ISDIR(mode))
		return -EINVAL;
	if (!*clean) {
		*ret = replace(tree, &tree->root, mode);
		return 0;
	}
	name = strrchr(clean, '/');
	if (name)
		*name++ = 0;
	r = walk_path(&walk, &tree->root, name ? clean : "", true, &parent);
	if (r)
		return r;
	if (!S_ISDIR(parent->mode))
		return -ENOTDIR;
	name = name ?: clean;
	node = tree_child(parent, name);
	if (node) {
		*ret = replace(tree, node, mode);
		return 0;
	}
	return add_child(tree, parent, name, mode, ret);
}

int tree_link(struct tree_node *node, const struct tree_node *target)
{
	if (target->target) {
		node->target = strdup(target->target);
		if (!node->target)
			return -ENOMEM;
	}
	node->uid = target->uid;
	node->gid = target->gid;
	node->rdev = target->rdev;
	node->mode = target->mode;
	node->file = target->file;
	if (node->file)
		node->file->links++;
	return 0;
}

void tree_hide_children(struct tree *tree, struct tree_node *node)
{
	for (size_t i = node->count; i-- > 0;)
		tree_hide(tree, node->children[i]);
}

void tree_hide(struct tree *tree, struct tree_node *node)
{
	tree_hide_children(tree, node);
	if (node->layer < tree->layer && !node->count)
		remove_child(tree, node);
}

int tree_file_begin(struct tree *tree, struct tree_node *node)
{
	struct tree_file *file = calloc(1, sizeof(*file));

	if (!file)
		return -ENOMEM;
	file->offset = tree->end;
	file->links = 1;
	drop_contents(node);
	node->file = file;
	return 0;
}

int tree_file_write(struct tree *tree, struct tree_node *node, const void *data, size_t size)
{
	int r;

	if (lseek(tree->fd, tree->end, SEEK_SET) < 0)
		return -errno;
	r = write_full(tree->fd, data, size);
	if (r)
		return r;
	tree->end += size;
	node->file->size += size;
	return 0;
}

int tree_put(struct tree *tree, const char *path, mode_t mode, const void *data, size_t size)
{
	struct tree_node *node;
	int r;

	r = tree_add(tree, path, S_IFREG | mode, &node);
	if (!r)
		r = tree_file_begin(tree, node);
	return r ? r : tree_file_write(tree, node, data, size);
}

int tree_read(const struct tree *tree, const struct tree_node *node, size_t max, char **ret,
	      size_t *ret_size)
{
	__cleanup_free char *text = NULL;
	size_t size;
	ssize_t n;

	if (!node->file)
		return -EISDIR;
	size = node->file->size;
	if (size > max)
		return -EFBIG;
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	n = pread(tree->fd, text, size, node->file->offset);
	if (n < 0)
		return -errno;
	if ((size_t)n != size)
		return -EIO;
	text[size] = 0;
	*ret = text;
	*ret_size = size;
	text = NULL;
	return 0;
}
