// SPDX-License-Identifier: Apache-2.0
/* Messages that include text chosen by guests, images and peers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/error.h"

#include <errno.h>
#include <string.h>

static void test_text(void **state)
{
	struct error error;

	(void)state;
	assert_int_equal(error_set(&error, -EINVAL, "%s: %d", "plain \xc3\xa9", 5), -EINVAL);
	assert_string_equal(error.text, "plain \xc3\xa9: 5");
	assert_int_equal(error_set(&error, 0, "name \"%s\"", "a\x1b[2Jb\nc\xe9"), 0);
	assert_string_equal(error.text, "name \"a\\x1b[2Jb\\x0ac\\xe9\"");
}

static void test_no_object(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, -ENOENT, "%s", "nobody wants this"), -ENOENT);
}

/* The message of a callee, with a prefix. */
static void test_prefix(void **state)
{
	struct error error;

	(void)state;
	(void)error_set(&error, -EIO, "a \x1b");
	assert_int_equal(error_set(&error, -EPERM, "file: %s, %s", error.text, error.text),
			 -EPERM);
	assert_string_equal(error.text, "file: a \\x1b, a \\x1b");
}

/* The message is cut before a character that crosses the limit. */
static void expect_cut(const char *character, size_t shown_len)
{
	char text[4 * ERROR_TEXT_SIZE];
	size_t character_len = strlen(character);

	for (size_t shift = 0; shift < shown_len; shift++) {
		struct error error;
		size_t len = shift;

		memset(text, 'x', shift);
		while (len + character_len < sizeof(text)) {
			memcpy(text + len, character, character_len);
			len += character_len;
		}
		text[len] = 0;
		(void)error_set(&error, 0, "%s", text);
		len = strlen(error.text);
		assert_in_range(len, sizeof(error.text) - shown_len, sizeof(error.text) - 1);
		assert_int_equal((len - shift) % shown_len, 0);
		if (character_len == shown_len)
			assert_memory_equal(error.text, text, len);
	}
}

static void test_cut(void **state)
{
	(void)state;
	expect_cut("x", 1);
	expect_cut("\xc3\xa9", 2);
	expect_cut("\xe2\x82\xac", 3);
	expect_cut("\xf0\x9f\x9a\x80", 4);
	expect_cut("\x1b", 4);
	expect_cut("\xc2\x9b", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_no_object),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
