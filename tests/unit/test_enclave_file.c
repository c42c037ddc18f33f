// SPDX-License-Identifier: Apache-2.0
/* Files of enclaves, for "ne-emu run --config". */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/commands.h"
#include "cli/enclave/file.h"
#include "fake_root.h"

#define FILE_PATH	"/etc/ne-emu/enclaves/web.conf"

/* Some of the options of "run". */
struct values {
	uint64_t memory, cpus, timeout;
	struct opt_strings env;
	const char *name;
	bool debug;
};

static const struct values defaults = { .timeout = 180 };

static const struct opt options[] = {
	OPT_MEMORY("memory", struct values, memory, "SIZE", ""),
	OPT_NUMBER("cpus", struct values, cpus, "N", 1, 8, ""),
	OPT_NUMBER("timeout", struct values, timeout, "S", 1, 86400, ""),
	OPT_STRINGS("env", struct values, env, "NAME=VALUE", ""),
	OPT_STRING("name", struct values, name, "NAME", ""),
	OPT_FLAG("debug", struct values, debug, ""),
	{}
};

static const struct command command = {
	.name = "run", .options = options, .size = sizeof(struct values), .defaults = &defaults,
};

static int read_text(const char *text, struct values *values, struct enclave_file *file,
		     struct error *error)
{
	char path[ROOT_PATH_SIZE];
	struct temp_dir root;
	int err;

	fake_root_create(&root);
	fake_root_put(&root, FILE_PATH, text);
	err = enclave_file_read(fake_root_path(&root, FILE_PATH, path), &command, values, file,
				error);
	fake_root_remove(&root);
	return err;
}

static void test_settings(void **state)
{
	struct values values = defaults;
	struct enclave_file file;
	struct error error;

	assert_int_equal(read_text("# comment\n"
				   "image = /srv/my app.tar\n"
				   "command = python3 -c \"print('a b')\" ''  --x=' 1'\n"
				   "memory = 1G\n"
				   "env = A=1 2\n"
				   "env=B=#\n"
				   "timeout = 20\n"
				   "debug = yes\n", &values, &file, &error), 0);
	assert_int_equal(file.count, 6);
	assert_string_equal(file.words[0], "/srv/my app.tar");
	assert_string_equal(file.words[1], "python3");
	assert_string_equal(file.words[2], "-c");
	assert_string_equal(file.words[3], "print('a b')");
	assert_string_equal(file.words[4], "");
	assert_string_equal(file.words[5], "--x= 1");
	assert_null(file.words[6]);
	assert_int_equal(values.memory, GIB);
	assert_int_equal(values.timeout, 20);
	assert_int_equal(values.env.count, 2);
	assert_string_equal(values.env.list[0], "A=1 2");
	assert_string_equal(values.env.list[1], "B=#");
	assert_true(values.debug);
	assert_int_equal(values.cpus, 0);
	enclave_file_free(&file);
}

static void test_command_line_first(void **state)
{
	struct values values = defaults;
	struct enclave_file file;
	struct error error;

	values.memory = 64 * MIB;
	values.name = "mine";
	values.env.list[values.env.count++] = "C=3";
	assert_int_equal(read_text("image = a\nmemory = 1G\nname = other\nenv = A=1\ncpus = 2\n",
				   &values, &file, &error), 0);
	assert_int_equal(values.memory, 64 * MIB);
	assert_string_equal(values.name, "mine");
	assert_int_equal(values.env.count, 1);
	assert_string_equal(values.env.list[0], "C=3");
	assert_int_equal(values.cpus, 2);
	enclave_file_free(&file);
}

static void test_errors(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "image = a\nmemmory = 1\n", "web.conf:2: memmory: no such setting" },
		{ "memory = lots\n", "web.conf:1: memory: \"lots\" is not a memory size" },
		{ "cpus = 9\n", "web.conf:1: cpus: \"9\" is not a number from 1 to 8" },
		{ "debug = maybe\n", "web.conf:1: debug: \"maybe\" is neither yes nor no" },
		{ "debug\n", "web.conf:1: \"debug\" is neither \"name = value\" nor [section]" },
		{ "[a]\nimage = a\n", "web.conf:2: [a]: this file has no sections" },
		{ "image = a\nimage = b\n", "web.conf:2: image: given twice" },
		{ "image =\n", "web.conf:1: image: there is no value" },
		{ "image = a\ncommand = sh -c 'exit\n",
		  "web.conf: command: a quote is not closed" },
		{ "command = sh\n", "web.conf: command, but no image" },
		{ "config = other\n", "web.conf:1: config: no such setting" },
	};
	struct values values;
	struct enclave_file file;
	struct error error;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		values = defaults;
		assert_int_not_equal(read_text(cases[i].text, &values, &file, &error), 0);
		expect_text(error.text, cases[i].error);
		/* Nothing of it counts. */
		assert_memory_equal(&values, &defaults, sizeof(values));
		enclave_file_free(&file);
	}
}

static void test_too_many_words(void **state)
{
	char text[512] = "image = a\ncommand =";
	struct values values = defaults;
	struct enclave_file file;
	struct error error;

	for (int i = 0; i < ENCLAVE_FILE_WORDS; i++)
		strcat(text, " x");
	assert_int_equal(read_text(text, &values, &file, &error), -E2BIG);
	expect_text(error.text, "command: more than 63 words");
	enclave_file_free(&file);
}

/* The command itself: a wrong file is not worth another start. */
static void test_run(void **state)
{
	struct command_result result;
	char path[ROOT_PATH_SIZE];
	struct temp_dir root;

	fake_root_create(&root);
	fake_root_put(&root, FILE_PATH, "image = a\nmemmory = 1\n");
	fake_root_path(&root, FILE_PATH, path);
	run_command(&result, &cmd_run, "run", "--config", path, NULL);
	assert_int_equal(result.code, 78);
	expect_text(result.err, "web.conf:2: memmory: no such setting");
	fake_root_put(&root, FILE_PATH, "image = a\nconsole = yes\n");
	run_command(&result, &cmd_run, "run", "--config", path, NULL);
	assert_int_equal(result.code, 78);
	expect_text(result.err, "--console requires --debug");
	fake_root_put(&root, FILE_PATH, "memory = 512\n");
	run_command(&result, &cmd_run, "run", "--config", path, NULL);
	assert_int_equal(result.code, 78);
	expect_text(result.err, "the file names no image");
	run_command(&result, &cmd_run, "run", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	expect_text(result.err, "missing argument, expected: IMAGE");
	fake_root_remove(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_command_line_first),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_too_many_words),
		cmocka_unit_test(test_run),
	};

	return cmocka_run_group_tests_name("enclave_file", tests, NULL, NULL);
}
