// SPDX-License-Identifier: Apache-2.0
/* Read and write short files of /sys, /proc and /dev, below a prefix that tests set. */

#include "cli/host/sysfs.h"

#include "common/paths.h"
#include "common/util.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

const char *sys_root(void)
{
	const char *root = getenv("NE_EMU_ROOT");

	return root ? root : "";
}

__attribute__((format(printf, 2, 0)))
static const char *make_path(char *buf, const char *fmt, va_list args)
{
	int n = snprintf(buf, SYS_PATH_SIZE, "%s", sys_root());

	/* A path that is too long is cut, so the caller will not find the file. */
	if (n >= 0 && n < SYS_PATH_SIZE)
		vsnprintf(buf + n, SYS_PATH_SIZE - n, fmt, args);
	return buf;
}

const char *sys_path(char *buf, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	make_path(buf, fmt, args);
	va_end(args);
	return buf;
}

bool sys_exists(const char *fmt, ...)
{
	char path[SYS_PATH_SIZE];
	va_list args;

	va_start(args, fmt);
	make_path(path, fmt, args);
	va_end(args);
	return !access(path, F_OK);
}

static int read_path(const char *path, char *buf)
{
	__cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read_full(fd, buf, SYS_TEXT_SIZE - 1);
	if (n < 0)
		return n;
	while (n && isspace((unsigned char)buf[n - 1]))
		n--;
	buf[n] = 0;
	return 0;
}

int sys_read(char *buf, const char *fmt, ...)
{
	char path[SYS_PATH_SIZE];
	va_list args;

	va_start(args, fmt);
	make_path(path, fmt, args);
	va_end(args);
	return read_path(path, buf);
}

int sys_read_u64(uint64_t *ret, const char *fmt, ...)
{
	char path[SYS_PATH_SIZE], text[SYS_TEXT_SIZE];
	va_list args;
	int err;

	va_start(args, fmt);
	make_path(path, fmt, args);
	va_end(args);
	err = read_path(path, text);
	return err ? err : parse_u64(text, 10, UINT64_MAX, ret);
}

int sys_write(const char *text, const char *fmt, ...)
{
	char path[SYS_PATH_SIZE], line[SYS_TEXT_SIZE];
	va_list args;
	int n;

	va_start(args, fmt);
	make_path(path, fmt, args);
	va_end(args);
	__cleanup_fd int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = snprintf(line, sizeof(line), "%s\n", text);
	if (n < 0 || (size_t)n >= sizeof(line))
		return -E2BIG;
	return write(fd, line, n) == n ? 0 : -errno;
}

int sys_cpu_node(uint32_t cpu)
{
	char path[SYS_PATH_SIZE];
	struct dirent *entry;
	uint64_t node;
	int ret = -1;
	DIR *dir;

	dir = opendir(sys_path(path, "/sys/devices/system/cpu/cpu%u", cpu));
	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "node", 4) &&
		    !parse_u64(entry->d_name + 4, 10, INT32_MAX, &node))
			ret = node;
	closedir(dir);
	return ret;
}

int sys_pool_cpus(uint32_t **ret_cpus, size_t *ret_count)
{
	char text[SYS_TEXT_SIZE];
	int err;

	err = sys_read(text, "%s", NE_CPU_POOL_PATH);
	if (err)
		return err;
	*ret_cpus = NULL;
	*ret_count = 0;
	return *text ? parse_cpu_list(text, ret_cpus, ret_count) : 0;
}
