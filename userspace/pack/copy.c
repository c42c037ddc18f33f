// SPDX-License-Identifier: Apache-2.0
/* Copy files and directories of this machine to a place in a tree. */

#include "pack/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_SIZE	(64 * KIB)

static int copy_contents(struct tree *tree, struct tree_node *node, const char *path)
{
	__cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	__cleanup_free uint8_t *buf = malloc(PIECE_SIZE);
	ssize_t n = 0;
	int err;

	if (!buf)
		return -ENOMEM;
	if (fd < 0)
		return -errno;
	err = tree_file_begin(tree, node);
	while (!err && (n = read_full(fd, buf, PIECE_SIZE)) > 0)
		err = tree_file_write(tree, node, buf, n);
	return err ? err : MIN(n, 0);
}

static int copy_link(struct tree *tree, struct tree_node *node, const char *path)
{
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target) - 1);

	if (len < 0)
		return -errno;
	target[len] = 0;
	return tree_set_target(tree, node, target);
}

static int copy_entry(struct tree *tree, const FTSENT *entry, const char *target)
{
	const struct stat *st = entry->fts_statp;
	struct tree_node *node;
	int err;

	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !S_ISLNK(st->st_mode))
		return -EOPNOTSUPP;
	err = tree_add(tree, target, st->st_mode, &node);
	if (!err && S_ISREG(st->st_mode))
		err = copy_contents(tree, node, entry->fts_accpath);
	if (!err && S_ISLNK(st->st_mode))
		err = copy_link(tree, node, entry->fts_accpath);
	return err;
}

static int copy_all(struct tree *tree, FTS *fts, size_t skip, const char *target,
		    struct error *error)
{
	char path[PATH_MAX];
	FTSENT *entry;

	while ((entry = fts_read(fts))) {
		int err;

		if (entry->fts_info == FTS_DP)
			continue;
		err = entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
			entry->fts_info == FTS_NS ? -entry->fts_errno : 0;
		if (!err && snprintf(path, sizeof(path), "%s%s", target,
				     entry->fts_path + skip) >= PATH_MAX)
			err = -ENAMETOOLONG;
		if (!err)
			err = copy_entry(tree, entry, path);
		if (err)
			return error_set(error, err, "%s: %s", entry->fts_path,
					 err == -EOPNOTSUPP ? "not a file, directory or link" :
					 strerror(-err));
	}
	return errno ? error_set(error, -errno, "%s", strerror(errno)) : 0;
}

int tree_copy(struct tree *tree, const char *source, const char *target, struct error *error)
{
	char *const paths[] = { (char *)source, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, NULL);
	size_t skip = strlen(source);
	int err;

	if (!fts)
		return error_set(error, -errno, "%s: %s", source, strerror(errno));
	err = copy_all(tree, fts, skip, target + strspn(target, "/"), error);
	fts_close(fts);
	return err;
}
