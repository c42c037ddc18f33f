// SPDX-License-Identifier: Apache-2.0
/* Messages to the service manager. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/sd.h"
#include "common/util.h"
#include "temp_dir.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Make the manager's socket at @name ("@" for the abstract namespace). */
static int manager_socket(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_true(len < sizeof(address.sun_path));
	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_return_code(bind(fd, (struct sockaddr *)&address,
				offsetof(struct sockaddr_un, sun_path) + len), errno);
	assert_return_code(setenv("NOTIFY_SOCKET", name, 1), errno);
	return fd;
}

static void expect_text(int fd, const char *text)
{
	char got[2048];
	ssize_t len = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	assert_return_code(len, errno);
	got[len] = '\0';
	assert_string_equal(got, text);
}

static void test_no_manager(void **state)
{
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(sd_report("READY=1"), 0);
}

static void test_path(void **state)
{
	struct temp_dir dir;
	char name[64];
	int fd;

	temp_dir_create(&dir);
	snprintf(name, sizeof(name), "%s/notify", dir.path);
	fd = manager_socket(name);
	assert_int_equal(sd_report("READY=1\nSTATUS=%d enclaves", 3), 0);
	expect_text(fd, "READY=1\nSTATUS=3 enclaves");
	fd_close(&fd);
	assert_int_equal(sd_report("STOPPING=1"), -ECONNREFUSED);
	temp_dir_remove(&dir);
}

static void test_abstract(void **state)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "@ne-emu-test-%d", (int)getpid());
	fd = manager_socket(name);
	assert_int_equal(sd_report("STOPPING=1"), 0);
	expect_text(fd, "STOPPING=1");
	fd_close(&fd);
}

static void test_long_text_is_cut(void **state)
{
	char name[64], text[3000];
	int fd;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	snprintf(name, sizeof(name), "@ne-emu-test-%d", (int)getpid());
	fd = manager_socket(name);
	assert_int_equal(sd_report("%s", text), 0);
	text[1023] = '\0';
	expect_text(fd, text);
	fd_close(&fd);
}

static void test_bad_addresses(void **state)
{
	char name[200];

	memset(name, 'x', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(sd_report("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	assert_int_equal(sd_report("READY=1"), -EAFNOSUPPORT);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(sd_report("READY=1"), -EAFNOSUPPORT);
	setenv("NOTIFY_SOCKET", "@", 1);
	assert_int_equal(sd_report("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "/does/not/exist", 1);
	assert_int_equal(sd_report("READY=1"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_manager),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_abstract),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_bad_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
