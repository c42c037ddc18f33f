// SPDX-License-Identifier: Apache-2.0
/* Copy files through the agent: this side of them, for which libarchive reads and writes. */

#include "cli/enclave/copy.h"

#include "cli/enclave/agent_client.h"
#include "common/util.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Without progress for so long, the agent is given up. */
#define SEND_MS		(10 * 60 * 1000)
#define STREAM_BLOCK	(64 * KIB)
/* Of files that come from an enclave. */
#define MODE_KEPT	0777
#define MODE_ALL	07777

static void reader_free(struct archive **reader)
{
	archive_read_free(*reader);
}

static void writer_free(struct archive **writer)
{
	archive_write_free(*writer);
}

static void entry_free(struct archive_entry **entry)
{
	archive_entry_free(*entry);
}

static int fail_archive(struct archive *archive, const char *what, struct error *error)
{
	int err = archive_errno(archive);

	return error_set(error, err > 0 ? -err : -EIO, "%s: %s", what,
			 archive_error_string(archive) ?: "cannot be read");
}

/* The last component of a path; "" for "/", "." and "..", which have no name of their own. */
static const char *base_name(const char *path, char buf[NAME_MAX + 1])
{
	size_t end = strlen(path), start;

	while (end && path[end - 1] == '/')
		end--;
	for (start = end; start && path[start - 1] != '/';)
		start--;
	snprintf(buf, NAME_MAX + 1, "%.*s", (int)MIN(end - start, (size_t)NAME_MAX), path + start);
	if (!strcmp(buf, ".") || !strcmp(buf, ".."))
		*buf = 0;
	return buf;
}

/* Wait for the agent's last word. What it says explains why it does not receive any more. */
static int wait_end(struct agent_link *link, int sent, struct error *error)
{
	struct agent_frame frame;
	int code, err = agent_link_wait(link, &frame, SEND_MS);

	if (err)
		return agent_client_lost(sent ? sent : err, error);
	if (frame.type == AGENT_FAILED)
		return agent_client_failed(&frame, &code, error);
	return frame.type == AGENT_END && !sent ? 0 : agent_client_lost(-EPROTO, error);
}

static int send_frame(struct agent_link *link, enum agent_type type, const void *data, size_t len,
		      struct error *error)
{
	int err = agent_link_send(link, type, data, len, SEND_MS);

	return err ? wait_end(link, err, error) : 0;
}

static int send_pair(struct agent_link *link, enum agent_type type, const char *path,
		     const char *name, struct error *error)
{
	static uint8_t contents[AGENT_CONTENTS_MAX];
	ssize_t len = agent_pair_write(path, name, contents);

	if (len < 0)
		return error_set(error, len, "%.100s...: the path is too long", path);
	return send_frame(link, type, contents, len, error);
}

/* Zeros for the holes of a file. */
static int send_zeros(struct agent_link *link, uint64_t count, struct error *error)
{
	static const char zeros[AGENT_CONTENTS_MAX];
	int err = 0;

	for (size_t n; !err && count; count -= n) {
		n = MIN(count, sizeof(zeros));
		err = send_frame(link, AGENT_DATA, zeros, n, error);
	}
	return err;
}

static int send_contents(struct agent_link *link, struct archive *reader,
			 const struct agent_entry *entry, struct error *error)
{
	uint64_t sent = 0;
	const char *data;
	int64_t offset;
	size_t size;
	int err = 0, status;

	while (!err && sent < entry->size) {
		status = archive_read_data_block(reader, (const void **)&data, &size, &offset);
		if (status == ARCHIVE_EOF)
			break;
		if (status != ARCHIVE_OK)
			return fail_archive(reader, entry->name, error);
		if (offset < 0 || (uint64_t)offset < sent || size > entry->size ||
		    (uint64_t)offset > entry->size - size)
			return error_set(error, -EIO, "%s: it has changed while it was read",
					 entry->name);
		err = send_zeros(link, offset - sent, error);
		sent = offset;
		for (size_t n; !err && size; size -= n, data += n, sent += n) {
			n = MIN(size, (size_t)AGENT_CONTENTS_MAX);
			err = send_frame(link, AGENT_DATA, data, n, error);
		}
	}
	return err ? err : send_zeros(link, entry->size - sent, error);
}

static int send_entry(struct agent_link *link, struct archive *reader,
		      struct archive_entry *entry, const char *name, struct error *error)
{
	static uint8_t contents[AGENT_CONTENTS_MAX];
	mode_t type = archive_entry_filetype(entry);
	struct agent_entry out = {
		.mode = type | (archive_entry_perm(entry) & MODE_ALL),
		.size = type == S_IFREG ? archive_entry_size(entry) : 0,
		.mtime = archive_entry_mtime(entry),
		.name = name,
		.target = type == S_IFLNK ? archive_entry_symlink(entry) ?: "" : "",
	};
	ssize_t len;
	int err;

