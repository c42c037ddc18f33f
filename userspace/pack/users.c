// SPDX-License-Identifier: Apache-2.0
/*
 * Users of a container image, from the image's /etc/passwd and /etc/group.
 *
 * glibc's fgetpwent() and fgetgrent() skip a line whose numbers they cannot read, so that a
 * user may end up with group 0; they accept numbers with signs and blanks; and they give
 * root's ids to an entry "+name" of NIS without numbers. Here each of these is an error.
 */

#include "pack/users.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>

#define FILE_SIZE_MAX	MIB
#define ID_MAX		(UINT32_MAX - 1ULL)	/* the last one means "no change" */
#define FIELDS_MAX	7

/** struct table - lines of a file, each cut into fields at colons */
struct table {
	char *text;
	char *next;
	char *fields[FIELDS_MAX];
};

/* A missing file is treated as an empty one. */
static int table_open(struct table *table, struct tree *tree, const char *path)
{
	const struct tree_node *node = tree_find(tree, path, true);
	size_t size;
	int err;

	*table = (struct table){};
	if (!node || !node->file)
		return 0;
	err = tree_read(tree, node, FILE_SIZE_MAX, &table->text, &size);
	table->next = table->text;
	return err;
}

/* Get the next line; missing fields are empty. */
static bool table_next(struct table *table)
{
	char *line = strsep(&table->next, "\n");

	if (!line)
		return false;
	for (size_t i = 0; i < FIELDS_MAX; i++) {
		char *field = strsep(&line, ":");

		table->fields[i] = field ? field : (char *)"";
	}
	return true;
}

enum { NAME = 0, ID = 2, PASSWD_GROUP = 3, GROUP_MEMBERS = 3, HOME = 5 };

/* Find the line with the name @key or, if @key is a number, with that ID, or -ENOENT. */
static int table_find(struct table *table, const char *key)
{
	uint64_t id;
	bool number = !parse_u64(key, 10, ID_MAX, &id);

	while (table_next(table)) {
		uint64_t line_id;

		if (!strcmp(table->fields[NAME], key))
			return 0;
		if (number && !parse_u64(table->fields[ID], 10, ID_MAX, &line_id) &&
		    line_id == id)
			return 0;
	}
	return -ENOENT;
}

/* The ID and name of a user, and the ID of its group. */
struct user {
	uint64_t id;
	uint64_t group;
	char *name;
};

static int users_find_user(struct tree *tree, const char *key, struct user *ret,
			   struct error *error)
{
	struct table table;
	int err = table_open(&table, tree, "etc/passwd");

	if (err)
		return error_set(error, err, "the image's /etc/passwd: %s", strerror(-err));
	/* ":group" means root with that group. */
	if (!*key)
		key = "0";
	if (!table_find(&table, key)) {
		if (parse_u64(table.fields[ID], 10, ID_MAX, &ret->id) ||
		    parse_u64(table.fields[PASSWD_GROUP], 10, ID_MAX, &ret->group))
			err = error_set(error, -EBADMSG, "the image's /etc/passwd: bad line of %s",
					key);
		else
			ret->name = strdup(table.fields[NAME]);
	} else if (parse_u64(key, 10, ID_MAX, &ret->id)) {
		err = error_set(error, -ENOENT, "user \"%s\" is not in the image's /etc/passwd",
				key);
	}
	free(table.text);
	return err;
}

static int users_find_group(struct tree *tree, const char *key, uint64_t *ret, struct error *error)
{
	struct table table;
	int err = table_open(&table, tree, "etc/group");

	if (err)
		return error_set(error, err, "the image's /etc/group: %s", strerror(-err));
	if (!table_find(&table, key)) {
		if (parse_u64(table.fields[ID], 10, ID_MAX, ret))
			err = error_set(error, -EBADMSG, "the image's /etc/group: bad line of %s",
					key);
	} else if (parse_u64(key, 10, ID_MAX, ret)) {
		err = error_set(error, -ENOENT, "group \"%s\" is not in the image's /etc/group",
				key);
	}
	free(table.text);
	return err;
}

static bool is_member(char *members, const char *name)
{
	char *member;

	while ((member = strsep(&members, ",")))
		if (*member && !strcmp(member, name))
			return true;
	return false;
}

static int print_groups(struct tree *tree, const char *name, uint64_t group, FILE *out)
{
	struct table table;
	uint64_t id;
	int err = table_open(&table, tree, "etc/group");

	while (!err && table_next(&table))
		if (is_member(table.fields[GROUP_MEMBERS], name) &&
		    !parse_u64(table.fields[ID], 10, ID_MAX, &id) && id != group)
			fprintf(out, "%llu\n", (unsigned long long)id);
	free(table.text);
	return err;
}

static int print_user(struct tree *tree, const struct user *user, bool groups, char **ret)
{
	size_t size;
	FILE *out = open_memstream(ret, &size);
	int err = 0;

	if (!out)
		return -ENOMEM;
	fprintf(out, "%llu\n%llu\n", (unsigned long long)user->id,
		(unsigned long long)user->group);
	if (groups && user->name)
		err = print_groups(tree, user->name, user->group, out);
	if (fclose(out) && !err)
		err = -ENOMEM;
	return err;
}

int users_resolve(struct tree *tree, const char *user, char **ret, struct error *error)
{
	__cleanup_free char *copy = strdup(user);
	char *group = copy, *name;
	struct user found = {};
	char *text = NULL;
	int err;

	if (!copy)
		return -ENOMEM;
	name = strsep(&group, ":");
	err = users_find_user(tree, name, &found, error);
	/* As for a container, a given group is the only one. */
	if (!err && group && *group)
		err = users_find_group(tree, group, &found.group, error);
	if (!err)
		err = print_user(tree, &found, !group || !*group, &text);
	free(found.name);
	if (err)
		free(text);
	else
		*ret = text;
	return err;
}

int users_find_home(struct tree *tree, const char *user, char **ret)
{
	__cleanup_free char *name = strndup(user ?: "", strcspn(user ?: "", ":"));
	const char *home = NULL;
	struct table table;

	if (!name)
		return -ENOMEM;
	if (!table_open(&table, tree, "etc/passwd") && !table_find(&table, *name ? name : "0"))
		home = table.fields[HOME];
	*ret = strdup(home && *home ? home : "/");
	free(table.text);
	return *ret ? 0 : -ENOMEM;
}
