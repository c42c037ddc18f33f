// SPDX-License-Identifier: Apache-2.0
/* One supervisor at a time. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "daemon/lock.h"
#include "temp_dir.h"

#include <errno.h>
#include <sys/stat.h>

static void test_lock(void **state)
{
	int first = -1, second = -1;
	struct temp_dir dir;
	char path[64];
	struct stat st;

	temp_dir_create(&dir);
	snprintf(path, sizeof(path), "%s/run", dir.path);
	assert_int_equal(lock_take(path, &first), 0);
	assert_int_equal(lock_take(path, &second), -EWOULDBLOCK);
	assert_int_equal(second, -1);

	/* No other user may open the file: anyone who can open it can hold the lock. */
	assert_return_code(fstat(first, &st), errno);
	assert_int_equal(st.st_mode & 07777, 0600);

	fd_close(&first);
	assert_int_equal(lock_take(path, &second), 0);
	fd_close(&second);
	temp_dir_remove(&dir);
}

static void test_no_folder(void **state)
{
	int fd = -1;

	assert_int_equal(lock_take("/does/not/exist", &fd), -ENOENT);
	assert_int_equal(lock_take("/dev/null", &fd), -ENOTDIR);
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
