// SPDX-License-Identifier: Apache-2.0
/* Unpack archives and copy directories into a tree. */

#include "pack/unpack.h"

#include "common/util.h"
#include "pack/digest.h"
#include "pack/region.h"
#include "pack/stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define WHITEOUT	".wh."
#define WHITEOUT_META	".wh..wh."	/* for the storage driver; names no file */
#define WHITEOUT_OPAQUE	".wh..wh..opq"

/* The error of libarchive for data in no format that it knows. */
#define FORMAT_ERRNO	EILSEQ

/* Bytes of an archive, besides contents, that are allowed for each name: its headers. */
#define HEADERS_PER_NAME	(4 * KIB)

/* The size of a file in a ramdisk (cpio, "newc") has 32 bits. */
#define FILE_SIZE_MAX	((int64_t)UINT32_MAX)

/**
 * struct unpack - an archive or directory that is being read
 * @whiteouts: interpret whiteouts, which name what to remove
 * @own: keep the owners of files
 * @ramdisk: the tree becomes a ramdisk, whose files have a limit
 * @skip: bytes to remove from the start of each name
 * @stream: the archive, if it is copied
 * @region: the archive, if it is read where it is; both are NULL for a directory
 * @digest: hash that the archive must have, without compression; or NULL
 */
struct unpack {
	struct tree *tree;
	struct error *error;
	bool whiteouts;
	bool own;
	bool ramdisk;
	size_t skip;
	struct stream *stream;
	const struct region *region;
	const struct digest *digest;
};

static bool is_archive(const struct unpack *unpack)
{
	return unpack->stream || unpack->region;
}

