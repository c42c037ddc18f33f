// SPDX-License-Identifier: Apache-2.0
/* Copy files to and from a client. */

#include "guest/agent/files.h"

#include "guest/agent/session.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CODE_FAILED	1
/* Directories that are open at the same time. */
#define OPEN_MAX_DIRS	16
#define TEMPORARY	".ne-emu-cp-XXXXXX"

/* nftw() has no argument for its function; this process has one client. */
static struct agent_link *client;
static size_t root_len;

__attribute__((noreturn))
static void fail_path(const char *path)
{
	session_fail(client, CODE_FAILED, "%s: %s", path, strerror(errno));
}

static void send_frame(enum agent_type type, const void *data, size_t len)
{
	if (agent_link_send(client, type, data, len, -1))
		_exit(1);
}

static void send_entry(const struct agent_entry *entry)
{
	static uint8_t contents[AGENT_CONTENTS_MAX];
	ssize_t len = agent_entry_write(entry, contents);

	if (len < 0)
		session_fail(client, CODE_FAILED, "%s: the path is too long", entry->name);
	send_frame(AGENT_ENTRY, contents, len);
}

/* Return: bytes read; fewer than @size only at the end of the file. */
static size_t read_some(int fd, char *buf, size_t size, const char *path)
{
	size_t used = 0;
	ssize_t n;

	while (used < size && (n = read(fd, buf + used, size - used))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail_path(path);
		used += n;
	}
	return used;
}

/* Files below /proc have a size of 0 and contents. */
static void send_file(const char *path, struct agent_entry *entry)
{
	static char buf[AGENT_CONTENTS_MAX];
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	uint64_t left;
	size_t n;

	if (fd < 0)
		fail_path(path);
	n = read_some(fd, buf, sizeof(buf), path);
	if (n < sizeof(buf))
		entry->size = n;
	else if (entry->size < n)
		session_fail(client, CODE_FAILED, "%s: its size is not known", path);
	send_entry(entry);
	for (left = entry->size; left; left -= n) {
		if (left != entry->size)
			n = read_some(fd, buf, left < sizeof(buf) ? left : sizeof(buf), path);
		if (!n)
			session_fail(client, CODE_FAILED, "%s: it became shorter", path);
		send_frame(AGENT_DATA, buf, n);
	}
	close(fd);
}

static void send_link(const char *path, struct agent_entry *entry)
{
	static char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		fail_path(path);
	target[n] = 0;
	entry->target = target;
	send_entry(entry);
}

static void note_skipped(const char *path)
{
	char text[PATH_MAX + 64];
	int len = snprintf(text, sizeof(text), "%s: left out: no file, directory or link\n", path);

	send_frame(AGENT_STDERR, text, len);
}

static int send_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct agent_entry entry = {
		.mode = st->st_mode,
		.size = S_ISREG(st->st_mode) ? st->st_size : 0,
		.mtime = st->st_mtime,
		.name = path + root_len,
		.target = "",
	};

	(void)ftw;
	if (type == FTW_NS || type == FTW_DNR)
		fail_path(path);
	if (*entry.name == '/')
		entry.name++;
	if (S_ISREG(st->st_mode))
		send_file(path, &entry);
	else if (S_ISDIR(st->st_mode))
		send_entry(&entry);
	else if (S_ISLNK(st->st_mode))
		send_link(path, &entry);
	else
		note_skipped(path);
	return 0;
}

void files_send(struct agent_link *link, const char *path)
{
	char *root = realpath(path, NULL);
	struct stat st;

	client = link;
	if (!root || stat(root, &st))
		fail_path(path);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		session_fail(link, CODE_FAILED, "%s: no file or directory", path);
	root_len = strcmp(root, "/") ? strlen(root) : 0;
	if (nftw(root, send_one, OPEN_MAX_DIRS, FTW_PHYS))
		fail_path(path);
	send_frame(AGENT_END, NULL, 0);
}

/**
 * struct store - where files go
 * @root: what the first entry is called
 * @path: the entry that is being stored
 * @temporary: the name it has until it is complete; "": none is being stored
 * @fd: the open file, or -1
 * @left: bytes of it that have not arrived yet
 */
struct store {
	char root[PATH_MAX];
	char path[PATH_MAX];
	char temporary[PATH_MAX];
	int fd;
	uint64_t left;
	struct agent_entry entry;
};

__attribute__((noreturn))
static void fail_store(struct store *store)
{
	int err = errno;

	if (*store->temporary)
		(void)unlink(store->temporary);
	errno = err;
	fail_path(store->path);
}

