/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of container images for the tests, and the resulting file tree. */

#ifndef NE_EMU_PACK_FIXTURE_H
#define NE_EMU_PACK_FIXTURE_H

#include "common/util.h"
#include "pack/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* One entry of a tar archive; an entry without a name ends a list. */
struct entry {
	const char *name;
	mode_t mode;
	const char *data;	/* content of a file, or target of a link */
	unsigned int uid;
	unsigned int gid;
	bool hard;
};

#define FOLDER(n)		{ n, S_IFDIR | 0755, NULL, 0, 0, false }
#define REG(n, d)	{ n, S_IFREG | 0644, d, 0, 0, false }
#define SYM(n, t)	{ n, S_IFLNK | 0777, t, 0, 0, false }
#define HARD(n, t)	{ n, S_IFREG | 0644, t, 0, 0, true }

static inline int write_tar(const struct entry *entries, int filter)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);
	struct archive *archive = archive_write_new();

	/* Only for writing: readers must work without it. */
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	archive_write_set_format_pax_restricted(archive);
	assert_int_equal(archive_write_add_filter(archive, filter), ARCHIVE_OK);
	assert_int_equal(archive_write_open_fd(archive, fd), ARCHIVE_OK);
	for (; entries->name; entries++) {
		struct archive_entry *entry = archive_entry_new();
		size_t size = S_ISREG(entries->mode) && !entries->hard ? strlen(entries->data) : 0;

		archive_entry_set_pathname(entry, entries->name);
		archive_entry_set_mode(entry, entries->mode);
		archive_entry_set_uid(entry, entries->uid);
		archive_entry_set_gid(entry, entries->gid);
		archive_entry_set_mtime(entry, 1700000000, 0);
		archive_entry_set_size(entry, size);
		if (S_ISCHR(entries->mode))
			archive_entry_set_rdev(entry, makedev(5, 1));
		if (entries->hard)
			archive_entry_set_hardlink(entry, entries->data);
		else if (S_ISLNK(entries->mode))
			archive_entry_set_symlink(entry, entries->data);
		assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
		if (size)
			assert_int_equal(archive_write_data(archive, entries->data, size), size);
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
	assert_non_null(setlocale(LC_CTYPE, "C"));
	return fd;
}

static inline int layer(struct tree *tree, const struct entry *entries, struct error *error)
{
	__cleanup_fd int fd = write_tar(entries, ARCHIVE_FILTER_NONE);

	return unpack_layer(tree, fd, 0, UINT64_MAX, error);
}

static inline void good_layer(struct tree *tree, const struct entry *entries)
{
	struct error error = {};

	if (layer(tree, entries, &error))
		fail_msg("%s", error.text);
}

static inline void assert_contents(struct tree *tree, const char *path, const char *text)
{
	struct tree_node *node = tree_find(tree, path, true);
	char *have;
	size_t size;

	if (!node)
		fail_msg("%s is not there", path);
	assert_int_equal(tree_read(tree, node, 4096, &have, &size), 0);
	assert_string_equal(have, text);
	free(have);
}

#endif
