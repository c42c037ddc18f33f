// SPDX-License-Identifier: Apache-2.0
/* Clean text: what passes, what is escaped, where text is cut. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/text.h"
#include "common/util.h"

#include <jansson.h>
#include <string.h>

/* A literal and its length, including zeros in it. */
#define BYTES(literal)	(literal), sizeof(literal) - 1

static const struct {
	const char *name;
	const char *text;
	size_t len;
	const char *clean;
} texts[] = {
	{ "empty", BYTES(""), "" },
	{ "ASCII", BYTES(" printable ~"), " printable ~" },
	{ "a backslash stays", BYTES("C:\\x1b"), "C:\\x1b" },
	{ "two, three and four bytes", BYTES("é€\U0001f600"), "é€\U0001f600" },
	{ "last characters of each size", BYTES("\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf"),
	  "\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf" },
	{ "escape sequence", BYTES("\33[31mred\33[0m"), "\\x1b[31mred\\x1b[0m" },
	{ "end of line and tab", BYTES("a\r\n\tb"), "a\\x0d\\x0a\\x09b" },
	{ "zero", BYTES("a\0b"), "a\\x00b" },
	{ "first and last of C0", BYTES("\1\37 "), "\\x01\\x1f " },
	{ "DEL", BYTES("~\177"), "~\\x7f" },
	{ "first and last of C1", BYTES("\xc2\x80\xc2\x9f\xc2\xa0"),
	  "\\xc2\\x80\\xc2\\x9f\xc2\xa0" },
	{ "CSI of eight bits", BYTES("\x9b" "31m"), "\\x9b31m" },
	{ "marks of direction", BYTES("\u061c\u200e\u200f"),
	  "\\xd8\\x9c\\xe2\\x80\\x8e\\xe2\\x80\\x8f" },
	{ "beside them", BYTES("\u061b\u200d\u2010"), "\u061b\u200d\u2010" },
	{ "separators", BYTES("\u2028\u2029"), "\\xe2\\x80\\xa8\\xe2\\x80\\xa9" },
	{ "overrides", BYTES("\u202a\u202e\u202f"), "\\xe2\\x80\\xaa\\xe2\\x80\\xae\u202f" },
	{ "isolates", BYTES("\u2066\u2069\u206a"), "\\xe2\\x81\\xa6\\xe2\\x81\\xa9\u206a" },
	{ "continuation alone", BYTES("a\xa9z"), "a\\xa9z" },
	{ "cut off at the end", BYTES("a\xe2\x82"), "a\\xe2\\x82" },
	{ "cut off in the middle", BYTES("\xe2\x82z"), "\\xe2\\x82z" },
	{ "overlong", BYTES("\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf"),
	  "\\xc0\\xaf\\xe0\\x80\\xaf\\xf0\\x80\\x80\\xaf" },
	{ "surrogate", BYTES("\xed\xa0\x80"), "\\xed\\xa0\\x80" },
	{ "above U+10FFFF", BYTES("\xf4\x90\x80\x80\xf5\xff"),
	  "\\xf4\\x90\\x80\\x80\\xf5\\xff" },
};

static void test_clean(void **state)
{
	char to[128], again[128];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		print_message("# %s\n", texts[i].name);
		assert_ptr_equal(text_clean(to, sizeof(to), texts[i].text, texts[i].len), to);
		assert_string_equal(to, texts[i].clean);
		text_clean(again, sizeof(again), to, strlen(to));
		assert_string_equal(again, to);
	}
}

/* For each buffer size: the longest prefix that fits and ends with a whole character. */
static void test_cut(void **state)
{
	static const char text[] = "aé€\U0001f600\33z";
	static const size_t ends[] = { 0, 1, 3, 6, 10, 14, 15 };
	static const char whole[] = "aé€\U0001f600\\x1bz";

	for (size_t size = 1; size <= sizeof(whole); size++) {
		char *to = test_malloc(size);	/* so that an overrun is found */
		size_t end = 0;

		for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
			if (ends[i] < size)
				end = ends[i];
		text_clean(to, size, text, strlen(text));
		assert_int_equal(strlen(to), end);
		assert_memory_equal(to, whole, end);
		test_free(to);
	}
}

/* The text is valid JSON for any bytes. */
static void test_json(void **state)
{
	char bytes[3], to[32];

	for (unsigned int value = 0; value < 1 << 16; value++) {
		json_t *string;

		bytes[0] = value >> 8;
		bytes[1] = value;
		bytes[2] = 'z';
		string = json_string(text_clean(to, sizeof(to), bytes, sizeof(bytes)));
		assert_non_null(string);
		json_decref(string);
	}
}

static void check_print(const char *text, size_t len, const char *keep, const char *expected)
{
	char *out = NULL;
	size_t size;
	FILE *file = open_memstream(&out, &size);

	assert_non_null(file);
	text_print(file, text, len, keep);
	assert_int_equal(fclose(file), 0);
	assert_string_equal(out, expected);
	free(out);
}

static void test_print(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check_print(texts[i].text, texts[i].len, "", texts[i].clean);
	check_print(BYTES("a\tb\r\n\33c\0"), "\n\t", "a\tb\\x0d\n\\x1bc\\x00");
	/* Only control characters of one byte can be kept. */
	check_print(BYTES("\xc2\x85"), "\xc2\x85", "\\xc2\\x85");
}

static void check_short(size_t size, const char *text, const char *expected)
{
	char *to = malloc(size);

	assert_ptr_equal(text_shorten(to, size, text), to);
	assert_string_equal(to, expected);
	free(to);
}

/* Whole words; a word is cut only if it is the first, and never within a character. */
static void test_shorten(void **state)
{
	check_short(14, "three of words", "three of...");
	check_short(15, "three of words", "three of words");
	check_short(12, "three of words", "three of...");
	check_short(11, "three of words", "three...");
	check_short(9, "three of words", "three...");
	check_short(8, "three of words", "thre...");
	check_short(4, "three", "...");
	check_short(7, "a€€", "a...");
	check_short(8, "a€€€", "a€...");
	check_short(5, "", "");
}

__attribute__((format(printf, 3, 4)))
static const char *format(char *to, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	assert_ptr_equal(text_vformat(to, size, fmt, args), to);
	va_end(args);
	return to;
}

static void test_format(void **state)
{
	char to[16];

	assert_string_equal(format(to, sizeof(to), "%d%s", 7, "\33[1m"), "7\\x1b[1m");
	/* The limit applies to the escaped text, not to the original one. */
	assert_string_equal(format(to, sizeof(to), "12345678%s", "é\33€x"), "12345678é\\x1b");
	assert_string_equal(format(to, 1, "%s", "a"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_shorten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
