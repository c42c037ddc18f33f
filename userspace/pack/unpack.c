// SPDX-License-Identifier: Apache-2.0
/* Archives and folders into a tree. */

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
#define WHITEOUT_META	".wh..wh."	/* for the storage driver, not a file's name */
#define WHITEOUT_OPAQUE	".wh..wh..opq"

/**
 * struct unpack - one archive or folder being read
 * @whiteouts: does it say what to remove?
 * @own: are the owners it tells kept?
 * @skip: bytes of each name in front of the part that counts
 * @at: part of @fd that libarchive has not got yet, @left bytes
 */
struct unpack {
	struct tree *tree;
	struct pack_error *error;
	bool whiteouts;
	bool own;
	size_t skip;
	int fd;
	uint64_t at;
	uint64_t left;
	uint8_t buf[64 * KIB];
};

static int archive_fail(struct unpack *unpack, struct archive *archive)
{
	int error = archive_errno(archive);

	return pack_fail(unpack->error, error > 0 ? -error : -EBADMSG, "%s",
			 archive_error_string(archive) ?: "unreadable archive");
}

static int entry_fail(struct unpack *unpack, const char *path, int r)
{
	switch (-r) {
	case EINVAL:
		return pack_fail(unpack->error, r, "%.200s: a path with \"..\" or none at all", path);
	case ENOTDIR:
		return pack_fail(unpack->error, r, "%.200s: lies below what is no folder", path);
	}
	return pack_fail(unpack->error, r, "%.200s: %s", path, strerror(-r));
}

/* The folder that @path, a whiteout's, lies in; NULL if there is none. */
static struct tree_node *folder_of(struct unpack *unpack, const char *path, const char *name)
{
	__cleanup_free char *folder = strndup(path, name - path);
	struct tree_node *node = folder ? tree_find(unpack->tree, folder, true) : NULL;

	return node && S_ISDIR(node->mode) ? node : NULL;
}

/* Returns true if the entry was one. */
static bool apply_whiteout(struct unpack *unpack, const char *path)
{
	const char *name = strrchr(path, '/');
	struct tree_node *folder, *node;

	name = name ? name + 1 : path;
	if (strncmp(name, WHITEOUT, strlen(WHITEOUT)))
		return false;
	folder = folder_of(unpack, path, name);
	if (!folder)
		return true;
	if (!strcmp(name, WHITEOUT_OPAQUE)) {
		tree_hide_children(unpack->tree, folder);
	} else if (strncmp(name, WHITEOUT_META, strlen(WHITEOUT_META))) {
		node = tree_child(folder, name + strlen(WHITEOUT));
		if (node)
			tree_hide(unpack->tree, node);
	}
	return true;
}

static int add_hard_link(struct unpack *unpack, const char *path, const char *to)
{
	struct tree_node *target = tree_find(unpack->tree, to, false);
	struct tree_file *file;
	struct tree_node *node;
	int r;

	if (!target || S_ISDIR(target->mode))
		return pack_fail(unpack->error, -EBADMSG, "%.100s: hard link to %.200s, which is not there",
				 path, to);
	/* The new name may take the place of the old one or of a folder around it. */
	file = target->file;
	if (file)
		file->links++;
	r = tree_add(unpack->tree, path, S_IFREG, &node);
	if (!r && tree_find(unpack->tree, to, false) == target && target != node) {
		r = tree_link(node, target);
	} else if (!r) {
		r = -EBADMSG;
	}
	if (file && !--file->links)
		free(file);
	if (r == -EBADMSG)
		return pack_fail(unpack->error, r, "%.200s: hard link to itself", path);
	return r ? entry_fail(unpack, path, r) : 0;
}

/* The hole of a sparse file in front of @to. */
static int fill_hole(struct unpack *unpack, struct tree_node *node, uint64_t to)
{
	static const uint8_t zeros[4096];
	int r = 0;

	while (!r && node->file->size < to)
		r = tree_file_write(unpack->tree, node, zeros,
				    MIN(to - node->file->size, sizeof(zeros)));
	return r;
}

static int read_contents(struct unpack *unpack, struct archive *archive, struct tree_node *node)
{
	const void *data;
	size_t size;
	int64_t offset = 0;
	int status = ARCHIVE_OK, r;

	r = tree_file_begin(unpack->tree, node);
	while (!r && status == ARCHIVE_OK) {
		status = archive_read_data_block(archive, &data, &size, &offset);
		/* Also at the end, which comes with the size of the file. */
		if ((status == ARCHIVE_OK || status == ARCHIVE_EOF) && offset > 0)
			r = fill_hole(unpack, node, offset);
		if (!r && status == ARCHIVE_OK)
			r = tree_file_write(unpack->tree, node, data, size);
	}
	if (r)
		return pack_fail(unpack->error, r, "cannot keep a copy: %s", strerror(-r));
	return status == ARCHIVE_EOF ? 0 : archive_fail(unpack, archive);
}

static int fill_node(struct unpack *unpack, struct archive *archive, struct archive_entry *entry,
		     struct tree_node *node)
{
	const char *target;
	int r;

