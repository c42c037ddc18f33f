// SPDX-License-Identifier: Apache-2.0
/* Read files as a whole, and write files that appear only when they are complete. */

#include "command/file.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define READ_STEP	(64 * KIB)
#define COPY_SIZE	(256 * KIB)
#define NAME_TRIES	100
/* Path of an open file. */
#define LINK_FORMAT	"/proc/self/fd/%d"
#define LINK_SIZE	32
#define ACL_NAME	"system.posix_acl_access"
#define ACL_SIZE_MAX	4096

int file_read(const char *path, size_t max, char **ret_data, size_t *ret_size)
{
	__cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	__cleanup_free char *data = NULL;
	size_t size = 0, room = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		char *grown;

		/* Grow on demand: pipes and files in /sys do not report their size. */
		room = room ? 2 * room : READ_STEP;
		grown = realloc(data, room + 1);
		if (!grown)
			return -ENOMEM;
		data = grown;
		n = read_full(fd, data + size, room - size);
		if (n < 0)
			return n;
		size += n;
		if (size > max)
			return -EFBIG;
	} while (size == room);
	data[size] = 0;
	*ret_data = data;
	*ret_size = size;
	data = NULL;
	return 0;
}

static int create_fail(struct error *error, const char *path, int err)
{
	return error_set(error, err, "cannot write %s: %s", path, strerror(-err));
}

/* The path of an open file, with symbolic links resolved. */
static int resolve(int fd, char **ret)
{
	char link[LINK_SIZE], path[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), LINK_FORMAT, fd);
	len = readlink(link, path, sizeof(path));
	if (len < 0)
		return -errno;
	if (len == sizeof(path))
		return -ENAMETOOLONG;
	*ret = strndup(path, len);
	return *ret ? 0 : -ENOMEM;
}

/* The file must be in the directory of its target, because it gets its name by link(). */
static int open_nameless(struct file_new *file, mode_t mode)
{
	const char *slash = strrchr(file->target, '/');
	__cleanup_free char *dir = slash ? strndup(file->target, MAX(slash - file->target, 1)) :
		strdup(".");
	mode_t mask;

	if (!dir)
		return -ENOMEM;
	file->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
	if (file->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP)
		return -errno;
	if (asprintf(&file->temp, "%s.XXXXXX", file->target) < 0) {
		file->temp = NULL;
		return -ENOMEM;
	}
	file->fd = mkostemp(file->temp, O_CLOEXEC);
	if (file->fd < 0) {
		int err = -errno;

		free(file->temp);
		file->temp = NULL;
		return err;
	}
	mask = umask(0);
	(void)umask(mask);	/* umask() cannot be read without setting it */
	return fchmod(file->fd, mode & ~mask) ? -errno : 0;
}

/* Copy the access control list. With one, the mode's group bits are the ACL's mask. */
static int take_acl(int fd, int old)
{
	char link[LINK_SIZE], acl[ACL_SIZE_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), LINK_FORMAT, old);
	len = getxattr(link, ACL_NAME, acl, sizeof(acl));
	if (len > 0)
		return fsetxattr(fd, ACL_NAME, acl, len, 0) ? -errno : 0;
	/* It may have inherited entries from its directory. */
	(void)fremovexattr(fd, ACL_NAME);
	return 0;
}

/* The new file must not give anyone more access than the old one. */
static int take_attributes(int fd, int old, const struct stat *st)
{
	mode_t mode = st->st_mode & 0777;
	/* Root can set owner and group, other users only a group that they are in. */
	bool same_group = !fchown(fd, st->st_uid, st->st_gid) || !fchown(fd, -1, st->st_gid);

	if (take_acl(fd, old) || !same_group)
		mode &= ~(mode_t)0070;
	return fchmod(fd, mode) ? -errno : 0;
}

