// SPDX-License-Identifier: Apache-2.0
/* One supervisor at a time. */

#include "daemon/lock.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

int lock_take(const char *dir, int *ret_fd)
{
	__cleanup_fd int dir_fd = -1;
	__cleanup_fd int fd = -1;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;

	/* Only for the owner: a process that can open the file can also take the lock. */
	fd = openat(dir_fd, LOCK_FILE_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;

	*ret_fd = fd_steal(&fd);
	return 0;
}
