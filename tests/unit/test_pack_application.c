// SPDX-License-Identifier: Apache-2.0
/* What is added to an application, taken from it, and lost. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_root.h"
#include "pack/application.h"
#include "pack/losses.h"
#include "pack_fixture.h"

#include <string.h>

static void add_files(struct application *app, bool keep)
{
	struct error error = {};

	if (application_add_files(app, keep, &error))
		fail_msg("%s", error.text);
}

/* The names are those that container engines and linuxkit write; Debian's hosts(5) has them. */
static void test_files(void **state)
{
	static const struct entry entries[] = {
		REG("etc/hosts", "127.0.0.1 builder\n"), REG("etc/hostname", "builder"),
		SYM("etc/resolv.conf", "/run/resolv.conf"), REG(".dockerenv", ""),
		REG("Dockerfile", "FROM x"), {}
	};
	struct application app;
	char *text;
	size_t size;

	assert_int_equal(application_init(&app), 0);
	good_layer(&app.tree, entries);
	add_files(&app, true);
	assert_contents(&app.tree, "etc/hosts", "127.0.0.1 builder\n");
	assert_contents(&app.tree, "etc/hostname", "builder");
	assert_non_null(tree_find(&app.tree, ".dockerenv", false));

	add_files(&app, false);
	assert_int_equal(tree_read(&app.tree, tree_find(&app.tree, "etc/hosts", false), 4096, &text,
				   &size), 0);
	expect_text(text, "127.0.0.1\tlocalhost\n");
	expect_text(text, "\n::1\tlocalhost ");
	free(text);
	assert_true(S_ISREG(tree_find(&app.tree, "etc/resolv.conf", false)->mode));
	assert_string_equal(tree_find(&app.tree, "etc/mtab", false)->target, "/proc/mounts");
	assert_null(tree_find(&app.tree, ".dockerenv", false));
	assert_null(tree_find(&app.tree, "etc/hostname", false));
	assert_non_null(tree_find(&app.tree, "Dockerfile", false));
	app.as_nitro_cli = true;
	add_files(&app, false);
	assert_null(tree_find(&app.tree, "Dockerfile", false));
	application_free(&app);

	/* They are also there if the image has none. */
	assert_int_equal(application_init(&app), 0);
	add_files(&app, true);
	assert_non_null(tree_find(&app.tree, "etc/hosts", false));
	application_free(&app);
}

static void test_files_fail(void **state)
{
	static const struct entry entries[] = { REG("etc", "a file"), {} };
	struct error error = {};
	struct application app;

	assert_int_equal(application_init(&app), 0);
	good_layer(&app.tree, entries);
	assert_int_equal(application_add_files(&app, false, &error), -ENOTDIR);
	assert_string_equal(error.text, "cannot add /etc/hosts: Not a directory");
	application_free(&app);
}

static void assert_env(const char *passwd, const char *user, const char *given, bool as_nitro_cli,
		       const char *home, const char *path)
{
	struct application app;
	const char *have;

	assert_int_equal(application_init(&app), 0);
	app.as_nitro_cli = as_nitro_cli;
	app.user = user ? strdup(user) : NULL;
	assert_int_equal(tree_put(&app.tree, "etc/passwd", 0644, passwd, strlen(passwd)), 0);
	if (given)
		assert_int_equal(strings_add(&app.env, given), 0);
	assert_int_equal(application_add_env(&app), 0);
	have = strings_value(&app.env, "HOME");
	assert_string_equal(have ?: "(none)", home);
	have = strings_value(&app.env, "PATH");
	assert_string_equal(have ?: "(none)", path);
	application_free(&app);
}

/* As runc: the home of the user's entry by name or number, else "/"; PATH as from Docker. */
static void test_env(void **state)
{
	static const char passwd[] = "root:x:0:0::/root:/bin/sh\napp:x:1000:100::/home/app:\n"
		"none:x:5:5:::\nbad:x\n";
	static const char path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

	assert_env(passwd, NULL, NULL, false, "/root", path);
	assert_env(passwd, "", NULL, false, "/root", path);
	assert_env(passwd, ":100", NULL, false, "/root", path);
	assert_env(passwd, "app", "PATH=/bin", false, "/home/app", "/bin");
	assert_env(passwd, "1000:7", "XHOME=/x", false, "/home/app", path);
	assert_env(passwd, "77", NULL, false, "/", path);
	assert_env(passwd, "none", NULL, false, "/", path);
	assert_env(passwd, "bad", NULL, false, "/", path);
	assert_env(passwd, "app", "HOME=/x", false, "/x", path);
	assert_env("", NULL, NULL, false, "/", path);
	assert_env(passwd, NULL, NULL, true, "(none)", "(none)");
	assert_env(passwd, NULL, "PATH=/x", true, "(none)", "/x");
}

