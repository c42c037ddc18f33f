// SPDX-License-Identifier: Apache-2.0
/* Unpack archives and copy directories into a tree. */

#include "pack/unpack.h"

#include "common/util.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define WHITEOUT	".wh."
#define WHITEOUT_META	".wh..wh."	/* for the storage driver; names no file */
#define WHITEOUT_OPAQUE	".wh..wh..opq"

/* Bytes of an archive, besides contents, that are allowed for each name: its headers. */
#define HEADERS_PER_NAME	(4 * KIB)

/**
 * struct unpack - an archive or directory that is being read
 * @whiteouts: interpret whiteouts, which name what to remove
 * @own: keep the owners of files
 * @skip: bytes to remove from the start of each name
 * @at: offset in @fd of what libarchive has not read yet, @left bytes
 * @feed: 0, or why libarchive got no more data: a negative errno
 */
struct unpack {
	struct tree *tree;
	struct error *error;
	bool whiteouts;
	bool own;
	size_t skip;
	int fd;
	uint64_t at;
	uint64_t left;
	int feed;
	uint8_t buf[64 * KIB];
};

static int archive_fail(struct unpack *unpack, struct archive *archive)
{
	int error = archive_errno(archive);

	/* Decompressors treat the failed read as the end of the archive. */
	if (unpack->feed == -EFBIG)
		return error_set(unpack->error, -EFBIG, "far more in the archive than may be "
				 "unpacked; allow more with --max-size");
	if (unpack->feed)
		return error_set(unpack->error, unpack->feed, "cannot read: %s",
				 strerror(-unpack->feed));
	return error_set(unpack->error, error > 0 ? -error : -EBADMSG, "%s",
			 archive_error_string(archive) ?: "unreadable archive");
}

static int size_fail(struct unpack *unpack, const char *path)
{
	return error_set(unpack->error, -EFBIG, "%.200s: with it, contents have more than %llu "
			 "MiB; allow more with --max-size", path,
			 (unsigned long long)(unpack->tree->limits.size / MIB));
}

static int entry_fail(struct unpack *unpack, const char *path, int err)
{
	switch (err) {
	case -E2BIG:
		return error_set(unpack->error, err, "%.200s: with it, there are more than %llu "
				 "names, or long paths to them; allow more with --max-files", path,
				 (unsigned long long)unpack->tree->limits.names);
	case -EFBIG:
		return size_fail(unpack, path);
	case -EINVAL:
		return error_set(unpack->error, err, "%.200s: a path with \"..\", or an empty one",
				 path);
	case -ENOTDIR:
		return error_set(unpack->error, err,
				 "%.200s: lies below something that is not a directory", path);
	}
	return error_set(unpack->error, err, "%.200s: %s", path, strerror(-err));
}

/* Return: the directory of a whiteout's @path, or NULL if it does not exist. */
static struct tree_node *folder_of(struct unpack *unpack, const char *path, const char *name)
{
	__cleanup_free char *folder = strndup(path, name - path);
	struct tree_node *node = folder ? tree_find(unpack->tree, folder, true) : NULL;

	return node && S_ISDIR(node->mode) ? node : NULL;
}

static bool is_whiteout(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !strncmp(slash ? slash + 1 : path, WHITEOUT, strlen(WHITEOUT));
}

static int apply_whiteout(struct unpack *unpack, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	struct tree_node *folder = folder_of(unpack, path, name), *node;
	int err = 0;

	if (!folder)
		return 0;
	if (!strcmp(name, WHITEOUT_OPAQUE)) {
		err = tree_hide_children(unpack->tree, folder);
	} else if (strncmp(name, WHITEOUT_META, strlen(WHITEOUT_META))) {
		node = tree_child(folder, name + strlen(WHITEOUT));
		if (node)
			err = tree_hide(unpack->tree, node);
	}
	return err ? entry_fail(unpack, path, err) : 0;
}

static int unpack_add_hard_link(struct unpack *unpack, const char *path, const char *to)
{
	struct tree_node *target = tree_find(unpack->tree, to, false);
	struct tree_file *file;
	struct tree_node *node;
	int err;

	if (!target || S_ISDIR(target->mode))
		return error_set(unpack->error, -EBADMSG,
				 "%.100s: hard link to %.200s, which does not exist", path, to);
	/* The new name may replace the old one, or a directory that contains it. */
	file = target->file;
	if (file)
		file->links++;
	err = tree_add(unpack->tree, path, S_IFREG, &node);
	if (!err && tree_find(unpack->tree, to, false) == target && target != node)
		err = tree_link(unpack->tree, node, target);
	else if (!err)
		err = -EBADMSG;
	if (file && !--file->links)
		free(file);
	if (err == -EBADMSG)
		return error_set(unpack->error, err, "%.200s: hard link to itself", path);
	return err ? entry_fail(unpack, path, err) : 0;
}

