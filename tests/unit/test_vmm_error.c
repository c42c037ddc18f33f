// SPDX-License-Identifier: Apache-2.0
/* Texts of the VMM, parts of which guests and images choose. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vmm/ending.h"
#include "vmm/error.h"

#include <errno.h>
#include <string.h>

static void test_text(void **state)
{
	struct vmm_error error;

	(void)state;
	assert_int_equal(vmm_error_set(&error, -EINVAL, "%s: %d", "plain \xc3\xa9", 5), -EINVAL);
	assert_string_equal(error.text, "plain \xc3\xa9: 5");
	assert_int_equal(vmm_error_set(&error, 0, "name \"%s\"", "a\x1b[2Jb\nc\xe9"), 0);
	assert_string_equal(error.text, "name \"a\\x1b[2Jb\\x0ac\\xe9\"");
}

/* In front of a character, wherever the limit meets it. */
static void test_cut(void **state)
{
	struct vmm_error error;
	char text[4 * NE_EMU_STATUS_TEXT_SIZE];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		size_t len = shift;

		memset(text, 'x', shift);
		while (len + 3 < sizeof(text)) {
			memcpy(text + len, "\xe2\x82\xac", 3);	/* the euro sign */
			len += 3;
		}
		text[len] = 0;
		(void)vmm_error_set(&error, 0, "%s", text);
		len = strlen(error.text);
		assert_in_range(len, sizeof(error.text) - 3, sizeof(error.text) - 1);
		assert_int_equal((len - shift) % 3, 0);
		assert_memory_equal(error.text, text, len);
	}
}

static void test_end(void **state)
{
	struct ending ending;
	struct vmm_error error;

	(void)state;
	assert_int_equal(ending_init(&ending), 0);
	ending_report(&ending, NE_EMU_EXIT_REASON_GUEST_RESET, "panic: %s", "\x1b]0;title\a");
	ending_report(&ending, NE_EMU_EXIT_REASON_GUEST_HALT, "the second is ignored");
	assert_int_equal(ending_get(&ending, &error), NE_EMU_EXIT_REASON_GUEST_RESET);
	assert_string_equal(error.text, "panic: \\x1b]0;title\\x07");
	ending_exit(&ending);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests_name("vmm_error", tests, NULL, NULL);
}