/* nitro-cli takes Cmd, or Entrypoint if there is no Cmd, and neither User nor WorkingDir. */
static void test_as_nitro_cli(void **state)
{
	static const struct {
		const char *config;
		const char *command;
	} cases[] = {
		{ "\"Entrypoint\":[\"a\"],\"Cmd\":[\"b\",\"c\"],\"User\":\"5\"", "b c " },
		{ "\"Entrypoint\":[\"a\",\"d\"],\"WorkingDir\":\"/x\"", "a d " },
		{ "\"Entrypoint\":[\"a\"],\"Cmd\":null", "a " },
		{ "\"Entrypoint\":[\"a\"],\"Cmd\":[]", "" },
	};
	char path[ROOT_PATH_SIZE], text[200];
	struct application app;
	struct error error = {};
	struct temp_dir dir;

	fake_root_create(&dir);
	fake_root_path(&dir, "/save", path);
	fake_root_put(&dir, "/save/manifest.json", "[{\"Config\":\"c\",\"Layers\":[]}]");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t used = 0;

		snprintf(text, sizeof(text), "{\"config\":{%s}}", cases[i].config);
		fake_root_put(&dir, "/save/c", text);
		assert_int_equal(application_init(&app), 0);
		app.as_nitro_cli = true;
		if (application_read_image(&app, path, "amd64", NULL, &error))
			fail_msg("%s", error.text);
		*text = 0;
		for (size_t n = 0; n < app.command.count; n++)
			used += snprintf(text + used, sizeof(text) - used, "%s ",
					 app.command.list[n]);
		assert_string_equal(text, cases[i].command);
		assert_false(application_needs_more(&app));
		application_free(&app);
	}
	fake_root_remove(&dir);
}

/* A layer with two files, of which one has a capability, in a form that Docker writes. */
static int write_capable(void)
{
	static const char value[20] = { 1, 0, 0, 2, 0, 4 };
	int fd = memfd_create("tar", MFD_CLOEXEC);
	struct archive *archive = archive_write_new();

	archive_write_set_format_pax(archive);
	assert_int_equal(archive_write_open_fd(archive, fd), ARCHIVE_OK);
	for (int i = 0; i < 2; i++) {
		struct archive_entry *entry = archive_entry_new();

		archive_entry_set_pathname(entry, i ? "bin/ping" : "bin/other");
		archive_entry_set_mode(entry, S_IFREG | 0755);
		archive_entry_set_size(entry, 0);
		archive_entry_xattr_add_entry(entry, i ? "security.capability" : "user.note", value,
					      sizeof(value));
		assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
	return fd;
}

static void assert_losses(const struct tree *tree, uint64_t covered, const char *first,
			  uint64_t capable)
{
	struct losses losses;

	assert_int_equal(losses_find(tree, &losses), 0);
	assert_int_equal(losses.covered.count, covered);
	if (first)
		assert_string_equal(losses.covered.names[0], first);
	assert_int_equal(losses.capable.count, capable);
	if (capable)
		assert_string_equal(losses.capable.names[0], "/bin/ping");
	losses_free(&losses);
}

static void test_losses(void **state)
{
	static const struct entry harmless[] = {
		FOLDER("run/lock"), FOLDER("tmp/x/y"), REG("dev/console", ""), SYM("dev/fd", "/x"),
		{ "dev/null", S_IFCHR | 0666, NULL, 0, 0, false }, REG("var/run", "x"),
		REG("srv/tmp/x", "x"), {}
	};
	static const struct entry covered[] = {
		REG("tmp/x/file", ""), SYM("run/link", "x"), REG("dev/data", "x"), REG("sys/x", ""),
		REG("proc/y", ""), {}
	};
	static const struct entry replaced[] = { REG("bin/ping", "x"), {} };
	__cleanup_fd int fd = write_capable();
	struct error error = {};
	struct tree tree;

	assert_int_equal(tree_init(&tree), 0);
	good_layer(&tree, harmless);
	assert_losses(&tree, 0, NULL, 0);
	good_layer(&tree, covered);
	assert_losses(&tree, 5, "/dev/data", 0);
	assert_int_equal(unpack_layer(&tree, fd, 0, UINT64_MAX, &error), 0);
	assert_losses(&tree, 5, "/dev/data", 1);
	good_layer(&tree, replaced);
	assert_losses(&tree, 5, "/dev/data", 0);
	tree_exit(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_files_fail),
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_as_nitro_cli),
		cmocka_unit_test(test_losses),
	};

	return cmocka_run_group_tests_name("pack_application", tests, NULL, NULL);
}
