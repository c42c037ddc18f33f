// SPDX-License-Identifier: Apache-2.0
/* The option table and the sub-command list. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/commands.h"
#include "cli/enclave/outcome.h"
#include "command/command.h"
#include "command/generate.h"
#include "fake_root.h"

/* The options of the command under test. */
struct values {
	bool flag;
	const char *string;
	struct opt_strings strings;
	uint64_t number;
	uint64_t memory;
	int typed;
	int args;
	const char *first;
};

static struct values values;

static int read_odd(const char *text, void *value)
{
	*(int *)value = atoi(text);
	return *(int *)value % 2 ? 0 : -EINVAL;
}

static const struct opt_type odd = { .what = "an odd number", .read = read_odd };

static const struct opt options[] = {
	OPT_FLAG("flag", struct values, flag, "a flag"),
	OPT_STRING("string", struct values, string, "TEXT", "a text\non two lines", .letter = 's'),
	OPT_STRINGS("strings", struct values, strings, "TEXT", "several texts"),
	OPT_NUMBER("number", struct values, number, "N", 2, 9, "a number"),
	OPT_MEMORY("memory", struct values, memory, "SIZE", "an amount"),
	OPT_TYPED("typed", struct values, typed, int, &odd, "N", "a number of a kind",
		  .manual = "Of a *kind*."),
	{}
};

static const struct values defaults = { .typed = 7 };

static int run(const struct command_call *call)
{
	values = *(const struct values *)call->options;
	values.args = call->count;
	values.first = call->args[0];
	return 42;
}

static const struct command command = {
	.name = "command",
	.summary = "does it",
	.args = "FILE",
	.about = "Does it",
	.options = options,
	.min_args = 1,
	.max_args = 2,
	.size = sizeof(struct values),
	.defaults = &defaults,
	.run = run,
};

static void test_all_kinds(void **state)
{
	struct command_result result;

	run_command(&result, &command, "command", "--flag", "-s", "one", "--strings=a", "file",
		    "--strings", "b", "--number", "9", "--memory", "2G", "--typed", "3", NULL);
	assert_int_equal(result.code, 42);
	assert_string_equal(result.err, "");
	assert_true(values.flag);
	assert_string_equal(values.string, "one");
	assert_int_equal(values.strings.count, 2);
	assert_string_equal(values.strings.list[1], "b");
	assert_int_equal(values.number, 9);
	assert_int_equal(values.memory, 2 * GIB);
	assert_int_equal(values.typed, 3);
	assert_int_equal(values.args, 1);
	assert_string_equal(values.first, "file");
}

static void test_memory(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;		/* 0: refused */
	} cases[] = {
		{ "64", 64 * MIB }, { "64M", 64 * MIB }, { "64m", 64 * MIB }, { "3g", 3 * GIB },
		{ "1T", 1024 * GIB }, { "0", 0 }, { "", 0 }, { "M", 0 }, { "-1", 0 },
		{ "12K", 0 }, { "1.5G", 0 }, { "99999999999999999999", 0 },
		{ "9007199254740992G", 0 }, { "99999999999999G", 0 },
		{ "8589934591G", 8589934591 * GIB }, { "8589934592G", 0 },
		{ "123456789012345678901234567890", 0 },
	};
	struct command_result result;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		values.memory = 0;
		run_command(&result, &command, "command", "--memory", cases[i].text, "f", NULL);
		assert_int_equal(result.code, cases[i].bytes ? 42 : COMMAND_USAGE);
		assert_int_equal(values.memory, cases[i].bytes);
	}
}

static void test_wrong_usage(void **state)
{
	static const struct {
		const char *args[3];
		const char *text;
	} cases[] = {
		{ { "--number", "1", "f" }, "\"1\" is not a number from 2 to 9" },
		{ { "--number", "10", "f" }, "\"10\" is not a number from 2 to 9" },
		{ { "--number", "x", "f" }, "\"x\" is not a number" },
		{ { "--memory", "z", "f" }, "\"z\" is not a memory size" },
		{ { "--typed", "4", "f" }, "--typed: \"4\" is not an odd number" },
		{ { "f", "--unknown" }, "unknown option --unknown" },
		{ { "f", "--number" }, "--number needs an argument" },
		{ { "f", "-s" }, "-s needs an argument" },
		{ {}, "missing argument, expected: FILE" },
		{ { "a", "b", "c" }, "too many arguments, expected: FILE" },
	};
	struct command_result result;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		run_command(&result, &command, "command", cases[i].args[0], cases[i].args[1],
			    cases[i].args[2], NULL);
		assert_int_equal(result.code, COMMAND_USAGE);
		assert_string_equal(result.out, "");
		expect_text(result.err, cases[i].text);
		expect_text(result.err, "Try \"ne-emu command --help\"");
	}
}

