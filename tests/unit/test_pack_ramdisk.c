// SPDX-License-Identifier: Apache-2.0
/* The ramdisks made from applications. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_root.h"
#include "pack/application.h"
#include "pack/cpio.h"
#include "pack_fixture.h"

/* List the entries of a ramdisk as libarchive reads them, one line each. */
static void list_ramdisk(int fd, char *text, size_t size)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	size_t used = 0;
	int r;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	archive_read_support_format_cpio(archive);
	assert_int_equal(archive_read_open_fd(archive, fd, 4096), ARCHIVE_OK);
	while ((r = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
		char data[100] = "";

		assert_true(archive_read_data(archive, data, sizeof(data) - 1) >= 0);
		for (char *c = data; *c; c++)
			*c = *c == '\n' ? '|' : *c;
		used += snprintf(text + used, size - used, "%s %o %u:%u %ld %s%s\n",
				 archive_entry_pathname(entry), archive_entry_mode(entry),
				 (unsigned int)archive_entry_uid(entry),
				 (unsigned int)archive_entry_gid(entry),
				 (long)archive_entry_mtime(entry),
				 archive_entry_symlink(entry) ?: data,
				 archive_entry_hardlink(entry) ? " (link)" : "");
		assert_true(used < size);
	}
	assert_int_equal(r, ARCHIVE_EOF);
	archive_read_free(archive);
}

static void test_ramdisk(void **state)
{
	static const struct entry entries[] = {
		{ "bin/b", S_IFREG | 04755, "run", 1, 2, false }, HARD("bin/a", "bin/b"),
		SYM("sh", "bin/b"), { "dev/console", S_IFCHR | 0600, NULL, 0, 5, false },
		REG("\xc3\xa4", "umlaut"), {}
	};
	__cleanup_fd int fd = memfd_create("cpio", MFD_CLOEXEC);
	__cleanup_fd int again = memfd_create("cpio", MFD_CLOEXEC);
	struct error error = {};
	struct application app;
	char text[2000];

	assert_int_equal(application_init(&app), 0);
	good_layer(&app.tree, entries);
	assert_int_equal(application_write(&app, fd, &error), -EINVAL);
	expect_text(error.text, "there is no command");
	assert_int_equal(strings_add(&app.command, "/bin/a"), 0);
	assert_int_equal(strings_add(&app.command, "an argument"), 0);
	assert_int_equal(strings_add(&app.env, "A=1"), 0);
	assert_false(application_needs_more(&app));
	app.user = strdup("7:8");
	app.workdir = strdup("/work");
	assert_true(application_needs_more(&app));
	if (application_write(&app, fd, &error))
		fail_msg("%s", error.text);
	list_ramdisk(fd, text, sizeof(text));
	assert_string_equal(text,
			    "cmd 100644 0:0 0 /bin/a|an argument|\n"
			    "env 100644 0:0 0 A=1|\n"
			    "workdir 100644 0:0 0 /work\n"
			    "user 100644 0:0 0 7|8|\n"
			    "rootfs 40755 0:0 0 \n"
			    "rootfs/bin 40755 0:0 0 \n"
			    "rootfs/bin/a 104755 1:2 0 run\n"
			    "rootfs/bin/b 104755 1:2 0  (link)\n"
			    "rootfs/dev 40755 0:0 0 \n"
			    "rootfs/dev/console 20600 0:5 0 \n"
			    "rootfs/proc 40755 0:0 0 \n"
			    "rootfs/run 40755 0:0 0 \n"
			    "rootfs/sh 120777 0:0 0 bin/b\n"
			    "rootfs/sys 40755 0:0 0 \n"
			    "rootfs/tmp 40755 0:0 0 \n"
			    "rootfs/var 40755 0:0 0 \n"
			    "rootfs/work 40755 0:0 0 \n"
			    "rootfs/\xc3\xa4 100644 0:0 0 umlaut\n");
	assert_int_equal(bootstrap_write(again, "/proc/self/exe", "/dev/null", &error), -EINVAL);
	assert_int_equal(strings_add(&app.command, "two\nlines"), 0);
	assert_int_equal(application_write(&app, again, &error), -EINVAL);
	expect_text(error.text, "cmd: item 3 has several lines");
	application_free(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ramdisk),
	};

	return cmocka_run_group_tests_name("pack_ramdisk", tests, NULL, NULL);
}