	if (unpack->own) {
		node->uid = archive_entry_uid(entry);
		node->gid = archive_entry_gid(entry);
	}
	if (S_ISREG(node->mode))
		return read_contents(unpack, archive, node);
	if (S_ISCHR(node->mode) || S_ISBLK(node->mode))
		node->rdev = makedev(archive_entry_rdevmajor(entry), archive_entry_rdevminor(entry));
	if (!S_ISLNK(node->mode))
		return 0;
	target = archive_entry_symlink(entry);
	node->target = strdup(target ?: "");
	r = node->target ? 0 : -ENOMEM;
	/* An empty target is one that cannot be made; nor could it be followed. */
	return r ? r : *node->target ? 0 :
		pack_fail(unpack->error, -EBADMSG, "%s: symbolic link to nothing", node->name);
}

static int add_entry(struct unpack *unpack, struct archive *archive, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);
	const char *link = archive_entry_hardlink(entry);
	mode_t mode = archive_entry_mode(entry);
	struct tree_node *node;
	int r;

	if (!path || strlen(path) < unpack->skip)
		return pack_fail(unpack->error, -EBADMSG, "an entry has no readable name");
	path += unpack->skip;
	if (unpack->whiteouts && apply_whiteout(unpack, path))
		return 0;
	if (link)
		return add_hard_link(unpack, path, link + MIN(unpack->skip, strlen(link)));
	/* Nobody talks through a socket that was put into an archive. */
	if (S_ISSOCK(mode))
		return 0;
	if (!S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode) && !S_ISCHR(mode) &&
	    !S_ISBLK(mode) && !S_ISFIFO(mode))
		return pack_fail(unpack->error, -EBADMSG, "%.200s: of no known type", path);
	r = tree_add(unpack->tree, path, mode, &node);
	if (r)
		return entry_fail(unpack, path, r);
	r = fill_node(unpack, archive, entry, node);
	return r == -ENOMEM ? entry_fail(unpack, path, r) : r;
}

static la_ssize_t feed(struct archive *archive, void *arg, const void **ret)
{
	struct unpack *unpack = arg;
	ssize_t n = pread(unpack->fd, unpack->buf, MIN(unpack->left, sizeof(unpack->buf)),
			  unpack->at);

	if (n < 0) {
		archive_set_error(archive, errno, "cannot read: %s", strerror(errno));
		return -1;
	}
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
	/* Those of libarchive itself: no program is run. */
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
	int status, r = 0;

	if (!archive)
		return -ENOMEM;
	status = archive_read_open(archive, unpack, NULL, feed, NULL);
	while (status >= ARCHIVE_WARN && !r) {
		status = archive_read_next_header(archive, &entry);
		if (status == ARCHIVE_EOF)
			break;
		if (status >= ARCHIVE_WARN)
			r = add_entry(unpack, archive, entry);
	}
	if (!r && status != ARCHIVE_EOF)
		r = archive_fail(unpack, archive);
	archive_read_free(archive);
	return r;
}

/* Names in archives are UTF-8, whatever the user's language. */
static int in_utf8(struct unpack *unpack, int (*read)(struct unpack *unpack))
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	locale_t before;
	int r;

	if (!utf8)
		return pack_fail(unpack->error, -ENOTSUP, "the C library does not know C.UTF-8");
	before = uselocale(utf8);
	r = read(unpack);
	uselocale(before);
	freelocale(utf8);
	return r;
}

static struct unpack *new_unpack(struct tree *tree, struct pack_error *error)
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
		 struct pack_error *error)
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

int unpack_archive(struct tree *tree, int fd, struct pack_error *error)
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
	int status, r = 0;

	if (!entry)
		return -ENOMEM;
	while (!r && (status = archive_read_next_header2(archive, entry)) != ARCHIVE_EOF) {
		if (status != ARCHIVE_OK) {
			r = archive_fail(unpack, archive);
			break;
		}
		archive_read_disk_descend(archive);
		archive_entry_linkify(links, &entry, &later);
		r = add_entry(unpack, archive, entry);
	}
	archive_entry_free(entry);
	return r;
}

static int read_disk(struct unpack *unpack, struct archive *archive, const char *path)
{
	struct archive_entry_linkresolver *links = archive_entry_linkresolver_new();
	int r;

	if (!links)
		return -ENOMEM;
	/* A second name of a file then comes as a hard link. */
	archive_entry_linkresolver_set_strategy(links, ARCHIVE_FORMAT_TAR);
	archive_read_disk_set_symlink_physical(archive);
	archive_read_disk_set_behavior(archive, ARCHIVE_READDISK_NO_ACL |
				       ARCHIVE_READDISK_NO_FFLAGS | ARCHIVE_READDISK_NO_XATTR);
	if (archive_read_disk_open(archive, path) == ARCHIVE_OK)
		r = read_disk_entries(unpack, archive, links);
	else
		r = archive_fail(unpack, archive);
	archive_entry_linkresolver_free(links);
	return r;
}

int unpack_folder(struct tree *tree, const char *path, struct pack_error *error)
{
	__cleanup_free struct unpack *unpack = new_unpack(tree, error);
	__cleanup_free char *clean = strdup(path);
	struct archive *archive;
	struct stat st;
	int r;

	if (!unpack || !clean)
		return -ENOMEM;
	if (stat(path, &st))
		return pack_fail(error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return pack_fail(error, -ENOTDIR, "%s is no folder", path);
	archive = archive_read_disk_new();
	if (!archive)
		return -ENOMEM;
	unpack->own = !geteuid();
	/* libarchive tells names without the slashes that may end a folder's. */
	unpack->skip = strlen(clean);
	while (unpack->skip > 1 && clean[unpack->skip - 1] == '/')
		clean[--unpack->skip] = 0;
	r = read_disk(unpack, archive, clean);
	archive_read_free(archive);
	return r;
}
