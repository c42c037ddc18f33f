// SPDX-License-Identifier: Apache-2.0
/* Log folders of enclaves: access rights, removal of old ones. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/paths.h"
#include "common/util.h"
#include "daemon/folder.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

struct fixture {
	struct temp_dir dir;
	struct log_root root;
};

static int setup(void **state)
{
	struct fixture *f = test_malloc(sizeof(*f));

	temp_dir_create(&f->dir);
	assert_int_equal(log_root_open(&f->root, f->dir.path), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	log_root_close(&f->root);
	temp_dir_remove(&f->dir);
	test_free(f);
	return 0;
}

static bool exists(struct fixture *f, const char *name)
{
	return faccessat(f->root.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static mode_t mode_of(struct fixture *f, const char *name)
{
	struct stat st;

	assert_return_code(fstatat(f->root.fd, name, &st, AT_SYMLINK_NOFOLLOW), errno);
	return st.st_mode & 07777;
}

/* A folder with a log, last changed @age seconds ago. */
static void make_folder(struct fixture *f, uint64_t slot_uid, time_t age)
{
	struct timespec times[2] = { { .tv_sec = 1700000000 - age },
				     { .tv_sec = 1700000000 - age } };
	int folder, file;

	assert_int_equal(folder_open(&f->root, slot_uid, &folder), 0);
	assert_int_equal(folder_create_file(&f->root, folder, NE_EMU_CONSOLE_LOG, &file), 0);
	assert_return_code(futimens(folder, times), errno);
	fd_close(&file);
	fd_close(&folder);
}

static void test_access_rights(void **state)
{
	mode_t mask = umask(0077);
	struct fixture *f = *state;

	make_folder(f, 0xabc, 0);
	umask(mask);
	assert_int_equal(mode_of(f, "0000000000000abc"), 0750);
	assert_int_equal(mode_of(f, "0000000000000abc/console.log"), 0640);
}

static void test_root_is_created(void **state)
{
	struct fixture *f = *state;
	struct log_root root;
	char path[64];

	snprintf(path, sizeof(path), "%s/sub", f->dir.path);
	assert_int_equal(log_root_open(&root, path), 0);
	log_root_close(&root);
	assert_int_equal(mode_of(f, "sub"), 0750);

	snprintf(path, sizeof(path), "%s/no/sub", f->dir.path);
	assert_int_equal(log_root_open(&root, path), -ENOENT);
	assert_int_equal(log_root_open(&root, "/dev/null"), -ENOTDIR);
}

static void test_file_is_emptied(void **state)
{
	struct fixture *f = *state;
	int folder, file;
	struct stat st;

	assert_int_equal(folder_open(&f->root, 1, &folder), 0);
	assert_int_equal(folder_create_file(&f->root, folder, NE_EMU_CONSOLE_LOG, &file), 0);
	assert_int_equal(write(file, "old", 3), 3);
	fd_close(&file);
	assert_int_equal(folder_create_file(&f->root, folder, NE_EMU_CONSOLE_LOG, &file), 0);
	assert_return_code(fstat(file, &st), errno);
	assert_int_equal(st.st_size, 0);
	fd_close(&file);
	fd_close(&folder);
}

static void test_links_are_not_followed(void **state)
{
	struct fixture *f = *state;
	int folder, file;

	assert_return_code(symlinkat("/tmp", f->root.fd, "0000000000000001"), errno);
	assert_int_equal(folder_open(&f->root, 1, &folder), -ENOTDIR);
	assert_int_equal(folder_remove(&f->root, 1), -ENOTDIR);

	assert_int_equal(folder_open(&f->root, 2, &folder), 0);
	assert_return_code(symlinkat("/dev/null", folder, NE_EMU_CONSOLE_LOG), errno);
	assert_int_equal(folder_create_file(&f->root, folder, NE_EMU_CONSOLE_LOG, &file),
			 -ELOOP);
	fd_close(&folder);
}

static void test_remove(void **state)
{
	struct fixture *f = *state;

	make_folder(f, 1, 0);
	assert_int_equal(folder_remove(&f->root, 1), 0);
	assert_false(exists(f, "0000000000000001"));
	assert_int_equal(folder_remove(&f->root, 1), 0);

	make_folder(f, 2, 0);
	assert_return_code(mkdirat(f->root.fd, "0000000000000002/mine", 0700), errno);
	assert_int_equal(folder_remove(&f->root, 2), -ENOTEMPTY);
	assert_true(exists(f, "0000000000000002/mine"));
}

static bool is_three(uint64_t slot_uid, void *arg)
{
	return slot_uid == 3;
}

static void test_prune(void **state)
{
	struct fixture *f = *state;

	/* Oldest to newest: 3 (live), 5, 1, 4, 2. */
	make_folder(f, 3, 50);
	make_folder(f, 5, 40);
	make_folder(f, 1, 30);
	make_folder(f, 4, 20);
	make_folder(f, 2, 10);
	assert_return_code(mkdirat(f->root.fd, "other", 0700), errno);
	assert_return_code(mkdirat(f->root.fd, "000000000000000G", 0700), errno);

	assert_int_equal(folder_prune(&f->root, 5, is_three, NULL), 0);
	assert_int_equal(folder_prune(&f->root, 2, is_three, NULL), 2);
	assert_true(exists(f, "0000000000000003"));
	assert_false(exists(f, "0000000000000005"));
	assert_false(exists(f, "0000000000000001"));
	assert_true(exists(f, "0000000000000004"));
	assert_true(exists(f, "0000000000000002"));
	assert_true(exists(f, "other"));
	assert_true(exists(f, "000000000000000G"));
}

static void test_prune_same_age(void **state)
{
	struct fixture *f = *state;

	/* Slot uids rise with time. */
	make_folder(f, 0x11, 10);
	make_folder(f, 0x12, 10);
	make_folder(f, 0x10, 10);
	assert_int_equal(folder_prune(&f->root, 1, is_three, NULL), 2);
	assert_true(exists(f, "0000000000000012"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_access_rights, setup, teardown),
		cmocka_unit_test_setup_teardown(test_root_is_created, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_is_emptied, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_are_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prune, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prune_same_age, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
