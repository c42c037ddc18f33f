// SPDX-License-Identifier: Apache-2.0
/* The user's cache of images that "ne-emu run" has built. */

#include "cli/image/cache.h"

#include "cli/host/json_in.h"
#include "common/clock.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER		"/ne-emu/images"
#define IMAGE		".eif"
#define RECORD		".json"
#define HASH		".sha256"
#define KEY_LENGTH	(SHA256_TEXT_SIZE - 1)

static const char *entry_path(char path[PATH_MAX], const struct image_cache *cache,
			      const char *key, const char *suffix)
{
	snprintf(path, PATH_MAX, "%s/%s%s", cache->path, key, suffix);
	return path;
}

int image_cache_place(struct image_cache *cache)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int len;

	if (base && *base == '/')
		len = snprintf(cache->path, sizeof(cache->path), "%s" FOLDER, base);
	else if (home && *home == '/' && home[1])
		len = snprintf(cache->path, sizeof(cache->path), "%s/.cache" FOLDER, home);
	else if (!geteuid())
		len = snprintf(cache->path, sizeof(cache->path), "/var/cache" FOLDER);
	else
		return -ENOENT;
	return (size_t)len < sizeof(cache->path) ? 0 : -ENAMETOOLONG;
}

/* Create all directories of a path, like "mkdir -p". */
static int make_path(char *path)
{
	for (char *slash = strchr(path + 1, '/'); ; slash = strchr(slash + 1, '/')) {
		int failed;

		if (slash)
			*slash = 0;
		failed = mkdir(path, 0700) && errno != EEXIST;
		if (slash)
			*slash = '/';
		if (failed)
			return -errno;
		if (!slash)
			return 0;
	}
}

static int check_owner(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return st.st_uid == geteuid() && !(st.st_mode & 022) ? 0 : -EPERM;
}

int image_cache_open(struct image_cache *cache, struct error *error)
{
	int err = image_cache_place(cache);

	if (err) {
		cache->path[0] = 0;
		return error_set(error, err, "neither XDG_CACHE_HOME nor HOME names a directory");
	}
	err = make_path(cache->path);
	if (!err)
		err = check_owner(cache->path);
	if (err == -EPERM)
		(void)error_set(error, err, "%s: other users can change it", cache->path);
	else if (err)
		(void)error_set(error, err, "%s: %s", cache->path, strerror(-err));
	if (err)
		cache->path[0] = 0;
	return err;
}

int image_cache_find(const struct image_cache *cache, const char *key, int *ret_fd,
		     json_t **ret_record)
{
	__cleanup_fd int fd = -1;
	char path[PATH_MAX];
	json_t *record;
	struct stat st;

	if (!*cache->path || json_in_load(entry_path(path, cache, key, RECORD), &record))
		return -ENOENT;
	fd = open(entry_path(path, cache, key, IMAGE), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) || (uint64_t)st.st_size != json_in_u64(record, "Bytes")) {
		json_decref(record);
		return -ENOENT;
	}
	(void)utimensat(AT_FDCWD, entry_path(path, cache, key, RECORD), NULL, 0);
	*ret_record = record;
	*ret_fd = fd_steal(&fd);
	return 0;
}

int image_cache_begin(const struct image_cache *cache, const char *key, struct file_new *file,
		      struct error *error)
{
	char path[PATH_MAX];

	return file_new_open(file, entry_path(path, cache, key, IMAGE), error);
}

static int write_file(const char *path, const char *text, struct error *error)
{
	struct file_new file;
	int err = file_new_open(&file, path, error);

	if (!err) {
		err = write_full(file.fd, text, strlen(text));
		err = err ? error_set(error, err, "%s: %s", path, strerror(-err)) :
			file_new_commit(&file, error);
	}
	file_new_abort(&file);
	return err;
}

int image_cache_add(const struct image_cache *cache, const char *key, struct file_new *file,
		    const json_t *record, struct error *error)
{
	__cleanup_free char *text = json_dumps(record, JSON_INDENT(2));
	char path[PATH_MAX];
	int err;

	if (!text)
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	/* On disk first: after a crash, a record must not stand for an image of zeros. */
	if (fdatasync(file->fd))
		return error_set(error, -errno, "%s: %s", cache->path, strerror(errno));
	err = file_new_commit(file, error);
	return err ? err : write_file(entry_path(path, cache, key, RECORD), text, error);
}

static int compare_used(const void *a, const void *b)
{
	const struct image_entry *x = a, *y = b;
	int64_t x_ns = timespec_ns(x->used), y_ns = timespec_ns(y->used);

	return x_ns < y_ns ? 1 : x_ns > y_ns ? -1 : strcmp(x->key, y->key);
}

