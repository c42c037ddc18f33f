// SPDX-License-Identifier: Apache-2.0
/* The lines of one enclave: pairs of FIFOs that clients and its VMM have open. */

#include "daemon/session_lines.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/* @way: "in" or "out" */
static int fifo_path(const char *dir, const char *way, unsigned int line, char ret[PATH_MAX])
{
	int len = snprintf(ret, PATH_MAX, "%s/" SESSION_FIFO, dir, line, way);

	return len < 0 || len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int fifo_open(const char *dir, const char *way, unsigned int line, int flags)
{
	char path[PATH_MAX];
	int fd, err = fifo_path(dir, way, line, path);

	if (err)
		return err;
	fd = open(path, flags | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int fifo_create(const char *dir, const char *way, unsigned int line)
{
	char path[PATH_MAX];
	int err = fifo_path(dir, way, line, path);

	if (err)
		return err;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return mkfifo(path, 0600) < 0 ? -errno : 0;
}

/* A FIFO can only be opened for writing while somebody has it open for reading. */
static int fifo_open_writer(const char *dir, unsigned int line)
{
	__cleanup_fd int reader = fifo_open(dir, "out", line, O_RDONLY);

	return reader < 0 ? reader : fifo_open(dir, "out", line, O_WRONLY);
}

void session_fds_close(struct session_fds *fds)
{
	for (size_t i = 0; i < SESSION_LINES; i++) {
		fd_close(&fds->in[i]);
		fd_close(&fds->out[i]);
	}
}

void session_ends_close(struct session_ends *ends)
{
	fd_close(&ends->read_fd);
	fd_close(&ends->write_fd);
}

static int create_line(const char *dir, unsigned int line, struct session_fds *fds)
{
	int err = fifo_create(dir, "in", line);

	if (!err)
		err = fifo_create(dir, "out", line);
	if (err)
		return err;
	fds->in[line] = fifo_open(dir, "in", line, O_RDONLY);
	if (fds->in[line] < 0)
		return fds->in[line];
	fds->out[line] = fifo_open_writer(dir, line);
	return MIN(fds->out[line], 0);
}

int session_lines_create(const char *dir, struct session_fds *ret)
{
	struct session_fds fds = SESSION_FDS_NONE;

	for (unsigned int i = 0; i < SESSION_LINES; i++) {
		int err = create_line(dir, i, &fds);

		if (err) {
			session_fds_close(&fds);
			session_lines_remove(dir);
			return err;
		}
	}
	*ret = fds;
	return 0;
}

void session_lines_remove(const char *dir)
{
	static const char *const ways[] = { "in", "out" };
	char path[PATH_MAX];

	for (unsigned int i = 0; i < SESSION_LINES; i++)
		for (size_t j = 0; j < ARRAY_SIZE(ways); j++)
			if (!fifo_path(dir, ways[j], i, path))
				(void)unlink(path);	/* it may not exist */
}

/* Read away what nobody will read any more. Return: 0, or -EBUSY if a writer is left. */
static int drain(int fd)
{
	char bytes[4096];
	ssize_t n;

	/* A pipe holds less than this many pieces, unless somebody keeps writing. */
	for (int i = 0; i < 1024; i++) {
		n = read(fd, bytes, sizeof(bytes));
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -EBUSY;
	}
	return -EBUSY;
}

/* Both ends of an earlier client are closed, and what it sent is gone. */
static int check_free(const char *dir, unsigned int line)
{
	__cleanup_fd int reader = -1;
	int writer;

	writer = fifo_open(dir, "out", line, O_WRONLY);
	if (writer >= 0)
		(void)close(writer);
	if (writer != -ENXIO)
		return writer < 0 ? writer : -EBUSY;
	reader = fifo_open(dir, "in", line, O_RDONLY);
	return reader < 0 ? reader : drain(reader);
}

static int take_line(const char *dir, unsigned int line, struct session_ends *ends)
{
	int err = check_free(dir, line);

	if (err)
		return err;
	ends->read_fd = fifo_open(dir, "out", line, O_RDONLY);
	if (ends->read_fd < 0)
		return ends->read_fd;
	/* Fails without a reader: the VMM has ended. */
	ends->write_fd = fifo_open(dir, "in", line, O_WRONLY);
	if (ends->write_fd >= 0)
		return 0;
	fd_close(&ends->read_fd);
	return ends->write_fd == -ENXIO ? -ENOENT : ends->write_fd;
}

int session_lines_take(const char *dir, uint32_t *ret_line, struct session_ends *ret)
{
	int err = -EBUSY;

	for (unsigned int i = 0; err == -EBUSY && i < SESSION_LINES; i++) {
		struct session_ends ends = SESSION_ENDS_NONE;

		err = take_line(dir, i, &ends);
		if (!err) {
			*ret_line = i;
			*ret = ends;
		}
	}
	return err;
}
