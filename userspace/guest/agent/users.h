/* SPDX-License-Identifier: Apache-2.0 */
/* Users of the enclave, from its /etc/passwd and /etc/group. */

#ifndef NE_EMU_GUEST_AGENT_USERS_H
#define NE_EMU_GUEST_AGENT_USERS_H

#include <stddef.h>

#define USER_GROUPS_MAX	32
#define USER_HOME_MAX	255
#define USER_NUMBER_MAX	10	/* digits */

/**
 * struct user - a user, in the form of the image's file /user
 * @lines: ids of user and group, and of further groups, as text in @numbers
 * @nr_lines: entries of @lines
 * @home: home directory; "/" if it is not known
 */
struct user {
	char *lines[2 + USER_GROUPS_MAX];
	size_t nr_lines;
	char numbers[2 + USER_GROUPS_MAX][USER_NUMBER_MAX + 1];
	char home[USER_HOME_MAX + 1];
};

/**
 * user_find() - find "user[:group]", names or numbers
 *
 * A number needs no entry. Without a group, that of the entry is used, or 0.
 *
 * Return: NULL, or why there is none.
 */
const char *user_find(const char *spec, struct user *ret);

#endif
