// SPDX-License-Identifier: Apache-2.0
/* Which enclave a command is about: the only one, the latest one, and messages. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/commands.h"
#include "cli/enclave/select.h"
#include "fake_root.h"

#define ALICE	1000
#define BOB	1001

#define RUNNING	NE_EMU_ENCLAVE_STATE_RUNNING
#define STOPPED	NE_EMU_ENCLAVE_STATE_STOPPED
#define INIT	NE_EMU_ENCLAVE_STATE_INIT

/* Enclaves of two users, and of one outside this container. */
static const struct ne_nl_enclave list[] = {
	{ .slot_uid = 1, .cid = 16, .state = RUNNING, .owner_uid = BOB, .started_ns = 10 },
	{ .slot_uid = 2, .cid = 17, .state = RUNNING, .owner_uid = ALICE, .started_ns = 40 },
	{ .slot_uid = 3, .cid = 18, .state = RUNNING, .owner_uid = ALICE, .started_ns = 30 },
	{ .slot_uid = 4, .cid = 19, .state = STOPPED, .owner_uid = ALICE, .started_ns = 50 },
	{ .slot_uid = 5, .cid = 0, .state = INIT, .owner_uid = ALICE },
	{ .slot_uid = 6, .cid = 20, .state = RUNNING, .owner_uid = NE_NL_NO_OWNER,
	  .started_ns = 60 },
};

static void test_choice(void **state)
{
	static const struct {
		uid_t uid;
		bool latest, own;
		size_t first, count;	/* the part of the list that exists */
		int err;
		size_t chosen;
	} cases[] = {
		{ BOB, false, false, 0, 6, 0, 0 },
		{ BOB, true, false, 0, 6, 0, 0 },
		{ ALICE, false, false, 0, 6, -ENOTUNIQ, 0 },
		{ ALICE, true, false, 0, 6, 0, 1 },		/* not the last of the list */
		{ ALICE, false, false, 2, 4, 0, 0 },		/* one has ended, one not started */
		{ ALICE, false, false, 3, 3, -ENOENT, 0 },
		{ ALICE, true, false, 3, 3, -ENOENT, 0 },
		{ ALICE, false, false, 0, 1, -ENOENT, 0 },	/* never one of BOB */
		{ 0, false, false, 0, 1, 0, 0 },		/* but root */
		{ 0, false, true, 0, 1, -ENOENT, 0 },
		{ 0, true, true, 0, 1, -ENOENT, 0 },
		{ 0, false, false, 0, 6, -ENOTUNIQ, 0 },
		{ 0, true, false, 0, 6, 0, 5 },
		{ NE_NL_NO_OWNER - 1, false, false, 0, 6, -ENOENT, 0 },
		{ 0, false, false, 0, 0, -ENOENT, 0 },
	};
	struct error error;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct select wanted = { .latest = cases[i].latest, .own = cases[i].own };
		size_t chosen = 99;

		assert_int_equal(select_from(&wanted, list + cases[i].first, cases[i].count,
					     cases[i].uid, &chosen, &error), cases[i].err);
		if (!cases[i].err)
			assert_int_equal(chosen, cases[i].chosen);
	}
}

static void test_messages(void **state)
{
	static const struct select only = {};
	struct ne_nl_enclave many[12];
	struct temp_dir root;
	struct error error;
	size_t chosen;

	fake_root_create(&root);
	fake_root_put(&root, "/var/log/ne-emu/1000/0000000000000002/name", "web");
	assert_int_equal(select_from(&only, list, 6, ALICE, &chosen, &error), -ENOTUNIQ);
	assert_string_equal(error.text, "2 enclaves are running: name one of "
			    "enc0000000000000002 (CID 17, web), enc0000000000000003 (CID 18), "
			    "or use --latest");
	assert_int_equal(select_from(&only, list, 0, ALICE, &chosen, &error), -ENOENT);
	assert_string_equal(error.text, "no enclave is running; \"ne-emu run\" starts one");
	assert_int_equal(select_from(&only, list, 1, ALICE, &chosen, &error), -ENOENT);
	expect_text(error.text, "enc0000000000000001 (CID 16)");
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = list[0];
	assert_int_equal(select_from(&only, many, 12, BOB, &chosen, &error), -ENOTUNIQ);
	expect_text(error.text, "12 enclaves are running");
	expect_text(error.text, " and 8 more, or use --latest");
	fake_root_remove(&root);
}

static void test_usage(void **state)
{
	static const struct command *const commands[] = { &cmd_console, &cmd_pcap };
	struct command_result result;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		run_command(&result, commands[i], "x", "-l", "web", NULL);
		assert_int_equal(result.code, COMMAND_USAGE);
		expect_text(result.err, "--latest stands for an enclave, but \"web\" is given");
	}
	run_command(&result, &cmd_stop, "stop", "--all", "web", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	run_command(&result, &cmd_stop, "stop", "-l", "--all", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	run_command(&result, &cmd_lab, "lab", "show", "-l", "web", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	run_command(&result, &cmd_lab, "lab", "show", "web", "more", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests_name("cli_select", tests, NULL, NULL);
}
