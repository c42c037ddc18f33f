// SPDX-License-Identifier: Apache-2.0
/* Directories of enclaves below the log directory: create, use, remove. */

#include "daemon/folder.h"

#include "common/log.h"
#include "common/paths.h"
#include "common/util.h"
#include "daemon/acl.h"
#include "daemon/folder_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT_MODE	0750
/* Members of the group may look up an enclave whose slot uid they know. */
#define OWNER_MODE	0710
#define SLOT_MODE	0700
/* The modes of the directories keep other users out. */
#define FILE_MODE	0644

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

void folder_owner_name(uid_t owner, char name[FOLDER_NAME_SIZE])
{
	snprintf(name, FOLDER_NAME_SIZE, "%" PRIu32, owner);
}

void folder_slot_name(uint64_t slot_uid, char name[FOLDER_NAME_SIZE])
{
	snprintf(name, FOLDER_NAME_SIZE, "%016" PRIx64, slot_uid);
}

int folder_parse_owner(const char *name, uid_t *ret_owner)
{
	char canonical[FOLDER_NAME_SIZE];
	uint64_t owner;

	if (parse_u64(name, 10, UINT32_MAX, &owner))
		return -EINVAL;
	folder_owner_name(owner, canonical);
	if (strcmp(name, canonical))
		return -EINVAL;		/* leading zeros */
	*ret_owner = owner;
	return 0;
}

int folder_parse_slot(const char *name, uint64_t *ret_slot_uid)
{
	if (strlen(name) != FOLDER_NAME_SIZE - 1 ||
	    strspn(name, "0123456789abcdef") != FOLDER_NAME_SIZE - 1)
		return -EINVAL;
	return parse_u64(name, 16, UINT64_MAX, ret_slot_uid);
}

int folder_each(int fd, int (*fn)(int fd, const char *name, void *arg), void *arg)
{
	__cleanup(cleanup_dir) DIR *dir = NULL;
	__cleanup_fd int dir_fd = -1;
	struct dirent *entry;
	int err = 0;

	dir_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	dir = fdopendir(dir_fd);
	if (!dir)
		return -errno;
	(void)fd_steal(&dir_fd);	/* dir owns it now */
	while (!err && (entry = readdir(dir)))
		err = fn(fd, entry->d_name, arg);
	return err;
}

/* Independent of the umask and the group of the process. */
static int set_access(const struct log_root *root, int fd, mode_t mode)
{
	if (root->gid != (gid_t)-1 && fchown(fd, -1, root->gid) < 0)
		return -errno;
	return fchmod(fd, mode) < 0 ? -errno : 0;
}

int folder_open_at(int at, const char *name, int *ret_fd)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Open @name, creating it if it does not exist. @ret_created: whether it was created. */
static int open_or_create(const struct log_root *root, int at, const char *name, mode_t mode,
			  bool *ret_created, int *ret_fd)
{
	__cleanup_fd int fd = -1;
	int err;

	*ret_created = mkdirat(at, name, mode) == 0;
	if (!*ret_created && errno != EEXIST)
		return -errno;
	err = folder_open_at(at, name, &fd);
	if (!err && *ret_created)
		err = set_access(root, fd, mode);
	if (err)
		return err;
	*ret_fd = fd_steal(&fd);
	return 0;
}

/* The same for a directory that its owner may read. */
static int open_or_create_shared(const struct log_root *root, uid_t owner, int at,
				 const char *name, mode_t mode, int *ret_fd)
{
	bool created;
	int err = open_or_create(root, at, name, mode, &created, ret_fd);

	if (err || !created || owner == geteuid())
		return err;
	err = acl_let_read(*ret_fd, owner, mode >> 3 & 7);
	/* Go on: root can still read the logs. */
	if (err)
		log_warn("user %" PRIu32 " cannot read logs of their enclaves: %s", owner,
			 err == -EOPNOTSUPP ? "the file system has no access control lists" :
			 strerror(-err));
	return 0;
}

static int open_owner(const struct log_root *root, uid_t owner, int *ret_fd)
{
	char name[FOLDER_NAME_SIZE];

	folder_owner_name(owner, name);
	return open_or_create_shared(root, owner, root->fd, name, OWNER_MODE, ret_fd);
}

/* In version 0.1.0, the directories of all enclaves were here, readable by the group. */
static int move_flat(int root_fd, const char *name, void *arg)
{
	const struct log_root *root = arg;
	__cleanup_fd int owner_fd = -1, fd = -1;
	uint64_t slot_uid;

	if (folder_parse_slot(name, &slot_uid) || folder_open_at(root_fd, name, &fd) ||
	    open_owner(root, 0, &owner_fd))
		return 0;
	if (fchmod(fd, SLOT_MODE) < 0 || renameat(root_fd, name, owner_fd, name) < 0)
		log_warn("log directory %s stays readable for group " FOLDER_GROUP ": %m",
			 name);
	return 0;
}

int log_root_open(struct log_root *root, const char *path)
{
	struct log_root opened = { .fd = -1, .gid = -1, .consoles_max = FOLDER_CONSOLES_MAX };
	const struct group *group;
	bool created;
	int err;

	/* Without privileges, files keep the caller's group. */
	group = geteuid() == 0 ? getgrnam(FOLDER_GROUP) : NULL;
	if (group)
		opened.gid = group->gr_gid;

	err = open_or_create(&opened, AT_FDCWD, path, ROOT_MODE, &created, &opened.fd);
	if (err)
		return err;
	err = folder_each(opened.fd, move_flat, &opened);
	if (err) {
		log_root_close(&opened);
		return err;
	}
	*root = opened;
	return 0;
}

