/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system that exists only here: names and attributes in memory, contents in
 * one nameless file. Archives are unpacked into it, so they can reach nothing else.
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
 * @offset: in the tree's data file
 * @number: given out when an archive is written; 0 before
 */
struct tree_file {
	uint64_t offset;
	uint64_t size;
	unsigned int links;
	unsigned int number;
};

/**
 * struct tree_node - a name with what it stands for
 * @mode: type and permissions
 * @layer: number of the layer that put it there
 * @depth: directories above it
 * @hidden: last layer that hid what lower ones had put into this directory
 * @target: of a symbolic link
 * @file: of a regular file
 * @children: of a directory, by name; root of a tree of tsearch(3)
 * @count: of them
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

/* Defaults of struct tree_limits. An enclave's memory would not hold more either. */
#define TREE_SIZE_MAX	(8 * GIB)
#define TREE_NAMES_MAX	MIB

/**
 * struct tree_limits - what a tree may cost; one that was filled from outside has some
 * @size: bytes of all contents that were ever put into it, holes included
 * @names: nodes that were ever made
 */
struct tree_limits {
	uint64_t size;
	uint64_t names;
};

/**
 * struct tree - the whole of it; initialise with tree_init()
 * @limits: the caller may change them
 * @fd: the data file
 * @end: of its contents
 * @layer: number of the layer being read
 * @names: nodes made so far
 * @text: bytes of targets so far
 * @steps: names in paths followed so far
 * @archived: bytes of archives read so far, without compression
 */
struct tree {
	struct tree_node root;
	struct tree_limits limits;
	int fd;
	uint64_t end;
	unsigned int layer;
	uint64_t names;
	uint64_t text;
	uint64_t steps;
	uint64_t archived;
};

/**
 * tree_init() - an empty one with the default limits
 *
 * Return: 0 or a negative errno; tree_exit() also after failure.
 */
int tree_init(struct tree *tree);
void tree_exit(struct tree *tree);

/**
 * tree_find() - what a path leads to, as seen by a process whose root the tree is
 * @follow: also when the last name is a symbolic link
 *
 * Return: NULL if there is nothing, links lead in a circle, or a limit is reached.
 */
struct tree_node *tree_find(struct tree *tree, const char *path, bool follow);

/** tree_child() - by its name, or NULL */
struct tree_node *tree_child(const struct tree_node *node, const char *name);

/** tree_children() - all @node->count of them, by name; the caller frees the list; NULL: ENOMEM */
struct tree_node **tree_children(const struct tree_node *node);

/**
 * tree_add() - make a node, in place of what is there
 * @path: relative, without ".."; missing directories are made
 * @mode: type and permissions; a directory that is there keeps its contents
 * @ret: belongs to root, without target and file
 *
 * Return: 0, -EINVAL (the path), -ENOTDIR, -ELOOP, -ENAMETOOLONG, -E2BIG (a limit) or
 * -ENOMEM.
 */
int tree_add(struct tree *tree, const char *path, mode_t mode, struct tree_node **ret);

/**
 * tree_link() - make @node another name of @target, which is not a directory; as
 * tree_set_target()
 */
int tree_link(struct tree *tree, struct tree_node *node, const struct tree_node *target);

/** tree_set_target() - of a new symbolic link; 0, -ENAMETOOLONG, -E2BIG (a limit) or -ENOMEM */
int tree_set_target(struct tree *tree, struct tree_node *node, const char *target);

/** tree_hide() - remove a node, but not what the current layer has put there; 0 or -ENOMEM */
int tree_hide(struct tree *tree, struct tree_node *node);
/** tree_hide_children() - the same for what is in a directory */
int tree_hide_children(struct tree *tree, struct tree_node *node);

/** tree_put() - a file with these contents; 0 or a negative errno */
int tree_put(struct tree *tree, const char *path, mode_t mode, const void *data, size_t size);

/** tree_file_begin() - new contents for a node, at the end of the data file */
int tree_file_begin(struct tree *tree, struct tree_node *node);
/** tree_file_write() - more of it; 0, -EFBIG (the limit) or another negative errno */
int tree_file_write(struct tree *tree, struct tree_node *node, const void *data, size_t size);
/** tree_file_skip() - a hole, which takes no room on disk; the same result */
int tree_file_skip(struct tree *tree, struct tree_node *node, uint64_t size);

/**
 * tree_read() - contents of a small file as text
 * @max: larger ones give -EFBIG
 * @ret: with a NUL behind the last byte; the caller frees it
 */
int tree_read(const struct tree *tree, const struct tree_node *node, size_t max, char **ret,
	      size_t *ret_size);

#endif
