// SPDX-License-Identifier: Apache-2.0
/* Memory that a kernel command line keeps the kernel from using as RAM. */

#include "vmm/reserved.h"

#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SIZE	4096ULL

/* Parse a number like the kernel's memparse(), and move *@text to its end. */
static uint64_t reserved_parse_size(const char **text)
{
	static const char suffixes[] = "KMGTPE";
	const char *suffix;
	uint64_t value;
	char *end;

	/* strtoull() would accept blanks and signs. */
	if (!isdigit((unsigned char)**text))
		return 0;
	value = strtoull(*text, &end, 0);
	suffix = *end ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
	if (suffix) {
		value <<= 10 * (suffix - suffixes + 1);
		end++;
	}
	*text = end;
	return value;
}

static int add_range(struct reserved *reserved, uint64_t start, uint64_t size)
{
	struct reserved_range *range = &reserved->ranges[reserved->count];

	if (!size)
		return 0;
	if (reserved->count == RESERVED_MAX)
		return -E2BIG;
	/* The kernel uses whole pages only. */
	range->start = start & ~(PAGE_SIZE - 1);
	if (__builtin_add_overflow(start, size, &range->end) || range->end > -PAGE_SIZE)
		range->end = -PAGE_SIZE;
	range->end = (range->end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
	reserved->count++;
	return 0;
}

static void lower_limit(struct reserved *reserved, uint64_t limit)
{
	if (limit)
		reserved->limit = MIN(reserved->limit, limit & ~(PAGE_SIZE - 1));
}

/* Parse a size, or a size and a start separated by a character for the kind of range. */
static int parse_memmap(struct reserved *reserved, const char *text)
{
	int err = 0;

	while (!err && *text) {
		uint64_t size = reserved_parse_size(&text);

		switch (*text) {
		case '$':
		case '#':
		case '!':
		case '%':
			text++;
			err = add_range(reserved, reserved_parse_size(&text), size);
			break;
		case '@':
			break;
		default:
			lower_limit(reserved, size);
		}
		text += strcspn(text, ",");
		text += *text == ',';
	}
	return err;
}

int reserved_parse(const char *cmdline, struct reserved *ret)
{
	__cleanup_free char *copy = strdup(cmdline);
	struct reserved reserved = { .limit = UINT64_MAX };
	char *word, *next = copy;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	while (!err && (word = strsep(&next, " \t\n"))) {
		const char *value = strchr(word, '=');

		if (!strcmp(word, "--"))	/* the rest is for init */
			break;
		value = value ? value + 1 : "";
		value += *value == '"';
		if (!strncmp(word, "memmap=", 7))
			err = parse_memmap(&reserved, value);
		else if (!strncmp(word, "mem=", 4))
			lower_limit(&reserved, reserved_parse_size(&value));
	}
	if (!err)
		*ret = reserved;
	return err;
}

/* Return: a reserved range that overlaps [@start, @start + @size), or NULL. */
static const struct reserved_range *meets(const struct reserved *reserved, uint64_t start,
					  uint64_t size)
{
	size_t i;

	for (i = 0; i < reserved->count; i++) {
		const struct reserved_range *range = &reserved->ranges[i];

		if (start < range->end && range->start < start + size)
			return range;
	}
	return NULL;
}

bool reserved_find_low(const struct reserved *reserved, uint64_t from, uint64_t to,
		       uint64_t size, uint64_t align, uint64_t *ret)
{
	const struct reserved_range *range;

	to = MIN(to, reserved->limit);
	for (;;) {
		if (from > UINT64_MAX - align)
			return false;
		from = (from + align - 1) & ~(align - 1);
		if (from > to || size > to - from)
			return false;
		range = meets(reserved, from, size);
		if (!range) {
			*ret = from;
			return true;
		}
		from = range->end;
	}
}

bool reserved_find_high(const struct reserved *reserved, uint64_t from, uint64_t to,
			uint64_t size, uint64_t align, uint64_t *ret)
{
	const struct reserved_range *range;
	uint64_t start;

	to = MIN(to, reserved->limit);
	for (;;) {
		if (to < from || size > to - from)
			return false;
		start = (to - size) & ~(align - 1);
		if (start < from)
			return false;
		range = meets(reserved, start, size);
		if (!range) {
			*ret = start;
			return true;
		}
		to = range->start;
	}
}