	if ((type != S_IFREG && type != S_IFDIR && type != S_IFLNK) ||
	    archive_entry_hardlink(entry)) {
		term_error("%s: left out: no file, directory or symbolic link",
			   archive_entry_pathname(entry));
		return 0;
	}
	len = agent_entry_write(&out, contents);
	if (len < 0 || agent_entry_read(contents, len, &out))
		return error_set(error, -EINVAL, "%s: this name cannot be stored",
				 archive_entry_pathname(entry));
	/* It pointed into the contents, which the next frame overwrites. */
	out.name = name;
	err = send_frame(link, AGENT_ENTRY, contents, len, error);
	return err ? err : send_contents(link, reader, &out, error);
}

/* "./a/b/" is "a/b". */
static const char *clean_name(const char *name, char buf[PATH_MAX])
{
	size_t len;

	while (!strncmp(name, "./", 2) || *name == '/')
		name += *name == '/' ? 1 : 2;
	if (!strcmp(name, "."))
		name = "";
	len = strlen(name);
	while (len && name[len - 1] == '/')
		len--;
	snprintf(buf, PATH_MAX, "%.*s", (int)MIN(len, (size_t)PATH_MAX - 1), name);
	return buf;
}

/* @root_len: bytes at the start of each path that are not part of the name */
static int send_all(struct agent_link *link, struct archive *reader, size_t root_len,
		    const char *what, struct error *error)
{
	struct archive_entry *entry;
	char name[PATH_MAX];
	int err = 0, status;

	while (!err && (status = archive_read_next_header(reader, &entry)) != ARCHIVE_EOF) {
		const char *path = status == ARCHIVE_OK || status == ARCHIVE_WARN ?
				   archive_entry_pathname(entry) : NULL;

		if (!path)
			return fail_archive(reader, what, error);
		clean_name(path + MIN(root_len, strlen(path)), name);
		/* The root of an archive is what it is unpacked into. */
		if (*name || root_len)
			err = send_entry(link, reader, entry, name, error);
		if (!err && root_len && archive_read_disk_can_descend(reader))
			status = archive_read_disk_descend(reader);
	}
	if (!err)
		err = send_frame(link, AGENT_END, NULL, 0, error);
	return err ? err : wait_end(link, 0, error);
}

static int send_stream(struct agent_link *link, const char *to, struct error *error)
{
	__cleanup(reader_free) struct archive *reader = archive_read_new();
	int err;

	if (!reader || archive_read_support_filter_all(reader) < ARCHIVE_WARN ||
	    archive_read_support_format_tar(reader))
		return error_set(error, -ENOMEM, "out of memory");
	if (archive_read_open_fd(reader, STDIN_FILENO, STREAM_BLOCK))
		return fail_archive(reader, "standard input is not a tar archive", error);
	err = send_pair(link, AGENT_PUT, to, "", error);
	return err ? err : send_all(link, reader, 0, "standard input", error);
}

static int send_path(struct agent_link *link, const char *from, const char *to,
		     struct error *error)
{
	__cleanup(reader_free) struct archive *reader = archive_read_disk_new();
	__cleanup_free char *root = realpath(from, NULL);
	char name[NAME_MAX + 1];
	struct stat st;
	int err;