static void test_help(void **state)
{
	struct command_result result;

	run_command(&result, &command, "command", "--help", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	assert_string_equal(result.err, "");
	assert_string_equal(result.out,
			    "Usage: ne-emu command [OPTION]... FILE\n\nDoes it.\n\n"
			    "  --flag                  a flag\n"
			    "  -s, --string TEXT       a text\n"
			    "                          on two lines\n"
			    "  --strings TEXT          several texts\n"
			    "  --number N              a number\n"
			    "  --memory SIZE           an amount\n"
			    "  --typed N               a number of a kind\n"
			    "  -h, --help              print this text\n");
}

static const struct command *const commands[] = { &command, NULL };

static int print_version(void)
{
	puts("1.2.3");
	return 43;
}

static const struct command tool = {
	.name = "tool", .commands = commands, .version = print_version,
};

static void test_dispatch(void **state)
{
	struct command_result result;

	run_command(&result, &tool, "tool", "command", "f", NULL);
	assert_int_equal(result.code, 42);
	assert_int_equal(values.typed, 7);
	run_command(&result, &tool, "tool", "help", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	expect_text(result.out, "  command      does it\n");
	run_command(&result, &tool, "tool", "help", "command", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	expect_text(result.out, "Usage: ne-emu tool command");
	run_command(&result, &tool, "tool", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	expect_text(result.err, "Usage: ne-emu tool COMMAND");
	run_command(&result, &tool, "tool", "nothing", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	assert_string_equal(result.err, "ne-emu: unknown command \"nothing\"; try "
			    "\"ne-emu tool help\"\n");
	run_command(&result, &tool, "tool", "help", "nothing", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	run_command(&result, &tool, "tool", "--version", NULL);
	assert_int_equal(result.code, 43);
	assert_string_equal(result.out, "1.2.3\n");
}

/* A program without commands, such as ne-emud. */
static void test_program(void **state)
{
	static const struct opt required[] = {
		OPT_NUMBER("number", struct values, number, "N", 2, 9, "a number",
			   .required = true),
		{}
	};
	static const struct command program = {
		.name = "program", .about = "Does it", .options = required, .max_args = 1,
		.size = sizeof(struct values), .run = run, .version = print_version,
	};
	struct command_result result;

	run_command(&result, &program, "program", "--number", "2", "--version", NULL);
	assert_int_equal(result.code, 43);
	run_command(&result, &program, "program", "--number", "2", NULL);
	assert_int_equal(result.code, 42);
	assert_int_equal(values.args, 0);
	run_command(&result, &program, "program", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	expect_text(result.err, "--number is missing");
	run_command(&result, &program, "program", "--number", "2", "a", "b", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	expect_text(result.err, "too many arguments, expected: none");
}

static int run_generator(const struct command_call *call)
{
	return generate_manual(&tool, call->count, call->args);
}

static const struct command generator = {
	.name = "generator", .args = "...", .max_args = 3, .run = run_generator,
};

/* Manuals are generated from the tables, in scdoc's markup. */
static void test_manual(void **state)
{
	static const struct {
		const char *args[3];
		const char *text;		/* NULL: refused */
	} cases[] = {
		{ { "synopsis" }, "*tool command* [_OPTION_]... _FILE_\n" },
		{ { "options", "command" },
		  "*--flag*\n\tA flag.\n\n"
		  "*-s*, *--string* _TEXT_\n\tA text on two lines.\n\n"
		  "*--strings* _TEXT_\n\tSeveral texts.\n\n"
		  "*--number* _N_\n\tA number.\n\n"
		  "*--memory* _SIZE_\n\tAn amount.\n\n"
		  "*--typed* _N_\n\tOf a *kind*.\n\n" },
		{ { "options", "nothing" }, NULL },
		{ { "options", "command", "more" }, NULL },
		{ { "pictures" }, NULL },
	};
	struct command_result result;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		run_command(&result, &generator, "generator", cases[i].args[0], cases[i].args[1],
			    cases[i].args[2], NULL);
		assert_int_equal(result.code, cases[i].text ? COMMAND_OK : COMMAND_USAGE);
		assert_string_equal(result.out, cases[i].text ? cases[i].text : "");
	}
}

/* Arguments that "ne-emu run" refuses before it opens the image or the device. */
static void test_run_usage(void **state)
{
	static const struct {
		const char *args[4];
		const char *text;
	} cases[] = {
		{ { "--console" }, "--console requires --debug" },
		{ { "--debug", "--console", "--detach" }, "cannot be combined with --detach" },
		{ { "--debug", "--console", "--json" }, "cannot be combined with --json" },
		{ { "--cpus=2", "--cpu-ids=2,3" }, "cannot be combined with --cpu-ids" },
		{ { "--cpu-ids=2,x" }, "\"2,x\" is not a CPU list (e.g. 2,3 or 2-5)" },
		{ { "--cpu-ids=0-1" }, "CPU 0 belongs to the host" },
		{ { "--cid=3" }, "\"3\" is not a number from 4 to 4294967294" },
		{ { "--cid=4294967295" }, "is not a number from 4" },
	};
	struct command_result result;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *args[] = { "nonexistent.eif", NULL, NULL, NULL };
		size_t count = 0;

		/* What follows the image would be a command. */
		while (count < ARRAY_SIZE(args) - 1 && cases[i].args[count]) {
			args[count + 1] = args[count];
			args[count] = cases[i].args[count];
			count++;
		}
		run_command(&result, &cmd_run, "run", args[0], args[1], args[2], args[3], NULL);
		assert_int_equal(result.code, COMMAND_USAGE);
		expect_text(result.err, cases[i].text);
	}
	run_command(&result, &cmd_run, "run", "nonexistent.eif", NULL);
	assert_int_equal(result.code, OUTCOME_FAILED);
	expect_text(result.err, "nonexistent.eif: No such file");
}

static void test_many_strings(void **state)
{
	char *argv[2 * (OPT_STRINGS_MAX + 1) + 3];
	struct command_result result;
	int argc = 0;

	argv[argc++] = (char *)"command";
	argv[argc++] = (char *)"file";
	for (int i = 0; i < OPT_STRINGS_MAX; i++) {
		argv[argc++] = (char *)"--strings";
		argv[argc++] = (char *)"x";
	}
	argv[argc] = NULL;
	run_list(&result, &command, argc, argv);
	assert_int_equal(result.code, 42);
	assert_int_equal(values.strings.count, OPT_STRINGS_MAX);
	argv[argc++] = (char *)"--strings=y";
	argv[argc] = NULL;
	run_list(&result, &command, argc, argv);
	assert_int_equal(result.code, COMMAND_USAGE);
	expect_text(result.err, "--strings is given more than 32 times");
}

/* Options may follow an enclave image, which has no command, but not another one. */
static void test_options_after_image(void **state)
{
	struct temp_dir dir;
	struct command_result result;
	char path[64];
	FILE *file;

	temp_dir_create(&dir);
	snprintf(path, sizeof(path), "%s/image", dir.path);
	file = fopen(path, "w");
	fputs(".eif", file);
	fclose(file);
	assert_int_equal(setenv("XDG_CACHE_HOME", dir.path, 1), 0);
	run_command(&result, &cmd_run, "run", path, "--cid=3", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	expect_text(result.err, "\"3\" is not a number from 4");
	run_command(&result, &cmd_run, "run", path, "--console", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	expect_text(result.err, "--console requires --debug");
	run_command(&result, &cmd_run, "run", path, "sh", "--console", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	expect_text(result.err, "\"sh\" is not an option");
	temp_dir_remove(&dir);
}

/* Errors show text from others, but it cannot control the terminal. */
static void test_clean_errors(void **state)
{
	struct command_result result;

	run_command(&result, &command, "command", "f", "--number", "\033[2J", NULL);
	assert_string_equal(result.err, "ne-emu command: --number: \"\\x1b[2J\" is not a number "
			    "from 2 to 9\nTry \"ne-emu command --help\".\n");
	run_command(&result, &cmd_run, "run", "\n\x9b.eif", NULL);
	assert_string_equal(result.err, "ne-emu: \\x0a\\x9b.eif: No such file or directory\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_wrong_usage),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_dispatch),
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_run_usage),
		cmocka_unit_test(test_many_strings),
		cmocka_unit_test(test_options_after_image),
		cmocka_unit_test(test_clean_errors),
	};

	return cmocka_run_group_tests_name("cli_opts", tests, NULL, NULL);
}