/* Archives may have files without an entry for their directory. */
static void make_parents(struct store *store)
{
	char *at = store->path + strlen(store->root);

	while (*at && (at = strchr(at + 1, '/'))) {
		int err;

		*at = 0;
		err = mkdir(store->path, 0755) && errno != EEXIST && errno != ENOENT;
		*at = '/';
		if (err)
			fail_store(store);
	}
}

static void finish_file(struct store *store)
{
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_NOW }, { .tv_sec = store->entry.mtime },
	};

	if (fchmod(store->fd, store->entry.mode & 07777) || futimens(store->fd, times) ||
	    close(store->fd) || rename(store->temporary, store->path))
		fail_store(store);
	*store->temporary = 0;
	store->fd = -1;
}

/* A device or a FIFO is not replaced by a file. */
static void begin_file(struct store *store)
{
	char *slash = strrchr(store->path, '/');
	int dir_len = slash ? slash + 1 - store->path : 0;
	struct stat st;

	if (!lstat(store->path, &st) && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EEXIST;
		fail_store(store);
	}
	errno = ENAMETOOLONG;
	if (snprintf(store->temporary, PATH_MAX, "%.*s" TEMPORARY, dir_len, store->path) >=
	    PATH_MAX)
		session_fail(client, CODE_FAILED, "%s: %s", store->path, strerror(errno));
	store->fd = mkostemp(store->temporary, O_CLOEXEC);
	if (store->fd < 0) {
		*store->temporary = 0;
		fail_store(store);
	}
	store->left = store->entry.size;
	if (!store->left)
		finish_file(store);
}

static void make_directory(struct store *store)
{
	struct stat st;

	if (mkdir(store->path, 0700) &&
	    (errno != EEXIST || stat(store->path, &st) || !S_ISDIR(st.st_mode)))
		fail_store(store);
	if (chmod(store->path, store->entry.mode & 07777))
		fail_store(store);
}

static void make_link(struct store *store)
{
	struct stat st;

	if (!lstat(store->path, &st) && !S_ISDIR(st.st_mode) && unlink(store->path))
		fail_store(store);
	if (symlink(store->entry.target, store->path))
		fail_store(store);
}

static void store_entry(struct store *store, const struct agent_frame *frame)
{
	struct agent_entry *entry = &store->entry;

	if (store->fd >= 0 || agent_entry_read(frame->data, frame->len, entry)) {
		errno = EPROTO;
		fail_store(store);
	}
	if (snprintf(store->path, PATH_MAX, "%s%s%s", store->root, *entry->name ? "/" : "",
		     entry->name) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		fail_store(store);
	}
	make_parents(store);
	if (S_ISREG(entry->mode))
		begin_file(store);
	else if (S_ISDIR(entry->mode))
		make_directory(store);
	else
		make_link(store);
}

static void store_data(struct store *store, const struct agent_frame *frame)
{
	const uint8_t *at = frame->data;
	size_t len = frame->len;
	ssize_t n;

	if (store->fd < 0 || len > store->left) {
		errno = EPROTO;
		fail_store(store);
	}
	for (; len; len -= n, at += n) {
		n = write(store->fd, at, len);
		if (n < 0 && errno != EINTR)
			fail_store(store);
		n = n < 0 ? 0 : n;
	}
	store->left -= frame->len;
	if (!store->left)
		finish_file(store);
}

static void choose_root(struct store *store, const char *path, const char *name)
{
	size_t len = strlen(path);
	struct stat st;
	bool in = *name && !stat(path, &st) && S_ISDIR(st.st_mode);

	while (len > 1 && path[len - 1] == '/')
		len--;
	/* A name with a slash at its end is that of a directory, which must be there. */
	if (*name && !in && path[strlen(path) - 1] == '/') {
		errno = ENOENT;
		fail_path(path);
	}
	if (snprintf(store->root, PATH_MAX, "%.*s%s%s", (int)len, path, in ? "/" : "",
		     in ? name : "") >= PATH_MAX) {
		errno = ENAMETOOLONG;
		fail_path(path);
	}
}

void files_receive(struct agent_link *link, const char *path, const char *name)
{
	static struct store store = { .fd = -1 };
	struct agent_frame frame;

	client = link;
	choose_root(&store, path, name);
	for (;;) {
		if (agent_link_wait(link, &frame, -1)) {
			if (*store.temporary)
				(void)unlink(store.temporary);
			_exit(1);
		}
		switch (frame.type) {
		case AGENT_ENTRY:
			store_entry(&store, &frame);
			break;
		case AGENT_DATA:
			store_data(&store, &frame);
			break;
		case AGENT_END:
			errno = EPROTO;
			if (store.fd >= 0)
				fail_store(&store);
			send_frame(AGENT_END, NULL, 0);
			return;
		default:
			errno = EPROTO;
			fail_store(&store);
		}
	}
}
