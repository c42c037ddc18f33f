// SPDX-License-Identifier: Apache-2.0
/* Walk through directories: identify their contents, or remove them. */

#include "cli/image/walk.h"

#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int compare_names(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int add_link(struct sha256 *digest, const FTSENT *entry)
{
	char target[PATH_MAX];
	ssize_t len = readlink(entry->fts_accpath, target, sizeof(target) - 1);

	if (len < 0)
		return -errno;
	target[len] = 0;
	sha256_add_text(digest, target);
	return 0;
}

/* Return: 0, or a negative errno. */
static int add_entry(struct sha256 *digest, const FTSENT *entry, size_t skip, int64_t *newest)
{
	const struct stat *st = entry->fts_statp;

	sha256_add_text(digest, entry->fts_path + skip);
	sha256_add_u64(digest, st->st_mode);
	sha256_add_u64(digest, st->st_uid);
	sha256_add_u64(digest, st->st_gid);
	sha256_add_u64(digest, st->st_rdev);
	sha256_add_u64(digest, st->st_ino);
	*newest = MAX(*newest, timespec_ns(st->st_ctim));
	/* The times of a directory say nothing more than its entries do. */
	if (S_ISDIR(st->st_mode))
		return 0;
	sha256_add_u64(digest, st->st_size);
	sha256_add_u64(digest, timespec_ns(st->st_mtim));
	sha256_add_u64(digest, timespec_ns(st->st_ctim));
	return S_ISLNK(st->st_mode) ? add_link(digest, entry) : 0;
}

static int add_all(struct sha256 *digest, FTS *fts, size_t skip, int64_t *newest,
		   struct error *error)
{
	FTSENT *entry;

	while ((entry = fts_read(fts))) {
		int err = entry->fts_errno;

		if (entry->fts_info == FTS_DP)
			continue;
		if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
		    entry->fts_info == FTS_NS)
			return error_set(error, -err, "%s: %s", entry->fts_path, strerror(err));
		err = add_entry(digest, entry, skip, newest);
		if (err)
			return error_set(error, err, "%s: %s", entry->fts_path, strerror(-err));
	}
	return errno ? error_set(error, -errno, "%s", strerror(errno)) : 0;
}

/*
 * A file that has just changed may change once more within the same tick of the clock, and
 * look the same. A reader that waits for the next tick sees the last change.
 */
static void wait_for_tick(int64_t newest)
{
	int64_t age = clock_ns(CLOCK_REALTIME) - newest;

	if (age >= 0 && age < FILE_TICK_NS)
		(void)usleep((FILE_TICK_NS - age) / 1000);
}

int walk_digest(const char *path, char ret[SHA256_TEXT_SIZE], struct error *error)
{
	char *const paths[] = { (char *)path, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, compare_names);
	int64_t newest = 0;
	struct sha256 digest;
	int err, end;

	if (!fts)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	sha256_begin(&digest);
	err = add_all(&digest, fts, strlen(path), &newest, error);
	end = sha256_end(&digest, ret);
	fts_close(fts);
	if (!err && end)
		return error_set(error, end, "%s: %s", path, strerror(-end));
	wait_for_tick(newest);
	return err;
}

void walk_remove(const char *path)
{
	char *const paths[] = { (char *)path, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (fts && (entry = fts_read(fts)))
		if (entry->fts_info != FTS_D)
			(void)remove(entry->fts_accpath);
	if (fts)
		fts_close(fts);
}
