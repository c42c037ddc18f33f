// SPDX-License-Identifier: Apache-2.0
/* Users and groups from the files of an image. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "fake_root.h"
#include "pack/users.h"

#include <errno.h>
#include <string.h>

static void assert_user(struct tree *tree, const char *user, const char *expected)
{
	struct error error = {};
	char *text;

	if (users_resolve(tree, user, &text, &error))
		fail_msg("%s: %s", user, error.text);
	assert_string_equal(text, expected);
	free(text);
}

static void test_users(void **state)
{
	static const char passwd[] = "root:x:0:0::/:/bin/sh\napp:x:1000:100:App:/:/bin/sh\n";
	static const char group[] = "root:x:0:\nusers:x:100:app\naudio:x:29:app,root\nvideo:x:44:x";
	struct error error = {};
	struct tree tree;
	char *text;

	assert_int_equal(tree_init(&tree), 0);
	assert_user(&tree, "12", "12\n0\n");
	assert_user(&tree, "12:34", "12\n34\n");
	assert_int_equal(users_resolve(&tree, "app", &text, &error), -ENOENT);
	expect_text(error.text, "user \"app\" is not in the image's /etc/passwd");
	assert_int_equal(tree_put(&tree, "etc/passwd", 0644, passwd, strlen(passwd)), 0);
	assert_int_equal(tree_put(&tree, "etc/group", 0644, group, strlen(group)), 0);
	assert_user(&tree, "app", "1000\n100\n29\n");
	assert_user(&tree, "1000", "1000\n100\n29\n");
	assert_user(&tree, "app:video", "1000\n44\n");
	assert_user(&tree, "app:5", "1000\n5\n");
	assert_user(&tree, "root", "0\n0\n29\n");
	assert_user(&tree, ":video", "0\n44\n");
	assert_int_equal(users_resolve(&tree, "app:none", &text, &error), -ENOENT);
	assert_int_equal(users_resolve(&tree, "4294967295", &text, &error), -ENOENT);
	tree_exit(&tree);
}

/* Resolve @user with @line in one of the files; the other file is empty. */
static int resolve_with(const char *path, const char *line, const char *user, char **ret,
			struct error *error)
{
	struct tree tree;
	int r;

	assert_int_equal(tree_init(&tree), 0);
	assert_int_equal(tree_put(&tree, path, 0644, line, strlen(line)), 0);
	r = users_resolve(&tree, user, ret, error);
	tree_exit(&tree);
	return r;
}

static void assert_line(const char *path, const char *line, const char *user, const char *expected)
{
	struct error error = {};
	char *text;

	if (resolve_with(path, line, user, &text, &error))
		fail_msg("%s: %s", line, error.text);
	assert_string_equal(text, expected);
	free(text);
}

static void assert_bad_line(const char *path, const char *line, const char *user, int result,
			    const char *expected)
{
	struct error error = {};
	char *text = NULL;

	if (resolve_with(path, line, user, &text, &error) != result)
		fail_msg("%s", line);
	assert_null(text);
	expect_text(error.text, expected);
}

/* Fields after those in use may be missing or too many; empty lines are ignored. */
static void test_unusual_lines(void **state)
{
	static const char passwd[] = "etc/passwd", group[] = "etc/group";

	assert_line(passwd, "app:x:7:8", "app", "7\n8\n");
	assert_line(passwd, "app:x:7:8::/:/bin/sh:more", "app", "7\n8\n");
	assert_line(passwd, "\n\napp:x:7:8::/:\n\n", "app", "7\n8\n");
	assert_line(passwd, "#app:x:1:2::/:\napp:x:7:8::/:\n", "app", "7\n8\n");
	assert_line(passwd, "bad\nbad:x:1\nbad:x:y:z\napp:x:7:8::/:\n", "app", "7\n8\n");
	assert_line(passwd, "app:x:7:8::/:\napp:x:9:9::/:\n", "app", "7\n8\n");
	assert_line(passwd, "app:x:07:8::/:\n", "7", "7\n8\n");
	assert_line(passwd, "app:x:4294967294:8::/:\n", "app", "4294967294\n8\n");
	assert_line(group, "g:x:5", "1:g", "1\n5\n");
	assert_line(group, "bad:x:y:\ng:x:5:a:b\n", "1:g", "1\n5\n");
}

/*
 * A malformed line must not be skipped: the user would get the numbers of another line, or
 * group 0. Numbers with signs or blanks and NIS entries are malformed.
 */
static void test_malformed_lines(void **state)
{
	static const char *const bad[] = {
		"app:x:y:8::/:", "app:x:7:y::/:", "app:x:7", "app:x", "app", "app:x::8::/:",
		"app:x:7:::/:", "app:x:-1:8::/:", "app:x:+7:8::/:", "app:x: 7:8::/:",
		"app:x:7 :8::/:", "app:x:0x7:8::/:", "app:x:4294967295:8::/:",
		"app:x:7:4294967295::/:", "app:x:4294967296:8::/:",
		"app:x:y:8::/:\napp:x:7:8::/:",
	};
	static const char passwd[] = "etc/passwd", group[] = "etc/group";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_bad_line(passwd, bad[i], "app", -EBADMSG,
				"the image's /etc/passwd: bad line of app");
	assert_bad_line(passwd, "app:x:7:y::/:", "7", -EBADMSG, "bad line of 7");
	assert_bad_line(passwd, "+app:x:::::", "+app", -EBADMSG, "bad line of +app");
	assert_bad_line(passwd, " app:x:7:8::/:", "app", -ENOENT, "is not in the image's");
	assert_bad_line(group, "g:x:y:", "1:g", -EBADMSG, "/etc/group: bad line of g");
	assert_bad_line(group, "g:x:-1:", "1:g", -EBADMSG, "/etc/group: bad line of g");
	assert_bad_line(group, "g:x", "1:g", -EBADMSG, "/etc/group: bad line of g");
	assert_bad_line(group, " g:x:5:", "1:g", -ENOENT, "is not in the image's");
}

/* Supplementary groups are those whose line is valid and names the user exactly. */
static void test_members(void **state)
{
	static const char group[] = "a:x:5:app\nbad:x:y:app\nb:x:6: app\nc:x:7:x,,app\n"
				    "d:x:10:app:x\ne:x:9:appx,xapp\nf:x:8:app";
	struct tree tree;

	assert_int_equal(tree_init(&tree), 0);
	assert_int_equal(tree_put(&tree, "etc/passwd", 0644, "app:x:7:8", 9), 0);
	assert_int_equal(tree_put(&tree, "etc/group", 0644, group, strlen(group)), 0);
	assert_user(&tree, "app", "7\n8\n5\n7\n10\n");
	tree_exit(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_unusual_lines),
		cmocka_unit_test(test_malformed_lines),
		cmocka_unit_test(test_members),
	};

	return cmocka_run_group_tests_name("pack_users", tests, NULL, NULL);
}
