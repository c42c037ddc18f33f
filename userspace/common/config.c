// SPDX-License-Identifier: Apache-2.0
/* Read configuration files. */

#include "common/config.h"

#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define FILE_SIZE_MAX	(64 * KIB)
#define SECTION_SIZE	32

/* The position of the parser. */
struct place {
	const char *file;
	unsigned int line;
	char section[SECTION_SIZE];
};

#define PLACE_FMT		"%.200s:%u: "
#define PLACE_ARGS(place)	(place)->file, (place)->line

static char *trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len && isspace((unsigned char)text[len - 1]))
		text[--len] = 0;
	return text;
}

static int parse_section(char *line, struct place *place, struct error *error)
{
	size_t len = strlen(line);

	if (line[len - 1] != ']' || len < 3 || len - 2 >= SECTION_SIZE)
		return error_set(error, -EINVAL,
				 PLACE_FMT "\"%.40s\" is not a section, such as [name]",
				 PLACE_ARGS(place), line);
	memcpy(place->section, line + 1, len - 2);
	place->section[len - 2] = 0;
	return 0;
}

static int parse_setting(char *line, const struct place *place, config_fn fn, void *arg,
			 struct error *error)
{
	char *equals = strchr(line, '=');
	struct error cause;
	int err;

	if (!equals || equals == line)
		return error_set(error, -EINVAL, PLACE_FMT
				 "\"%.40s\" is neither \"name = value\" nor [section]",
				 PLACE_ARGS(place), line);
	*equals = 0;
	err = fn(place->section, trim(line), trim(equals + 1), arg, &cause);
	return err ? error_set(error, err, PLACE_FMT "%s", PLACE_ARGS(place), cause.text) : 0;
}

int config_parse(const char *name, char *text, config_fn fn, void *arg, struct error *error)
{
	struct place place = { .file = name };
	char *line;
	int err = 0;

	while (!err && (line = strsep(&text, "\n"))) {
		place.line++;
		line = trim(line);
		if (!*line || *line == '#')
			continue;
		if (*line == '[')
			err = parse_section(line, &place, error);
		else
			err = parse_setting(line, &place, fn, arg, error);
	}
	return err;
}

static int load_fail(struct error *error, int err, const char *path)
{
	return error_set(error, err, "%.200s: %s", path, strerror(-err));
}

int config_read(const char *path, char **ret, struct error *error)
{
	__cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	__cleanup_free char *text = NULL;
	ssize_t len;

	if (fd < 0)
		return load_fail(error, -errno, path);
	text = malloc(FILE_SIZE_MAX);
	if (!text)
		return load_fail(error, -ENOMEM, path);
	len = read_full(fd, text, FILE_SIZE_MAX);
	if (len < 0)
		return load_fail(error, len, path);
	if (len == FILE_SIZE_MAX)
		return load_fail(error, -EFBIG, path);
	text[len] = 0;
	if (strlen(text) != (size_t)len) {
		const struct place place = { .file = path, .line = 1 };

		return error_set(error, -EINVAL,
				 PLACE_FMT "not a text file: it contains NUL bytes",
				 PLACE_ARGS(&place));
	}
	*ret = text;
	text = NULL;
	return 0;
}

int config_load(const char *path, config_fn fn, void *arg, struct error *error)
{
	__cleanup_free char *text = NULL;
	int err = config_read(path, &text, error);

	return err ? err : config_parse(path, text, fn, arg, error);
}
