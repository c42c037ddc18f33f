// SPDX-License-Identifier: Apache-2.0
/* The key with which the owner of a debug enclave proves itself to the agent in it. */

#include "daemon/agent_key.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/random.h>
#include <unistd.h>

#define FILE_NAME	"agent.key"

static int file_path(const char *folder, char path[PATH_MAX])
{
	int len = snprintf(path, PATH_MAX, "%s/" FILE_NAME, folder);

	return len < 0 || len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int agent_key_create(const char *folder, uint8_t key[NSM_CONTROL_AGENT_KEY_SIZE])
{
	__cleanup_fd int fd = -1;
	char path[PATH_MAX];
	int err = file_path(folder, path);

	if (err)
		return err;
	if (getrandom(key, NSM_CONTROL_AGENT_KEY_SIZE, 0) != NSM_CONTROL_AGENT_KEY_SIZE)
		return -EIO;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	return write_full(fd, key, NSM_CONTROL_AGENT_KEY_SIZE);
}

int agent_key_read(const char *folder, uint8_t key[NSM_CONTROL_AGENT_KEY_SIZE])
{
	__cleanup_fd int fd = -1;
	char path[PATH_MAX];
	ssize_t n;
	int err = file_path(folder, path);

	if (err)
		return err;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read_full(fd, key, NSM_CONTROL_AGENT_KEY_SIZE);
	if (n < 0)
		return n;
	return n == NSM_CONTROL_AGENT_KEY_SIZE ? 0 : -EBADMSG;
}

void agent_key_remove(const char *folder)
{
	char path[PATH_MAX];

	if (!file_path(folder, path))
		(void)unlink(path);	/* it may not exist */
}