	if (!reader)
		return error_set(error, -ENOMEM, "out of memory");
	if (!root || stat(root, &st))
		return error_set(error, -errno, "%s: %s", from, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return error_set(error, -EINVAL, "%s: no file or directory", from);
	archive_read_disk_set_symlink_physical(reader);
	if (archive_read_disk_open(reader, root))
		return fail_archive(reader, from, error);
	base_name(from, name);
	err = send_pair(link, AGENT_PUT, to, *name ? name : base_name(root, name), error);
	return err ? err : send_all(link, reader, strlen(root), from, error);
}

int copy_to(struct agent_link *link, const char *from, const char *to, struct error *error)
{
	return strcmp(from, COPY_STREAM) ? send_path(link, from, to, error) :
	       send_stream(link, to, error);
}

/**
 * struct store - where files go
 * @writer: a disk, or a stream
 * @root: name of the first entry
 * @left: bytes of the current file that have not arrived yet
 */
struct store {
	struct archive *writer;
	const char *root;
	uint64_t left;
};

static int store_entry(struct store *store, const struct agent_frame *frame, struct error *error)
{
	__cleanup(entry_free) struct archive_entry *entry = archive_entry_new();
	struct agent_entry in;
	char path[PATH_MAX];
	int len;

	if (!entry)
		return error_set(error, -ENOMEM, "out of memory");
	if (store->left || agent_entry_read(frame->data, frame->len, &in))
		return agent_client_lost(-EPROTO, error);
	len = snprintf(path, sizeof(path), "%s%s%s", store->root, *store->root && *in.name ? "/" : "",
		       in.name);
	if (len >= (int)sizeof(path))
		return error_set(error, -ENAMETOOLONG, "%s: the path is too long", in.name);
	archive_entry_set_pathname(entry, *path ? path : ".");
	archive_entry_set_filetype(entry, in.mode & S_IFMT);
	archive_entry_set_perm(entry, in.mode & MODE_KEPT);
	archive_entry_set_size(entry, in.size);
	archive_entry_set_mtime(entry, in.mtime, 0);
	if (*in.target)
		archive_entry_set_symlink(entry, in.target);
	if (archive_write_header(store->writer, entry))
		return fail_archive(store->writer, path, error);
	store->left = in.size;
	return 0;
}

static int store_data(struct store *store, const struct agent_frame *frame, struct error *error)
{
	if (!frame->len || frame->len > store->left)
		return agent_client_lost(-EPROTO, error);
	if (archive_write_data(store->writer, frame->data, frame->len) < 0)
		return fail_archive(store->writer, store->root, error);
	store->left -= frame->len;
	return 0;
}

/* Return: 0, or a negative errno with a message. */
static int store_all(struct agent_link *link, struct store *store, struct error *error)
{
	struct agent_frame frame;
	int code, err;

	for (;;) {
		err = agent_link_wait(link, &frame, SEND_MS);
		if (err)
			return agent_client_lost(err, error);
		switch (frame.type) {
		case AGENT_ENTRY:
			err = store_entry(store, &frame, error);
			break;
		case AGENT_DATA:
			err = store_data(store, &frame, error);
			break;
		case AGENT_STDERR:
			term_error("%.*s", (int)frame.len, (const char *)frame.data);
			break;
		case AGENT_FAILED:
			return agent_client_failed(&frame, &code, error);
		case AGENT_END:
			if (store->left)
				return agent_client_lost(-EPROTO, error);
			if (archive_write_close(store->writer))
				return fail_archive(store->writer, store->root, error);
			return 0;
		default:
			return agent_client_lost(-EPROTO, error);
		}
		if (err)
			return err;
	}
}

static int get_stream(struct agent_link *link, const char *from, struct error *error)
{
	__cleanup(writer_free) struct archive *writer = archive_write_new();
	char name[NAME_MAX + 1];
	struct store store = { .writer = writer, .root = base_name(from, name) };
	int err;

	if (!writer || archive_write_set_format_pax_restricted(writer) ||
	    archive_write_set_bytes_in_last_block(writer, 1))
		return error_set(error, -ENOMEM, "out of memory");
	if (archive_write_open_fd(writer, STDOUT_FILENO))
		return fail_archive(writer, "standard output", error);
	err = send_pair(link, AGENT_GET, from, "", error);
	return err ? err : store_all(link, &store, error);
}

/*
 * Go to the directory that receives the copy, so that all names of the enclave are below a relative
 * one, and no symbolic link that the enclave sends is followed.
 */
static int enter_target(const char *from, const char *to, char name[NAME_MAX + 1],
			struct error *error)
{
	__cleanup_free char *parent = NULL;
	size_t len = strlen(to), base;
	struct stat st;

	base_name(from, name);
	if (!stat(to, &st) && S_ISDIR(st.st_mode)) {
		if (!*name)
			return error_set(error, -EINVAL, "%s: give the copy a name: %s/NAME", from,
					 to);
		return chdir(to) ? error_set(error, -errno, "%s: %s", to, strerror(errno)) : 0;
	}
	/* A device or a FIFO is not replaced by a file. */
	if (!lstat(to, &st) && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return error_set(error, -EEXIST, "%s: no file or directory; \"-\" is a tar archive "
				 "at standard output", to);
	base_name(to, name);
	if (!len || to[len - 1] == '/' || !*name)
		return error_set(error, -ENOENT, "%s: there is no such directory", to);
	base = len - strlen(name);
	parent = strndup(to, base);
	if (!parent)
		return error_set(error, -ENOMEM, "out of memory");
	if (base && chdir(parent))
		return error_set(error, -errno, "%s: %s", parent, strerror(errno));
	return 0;
}

static int get_path(struct agent_link *link, const char *from, const char *to,
		    struct error *error)
{
	__cleanup(writer_free) struct archive *writer = archive_write_disk_new();
	struct store store = { .writer = writer };
	char name[NAME_MAX + 1];
	int err;

	if (!writer || archive_write_disk_set_options(writer, ARCHIVE_EXTRACT_PERM |
						      ARCHIVE_EXTRACT_TIME |
						      ARCHIVE_EXTRACT_SECURE_SYMLINKS |
						      ARCHIVE_EXTRACT_SECURE_NODOTDOT |
						      ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS |
						      ARCHIVE_EXTRACT_SAFE_WRITES))
		return error_set(error, -ENOMEM, "out of memory");
	err = enter_target(from, to, name, error);
	store.root = name;
	if (!err)
		err = send_pair(link, AGENT_GET, from, "", error);
	return err ? err : store_all(link, &store, error);
}

int copy_from(struct agent_link *link, const char *from, const char *to, struct error *error)
{
	return strcmp(to, COPY_STREAM) ? get_path(link, from, to, error) :
	       get_stream(link, from, error);
}
