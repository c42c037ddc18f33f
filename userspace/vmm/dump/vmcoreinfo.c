// SPDX-License-Identifier: Apache-2.0
/* VMCOREINFO: what a Linux kernel says about itself for readers of its memory. */

#include "vmm/dump/vmcoreinfo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Every kernel since 2.6.24 begins with the first and has the second. */
static const char begin[] = "OSRELEASE=";
static const char page_size[] = "\nPAGESIZE=";

/* The kernel's format strings begin like it, too, but are not text that ends with a line. */
static bool is_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != '\n' && (text[i] < ' ' || text[i] > '~'))
			return false;
	return len && text[len - 1] == '\n';
}

bool vmcoreinfo_take(struct vmcoreinfo *info, const void *page)
{
	info->len = 0;
	if (memcmp(page, begin, sizeof(begin) - 1))
		return false;
	/* From here on, the copy counts. */
	memcpy(info->text, page, VMCOREINFO_SIZE);
	info->text[VMCOREINFO_SIZE] = '\0';
	info->len = strlen(info->text);
	if (strncmp(info->text, begin, sizeof(begin) - 1) || !is_text(info->text, info->len) ||
	    !strstr(info->text, page_size))
		info->len = 0;
	return info->len;
}

static const char *find_value(const struct vmcoreinfo *info, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = info->text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && line[len] == '=')
			return line + len + 1;
	}
	return NULL;
}

bool vmcoreinfo_number(const struct vmcoreinfo *info, const char *name, int base, uint64_t *ret)
{
	const char *value = info->len ? find_value(info, name) : NULL;
	unsigned long long number;
	char *end;

	/* strtoull() would skip blanks, which no kernel writes. */
	if (!value || *value == ' ')
		return false;
	errno = 0;
	number = strtoull(value, &end, base);
	if (errno || end == value || *end != '\n')
		return false;
	*ret = number;
	return true;
}
