// SPDX-License-Identifier: Apache-2.0
/* Reports to the kernel through the backend fd. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/backend.h"

#include <errno.h>
#include <string.h>

static void test_status(void **state)
{
	struct ne_emu_backend_status status;
	struct error error;

	(void)state;
	(void)error_set(&error, -EINVAL, "%s: %d", "plain \xc3\xa9", 5);
	status = backend_status(EINVAL, &error);
	assert_int_equal(status.code, EINVAL);
	assert_int_equal(status.guest_status, 0);
	assert_string_equal(status.text, "plain \xc3\xa9: 5");
	status = backend_status(0, NULL);
	assert_int_equal(status.code, 0);
	assert_string_equal(status.text, "");
}

/* A message is cut at the kernel's limit between two characters. */
static void test_cut(void **state)
{
	char text[2 * NE_EMU_STATUS_TEXT_SIZE];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		struct ne_emu_backend_status status;
		struct error error;
		size_t len = shift;

		memset(text, 'x', shift);
		while (len + 3 < sizeof(text)) {
			memcpy(text + len, "\xe2\x82\xac", 3);	/* the euro sign */
			len += 3;
		}
		text[len] = 0;
		(void)error_set(&error, -EINVAL, "%s", text);
		status = backend_status(EINVAL, &error);
		len = strlen(status.text);
		assert_in_range(len, sizeof(status.text) - 3, sizeof(status.text) - 1);
		assert_int_equal((len - shift) % 3, 0);
		assert_memory_equal(status.text, text, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("backend", tests, NULL, NULL);
}
