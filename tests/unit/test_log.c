// SPDX-License-Identifier: Apache-2.0
/* Log lines: one per message, for any text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static char written[4096];

/* Capture the output of log_write(). */
static void capture(const char *message)
{
	int saved = dup(STDERR_FILENO), fds[2];
	ssize_t len;

	assert_return_code(pipe(fds), errno);
	assert_return_code(dup2(fds[1], STDERR_FILENO), errno);
	log_err("%s", message);
	assert_return_code(dup2(saved, STDERR_FILENO), errno);
	close(saved);
	close(fds[1]);
	len = read(fds[0], written, sizeof(written) - 1);
	assert_return_code(len, errno);
	written[len] = 0;
	close(fds[0]);
}

/* A message cannot add a line, change its level or control the terminal. */
static void test_clean(void **state)
{
	unsetenv("JOURNAL_STREAM");
	log_init(LOG_INFO, "enclave");
	capture("plain é");
	assert_string_equal(written, "enclave: plain é\n");
	capture("panic: \33[31mred\r\n<0>forged\xff");
	assert_string_equal(written, "enclave: panic: \\x1b[31mred\\x0d\\x0a<0>forged\\xff\n");

	setenv("JOURNAL_STREAM", "1:2", 1);
	log_init(LOG_INFO, "enclave");
	capture("\n<0>forged");
	assert_string_equal(written, "<3>enclave: \\x0a<0>forged\n");
	unsetenv("JOURNAL_STREAM");
}

/* A line that is too long is cut and still ends with a newline. */
static void test_long(void **state)
{
	static char message[3000];

	log_init(LOG_INFO, NULL);
	memset(message, 'x', sizeof(message) - 1);
	capture(message);
	assert_int_equal(strlen(written), 1023);
	assert_int_equal(written[1022], '\n');
	memset(message, '\n', sizeof(message) - 1);
	capture(message);
	assert_in_range(strlen(written), 1000, 1023);
	assert_ptr_equal(strchr(written, '\n'), written + strlen(written) - 1);
	assert_int_equal((strlen(written) - 1) % 4, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
