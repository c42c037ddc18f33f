// SPDX-License-Identifier: Apache-2.0
/* The supervisor's table of enclaves. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/enclave_table.h"

#include <errno.h>
#include <string.h>

static void test_add_find_del(void **state)
{
	struct enclave_table table;
	struct enclave *a, *b, *c;

	enclave_table_init(&table);
	assert_null(enclave_table_find(&table, 1));
	assert_int_equal(enclave_table_add(&table, 1, &a), 0);
	assert_int_equal(enclave_table_add(&table, 2, &b), 0);
	assert_int_equal(enclave_table_add(&table, 1, &c), -EEXIST);
	assert_ptr_equal(enclave_table_find(&table, 1), a);
	assert_int_equal(a->info.state, NE_EMU_ENCLAVE_STATE_INIT);
	assert_int_equal(a->info.backend_fd, -1);
	enclave_table_del(&table, a);
	assert_null(enclave_table_find(&table, 1));
	assert_ptr_equal(enclave_table_find(&table, 2), b);
	enclave_table_exit(&table);
	assert_null(enclave_table_find(&table, 2));
}

static void test_count(void **state)
{
	struct enclave_table table;
	struct enclave *enclave;

	enclave_table_init(&table);
	for (uint64_t uid = 1; uid <= 5; uid++) {
		assert_int_equal(enclave_table_add(&table, uid, &enclave), 0);
		enclave->info.state = uid < 4 ? NE_EMU_ENCLAVE_STATE_RUNNING :
						NE_EMU_ENCLAVE_STATE_STOPPED;
	}
	assert_int_equal(enclave_table_count(&table, NE_EMU_ENCLAVE_STATE_RUNNING), 3);
	assert_int_equal(enclave_table_count(&table, NE_EMU_ENCLAVE_STATE_STOPPED), 2);
	assert_int_equal(enclave_table_count(&table, NE_EMU_ENCLAVE_STATE_FREED), 0);
	enclave_table_exit(&table);
}

static void test_update_keeps_what_is_not_said(void **state)
{
	uint32_t vcpus[] = { 4, 5 };
	struct ne_nl_enclave full = {
		.slot_uid = 1, .cid = 16, .flags = 1, .mem_size = 1 << 20, .started_ns = 99,
		.owner_pid = 10, .owner_uid = 1000, .vcpus = vcpus, .nr_vcpus = 2,
		.state = NE_EMU_ENCLAVE_STATE_RUNNING, .backend_fd = 7,
	};
	struct ne_nl_enclave bare = {
		.slot_uid = 1, .state = NE_EMU_ENCLAVE_STATE_FREED,
		.exit_reason = NE_EMU_EXIT_REASON_LOST, .exit_text = "gone",
		.owner_uid = NE_NL_NO_OWNER,
	};
	struct enclave_table table;
	struct enclave *e;

	enclave_table_init(&table);
	assert_int_equal(enclave_table_add(&table, 1, &e), 0);
	/* Without a known owner, root owns the enclave. */
	assert_int_equal(ne_nl_owner(&e->info), 0);
	assert_int_equal(enclave_update(e, &full), 0);
	assert_ptr_not_equal(e->info.vcpus, vcpus);
	assert_int_equal(ne_nl_owner(&e->info), 1000);
	assert_int_equal(e->info.backend_fd, -1);
	assert_int_equal(enclave_update(e, &bare), 0);
	assert_int_equal(e->info.cid, 16);
	assert_int_equal(e->info.flags, 1);
	assert_int_equal(e->info.mem_size, 1 << 20);
	assert_int_equal(e->info.started_ns, 99);
	assert_int_equal(e->info.owner_pid, 10);
	assert_int_equal(e->info.owner_uid, 1000);
	assert_int_equal(e->info.nr_vcpus, 2);
	assert_int_equal(e->info.vcpus[1], 5);
	assert_int_equal(e->info.state, NE_EMU_ENCLAVE_STATE_FREED);
	assert_int_equal(e->info.exit_reason, NE_EMU_EXIT_REASON_LOST);
	assert_string_equal(e->info.exit_text, "gone");
	/* The owner's process may be hidden, but not the owner. */
	full.owner_pid = 0;
	full.owner_uid = 1001;
	assert_int_equal(enclave_update(e, &full), 0);
	assert_int_equal(e->info.owner_pid, 10);
	assert_int_equal(e->info.owner_uid, 1001);
	enclave_table_exit(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_find_del),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_update_keeps_what_is_not_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
