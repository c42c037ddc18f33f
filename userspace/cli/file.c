// SPDX-License-Identifier: Apache-2.0
/* Whole files in and out. */

#include "cli/file.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_STEP	(64 * KIB)

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

		/* Not by the file's size: pipes and /sys have none. */
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

int file_new_open(struct file_new *file, const char *path)
{
	mode_t mask;

	*file = (struct file_new){ .fd = -1, .path = path };
	if (asprintf(&file->temp, "%s.XXXXXX", path) < 0) {
		file->temp = NULL;
		return -ENOMEM;
	}
	file->fd = mkostemp(file->temp, O_CLOEXEC);
	if (file->fd < 0) {
		int r = -errno;

		free(file->temp);
		file->temp = NULL;
		return r;
	}
	mask = umask(0);
	(void)umask(mask);	/* the only way to ask for it */
	if (fchmod(file->fd, 0666 & ~mask))
		return -errno;
	return 0;
}

int file_new_commit(struct file_new *file)
{
	if (rename(file->temp, file->path))
		return -errno;
	free(file->temp);
	file->temp = NULL;
	return 0;
}

void file_new_abort(struct file_new *file)
{
	if (file->temp)
		(void)unlink(file->temp);
	free(file->temp);
	file->temp = NULL;
	fd_close(&file->fd);
}