static int archive_fail(struct unpack *unpack, struct archive *archive)
{
	int err = unpack->stream ? unpack->stream->err : 0;
	int error = archive_errno(archive);

	if (err == -EFBIG)
		return error_set(unpack->error, -EFBIG, "far more in the archive than may be "
				 "unpacked; allow more with --max-size");
	if (err == -EBADMSG)
		return error_set(unpack->error, err, "%s", stream_failure(unpack->stream));
	if (err)
		return error_set(unpack->error, err, "cannot read: %s", strerror(-err));
	if (error == FORMAT_ERRNO && is_archive(unpack) && !archive_file_count(archive))
		return error_set(unpack->error, -EBADMSG, "%s: not a tar archive, neither plain nor "
				 "compressed by gzip, zstd, xz or bzip2",
				 archive_error_string(archive) ?: "unreadable");
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
		return error_set(unpack->error, err, "%.200s: a path above the root, or an empty one",
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

/* Can this piece, all contents of an entry, stay where it is? */
static bool stays(const struct unpack *unpack, struct archive_entry *entry, const void *data,
		  size_t size)
{
	return unpack->region && size && (int64_t)size == archive_entry_size(entry) &&
		!archive_entry_sparse_count(entry) && region_holds(unpack->region, data, size);
}

static int read_contents(struct unpack *unpack, struct archive *archive,
			 struct archive_entry *entry, struct tree_node *node)
{
	const void *data;
	size_t size;
	int64_t offset = 0;
	int status = ARCHIVE_OK, err;

	err = tree_file_begin(unpack->tree, node);
	while (!err && status == ARCHIVE_OK) {
		status = archive_read_data_block(archive, &data, &size, &offset);
		if (status == ARCHIVE_OK && !offset && stays(unpack, entry, data, size)) {
			err = tree_file_place(unpack->tree, node,
					      region_offset(unpack->region, data), size);
			continue;
		}
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

/* In a directory, libarchive would open every file to read its attributes. */
static bool has_capabilities(const struct unpack *unpack, struct archive_entry *entry)
{
	static const char wanted[] = "security.capability";
	const char *name;
	const void *value;
	size_t size;

	if (!is_archive(unpack))
		return lgetxattr(archive_entry_sourcepath(entry), wanted, NULL, 0) > 0;
	archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
		if (!strcmp(name, wanted))
			return true;
	return false;
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
	if (S_ISREG(node->mode)) {
		err = read_contents(unpack, archive, entry, node);
		if (!err)
			node->file->capable = has_capabilities(unpack, entry);
		return err;
	}
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

/* The kernel's chown() accepts these. Others would be cut to 32 bits, perhaps to those of root. */
static bool is_owner(int64_t id)
{
	return id >= 0 && id < UINT32_MAX;
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
	if (S_ISREG(mode) && unpack->ramdisk && archive_entry_size(entry) > FILE_SIZE_MAX)
		return error_set(unpack->error, -EFBIG, "%.200s: has %lld bytes, but ramdisks hold "
				 "files below 4 GiB; split it", path,
				 (long long)archive_entry_size(entry));
	if (S_ISREG(mode) && !fits(unpack, entry))
		return size_fail(unpack, path);
	if (unpack->own && (!is_owner(archive_entry_uid(entry)) ||
			    !is_owner(archive_entry_gid(entry))))
		return error_set(unpack->error, -EBADMSG, "%.200s: belongs to user %lld, group "
				 "%lld: not numbers from 0 to 4294967294", path,
				 (long long)archive_entry_uid(entry),
				 (long long)archive_entry_gid(entry));
	err = tree_add(unpack->tree, path, mode, &node);
	if (err)
		return entry_fail(unpack, path, err);
	return fill_node(unpack, archive, entry, node);
}

static la_ssize_t next_piece(struct archive *archive, void *arg, const void **ret)
{
	struct unpack *unpack = arg;
	ssize_t n = stream_next(unpack->stream, ret);

	return n < 0 ? ARCHIVE_FATAL : n;
}

/*
 * Contents that are not kept need no room, but take time: those of a whiteout may be a
 * terabyte, compressed to a kilobyte.
 */
static uint64_t allowed_bytes(const struct tree *tree)
{
	uint64_t headers, all;

	if (__builtin_mul_overflow(tree->limits.names, HEADERS_PER_NAME, &headers) ||
	    __builtin_add_overflow(tree->limits.size, headers, &all))
		return UINT64_MAX;
	return all - MIN(all, tree->archived);
}

static int open_archive(struct unpack *unpack, struct archive *archive)
{
	if (unpack->region)
		return archive_read_open_memory(archive, unpack->region->data,
						unpack->region->size);
	return archive_read_open(archive, unpack, NULL, next_piece, NULL);
}

static int read_entries(struct unpack *unpack, struct archive *archive)
{
	struct archive_entry *entry;
	int status, err = 0;

	status = open_archive(unpack, archive);
	while (status >= ARCHIVE_WARN && !err) {
		status = archive_read_next_header(archive, &entry);
		if (status == ARCHIVE_EOF)
			break;
		if (status >= ARCHIVE_WARN)
			err = unpack_add_entry(unpack, archive, entry);
	}
	/* Decompressors treat a failed read as the end of the archive. */
	return err || (status == ARCHIVE_EOF && (!unpack->stream || !unpack->stream->err)) ? err :
		archive_fail(unpack, archive);
}

static int region_hash(const struct region *region, const EVP_MD *md, char *ret)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int err = -ENOMEM;

	if (context && EVP_DigestInit_ex(context, md, NULL) &&
	    EVP_DigestUpdate(context, region->data, region->size))
		err = digest_finish(context, ret);
	EVP_MD_CTX_free(context);
	return err;
}

/* The hash covers all that is in the archive, also behind the mark of its end. */
static int check_hash(struct unpack *unpack, struct archive *archive)
{
	char hex[DIGEST_HEX_SIZE];
	int err = unpack->region ? region_hash(unpack->region, unpack->digest->md, hex) :
		stream_hash(unpack->stream, hex);

	if (err)
		return archive_fail(unpack, archive);
	if (strcmp(hex, unpack->digest->hex))
		return error_set(unpack->error, -EBADMSG, "it unpacks to contents with the %s %s, "
				 "but the image's configuration (diff_ids) says %s",
				 unpack->digest->name, hex, unpack->digest->hex);
	return 0;
}

static int read_archive(struct unpack *unpack)
{
	struct archive *archive = archive_read_new();
	int err;

	if (!archive)
		return -ENOMEM;
	archive_read_support_format_tar(archive);
	archive_read_support_format_empty(archive);
	err = read_entries(unpack, archive);
	if (!err && unpack->digest)
		err = check_hash(unpack, archive);
	archive_read_free(archive);
	return err;
}

static int read_stream(struct unpack *unpack)
{
	struct stream *stream = unpack->stream;
	int err;

	stream->allowed = allowed_bytes(unpack->tree);
	err = stream_open(stream, unpack->digest ? unpack->digest->md : NULL);
	if (!err)
		err = read_archive(unpack);
	unpack->tree->archived += stream->done;
	stream_close(stream);
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

static int unpack_stream(struct unpack *unpack, int fd, off_t at, uint64_t size)
{
	__cleanup_free struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return -ENOMEM;
	stream->fd = fd;
	stream->at = at;
	stream->left = size;
	unpack->stream = stream;
	return in_utf8(unpack, read_stream);
}

/* Contents of an archive that is not compressed stay in its file. */
static int unpack_file(struct unpack *unpack, int fd, off_t at, uint64_t size)
{
	off_t start = at < 0 ? lseek(fd, 0, SEEK_CUR) : at;
	struct region region;
	int err;

	unpack->own = true;
	if (start < 0 || region_open(&region, fd, start, size))
		return unpack_stream(unpack, fd, at, size);
	if (region.size > allowed_bytes(unpack->tree) || tree_lend(unpack->tree, fd)) {
		region_close(&region);
		return unpack_stream(unpack, fd, at, size);
	}
	unpack->region = &region;
	unpack->tree->archived += region.size;
	err = in_utf8(unpack, read_archive);
	region_close(&region);
	return err;
}

int unpack_checked_layer(struct tree *tree, int fd, uint64_t offset, uint64_t size,
			 const char *diff_id, struct error *error)
{
	struct unpack unpack = { .tree = tree, .error = error, .whiteouts = true, .ramdisk = true };
	struct digest digest;
	int err;

	if (diff_id) {
		err = digest_parse(diff_id, &digest, error);
		if (err)
			return err;
		unpack.digest = &digest;
	}
	tree->layer++;
	return unpack_file(&unpack, fd, offset, size);
}

int unpack_layer(struct tree *tree, int fd, uint64_t offset, uint64_t size,
		 struct error *error)
{
	return unpack_checked_layer(tree, fd, offset, size, NULL, error);
}

int unpack_archive(struct tree *tree, int fd, struct error *error)
{
	struct unpack unpack = { .tree = tree, .error = error };

	return unpack_file(&unpack, fd, -1, UINT64_MAX);
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

/* Names inside the directory begin after @path, which loses the slashes at its end. */
static int unpack_disk(struct unpack *unpack, const char *path)
{
	__cleanup_free char *clean = strdup(path);
	struct archive *archive;
	struct stat st;
	int err;

	if (!clean)
		return -ENOMEM;
	if (stat(path, &st))
		return error_set(unpack->error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return error_set(unpack->error, -ENOTDIR, "%s is not a directory", path);
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

int unpack_folder(struct tree *tree, const char *path, struct error *error)
{
	struct unpack unpack = { .tree = tree, .error = error, .ramdisk = true };

	return unpack_disk(&unpack, path);
}

int unpack_layout(struct tree *tree, const char *path, struct error *error)
{
	struct unpack unpack = { .tree = tree, .error = error };

	return unpack_disk(&unpack, path);
}
