// SPDX-License-Identifier: Apache-2.0
/* The folder of one enclave below the log folder: create, use, remove old ones. */

#include "folder.h"

#include "common/paths.h"
#include "common/util.h"
#include "exit_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE		0750
#define FOLDER_FILE_MODE	0640
#define FOLDER_NAME_LEN		16
#define FOLDER_NAME_SIZE	(FOLDER_NAME_LEN + 1)

struct folder_age {
	uint64_t slot_uid;
	int64_t changed_ns;
};

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static void folder_name(uint64_t slot_uid, char name[FOLDER_NAME_SIZE])
{
	snprintf(name, FOLDER_NAME_SIZE, "%016" PRIx64, slot_uid);
}

static int folder_parse_name(const char *name, uint64_t *ret_slot_uid)
{
	if (strlen(name) != FOLDER_NAME_LEN ||
	    strspn(name, "0123456789abcdef") != FOLDER_NAME_LEN)
		return -EINVAL;
	return parse_u64(name, 16, UINT64_MAX, ret_slot_uid);
}

/* Whatever the umask and the group of the process: the group may read. */
static int folder_set_access(const struct log_root *root, int fd, mode_t mode)
{
	if (root->gid != (gid_t)-1 && fchown(fd, -1, root->gid) < 0)
		return -errno;
	if (fchmod(fd, mode) < 0)
		return -errno;
	return 0;
}

static int folder_open_at(int at, const char *name, int *ret_fd)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Opens @name, creating it with our access rights if it is not there. */
static int folder_open_or_create(const struct log_root *root, int at, const char *name,
				 int *ret_fd)
{
	__cleanup_fd int fd = -1;
	bool created;
	int err;

	created = mkdirat(at, name, FOLDER_MODE) == 0;
	if (!created && errno != EEXIST)
		return -errno;
	err = folder_open_at(at, name, &fd);
	if (!err && created)
		err = folder_set_access(root, fd, FOLDER_MODE);
	if (err)
		return err;
	*ret_fd = fd_steal(&fd);
	return 0;
}

int log_root_open(struct log_root *root, const char *path)
{
	struct log_root opened = { .fd = -1, .gid = -1 };
	const struct group *group;
	int err;

	/* Without privilege files keep the caller's group. */
	group = geteuid() == 0 ? getgrnam(FOLDER_GROUP) : NULL;
	if (group)
		opened.gid = group->gr_gid;

	err = folder_open_or_create(&opened, AT_FDCWD, path, &opened.fd);
	if (err)
		return err;
	*root = opened;
	return 0;
}

void log_root_close(struct log_root *root)
{
	fd_close(&root->fd);
}

int folder_open(const struct log_root *root, uint64_t slot_uid, int *ret_fd)
{
	char name[FOLDER_NAME_SIZE];

	folder_name(slot_uid, name);
	return folder_open_or_create(root, root->fd, name, ret_fd);
}

int folder_create_file(const struct log_root *root, int folder_fd, const char *name,
		       int *ret_fd)
{
	__cleanup_fd int fd = -1;
	int err;

	fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    FOLDER_FILE_MODE);
	if (fd < 0)
		return -errno;
	err = folder_set_access(root, fd, FOLDER_FILE_MODE);
	if (err)
		return err;
	*ret_fd = fd_steal(&fd);
	return 0;
}

bool folder_has_exit_file(const struct log_root *root, uint64_t slot_uid)
{
	char path[FOLDER_NAME_SIZE + sizeof(NE_EMU_EXIT_FILE)];

	snprintf(path, sizeof(path), "%016" PRIx64 "/%s", slot_uid, NE_EMU_EXIT_FILE);
	return faccessat(root->fd, path, F_OK, 0) == 0;
}

int folder_remove(const struct log_root *root, uint64_t slot_uid)
{
	static const char *const files[] = {
		NE_EMU_CONSOLE_LOG, NE_EMU_EXIT_FILE, EXIT_FILE_TEMP,
	};
	char name[FOLDER_NAME_SIZE];
	__cleanup_fd int fd = -1;
	int err;

	folder_name(slot_uid, name);
	err = folder_open_at(root->fd, name, &fd);
	if (err)
		return err == -ENOENT ? 0 : err;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (unlinkat(fd, files[i], 0) < 0 && errno != ENOENT)
			return -errno;
	if (unlinkat(root->fd, name, AT_REMOVEDIR) < 0)
		return -errno;
	return 0;
}

/* A folder changes when its enclave starts and when its end is recorded. */
static int folder_age(int root_fd, const char *name, struct folder_age *ret)
{
	struct stat st;
	int err;

	err = folder_parse_name(name, &ret->slot_uid);
	if (err)
		return err;
	if (fstatat(root_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	ret->changed_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
	return 0;
}

/* Folders below @root in no order; names that are not ours are passed over. */
static int folder_list(int root_fd, struct folder_age **ret, size_t *ret_count)
{
	__cleanup(cleanup_dir) DIR *dir = NULL;
	__cleanup_free struct folder_age *list = NULL;
	__cleanup_fd int fd = -1;
	size_t count = 0;
	struct dirent *entry;

	fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void)fd_steal(&fd);	/* belongs to dir now */

	while ((entry = readdir(dir))) {
		struct folder_age age, *grown;

		if (folder_age(root_fd, entry->d_name, &age))
			continue;
		grown = reallocarray(list, count + 1, sizeof(*list));
		if (!grown)
			return -ENOMEM;
		list = grown;
		list[count++] = age;
	}

	*ret = list;
	list = NULL;
	*ret_count = count;
	return 0;
}

static int folder_compare_newest_first(const void *a, const void *b)
{
	const struct folder_age *x = a, *y = b;

	if (x->changed_ns != y->changed_ns)
		return x->changed_ns < y->changed_ns ? 1 : -1;
	return (x->slot_uid < y->slot_uid) - (x->slot_uid > y->slot_uid);
}

int folder_prune(const struct log_root *root, size_t keep, folder_live_fn live, void *arg)
{
	__cleanup_free struct folder_age *list = NULL;
	int err, removed = 0;
	size_t count = 0;

	err = folder_list(root->fd, &list, &count);
	if (err)
		return err;
	if (count <= keep)
		return 0;

	qsort(list, count, sizeof(*list), folder_compare_newest_first);
	for (size_t i = keep; i < count; i++)
		if (!live(list[i].slot_uid, arg) && !folder_remove(root, list[i].slot_uid))
			removed++;
	return removed;
}