static int read_contents(struct unpack *unpack, struct archive *archive, struct tree_node *node)
{
	const void *data;
	size_t size;
	int64_t offset = 0;
	int status = ARCHIVE_OK, err;

	err = tree_file_begin(unpack->tree, node);
	while (!err && status == ARCHIVE_OK) {
		status = archive_read_data_block(archive, &data, &size, &offset);
		/* A hole. If it is at the end, the offset is the size of the file. */
		if ((status == ARCHIVE_OK || status == ARCHIVE_EOF) && offset > 0 &&
		    (uint64_t)offset > node->file->size)
			err = tree_file_skip(unpack->tree, node, offset - node->file->size);
		if (!err && status == ARCHIVE_OK)
			err = tree_file_write(unpack->tree, node, data, size);
	}
	if (err == -EFBIG)
		return size_fail(unpack, node->name);
	if (err)
		return error_set(unpack->error, err, "cannot keep a copy: %s", strerror(-err));
	return status == ARCHIVE_EOF ? 0 : archive_fail(unpack, archive);
}

static int fill_node(struct unpack *unpack, struct archive *archive, struct archive_entry *entry,
		     struct tree_node *node)
{
	const char *target;
	int err;

	if (unpack->own) {
		node->uid = archive_entry_uid(entry);
		node->gid = archive_entry_gid(entry);
	}
	if (S_ISREG(node->mode))
		return read_contents(unpack, archive, node);
	if (S_ISCHR(node->mode) || S_ISBLK(node->mode))
		node->rdev = makedev(archive_entry_rdevmajor(entry),
				     archive_entry_rdevminor(entry));
	if (!S_ISLNK(node->mode))
		return 0;
	target = archive_entry_symlink(entry) ?: "";
	err = tree_set_target(unpack->tree, node, target);
	/* A link with an empty target can be neither created nor followed. */
	if (!err && !*target)
		return error_set(unpack->error, -EBADMSG, "%s: symbolic link to nothing",
				 node->name);
	return err ? entry_fail(unpack, node->name, err) : 0;
}

/* Return: whether the contents fit, before any of them is read. */
static bool fits(const struct unpack *unpack, struct archive_entry *entry)
{
	int64_t size = archive_entry_size(entry);

	return size <= 0 || ((uint64_t)size <= unpack->tree->limits.size &&
			     unpack->tree->end <= unpack->tree->limits.size - size);
}

static int unpack_add_entry(struct unpack *unpack, struct archive *archive,
			    struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);
	const char *link = archive_entry_hardlink(entry);
	mode_t mode = archive_entry_mode(entry);
	struct tree_node *node;
	int err;

	if (!path || strlen(path) < unpack->skip)
		return error_set(unpack->error, -EBADMSG, "an entry has no readable name");
	path += unpack->skip;
	if (unpack->whiteouts && is_whiteout(path))
		return apply_whiteout(unpack, path);
	if (link)
		return unpack_add_hard_link(unpack, path, link + MIN(unpack->skip, strlen(link)));
	/* Skip sockets, which are useless without their program. */
	if (S_ISSOCK(mode))
		return 0;
	if (!S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode) && !S_ISCHR(mode) &&
	    !S_ISBLK(mode) && !S_ISFIFO(mode))
		return error_set(unpack->error, -EBADMSG, "%.200s: unknown type", path);
	if (S_ISREG(mode) && !fits(unpack, entry))
		return size_fail(unpack, path);
	err = tree_add(unpack->tree, path, mode, &node);
	if (err)
		return entry_fail(unpack, path, err);
	return fill_node(unpack, archive, entry, node);
}

/*
 * Contents that are not kept need no room, but take time: those of a whiteout may be a
 * terabyte, compressed to a kilobyte. Checked before each piece of the compressed archive.
 */
static bool is_endless(const struct unpack *unpack, struct archive *archive)
{
	const struct tree *tree = unpack->tree;
	uint64_t read = tree->archived + MAX(archive_filter_bytes(archive, 0), 0);

	return read > tree->limits.size &&
		(read - tree->limits.size) / HEADERS_PER_NAME >= tree->limits.names;
}

static la_ssize_t feed(struct archive *archive, void *arg, const void **ret)
{
	struct unpack *unpack = arg;
	ssize_t n = pread(unpack->fd, unpack->buf, MIN(unpack->left, sizeof(unpack->buf)),
			  unpack->at);

	if (n < 0)
		unpack->feed = -errno;
	else if (is_endless(unpack, archive))
		unpack->feed = -EFBIG;
	if (unpack->feed)
		return ARCHIVE_FATAL;
	unpack->at += n;
	unpack->left -= n;
	*ret = unpack->buf;
	return n;
}

static struct archive *open_tar(struct unpack *unpack)
{
	struct archive *archive = archive_read_new();

	if (!archive)
		return NULL;
	/* Only built-in filters of libarchive, which run no program. */
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_zstd(archive);
	archive_read_support_filter_xz(archive);
	archive_read_support_filter_bzip2(archive);
	archive_read_support_format_tar(archive);
	return archive;
}

