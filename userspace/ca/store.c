// SPDX-License-Identifier: Apache-2.0
/* Store roots on disk, in one file per project. */

#include "ca/store.h"

#include "ca/root.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_FILE	".lock"
#define SUFFIX		".pem"
#define SUFFIX_OLD	".old.pem"
#define SUFFIX_NEW	".new"
/* A root takes less than 1 KiB. */
#define FILE_SIZE_MAX	16384

struct file_name {
	char text[CA_PROJECT_MAX + sizeof(SUFFIX_OLD)];
};

static struct file_name file_name(const char *project, const char *suffix)
{
	struct file_name name;

	snprintf(name.text, sizeof(name.text), "%.*s%s", CA_PROJECT_MAX, project, suffix);
	return name;
}

bool ca_project_valid(const char *project)
{
	size_t len = strlen(project);

	return len && len <= CA_PROJECT_MAX &&
	       strspn(project, "abcdefghijklmnopqrstuvwxyz0123456789-") == len &&
	       project[0] != '-' && project[len - 1] != '-';
}

static int make_dir(const char *path)
{
	__cleanup_free char *parent = strdup(path);
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (!parent)
		return -ENOMEM;
	if (slash && slash != parent) {
		*slash = 0;
		if (mkdir(parent, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int ca_store_open(struct ca_store *store, const char *path, bool create,
		  struct error *error)
{
	__cleanup_fd int fd = -1;
	struct stat st;
	int err = create ? make_dir(path) : 0;

	if (err)
		return error_set(error, err, "cannot create %s: %s", path, strerror(-err));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(error, -errno, "%s: %m", path);
	if (st.st_mode & 077)
		return error_set(error, -EPERM,
				 "other users have access to %s (mode %04o): chmod 700 it", path,
				 st.st_mode & 07777);
	*store = (struct ca_store){ .fd = fd_steal(&fd), .path = path };
	return 0;
}

void ca_store_close(struct ca_store *store)
{
	fd_close(&store->fd);
}

static int store_lock(const struct ca_store *store, int *ret_fd, struct error *error)
{
	__cleanup_fd int fd = openat(store->fd, LOCK_FILE,
				     O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_set(error, -errno, "%s/" LOCK_FILE ": %m", store->path);
	/* Wait without a limit: each holder writes only one file. */
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_set(error, -errno, "%s/" LOCK_FILE ": %m", store->path);
	*ret_fd = fd_steal(&fd);
	return 0;
}

static int store_read_file(const struct ca_store *store, const char *name, uint8_t *buf,
			   size_t size, struct error *error)
{
	__cleanup_fd int fd = openat(store->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
				     O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return error_set(error, -errno, "%s/%s: %m", store->path, name);
	if (fstat(fd, &st) < 0)
		return error_set(error, -errno, "%s/%s: %m", store->path, name);
	if (!S_ISREG(st.st_mode))
		return error_set(error, -EBADMSG, "%s/%s is not a regular file", store->path, name);
	if (st.st_mode & 077)
		return error_set(error, -EPERM, "other users have access to %s/%s (mode %04o): "
				 "chmod 600 it, and rotate the root if they may have read its key",
				 store->path, name, st.st_mode & 07777);
	n = read_full(fd, buf, size);
	if (n < 0)
		return error_set(error, n, "%s/%s: %s", store->path, name, strerror(-n));
	if ((size_t)n == size)
		return error_set(error, -EBADMSG, "%s/%s is too long", store->path, name);
	return n;
}

int ca_store_load(const struct ca_store *store, const char *project, struct ca_signer *ret,
		  struct error *error)
{
	struct file_name name = file_name(project, SUFFIX);
	uint8_t text[FILE_SIZE_MAX];
	struct error cause;
	int n, err = 0;

	n = store_read_file(store, name.text, text, sizeof(text), error);
	if (n >= 0)
		err = ca_root_decode(text, n, ret, &cause);
	explicit_bzero(text, sizeof(text));
	if (n < 0)
		return n;
	if (err)
		return error_set(error, err, "%s/%s: %s; \"ne-emu-ca rotate\" makes a new root",
				 store->path, name.text, cause.text);
	return 0;
}

/* Write a new file and wait until its contents are on the disk. */
static int store_write_file(const struct ca_store *store, const char *name, const void *data,
			    size_t len)
{
	__cleanup_fd int fd = -1;
	int err;

	/* Remove what a crash may have left, and so never write to an existing file. */
	if (unlinkat(store->fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(store->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_full(fd, data, len);
	if (!err && fsync(fd) < 0)
		err = -errno;
	if (err)
		(void)unlinkat(store->fd, name, 0);
	return err;
}

static int overwrite(int fd, off_t size)
{
	static const uint8_t zeros[FILE_SIZE_MAX];
	int err = 0;

	if (size > FILE_SIZE_MAX)
		return -EFBIG;
	err = write_full(fd, zeros, size);
	if (!err && fsync(fd) < 0)
		err = -errno;
	return err;
}

/* Overwrites the file only if it has no other name: a rotation that failed half-way leaves
 * the current root under both names.
 */
static int destroy(const struct ca_store *store, const char *name)
{
	__cleanup_fd int fd = openat(store->fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK |
				     O_CLOEXEC);
	struct stat st;
	int err = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) && st.st_nlink == 1)
		err = overwrite(fd, st.st_size);
	if (!err && (unlinkat(store->fd, name, 0) < 0 || fsync(store->fd) < 0))
		err = -errno;
	return err;
}

bool ca_store_has_old(const struct ca_store *store, const char *project)
{
	struct file_name name = file_name(project, SUFFIX_OLD);

	return !faccessat(store->fd, name.text, F_OK, AT_SYMLINK_NOFOLLOW);
}

int ca_store_forget(const struct ca_store *store, const char *project, struct error *error)
{
	struct file_name name = file_name(project, SUFFIX_OLD);
	__cleanup_fd int lock_fd = -1;
	int err;

	err = store_lock(store, &lock_fd, error);
	if (err)
		return err;
	err = destroy(store, name.text);
	if (err)
		return error_set(error, err, "cannot destroy %s/%s: %s", store->path, name.text,
				 strerror(-err));
	return 0;
}

/* Link the old root to its new name, so that the project has a root at any time. */
static int keep_old(const struct ca_store *store, const char *name, const char *old_name)
{
	int err = destroy(store, old_name);

	if (err && err != -ENOENT)
		return err;
	if (linkat(store->fd, name, store->fd, old_name, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static int put_root(const struct ca_store *store, const char *project,
		    const struct ca_signer *root, struct error *error)
{
	struct file_name name = file_name(project, SUFFIX);
	struct file_name old_name = file_name(project, SUFFIX_OLD);
	struct file_name new_name = file_name(project, SUFFIX_NEW);
	uint8_t *text;
	size_t len;
	int err;

	err = ca_root_encode(root, &text, &len, error);
	if (err)
		return err;
	err = store_write_file(store, new_name.text, text, len);
	ca_der_wipe(text, len);
	if (!err)
		err = keep_old(store, name.text, old_name.text);
	if (!err && (renameat(store->fd, new_name.text, store->fd, name.text) < 0 ||
		     fsync(store->fd) < 0))
		err = -errno;
	if (err)
		return error_set(error, err, "cannot write %s/%s: %s", store->path, name.text,
				 strerror(-err));
	return 0;
}

int ca_store_create(const struct ca_store *store, const char *project, bool replace,
		    struct error *error)
{
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	struct file_name name = file_name(project, SUFFIX);
	__cleanup_fd int lock_fd = -1;
	int err;

	err = store_lock(store, &lock_fd, error);
	if (err)
		return err;
	if (!replace && !faccessat(store->fd, name.text, F_OK, AT_SYMLINK_NOFOLLOW))
		return error_set(error, -EEXIST, "%s/%s exists", store->path, name.text);
	err = ca_root_make(project, &root, error);
	return err ? err : put_root(store, project, &root, error);
}

int ca_store_obtain(const struct ca_store *store, const char *project, struct ca_signer *ret,
		    struct error *error)
{
	int err = ca_store_load(store, project, ret, error);

	if (err != -ENOENT)
		return err;
	err = ca_store_create(store, project, false, error);
	if (err && err != -EEXIST)	/* another process has just created it */
		return err;
	return ca_store_load(store, project, ret, error);
}

struct ca_version ca_store_version(const struct ca_store *store, const char *project)
{
	struct file_name name = file_name(project, SUFFIX);
	struct stat st;

	if (fstatat(store->fd, name.text, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return (struct ca_version){ 0 };
	return (struct ca_version){ .inode = st.st_ino, .changed = st.st_ctim };
}

static void store_dir_cleanup(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

/* The project of "PROJECT.pem"; false for other files. */
static bool project_of_file(const char *name, char project[CA_PROJECT_MAX + 1])
{
	size_t len = strlen(name);
	size_t suffix = strlen(SUFFIX);

	if (len <= suffix || len - suffix > CA_PROJECT_MAX || strcmp(name + len - suffix, SUFFIX))
		return false;
	memcpy(project, name, len - suffix);
	project[len - suffix] = 0;
	return ca_project_valid(project);
}

int ca_store_each(const struct ca_store *store, int (*fn)(const char *project, void *arg),
		  void *arg)
{
	__cleanup(store_dir_cleanup) DIR *dir = NULL;
	char project[CA_PROJECT_MAX + 1];
	const struct dirent *entry;
	int fd = openat(store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		err = -errno;
		fd_close(&fd);
		return err;
	}
	while (!err && (entry = readdir(dir)))
		if (project_of_file(entry->d_name, project))
			err = fn(project, arg);
	return err;
}
