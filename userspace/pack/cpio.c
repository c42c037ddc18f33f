// SPDX-License-Identifier: Apache-2.0
/* Ramdisks: cpio archives that the kernel can unpack. */

#include "pack/cpio.h"

#include "common/util.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define COPY_SIZE	(64 * KIB)
/* Bytes of one write, for many small files. */
#define BLOCK_SIZE	(256 * KIB)

static int cpio_fail(struct cpio *cpio, const char *name)
{
	int error = archive_errno(cpio->archive);

	return error_set(cpio->error, error > 0 ? -error : -EIO, "%s%s%s", name ?: "",
			 name ? ": " : "", archive_error_string(cpio->archive) ?: "cannot write");
}

int cpio_begin(struct cpio *cpio, int fd, struct error *error)
{
	*cpio = (struct cpio){ .archive = archive_write_new(), .error = error };
	if (!cpio->archive)
		return -ENOMEM;
	archive_write_set_format_cpio_newc(cpio->archive);
	archive_write_set_bytes_per_block(cpio->archive, BLOCK_SIZE);
	archive_write_set_bytes_in_last_block(cpio->archive, 1);	/* no padding */
	if (archive_write_open_fd(cpio->archive, fd) != ARCHIVE_OK)
		return cpio_fail(cpio, NULL);
	return 0;
}

void cpio_abort(struct cpio *cpio)
{
	/* May write an end. archive_write_fail() would not, but would leak memory. */
	archive_write_free(cpio->archive);
	cpio->archive = NULL;
}

int cpio_end(struct cpio *cpio)
{
	int err = archive_write_close(cpio->archive) == ARCHIVE_OK ? 0 : cpio_fail(cpio, NULL);

	cpio_abort(cpio);
	return err;
}

static int write_header(struct cpio *cpio, const struct tree_node *node, const char *name,
			unsigned int number, unsigned int links, uint64_t size)
{
	struct archive_entry *entry = archive_entry_new();
	int err = 0;

	if (!entry)
		return -ENOMEM;
	archive_entry_set_pathname(entry, name);
	archive_entry_set_mode(entry, node->mode);
	archive_entry_set_uid(entry, node->uid);
	archive_entry_set_gid(entry, node->gid);
	archive_entry_set_ino64(entry, number);
	archive_entry_set_nlink(entry, links);
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_dev(entry, 0);
	archive_entry_set_rdevmajor(entry, major(node->rdev));
	archive_entry_set_rdevminor(entry, minor(node->rdev));
	archive_entry_set_size(entry, size);
	if (node->target)
		archive_entry_set_symlink(entry, node->target);
	if (archive_write_header(cpio->archive, entry) != ARCHIVE_OK)
		err = cpio_fail(cpio, name);
	archive_entry_free(entry);
	return err;
}

static int write_data(struct cpio *cpio, const char *name, const void *data, size_t size)
{
	la_ssize_t n = archive_write_data(cpio->archive, data, size);

	return n >= 0 && (size_t)n == size ? 0 : cpio_fail(cpio, name);
}

static int copy_data(struct cpio *cpio, const struct tree *tree, const struct tree_file *file,
		     const char *name)
{
	__cleanup_free uint8_t *buf = malloc(COPY_SIZE);
	uint64_t done = 0;
	int err = 0;

	if (!buf)
		return -ENOMEM;
	while (!err && done < file->size) {
		ssize_t n = pread(tree_file_fd(tree, file), buf, MIN(file->size - done, COPY_SIZE),
				  file->offset + done);

		if (n <= 0)
			return error_set(cpio->error, n ? -errno : -EIO, "%s: cannot read its copy",
					 name);
		err = write_data(cpio, name, buf, n);
		done += n;
	}
	return err;
}

static int add_node(struct cpio *cpio, const struct tree *tree, const struct tree_node *node,
		    const char *name)
{
	struct tree_file *file = node->file;
	int err;

	if (!file)
		return write_header(cpio, node, name, ++cpio->last_number, 1, 0);
	/* The kernel recognises further names by the number; they have no data. */
	if (file->number)
		return write_header(cpio, node, name, file->number, file->links, 0);
	file->number = ++cpio->last_number;
	err = write_header(cpio, node, name, file->number, file->links, file->size);
	return err ? err : copy_data(cpio, tree, file, name);
}

/* @name: buffer of PATH_MAX bytes, of which @len are in use */
static int add_nodes(struct cpio *cpio, const struct tree *tree, const struct tree_node *node,
		     char *name, size_t len)
{
	__cleanup_free struct tree_node **children = tree_children(node);
	int err = children ? add_node(cpio, tree, node, name) : -ENOMEM;

	for (size_t i = 0; !err && i < node->count; i++) {
		const struct tree_node *child = children[i];
		size_t more = strlen(child->name) + 1;

		if (len + more >= PATH_MAX)
			return error_set(cpio->error, -ENAMETOOLONG,
					 "a path below %.200s is too long for the kernel", name);
		name[len] = '/';
		memcpy(name + len + 1, child->name, more);
		err = add_nodes(cpio, tree, child, name, len + more);
		name[len] = 0;
	}
	return err;
}

int cpio_add_tree(struct cpio *cpio, const struct tree *tree, const char *prefix)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s", prefix);
	return add_nodes(cpio, tree, &tree->root, name, strlen(name));
}

int cpio_add_folder(struct cpio *cpio, const char *name, mode_t mode)
{
	const struct tree_node node = { .mode = S_IFDIR | mode };

	return write_header(cpio, &node, name, ++cpio->last_number, 2, 0);
}

int cpio_add_data(struct cpio *cpio, const char *name, mode_t mode, const void *data, size_t size)
{
	const struct tree_node node = { .mode = S_IFREG | mode };
	int err = write_header(cpio, &node, name, ++cpio->last_number, 1, size);

	return err ? err : write_data(cpio, name, data, size);
}