/* Return: 1 for an entry, 0 for another file. */
static int read_entry(const struct image_cache *cache, const char *name, struct image_entry *ret)
{
	char path[PATH_MAX];
	struct stat st;

	if (strlen(name) != KEY_LENGTH + strlen(RECORD) || strcmp(name + KEY_LENGTH, RECORD))
		return 0;
	snprintf(ret->key, sizeof(ret->key), "%.*s", (int)KEY_LENGTH, name);
	entry_path(path, cache, ret->key, RECORD);
	if (stat(path, &st) || json_in_load(path, &ret->record))
		return 0;
	ret->used = st.st_mtim;
	return 1;
}

int image_cache_list(const struct image_cache *cache, struct image_entry **ret,
		     size_t *ret_count)
{
	struct image_entry *list = NULL;
	DIR *dir = opendir(cache->path);
	const struct dirent *file;
	size_t count = 0;

	if (!dir)
		return -errno;
	while ((file = readdir(dir))) {
		struct image_entry *more = reallocarray(list, count + 1, sizeof(*list));

		if (!more) {
			image_entries_free(list, count);
			closedir(dir);
			return -ENOMEM;
		}
		list = more;
		count += read_entry(cache, file->d_name, &list[count]);
	}
	closedir(dir);
	qsort(list, count, sizeof(*list), compare_used);
	*ret = list;
	*ret_count = count;
	return 0;
}

void image_entries_free(struct image_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		json_decref(entries[i].record);
	free(entries);
}

int image_cache_remove(const struct image_cache *cache, const char *key)
{
	char path[PATH_MAX];

	/* The record first: without it, there is no entry. */
	if (unlink(entry_path(path, cache, key, RECORD)) && errno != ENOENT)
		return -errno;
	return unlink(entry_path(path, cache, key, IMAGE)) && errno != ENOENT ? -errno : 0;
}

/* What identifies the contents of a file without reading them. */
static int identify(const struct stat *st, char ret[SHA256_TEXT_SIZE])
{
	struct sha256 digest;

	sha256_begin(&digest);
	sha256_add_u64(&digest, st->st_dev);
	sha256_add_u64(&digest, st->st_ino);
	sha256_add_u64(&digest, st->st_size);
	sha256_add_u64(&digest, timespec_ns(st->st_mtim));
	sha256_add_u64(&digest, timespec_ns(st->st_ctim));
	return sha256_end(&digest, ret);
}

/* Read a hash that remember_hash() has written. */
static int known_hash(const struct image_cache *cache, const char *identity,
		      char ret[SHA256_TEXT_SIZE])
{
	__cleanup_free char *text = NULL;
	char path[PATH_MAX];
	size_t size;

	if (!*cache->path ||
	    file_read(entry_path(path, cache, identity, HASH), SHA256_TEXT_SIZE, &text, &size) ||
	    size != KEY_LENGTH)
		return -ENOENT;
	memcpy(ret, text, SHA256_TEXT_SIZE);
	return 0;
}

/* Failures do not matter: the file is hashed again next time. */
static void remember_hash(const struct image_cache *cache, const char *identity,
			  const char *hash)
{
	char path[PATH_MAX];
	struct error error;

	(void)write_file(entry_path(path, cache, identity, HASH), hash, &error);
}

int image_cache_hash(const struct image_cache *cache, const char *path,
		     char ret[SHA256_TEXT_SIZE])
{
	__cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char identity[SHA256_TEXT_SIZE];
	struct sha256 digest;
	struct stat st, now;
	int64_t started_ns;
	int err;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	err = identify(&st, identity);
	if (err || !known_hash(cache, identity, ret))
		return err;
	started_ns = clock_ns(CLOCK_REALTIME);
	sha256_begin(&digest);
	err = sha256_add_fd(&digest, fd, -1);
	err = sha256_end(&digest, ret) ?: err;
	if (err)
		return err;
	/* Not if it has changed since, or could have without another time of change. */
	if (*cache->path && !fstat(fd, &now) &&
	    timespec_ns(now.st_ctim) == timespec_ns(st.st_ctim) &&
	    timespec_ns(st.st_ctim) + FILE_TICK_NS <= started_ns)
		remember_hash(cache, identity, ret);
	return 0;
}

void image_cache_forget_hashes(const struct image_cache *cache)
{
	DIR *dir = opendir(cache->path);
	const struct dirent *file;

	if (!dir)
		return;
	while ((file = readdir(dir)))
		if (strlen(file->d_name) == KEY_LENGTH + strlen(HASH) &&
		    !strcmp(file->d_name + KEY_LENGTH, HASH))
			(void)unlinkat(dirfd(dir), file->d_name, 0);
	closedir(dir);
}
