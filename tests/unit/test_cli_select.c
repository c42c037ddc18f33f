// SPDX-License-Identifier: Apache-2.0
/* Which enclave a command is about: the only one, the latest one, and messages. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ca/flaw.h"
#include "cli/commands.h"
#include "cli/enclave/select.h"
#include "cli/enclave/vmm.h"
#include "common/nsm_control.h"
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

/* Words of other tools lead to what they are called here. */
static void test_hints(void **state)
{
	static const struct command_hint hints[] = { { "list", "\"tool ps\"" }, { "-v", "x" }, {} };
	static const struct command *const commands[] = { &cmd_run, &cmd_stop, NULL };
	static const struct command tool = { .name = "tool", .commands = commands, .hints = hints };
	static const struct {
		const char *option, *text;
	} cases[] = {
		{ "--cpu-count", "unknown option --cpu-count; here it is --cpus" },
		{ "--eif-path=/x", "unknown option --eif-path=/x; here it is IMAGE" },
		{ "--debug-mode", "; here it is --debug\n" },
		{ "--cpu-countx", "unknown option --cpu-countx\n" },
	};
	struct command_result result;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		run_command(&result, &cmd_run, "run", cases[i].option, "2", NULL);
		assert_int_equal(result.code, COMMAND_USAGE);
		expect_text(result.err, cases[i].text);
	}
	run_command(&result, &cmd_stop, "stop", "--enclave-id", "x", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	expect_text(result.err, "here it is ENCLAVE");
	run_command(&result, &tool, "tool", "list", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	expect_text(result.err, "unknown command \"list\"; here it is \"tool ps\"\n");
	run_command(&result, &tool, "tool", "lis", NULL);
	expect_text(result.err, "try \"ne-emu tool help\"");
	run_command(&result, &tool, "tool", "help", "--help", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	expect_text(result.out, "Usage: ne-emu tool COMMAND");
}

static void test_flaws(void **state)
{
	struct command_result result;

	run_command(&result, &cmd_lab, "lab", "set", "--help", NULL);
	for (enum ca_flaw flaw = 0; flaw < NR_CA_FLAWS; flaw++)
		expect_text(result.out, ca_flaw_name(flaw));
	for (enum nsm_flaw flaw = 0; flaw < NR_NSM_FLAWS; flaw++)
		expect_text(result.out, nsm_flaw_name(flaw));
}

/* A VMM is known by its name and by the slot uid on its command line. */
static void test_vmm(void **state)
{
	struct temp_dir root;

	fake_root_create(&root);
	assert_false(vmm_runs(0x1234));
	fake_root_put(&root, "/proc/41/comm", "other\n");
	fake_root_write(&root, "/proc/41/cmdline", "x\0--slot-uid\0" "0000000000001234", 29);
	fake_root_put(&root, "/proc/42/comm", "ne-emu-vmm\n");
	fake_root_write(&root, "/proc/42/cmdline", "x\0--slot-uid\0" "0000000000001235", 29);
	assert_false(vmm_runs(0x1234));
	assert_true(vmm_runs(0x1235));
	fake_root_remove(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_flaws),
		cmocka_unit_test(test_vmm),
	};

	return cmocka_run_group_tests_name("cli_select", tests, NULL, NULL);
}
