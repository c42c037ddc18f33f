// SPDX-License-Identifier: Apache-2.0
/* Users of the enclave; the C library's functions would load more libraries at run time. */

#include "guest/agent/users.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_SIZE	4096
#define FIELDS_MAX	7
#define NAME_MAX_SIZE	256

enum { NAME = 0, ID = 2, PASSWD_GROUP = 3, GROUP_MEMBERS = 3, HOME = 5 };

/** struct table - an open file, the current line of which is cut into fields */
struct table {
	FILE *file;
	char line[LINE_MAX_SIZE];
	char *fields[FIELDS_MAX];
};

static bool table_open(struct table *table, const char *path)
{
	table->file = fopen(path, "re");
	return table->file;
}

static bool table_next(struct table *table)
{
	char *rest = table->line;

	if (!fgets(table->line, sizeof(table->line), table->file))
		return false;
	rest[strcspn(rest, "\n")] = 0;
	for (size_t i = 0; i < FIELDS_MAX; i++) {
		char *field = strsep(&rest, ":");

		table->fields[i] = field ? field : (char *)"";
	}
	return true;
}

/* A number of digits only, below the one that means "no change". */
static bool is_id(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len && !text[len] && len <= USER_NUMBER_MAX &&
	       strtoull(text, NULL, 10) < UINT32_MAX;
}

/* Find a name, or else an id; the table stays open at the line. */
static bool find(struct table *table, const char *path, const char *key)
{
	for (int field = NAME; field <= ID; field += ID - NAME) {
		if (field == ID && !is_id(key))
			break;
		if (!table_open(table, path))
			break;
		while (table_next(table))
			if (is_id(table->fields[ID]) && !strcmp(table->fields[field], key))
				return true;
		fclose(table->file);
	}
	return false;
}

static void add_line(struct user *user, const char *number)
{
	size_t i = user->nr_lines;

	if (i == sizeof(user->lines) / sizeof(user->lines[0]))
		return;
	snprintf(user->numbers[i], sizeof(user->numbers[i]), "%s", number);
	user->lines[i] = user->numbers[i];
	user->nr_lines++;
}

static bool is_member(char *members, const char *name)
{
	char *member;

	while ((member = strsep(&members, ",")))
		if (!strcmp(member, name))
			return true;
	return false;
}

static void add_groups(struct user *user, const char *name)
{
	static struct table table;

	if (!table_open(&table, "/etc/group"))
		return;
	while (table_next(&table))
		if (is_id(table.fields[ID]) && is_member(table.fields[GROUP_MEMBERS], name))
			add_line(user, table.fields[ID]);
	fclose(table.file);
}

static const char *add_group(struct user *user, const char *group)
{
	static struct table table;

	if (find(&table, "/etc/group", group)) {
		add_line(user, table.fields[ID]);
		fclose(table.file);
		return NULL;
	}
	if (!is_id(group))
		return "no such group in the enclave's /etc/group";
	add_line(user, group);
	return NULL;
}

const char *user_find(const char *spec, struct user *ret)
{
	static struct table table;
	char name[NAME_MAX_SIZE] = "", group[USER_NUMBER_MAX + 1] = "0";
	const char *colon = strchr(spec, ':');
	size_t len = colon ? (size_t)(colon - spec) : strlen(spec);
	const char *why = NULL;

	*ret = (struct user){ .home = "/" };
	if (!len || len >= sizeof(name))
		return "not a user";
	memcpy(name, spec, len);
	if (find(&table, "/etc/passwd", name)) {
		add_line(ret, table.fields[ID]);
		if (is_id(table.fields[PASSWD_GROUP]))
			snprintf(group, sizeof(group), "%s", table.fields[PASSWD_GROUP]);
		if (*table.fields[HOME] == '/')
			snprintf(ret->home, sizeof(ret->home), "%s", table.fields[HOME]);
		snprintf(name, sizeof(name), "%s", table.fields[NAME]);
		fclose(table.file);
	} else if (is_id(name)) {
		add_line(ret, name);
	} else {
		return "no such user in the enclave's /etc/passwd";
	}
	if (colon)
		why = add_group(ret, colon + 1);
	else
		add_line(ret, group);
	if (!why && !colon)
		add_groups(ret, name);
	return why;
}
