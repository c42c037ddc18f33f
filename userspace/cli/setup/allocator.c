// SPDX-License-Identifier: Apache-2.0
/* Read the configuration of AWS's nitro-enclaves-allocator, a file of three scalars. */

#include "cli/setup/allocator.h"

#include "cli/setup/conf.h"
#include "common/config.h"
#include "common/util.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define MEMORY_MIB_MAX	(INT64_MAX / MIB)
#define BLANKS		" \t\r"

/* The position of the parser. */
struct parser {
	struct allocator *to;
	const char *path;
	unsigned int line;
};

#define FAIL(parser, error, fmt, ...) \
	error_set(error, -EINVAL, "%.200s:%u: " fmt, (parser)->path, (parser)->line, __VA_ARGS__)

/* Cut a comment, which begins with "#" at the start or after a blank, and trailing blanks. */
static void cut_comment(char *text)
{
	size_t len;

	for (char *at = text; (at = strchr(at, '#')); at++)
		if (at == text || strchr(BLANKS, at[-1])) {
			*at = 0;
			break;
		}
	len = strlen(text);
	while (len && strchr(BLANKS, text[len - 1]))
		text[--len] = 0;
}

/* The value without its quotes, which YAML allows around any scalar. */
static int unquote(const struct parser *parser, char **value, struct error *error)
{
	size_t len = strlen(*value);
	char quote = **value;

	if (quote == '"' || quote == '\'') {
		if (len < 2 || (*value)[len - 1] != quote)
			return FAIL(parser, error, "the quote in %.40s is not closed", *value);
		(*value)[len - 1] = 0;
		++*value;
	}
	if (!**value || strpbrk(*value, "[]{}&*!|>%@`\"'\\"))
		return FAIL(parser, error, "\"%.40s\" is not a number or a CPU list such as 2,3",
			    *value);
	return 0;
}

static int set_number(const struct parser *parser, const char *key, const char *value,
		      uint64_t max, uint64_t *ret, struct error *error)
{
	if (*ret || parse_u64(value, 10, max, ret) || !*ret)
		return FAIL(parser, error, "%s: %s", key, *ret ? "given twice" :
			    "not a number, or out of range");
	return 0;
}

static int set_pool(const struct parser *parser, const char *value, struct error *error)
{
	__cleanup_free uint32_t *cpus = NULL;
	size_t count;

	if (parser->to->cpu_pool)
		return FAIL(parser, error, "cpu_pool: %s", "given twice");
	if (parse_cpu_list(value, &cpus, &count))
		return FAIL(parser, error, "cpu_pool: \"%.80s\" is not a CPU list such as 2,3 or 6-9",
			    value);
	parser->to->cpu_pool = value;
	return 0;
}

static int set(const struct parser *parser, const char *key, char *value, struct error *error)
{
	struct allocator *to = parser->to;
	int err = unquote(parser, &value, error);

	if (err)
		return err;
	if (!strcmp(key, "memory_mib"))
		return set_number(parser, key, value, MEMORY_MIB_MAX, &to->memory_mib, error);
	if (!strcmp(key, "cpu_count"))
		return set_number(parser, key, value, CPUS_MAX, &to->cpu_count, error);
	if (!strcmp(key, "cpu_pool"))
		return set_pool(parser, value, error);
	return FAIL(parser, error, "%.40s: unknown; known are memory_mib, cpu_count and cpu_pool",
		    key);
}

static bool is_empty(const struct allocator *allocator)
{
	return !allocator->memory_mib && !allocator->cpu_count && !allocator->cpu_pool;
}

static int parse_line(const struct parser *parser, char *line, struct error *error)
{
	char *colon, *value;

	cut_comment(line);
	if (!*line || (!strcmp(line, "---") && is_empty(parser->to)))
		return 0;
	colon = strchr(line, ':');
	if (!colon || colon == line || strchr(BLANKS "-?{[&!", *line) ||
	    !strchr(BLANKS, colon[1]))
		return FAIL(parser, error, "\"%.40s\" is not \"key: value\"; other YAML is not "
			    "understood", line);
	*colon = 0;
	value = colon + 1;
	return set(parser, line, value + strspn(value, BLANKS), error);
}

static int check(const struct parser *parser, struct error *error)
{
	const struct allocator *allocator = parser->to;

	if (!allocator->memory_mib)
		return error_set(error, -EINVAL, "%.200s: memory_mib is missing", parser->path);
	if (!allocator->cpu_count == !allocator->cpu_pool)
		return error_set(error, -EINVAL, "%.200s: %s", parser->path, allocator->cpu_count ?
				 "cpu_count cannot be combined with cpu_pool" :
				 "cpu_count or cpu_pool is missing");
	return 0;
}

int allocator_load(const char *path, struct allocator *ret, struct error *error)
{
	struct allocator allocator = {};
	struct parser parser = { .to = &allocator, .path = path };
	char *rest, *line;
	int err = config_read(path, &allocator.text, error);

	rest = allocator.text;
	while (!err && (line = strsep(&rest, "\n"))) {
		parser.line++;
		err = parse_line(&parser, line, error);
	}
	if (!err)
		err = check(&parser, error);
	if (err)
		free(allocator.text);
	else
		*ret = allocator;
	return err;
}