/* Collect the contents in a temporary file, which file_new_commit() copies to @sink. */
static int open_sink(struct file_new *file, int sink)
{
	file->sink = sink;
	if (sink < 0)
		return -errno;
	if (isatty(sink))
		return -ENOTTY;
	file->fd = temp_file_open();
	return MIN(file->fd, 0);
}

static int open_over(struct file_new *file, int old)
{
	char link[LINK_SIZE];
	struct stat st;
	int err;

	if (fstat(old, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || !st.st_nlink) {
		/* Open the same object, even if its name refers to another one by now. */
		snprintf(link, sizeof(link), LINK_FORMAT, old);
		return open_sink(file, open(link, O_WRONLY | O_NOCTTY | O_CLOEXEC));
	}
	file->replaces = true;
	err = resolve(old, &file->target);
	if (!err)
		err = open_nameless(file, 0666);
	return err ? err : take_attributes(file->fd, old, &st);
}

/* open() follows symbolic links as far as the kernel allows: not those of others in /tmp. */
static int open_target(struct file_new *file, const char *path)
{
	__cleanup_fd int old = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (old >= 0)
		return open_over(file, old);
	if (errno != ENOENT)
		return -errno;
	if (!lstat(path, &st))
		return -ENOLINK;
	file->target = strdup(path);
	return file->target ? open_nameless(file, 0666) : -ENOMEM;
}

int file_new_open(struct file_new *file, const char *path, struct error *error)
{
	int err;

	*file = (struct file_new){ .fd = -1, .sink = -1 };
	if (strcmp(path, "-"))
		err = open_target(file, path);
	else
		err = open_sink(file, fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
	switch (-err) {
	case 0:
		return 0;
	case ENOTTY:
		return error_set(error, -ENOTTY, "%s is a terminal, and an image is not text: "
				 "write to a file, or to a pipe", path);
	case ENOLINK:
		return error_set(error, -ENOLINK, "%s is a dangling symbolic link: remove it, or "
				 "name its target", path);
	}
	return create_fail(error, path, err);
}

/* Only the caller gets access, not those who could read the old file. */
static int open_private_over(struct file_new *file, int old, bool replace)
{
	char link[LINK_SIZE];
	struct stat st;
	int err;

	if (fstat(old, &st))
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		snprintf(link, sizeof(link), LINK_FORMAT, old);
		file->sink = open(link, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		return file->sink < 0 ? -errno : isatty(file->sink) ? -ENOTTY : 0;
	}
	if (!replace)
		return -EEXIST;
	file->replaces = true;
	err = resolve(old, &file->target);
	return err ? err : open_nameless(file, 0600);
}

static int open_private(struct file_new *file, const char *path, bool replace)
{
	__cleanup_fd int old = -1;
	struct stat st;
	int err;

	if (!strcmp(path, "-")) {
		file->sink = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
		return file->sink < 0 ? -errno : isatty(file->sink) ? -ENOTTY : 0;
	}
	old = open(path, O_PATH | O_CLOEXEC);
	if (old >= 0) {
		err = open_private_over(file, old, replace);
	} else if (errno != ENOENT) {
		err = -errno;
	} else if (!lstat(path, &st)) {
		err = -ENOLINK;
	} else {
		file->target = strdup(path);
		err = file->target ? open_nameless(file, 0600) : -ENOMEM;
	}
	/* A default access control list of the directory would be inherited. */
	if (!err && file->fd >= 0)
		(void)fremovexattr(file->fd, ACL_NAME);
	return err;
}

int file_new_open_private(struct file_new *file, const char *path, bool replace,
			  struct error *error)
{
	int err;

	*file = (struct file_new){ .fd = -1, .sink = -1 };
	err = open_private(file, path, replace);
	switch (-err) {
	case 0:
		return 0;
	case EEXIST:
		return error_set(error, -EEXIST, "%s exists already", path);
	case ENOTTY:
		return error_set(error, -ENOTTY, "%s is a terminal, and this is not text: write to "
				 "a file, or to a pipe", path);
	case ENOLINK:
		return error_set(error, -ENOLINK, "%s is a dangling symbolic link: remove it, or "
				 "name its target", path);
	}
	return create_fail(error, path, err);
}

static int copy_to_sink(const struct file_new *file)
{
	__cleanup_free char *buf = malloc(COPY_SIZE);
	ssize_t n;
	int err = 0;

	if (!buf)
		return -ENOMEM;
	if (lseek(file->fd, 0, SEEK_SET) < 0)
		return -errno;
	while (!err && (n = read_full(file->fd, buf, COPY_SIZE)))
		err = n < 0 ? n : write_full(file->sink, buf, n);
	return err;
}

static int give_name(const struct file_new *file, const char *name)
{
	char link[LINK_SIZE];

	snprintf(link, sizeof(link), LINK_FORMAT, file->fd);
	return linkat(AT_FDCWD, link, AT_FDCWD, name, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

/* linkat() cannot replace a file, so give the new file a temporary name for rename(). */
static int give_temp(struct file_new *file)
{
	int err = -EEXIST;

	for (int tries = 0; err == -EEXIST && tries < NAME_TRIES; tries++) {
		uint32_t number;

		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return -errno;
		free(file->temp);
		if (asprintf(&file->temp, "%s.%08" PRIx32, file->target, number) < 0) {
			file->temp = NULL;
			return -ENOMEM;
		}
		err = give_name(file, file->temp);
	}
	if (err) {
		free(file->temp);
		file->temp = NULL;
	}
	return err;
}

static int take_place(struct file_new *file)
{
	sigset_t all, before;
	int err = 0;

	/* Block signals, so that only SIGKILL can leave the temporary name behind. */
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	if (!file->temp)
		err = give_temp(file);
	if (!err && rename(file->temp, file->target))
		err = -errno;
	if (err && file->temp)
		(void)unlink(file->temp);
	free(file->temp);
	file->temp = NULL;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return err;
}

int file_new_commit(struct file_new *file, struct error *error)
{
	int err;

	if (!file->target)
		err = copy_to_sink(file);
	else if (file->replaces || file->temp)
		err = take_place(file);
	else
		err = give_name(file, file->target);
	return err ? create_fail(error, file->target ?: "the output", err) : 0;
}

void file_new_abort(struct file_new *file)
{
	if (file->temp)
		(void)unlink(file->temp);
	free(file->temp);
	free(file->target);
	fd_close(&file->fd);
	fd_close(&file->sink);
	*file = (struct file_new){ .fd = -1, .sink = -1 };
}

FILE *file_new_report(const struct file_new *file)
{
	struct stat out, sink;

	return file->sink >= 0 && !fstat(STDOUT_FILENO, &out) && !fstat(file->sink, &sink) &&
		out.st_dev == sink.st_dev && out.st_ino == sink.st_ino ? stderr : stdout;
}

/* Remove access of others, even if they could read the previous contents. */
static int make_private(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return isatty(fd) ? -ENOTTY : 0;
	return fchmod(fd, 0600) || ftruncate(fd, 0) ? -errno : 0;
}

int file_stream_open(const char *path, FILE **ret, struct error *error)
{
	__cleanup_fd int fd = strcmp(path, "-") ?
		open(path, O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC, 0600) :
		fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	int err = fd < 0 ? -errno : strcmp(path, "-") ? make_private(fd) : isatty(fd) ? -ENOTTY : 0;

	if (err == -ENOTTY)
		return error_set(error, -ENOTTY, "packets are not text for a terminal: use --write "
				 "FILE, or write to a pipe");
	if (err == -EPERM)
		return error_set(error, -EPERM, "%s belongs to another user, so its permissions "
				 "cannot be restricted", path);
	if (err)
		return create_fail(error, path, err);
	*ret = fdopen(fd, "w");
	if (!*ret)
		return create_fail(error, path, -errno);
	(void)fd_steal(&fd);
	return 0;
}
