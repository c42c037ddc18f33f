// SPDX-License-Identifier: Apache-2.0
/* What would keep ne-emud from starting an enclave now. */

#include "daemon/health.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Free bytes with which a directory counts as full: less than the records of one enclave. */
#define FULL	(64 * KIB)

static int try_device(const char *path)
{
	__cleanup_fd int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? errno : 0;
}

static int try_program(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return errno;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	if (!st.st_size)
		return ENOEXEC;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) ? errno : 0;
}

/* Without CAP_DAC_OVERRIDE, the owner and mode of a directory count for root, too. */
static int try_folder(int fd)
{
	struct statvfs fs;
	struct stat st;

	if (fstat(fd, &st) || fstatvfs(fd, &fs))
		return errno;
	if (!st.st_nlink)
		return ENOENT;		/* it has been removed */
	if (fs.f_flag & ST_RDONLY)
		return EROFS;
	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS))
		return errno;
	return fs.f_bavail * fs.f_frsize < FULL || (fs.f_files && fs.f_favail < 2) ? ENOSPC : 0;
}

static int try_path(const char *path)
{
	__cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? errno : try_folder(fd);
}

/* The name of an open directory, for messages. */
static void folder_path(int fd, char *path, size_t size)
{
	char link[40];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, size - 1);
	path[MAX(len, 0)] = 0;
}

static int add(json_t *answer, const char *name, const char *path, int errnum)
{
	return json_object_set_new(answer, name, json_pack("{s:s?, s:i}", "path", path, "errno",
							    errnum));
}

int health_add(json_t *answer, const struct start_config *start, const struct log_root *logs,
	       const char *run_dir)
{
	char path[PATH_MAX];

	folder_path(logs->fd, path, sizeof(path));
	return json_object_set_new(answer, "version", json_string(NE_EMU_VERSION)) ||
	       add(answer, "kvm", start->kvm_path, try_device(start->kvm_path)) ||
	       add(answer, "vmm", start->vmm_path, try_program(start->vmm_path)) ||
	       add(answer, "logs", path, try_folder(logs->fd)) ||
	       add(answer, "run", run_dir, try_path(run_dir)) ? -ENOMEM : 0;
}
