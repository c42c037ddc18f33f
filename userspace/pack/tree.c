// SPDX-License-Identifier: Apache-2.0
/* A file system in memory. */

#include "pack/tree.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Depth limit for recursive functions: with links, paths can be longer than PATH_MAX. */
#define DEPTH_MAX	1024
#define LINKS_MAX	40		/* as in the kernel */
/*
 * Limit of path components that are followed, for each name that may be created. It is far
 * above what any image needs, but without it, links to long paths full of links could take
 * hours.
 */
#define STEPS_PER_NAME	64
/* Limit of the bytes of link targets, for each name; names have the same limit. */
#define TEXT_PER_NAME	(NAME_MAX + 1)
#define FOLDER_MODE	(S_IFDIR | 0755)

int tree_init(struct tree *tree)
{
	*tree = (struct tree){
		.fd = temp_file_open(),
		.lent_fd = -1,
		.root.mode = FOLDER_MODE,
		.limits = { .size = TREE_SIZE_MAX, .names = TREE_NAMES_MAX },
	};
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

static void free_node(void *arg);

static void free_children(struct tree_node *node)
{
	tdestroy(node->children, free_node);
	node->children = NULL;
	node->count = 0;
}

/* Like other recursive functions, at most DEPTH_MAX deep. */
static void free_node(void *arg)
{
	struct tree_node *node = arg;

	free_children(node);
	drop_contents(node);
	free(node->name);
	free(node);
}

void tree_exit(struct tree *tree)
{
	free_children(&tree->root);
	fd_close(&tree->fd);
	fd_close(&tree->lent_fd);
}

static int compare_names(const void *a, const void *b)
{
	const struct tree_node *x = a, *y = b;

	return strcmp(x->name, y->name);
}

struct tree_node *tree_child(const struct tree_node *node, const char *name)
{
	const struct tree_node key = { .name = (char *)name };
	struct tree_node *const *found = tfind(&key, &node->children, compare_names);

	return found ? *found : NULL;
}

/** struct listing - children that are being collected, @count so far */
struct listing {
	struct tree_node **list;
	size_t count;
};

static void collect(const void *node, VISIT visit, void *arg)
{
	struct listing *listing = arg;

	if (visit == postorder || visit == leaf)
		listing->list[listing->count++] = *(struct tree_node *const *)node;
}

struct tree_node **tree_children(const struct tree_node *node)
{
	struct listing listing = { .list = calloc(node->count ?: 1, sizeof(*listing.list)) };

	if (listing.list)
		twalk_r(node->children, collect, &listing);
	return listing.list;
}

static struct tree_node *new_node(const struct tree *tree, struct tree_node *parent,
				  const char *name, mode_t mode)
{
	struct tree_node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	*node = (struct tree_node){
		.name = strdup(name), .parent = parent, .mode = mode, .layer = tree->layer,
		.depth = parent->depth + 1,
	};
	if (node->name && tsearch(node, &parent->children, compare_names)) {
		parent->count++;
		return node;
	}
	free(node->name);
	free(node);
	return NULL;
}

static int add_child(struct tree *tree, struct tree_node *node, const char *name, mode_t mode,
		     struct tree_node **ret)
{
	struct tree_node *child;

	if (tree->names >= tree->limits.names)
		return -E2BIG;
	if (node->depth == DEPTH_MAX)
		return -ENAMETOOLONG;
	child = new_node(tree, node, name, mode);
	if (!child)
		return -ENOMEM;
	tree->names++;
	*ret = child;
	return 0;
}

static void remove_child(struct tree_node *node)
{
	struct tree_node *parent = node->parent;

	tdelete(node, &parent->children, compare_names);
	parent->count--;
	free_node(node);
}

/**
 * struct walk - a path that is being followed
 * @create: create directories that do not exist
 * @links: symbolic links followed so far
 */
struct walk {
	struct tree *tree;
	bool create;
	unsigned int links;
};

static int walk_path(struct walk *walk, struct tree_node *from, const char *path, bool follow,
		     struct tree_node **ret);

/* Follow one name: ".." stops at the root, and links are relative to their directory. */
static int walk_name(struct walk *walk, struct tree_node **node, const char *name, bool follow)
{
	struct tree_node *child;
	int err;

	if (walk->tree->steps / STEPS_PER_NAME >= walk->tree->limits.names)
		return -E2BIG;
	walk->tree->steps++;
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
		err = add_child(walk->tree, *node, name, FOLDER_MODE, &child);
		if (err)
			return err;
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
	int err = 0;

	while (!err && *(path += strspn(path, "/"))) {
		size_t len = strcspn(path, "/");

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = 0;
		path += len;
		err = walk_name(walk, &from, name, follow || path[strspn(path, "/")]);
	}
	if (!err)
		*ret = from;
	return err;
}

struct tree_node *tree_find(struct tree *tree, const char *path, bool follow)
{
	struct walk walk = { .tree = tree };
	struct tree_node *node;

	return walk_path(&walk, &tree->root, path, follow, &node) ? NULL : node;
}

/*
 * Normalise a path to names separated by one slash; empty for the root. As in container
 * engines, ".." removes the name before it, whatever that is, but never leaves the root.
 */
static int clean_path(const char *path, char ret[PATH_MAX])
{
	size_t used = 0;

	while (*(path += strspn(path, "/"))) {
		size_t len = strcspn(path, "/");

		if (len > NAME_MAX || used + len + 2 > PATH_MAX)
			return -ENAMETOOLONG;
		if (len == 2 && !memcmp(path, "..", 2)) {
			const char *slash = memrchr(ret, '/', used);

			if (!used)
				return -EINVAL;
			used = slash ? slash - ret : 0;
		} else if (len != 1 || *path != '.') {
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
		free_children(node);
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
	int err;

	err = clean_path(path, clean);
	if (err)
		return err;
	if (!*clean && !S_ISDIR(mode))
		return -EINVAL;
	if (!*clean) {
		*ret = replace(tree, &tree->root, mode);
		return 0;
	}
	name = strrchr(clean, '/');
	if (name)
		*name++ = 0;
	err = walk_path(&walk, &tree->root, name ? clean : "", true, &parent);
	if (err)
		return err;
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

int tree_set_target(struct tree *tree, struct tree_node *node, const char *target)
{
	size_t len = strlen(target);

	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	if ((tree->text + len) / TEXT_PER_NAME >= tree->limits.names)
		return -E2BIG;
	node->target = strdup(target);
	if (!node->target)
		return -ENOMEM;
	tree->text += len;
	return 0;
}

int tree_link(struct tree *tree, struct tree_node *node, const struct tree_node *target)
{
	int err = target->target ? tree_set_target(tree, node, target->target) : 0;

	if (err)
		return err;
	node->uid = target->uid;
	node->gid = target->gid;
	node->rdev = target->rdev;
	node->mode = target->mode;
	node->file = target->file;
	if (node->file)
		node->file->links++;
	return 0;
}

/*
 * Only once for each directory and layer: afterwards, only names of this layer are left, and
 * further whiteouts of this layer need not go through them again.
 */
int tree_hide_children(struct tree *tree, struct tree_node *node)
{
	__cleanup_free struct tree_node **children = NULL;
	size_t count = node->count;
	int err = 0;

	if (!count || node->hidden == tree->layer)
		return 0;
	children = tree_children(node);
	if (!children)
		return -ENOMEM;
	for (size_t i = 0; !err && i < count; i++)
		err = tree_hide(tree, children[i]);
	if (!err)
		node->hidden = tree->layer;
	return err;
}

int tree_hide(struct tree *tree, struct tree_node *node)
{
	int err = tree_hide_children(tree, node);

	if (!err && node->layer < tree->layer && !node->count)
		remove_child(node);
	return err;
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

/* Return: whether there is room for @size more bytes. */
static bool has_room(const struct tree *tree, uint64_t size)
{
	uint64_t used = tree->end + tree->lent;

	return used <= tree->limits.size && size <= tree->limits.size - used;
}

int tree_file_write(struct tree *tree, struct tree_node *node, const void *data, size_t size)
{
	int err;

	if (!has_room(tree, size))
		return -EFBIG;
	if (lseek(tree->fd, tree->end, SEEK_SET) < 0)
		return -errno;
	err = write_full(tree->fd, data, size);
	if (err)
		return err;
	tree->end += size;
	node->file->size += size;
	return 0;
}

int tree_file_skip(struct tree *tree, struct tree_node *node, uint64_t size)
{
	if (!has_room(tree, size))
		return -EFBIG;
	if (ftruncate(tree->fd, tree->end + size))
		return -errno;
	tree->end += size;
	node->file->size += size;
	return 0;
}

int tree_lend(struct tree *tree, int fd)
{
	struct stat lent, st;

	if (tree->lent_fd < 0) {
		tree->lent_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		return tree->lent_fd < 0 ? -errno : 0;
	}
	if (fstat(tree->lent_fd, &lent) || fstat(fd, &st))
		return -errno;
	return lent.st_dev == st.st_dev && lent.st_ino == st.st_ino ? 0 : -EBUSY;
}

int tree_file_place(struct tree *tree, struct tree_node *node, uint64_t offset, uint64_t size)
{
	if (!has_room(tree, size))
		return -EFBIG;
	node->file->outside = true;
	node->file->offset = offset;
	node->file->size = size;
	tree->lent += size;
	return 0;
}

int tree_file_fd(const struct tree *tree, const struct tree_file *file)
{
	return file->outside ? tree->lent_fd : tree->fd;
}

int tree_put(struct tree *tree, const char *path, mode_t mode, const void *data, size_t size)
{
	struct tree_node *node;
	int err;

	err = tree_add(tree, path, S_IFREG | mode, &node);
	if (!err)
		err = tree_file_begin(tree, node);
	return err ? err : tree_file_write(tree, node, data, size);
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
	n = pread(tree_file_fd(tree, node->file), text, size, node->file->offset);
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