static int read_tar(struct unpack *unpack)
{
	struct archive *archive = open_tar(unpack);
	struct archive_entry *entry;
	int status, err = 0;

	if (!archive)
		return -ENOMEM;
	status = archive_read_open(archive, unpack, NULL, feed, NULL);
	while (status >= ARCHIVE_WARN && !err) {
		status = archive_read_next_header(archive, &entry);
		if (status == ARCHIVE_EOF)
			break;
		if (status >= ARCHIVE_WARN)
			err = unpack_add_entry(unpack, archive, entry);
	}
	if (!err && status != ARCHIVE_EOF)
		err = archive_fail(unpack, archive);
	unpack->tree->archived += MAX(archive_filter_bytes(archive, 0), 0);
	archive_read_free(archive);
	return err;
}

/* Names in archives are UTF-8, independent of the user's locale. */
static int in_utf8(struct unpack *unpack, int (*read)(struct unpack *unpack))
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	locale_t before;
	int err;

	if (!utf8)
		return error_set(unpack->error, -ENOTSUP, "the C library does not know C.UTF-8");
	before = uselocale(utf8);
	err = read(unpack);
	uselocale(before);
	freelocale(utf8);
	return err;
}

static struct unpack *new_unpack(struct tree *tree, struct error *error)
{
	struct unpack *unpack = calloc(1, sizeof(*unpack));

	if (unpack) {
		unpack->tree = tree;
		unpack->error = error;
		unpack->fd = -1;
	}
	return unpack;
}

int unpack_layer(struct tree *tree, int fd, uint64_t offset, uint64_t size,
		 struct error *error)
{
	__cleanup_free struct unpack *unpack = new_unpack(tree, error);

	if (!unpack)
		return -ENOMEM;
	unpack->whiteouts = true;
	unpack->own = true;
	unpack->fd = fd;
	unpack->at = offset;
	unpack->left = size;
	tree->layer++;
	return in_utf8(unpack, read_tar);
}

int unpack_archive(struct tree *tree, int fd, struct error *error)
{
	__cleanup_free struct unpack *unpack = new_unpack(tree, error);

	if (!unpack)
		return -ENOMEM;
	unpack->own = true;
	unpack->fd = fd;
	unpack->left = UINT64_MAX;
	return in_utf8(unpack, read_tar);
}

static int read_disk_entries(struct unpack *unpack, struct archive *archive,
			     struct archive_entry_linkresolver *links)
{
	struct archive_entry *entry = archive_entry_new(), *later = NULL;
	int status, err = 0;

	if (!entry)
		return -ENOMEM;
	while (!err && (status = archive_read_next_header2(archive, entry)) != ARCHIVE_EOF) {
		if (status != ARCHIVE_OK) {
			err = archive_fail(unpack, archive);
			break;
		}
		archive_read_disk_descend(archive);
		archive_entry_linkify(links, &entry, &later);
		err = unpack_add_entry(unpack, archive, entry);
	}
	archive_entry_free(entry);
	return err;
}

static int read_disk(struct unpack *unpack, struct archive *archive, const char *path)
{
	struct archive_entry_linkresolver *links = archive_entry_linkresolver_new();
	int err;

	if (!links)
		return -ENOMEM;
	/* With this strategy, a second name of a file appears as a hard link. */
	archive_entry_linkresolver_set_strategy(links, ARCHIVE_FORMAT_TAR);
	archive_read_disk_set_symlink_physical(archive);
	archive_read_disk_set_behavior(archive, ARCHIVE_READDISK_NO_ACL |
				       ARCHIVE_READDISK_NO_FFLAGS | ARCHIVE_READDISK_NO_XATTR);
	if (archive_read_disk_open(archive, path) == ARCHIVE_OK)
		err = read_disk_entries(unpack, archive, links);
	else
		err = archive_fail(unpack, archive);
	archive_entry_linkresolver_free(links);
	return err;
}

int unpack_folder(struct tree *tree, const char *path, struct error *error)
{
	__cleanup_free struct unpack *unpack = new_unpack(tree, error);
	__cleanup_free char *clean = strdup(path);
	struct archive *archive;
	struct stat st;
	int err;

	if (!unpack || !clean)
		return -ENOMEM;
	if (stat(path, &st))
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return error_set(error, -ENOTDIR, "%s is not a directory", path);
	archive = archive_read_disk_new();
	if (!archive)
		return -ENOMEM;
	unpack->own = !geteuid();
	/* libarchive reports names without the slashes at the end of the directory's name. */
	unpack->skip = strlen(clean);
	while (unpack->skip > 1 && clean[unpack->skip - 1] == '/')
		clean[--unpack->skip] = 0;
	err = read_disk(unpack, archive, clean);
	archive_read_free(archive);
	return err;
}
