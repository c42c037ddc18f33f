/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system in memory: names and attributes are in memory, contents in one unnamed
 * file. Archives are unpacked into it, so that they cannot touch anything else.
 */

#ifndef NE_EMU_PACK_TREE_H
#define NE_EMU_PACK_TREE_H

#include "common/error.h"
#include "common/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct tree_file - contents of a regular file, shared by its hard links
 * @outside: the contents are in the file that was lent to the tree, not in its data file
 * @offset: offset in that file
 * @number: inode number, assigned when an archive is written; 0 before
 * @capable: had capabilities, which are not kept
 */
struct tree_file {
	bool outside;
	uint64_t offset;
	uint64_t size;
	unsigned int links;
	unsigned int number;
	bool capable;
};

/**
 * struct tree_node - a name, and the file, directory or link that it refers to
 * @mode: type and permissions
 * @layer: number of the layer that created it
 * @depth: number of directories above it
 * @hidden: last layer that hid what lower layers have in this directory
 * @target: target of a symbolic link
 * @file: contents of a regular file
 * @children: entries of a directory, by name; root of a tree of tsearch(3)
 * @count: number of @children
 */
struct tree_node {
	char *name;
	struct tree_node *parent;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	unsigned int layer;
	unsigned int depth;
	unsigned int hidden;
	char *target;
	struct tree_file *file;
	void *children;
	size_t count;
};

/* Defaults of struct tree_limits. More would not fit into an enclave's memory. */
#define TREE_SIZE_MAX	(8 * GIB)
#define TREE_NAMES_MAX	MIB

/**
 * struct tree_limits - limits of a tree, which may be filled from untrusted input
 * @size: bytes of all contents that were ever put into it, including holes
 * @names: number of nodes that were ever created
 */
struct tree_limits {
	uint64_t size;
	uint64_t names;
};

/**
 * struct tree - a file system; initialise with tree_init()
 * @limits: the caller may change them
 * @fd: the data file
 * @end: end of its contents
 * @lent_fd: a file with further contents, or -1
 * @lent: bytes of contents in it
 * @layer: number of the layer that is being read
 * @names: number of nodes created so far
 * @text: bytes of link targets so far
 * @steps: path components followed so far
 * @archived: bytes of archives read so far, without compression
 */
struct tree {
	struct tree_node root;
	struct tree_limits limits;
	int fd;
	uint64_t end;
	int lent_fd;
	uint64_t lent;
	unsigned int layer;
	uint64_t names;
	uint64_t text;
	uint64_t steps;
	uint64_t archived;
};

/**
 * tree_init() - create an empty tree with the default limits
 *
 * Return: 0 or a negative errno; call tree_exit() also after a failure.
 */
int tree_init(struct tree *tree);
void tree_exit(struct tree *tree);

/**
 * tree_find() - look up a path as a process would whose root is the tree
 * @follow: follow a symbolic link also as the last name
 *
 * Return: the node; NULL if there is none, links form a loop, or a limit is reached.
 */
struct tree_node *tree_find(struct tree *tree, const char *path, bool follow);

/** tree_child() - Return: the child of that name, or NULL */
struct tree_node *tree_child(const struct tree_node *node, const char *name);

/**
 * tree_children() - list the children of a directory
 *
 * Return: @node->count children, sorted by name, which the caller frees; NULL (out of memory).
 */
struct tree_node **tree_children(const struct tree_node *node);

/**
 * tree_add() - create a node, replacing an existing one
 * @path: from the root, which ".." must not leave; missing directories are created
 * @mode: type and permissions; an existing directory keeps its contents
 * @ret: receives the node, owned by root, without target and file
 *
 * Return: 0, -EINVAL (bad @path), -ENOTDIR, -ELOOP, -ENAMETOOLONG, -E2BIG (a limit) or
 * -ENOMEM.
 */
int tree_add(struct tree *tree, const char *path, mode_t mode, struct tree_node **ret);

/**
 * tree_link() - make @node another name of @target, which is not a directory
 *
 * Return: as tree_set_target().
 */
int tree_link(struct tree *tree, struct tree_node *node, const struct tree_node *target);

/**
 * tree_set_target() - set the target of a new symbolic link
 *
 * Return: 0, -ENAMETOOLONG, -E2BIG (a limit) or -ENOMEM.
 */
int tree_set_target(struct tree *tree, struct tree_node *node, const char *target);

/** tree_hide() - remove a node, except what the current layer created; Return: 0 or -ENOMEM */
int tree_hide(struct tree *tree, struct tree_node *node);
/** tree_hide_children() - the same for all entries of a directory */
int tree_hide_children(struct tree *tree, struct tree_node *node);

/** tree_put() - create a file with these contents; Return: 0 or a negative errno */
int tree_put(struct tree *tree, const char *path, mode_t mode, const void *data, size_t size);

/** tree_file_begin() - begin the contents of a node, at the end of the data file */
int tree_file_begin(struct tree *tree, struct tree_node *node);
/** tree_file_write() - append contents; Return: 0, -EFBIG (the limit) or a negative errno */
int tree_file_write(struct tree *tree, struct tree_node *node, const void *data, size_t size);
/** tree_file_skip() - append a hole, which takes no room on disk; Return: likewise */
int tree_file_skip(struct tree *tree, struct tree_node *node, uint64_t size);

/**
 * tree_lend() - let the tree use contents of another file, which must not change
 *
 * The tree keeps a copy of the descriptor. Return: 0, -EBUSY (it uses yet another file), or
 * another negative errno.
 */
int tree_lend(struct tree *tree, int fd);

/** tree_file_place() - the contents of a node are in the file that was lent; 0 or -EFBIG */
int tree_file_place(struct tree *tree, struct tree_node *node, uint64_t offset, uint64_t size);

/** tree_file_fd() - the file in which the contents of @file are */
int tree_file_fd(const struct tree *tree, const struct tree_file *file);

/**
 * tree_read() - read the contents of a small file as text
 * @max: maximum size; larger files give -EFBIG
 * @ret: receives the text, terminated by a NUL, which the caller frees
 */
int tree_read(const struct tree *tree, const struct tree_node *node, size_t max, char **ret,
	      size_t *ret_size);

#endif
