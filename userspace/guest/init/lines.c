// SPDX-License-Identifier: Apache-2.0
/* Files of one item per line, by which an image says what to run. */

#include "guest/init/lines.h"

#include "guest/init/die.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_SIZE_MAX	(64 * 1024)	/* bytes */
#define LIST_ITEMS_MAX	1024

char **read_lines(const char *path, size_t *ret_count)
{
	char *text = malloc(LIST_SIZE_MAX + 1);
	char **items = calloc(LIST_ITEMS_MAX + 1, sizeof(*items));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t size = 0, count = 0;
	char *line;
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return NULL;
	if (fd < 0 || !text || !items)
		die("cannot open %s", path);
	while ((n = read(fd, text + size, LIST_SIZE_MAX - size)) > 0)
		size += n;
	if (n < 0)
		die("cannot read %s", path);
	close(fd);
	if (unlink(path))
		die("cannot remove %s", path);
	errno = E2BIG;
	if (size == LIST_SIZE_MAX)
		die("%s", path);
	text[size] = 0;
	while ((line = strsep(&text, "\n"))) {
		if (!*line && !text)
			break;		/* after the last newline */
		if (count == LIST_ITEMS_MAX)
			die("%s", path);
		items[count++] = line;
	}
	*ret_count = count;
	return items;
}
