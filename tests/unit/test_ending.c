// SPDX-License-Identifier: Apache-2.0
/* Why an enclave ends. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vmm/ending.h"

#include <string.h>

static void test_end(void **state)
{
	struct ending ending;
	struct error error;

	(void)state;
	assert_int_equal(ending_init(&ending), 0);
	assert_int_equal(ending_get(&ending, &error), NE_EMU_EXIT_REASON_NONE);
	ending_report(&ending, NE_EMU_EXIT_REASON_GUEST_RESET, "panic: %s", "\x1b]0;title\a");
	ending_report(&ending, NE_EMU_EXIT_REASON_GUEST_HALT, "the second is ignored");
	assert_int_equal(ending_get(&ending, &error), NE_EMU_EXIT_REASON_GUEST_RESET);
	assert_string_equal(error.text, "panic: \\x1b]0;title\\x07");
	ending_exit(&ending);
}

/* The last report counts: an init may run several programs. */
static void test_guest_status(void **state)
{
	struct ending ending;

	(void)state;
	assert_int_equal(ending_init(&ending), 0);
	assert_int_equal(ending_guest_status(&ending), 0);
	ending_set_guest_status(&ending, 9);
	assert_int_equal(ending_guest_status(&ending), 0x10009);
	ending_set_guest_status(&ending, 0);
	assert_int_equal(ending_guest_status(&ending), 0x10000);
	ending_exit(&ending);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_guest_status),
	};

	return cmocka_run_group_tests_name("ending", tests, NULL, NULL);
}
