// SPDX-License-Identifier: Apache-2.0
/* Small helpers: cleanup attributes, complete reads and writes, strict number parsing. */

#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define CPU_MAX		65535u
#define CPU_LIST_MAX	65536u

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);	/* Linux releases it even on failure */
	*fd = -1;
	errno = saved;
}

ssize_t read_full(int fd, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += n;
	}
	return done;
}

int write_full(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += n;
	}
	return 0;
}

int parse_u64(const char *s, int base, uint64_t max, uint64_t *ret_value)
{
	unsigned long long value;
	char *end;

	if (!isxdigit((unsigned char)s[0]))
		return -EINVAL;
	errno = 0;
	value = strtoull(s, &end, base);
	if (end == s || *end)
		return -EINVAL;
	if (errno == ERANGE || value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

static int parse_cpu(const char *s, char **end, unsigned long *ret_cpu)
{
	if (!isdigit((unsigned char)s[0]))
		return -EINVAL;
	errno = 0;
	*ret_cpu = strtoul(s, end, 10);
	return errno || *ret_cpu > CPU_MAX ? -ERANGE : 0;
}

int parse_cpu_list(const char *s, uint32_t **ret_cpus, size_t *ret_count)
{
	__cleanup_free uint32_t *cpus = NULL;
	size_t count = 0;

	for (;;) {
		unsigned long first, last;
		uint32_t *grown;
		char *end;
		int err;

		err = parse_cpu(s, &end, &first);
		if (err)
			return err;
		last = first;
		if (*end == '-') {
			err = parse_cpu(end + 1, &end, &last);
			if (err)
				return err;
			if (last < first)
				return -EINVAL;
		}
		if (count + (last - first) + 1 > CPU_LIST_MAX)
			return -ERANGE;

		grown = realloc(cpus, (count + (last - first) + 1) * sizeof(*cpus));
		if (!grown)
			return -ENOMEM;
		cpus = grown;
		for (unsigned long cpu = first; cpu <= last; cpu++)
			cpus[count++] = cpu;

		if (!*end)
			break;
		if (*end != ',')
			return -EINVAL;
		s = end + 1;
	}

	*ret_cpus = cpus;
	cpus = NULL;
	*ret_count = count;
	return 0;
}

int temp_file_open(void)
{
	const char *dir = getenv("TMPDIR");
	char *name;
	int fd;

	dir = dir && *dir ? dir : "/var/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	/* Not all file systems support O_TMPFILE. */
	if (asprintf(&name, "%s/ne-emu-XXXXXX", dir) < 0)
		return -ENOMEM;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	else
		(void)unlink(name);
	free(name);
	return fd;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_decode(const char *text, uint8_t *bytes, size_t size, size_t *ret_len)
{
	size_t len = strlen(text);

	if (len % 2)
		return -EINVAL;
	if (len / 2 > size)
		return -E2BIG;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		bytes[i / 2] = high << 4 | low;
	}
	*ret_len = len / 2;
	return 0;
}

void hex_encode(const uint8_t *bytes, size_t len, char *text)
{
	for (size_t i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	text[2 * len] = 0;
}

char *format_cpu_list(const uint32_t *cpus, size_t count)
{
	char *text = NULL;
	size_t size, last;
	FILE *stream;

	stream = open_memstream(&text, &size);
	if (!stream)
		return NULL;
	for (size_t first = 0; first < count; first = last + 1) {
		last = first;
		while (last + 1 < count && cpus[last + 1] == cpus[last] + 1)
			last++;
		fprintf(stream, "%s%" PRIu32, first ? "," : "", cpus[first]);
		if (last > first)
			fprintf(stream, "-%" PRIu32, cpus[last]);
	}
	if (fclose(stream)) {
		free(text);
		return NULL;
	}
	return text;
}
