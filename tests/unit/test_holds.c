// SPDX-License-Identifier: Apache-2.0
/* Wishes to hold an enclave before its first instruction. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/holds.h"

#define ALICE	1000
#define BOB	1001

static void test_owner(void **state)
{
	struct holds holds = { 0 };

	holds_add(&holds, 1, ALICE, HOLD_GDB);
	holds_add(&holds, 2, 0, HOLD_GDB);
	holds_add(&holds, 3, BOB, HOLD_GDB);
	/* Only the enclave that was meant, and only once. */
	assert_false(holds_take(&holds, 4, ALICE));
	assert_true(holds_take(&holds, 1, ALICE));
	assert_false(holds_take(&holds, 1, ALICE));
	/* Root may hold enclaves of others; others may not. */
	assert_true(holds_take(&holds, 2, ALICE));
	assert_false(holds_take(&holds, 3, ALICE));
	assert_int_equal(holds.count, 0);
	/* A stranger's wish does not hide the owner's. */
	holds_add(&holds, 5, BOB, HOLD_GDB);
	holds_add(&holds, 5, ALICE, HOLD_GDB);
	holds_add(&holds, 5, BOB, HOLD_GDB);
	assert_true(holds_take(&holds, 5, ALICE));
	assert_int_equal(holds.count, 0);
	holds_add(&holds, 6, ALICE, HOLD_TRACE);
	holds_add(&holds, 6, 0, HOLD_GDB);
	assert_int_equal(holds_take(&holds, 6, ALICE), HOLD_GDB | HOLD_TRACE);
}

/* A user with many wishes loses the oldest of them, and others lose nothing. */
static void test_limits(void **state)
{
	struct holds holds = { 0 };

	holds_add(&holds, 1, ALICE, HOLD_GDB);
	for (uint64_t i = 0; i < 1000; i++)
		holds_add(&holds, 100 + i, BOB, HOLD_GDB);
	assert_int_equal(holds.count, 1 + HOLDS_PER_USER);
	assert_true(holds_take(&holds, 1, ALICE));
	assert_false(holds_take(&holds, 100, BOB));
	assert_false(holds_take(&holds, 1099 - HOLDS_PER_USER, BOB));
	assert_true(holds_take(&holds, 1100 - HOLDS_PER_USER, BOB));
	assert_true(holds_take(&holds, 1099, BOB));

	for (uid_t uid = 0; uid < HOLDS_MAX + 10; uid++)
		holds_add(&holds, uid, 2000 + uid, HOLD_GDB);
	assert_int_equal(holds.count, HOLDS_MAX);
	assert_false(holds_take(&holds, 9, 2009));
	assert_true(holds_take(&holds, HOLDS_MAX + 9, 2000 + HOLDS_MAX + 9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("holds", tests, NULL, NULL);
}