void log_root_close(struct log_root *root)
{
	fd_close(&root->fd);
}

int folder_open(const struct log_root *root, uid_t owner, uint64_t slot_uid, int *ret_fd)
{
	__cleanup_fd int owner_fd = -1;
	char name[FOLDER_NAME_SIZE];
	int err;

	folder_slot_name(slot_uid, name);
	err = open_owner(root, owner, &owner_fd);
	if (err)
		return err;
	return open_or_create_shared(root, owner, owner_fd, name, SLOT_MODE, ret_fd);
}

int folder_create_file(int folder_fd, const char *name, int *ret_fd)
{
	__cleanup_fd int fd = -1;

	fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    FILE_MODE);
	if (fd < 0 || fchmod(fd, FILE_MODE) < 0)
		return -errno;
	*ret_fd = fd_steal(&fd);
	return 0;
}

/* Readers must not see half a name, so this is one write. */
int folder_set_name(const struct log_root *root, uid_t owner, uint64_t slot_uid,
		    const char *name)
{
	__cleanup_fd int folder_fd = -1, fd = -1;
	int err = folder_open(root, owner, slot_uid, &folder_fd);

	if (!err)
		err = folder_create_file(folder_fd, NE_EMU_NAME_FILE, &fd);
	return err ? err : write_full(fd, name, strlen(name));
}

int folder_read_file(const struct log_root *root, uid_t owner, uint64_t slot_uid,
		     const char *name, char *ret, size_t size)
{
	char path[3 * FOLDER_NAME_SIZE];
	__cleanup_fd int fd = -1;
	ssize_t len;

	snprintf(path, sizeof(path), "%" PRIu32 "/%016" PRIx64 "/%s", owner, slot_uid, name);
	fd = openat(root->fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read_full(fd, ret, size - 1);
	if (len < 0)
		return len;
	ret[len] = 0;
	return 0;
}

int folder_set_paused(const struct log_root *root, uid_t owner, uint64_t slot_uid, bool paused)
{
	__cleanup_fd int folder_fd = -1, fd = -1;
	int err = folder_open(root, owner, slot_uid, &folder_fd);

	if (err)
		return err;
	if (paused)
		return folder_create_file(folder_fd, NE_EMU_PAUSED_FILE, &fd);
	return unlinkat(folder_fd, NE_EMU_PAUSED_FILE, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int folder_get_name(const struct log_root *root, uid_t owner, uint64_t slot_uid, char *ret)
{
	return folder_read_file(root, owner, slot_uid, NE_EMU_NAME_FILE, ret, NE_EMU_NAME_MAX + 1);
}

int folder_replace_file(const struct log_root *root, uid_t owner, uint64_t slot_uid,
			const char *name, const char *text)
{
	__cleanup_fd int folder_fd = -1, fd = -1;
	int err;

	err = folder_open(root, owner, slot_uid, &folder_fd);
	if (!err)
		err = folder_create_file(folder_fd, FOLDER_TEMP, &fd);
	if (!err)
		err = write_full(fd, text, strlen(text));
	if (!err)
		err = write_full(fd, "\n", 1);
	if (err)
		return err;
	return renameat(folder_fd, FOLDER_TEMP, folder_fd, name) < 0 ? -errno : 0;
}

bool folder_has_exit_file(const struct log_root *root, uid_t owner, uint64_t slot_uid)
{
	char path[2 * FOLDER_NAME_SIZE + sizeof(NE_EMU_EXIT_FILE)];

	snprintf(path, sizeof(path), "%" PRIu32 "/%016" PRIx64 "/" NE_EMU_EXIT_FILE, owner,
		 slot_uid);
	return faccessat(root->fd, path, F_OK, 0) == 0;
}

static int remove_slot(int owner_fd, const char *name)
{
	static const char *const files[] = {
		NE_EMU_CONSOLE_LOG, NE_EMU_EXIT_FILE, NE_EMU_IMAGE_FILE, NE_EMU_NAME_FILE,
		NE_EMU_MARKS_FILE, NE_EMU_PAUSED_FILE, FOLDER_TEMP,
	};
	__cleanup_fd int fd = -1;
	int err;

	err = folder_open_at(owner_fd, name, &fd);
	if (err)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (unlinkat(fd, files[i], 0) < 0 && errno != ENOENT)
			return -errno;
	return unlinkat(owner_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int folder_remove(const struct log_root *root, uid_t owner, uint64_t slot_uid)
{
	char owner_name[FOLDER_NAME_SIZE], name[FOLDER_NAME_SIZE];
	__cleanup_fd int owner_fd = -1;
	int err;

	folder_owner_name(owner, owner_name);
	folder_slot_name(slot_uid, name);
	err = folder_open_at(root->fd, owner_name, &owner_fd);
	if (!err)
		err = remove_slot(owner_fd, name);
	if (err)
		return err == -ENOENT ? 0 : err;
	(void)unlinkat(root->fd, owner_name, AT_REMOVEDIR);	/* if it is empty now */
	return 0;
}
