// SPDX-License-Identifier: Apache-2.0
/* Configuration files and their attestation settings. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/config.h"
#include "common/util.h"
#include "daemon/settings_file.h"
#include "temp_dir.h"

#include <errno.h>
#include <string.h>

struct seen {
	char text[256];
};

static int note(const char *section, const char *name, const char *value, void *arg,
		struct error *error)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->text);

	if (!strcmp(name, "bad")) {
		snprintf(error->text, sizeof(error->text), "not wanted");
		return -ERANGE;
	}
	snprintf(seen->text + len, sizeof(seen->text) - len, "%s/%s=%s;", section, name, value);
	return 0;
}

static int parse(const char *text, struct seen *seen, struct error *error)
{
	char copy[512];

	*seen = (struct seen){ 0 };
	snprintf(copy, sizeof(copy), "%s", text);
	return config_parse("file", copy, note, seen, error);
}

static void test_forms(void **state)
{
	struct error error;
	struct seen seen;

	assert_int_equal(parse("# a comment = no setting\n\n a = 1\nb=\t2 3 \n[one]\nc = x=y # z\n"
			       "  [two]  \nd =\ne = [f]", &seen, &error), 0);
	assert_string_equal(seen.text, "/a=1;/b=2 3;one/c=x=y # z;two/d=;two/e=[f];");
	assert_int_equal(parse("", &seen, &error), 0);
	assert_string_equal(seen.text, "");
}

static void test_errors_say_where(void **state)
{
	static const struct {
		const char *text;
		int err;
		const char *error;
	} cases[] = {
		{ "a = 1\nwords\n", -EINVAL,
		  "file:2: \"words\" is neither \"name = value\" nor [section]" },
		{ "= 1", -EINVAL, "file:1: \"= 1\" is neither" },
		{ "\n\n[one", -EINVAL, "file:3: \"[one\" is not a section" },
		{ "[]", -EINVAL, "file:1: \"[]\" is not a section" },
		{ "[0123456789012345678901234567890123456789]", -EINVAL, "is not a section" },
		{ "a = 1\n\nbad = 2\nb = 3", -ERANGE, "file:3: not wanted" },
	};
	struct error error;
	struct seen seen;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].text, &seen, &error), cases[i].err);
		if (!strstr(error.text, cases[i].error))
			fail_msg("\"%s\" does not say \"%s\"", error.text, cases[i].error);
		assert_null(strstr(seen.text, "b=3"));
	}
}

static void write_text(const char *path, const char *text, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
}

static void test_files(void **state)
{
	static char big[70000];
	struct settings settings = { 0 };
	struct error error;
	struct temp_dir dir;
	char path[64];

	temp_dir_create(&dir);
	snprintf(path, sizeof(path), "%s/conf", dir.path);
	lab_init(&settings.attestation);
	assert_int_equal(settings_load(path, &settings, &error), -ENOENT);
	assert_non_null(strstr(error.text, path));

	memset(big, '\n', sizeof(big));
	write_text(path, big, sizeof(big));
	assert_int_equal(settings_load(path, &settings, &error), -EFBIG);
	write_text(path, "a\0b", 3);
	assert_int_equal(settings_load(path, &settings, &error), -EINVAL);
	assert_non_null(strstr(error.text, "NUL"));

	write_text(path, "[attestation]\nregion = eu-west-1\n", 33);
	assert_int_equal(settings_load(path, &settings, &error), 0);
	assert_string_equal(settings.attestation.place.region, "eu-west-1");
	write_text(path, "[attestation]\nregion = nowhere at all\n", 38);
	assert_int_equal(settings_load(path, &settings, &error), -EINVAL);
	assert_non_null(strstr(error.text, ":2: region: not a region"));
	write_text(path, "region = eu-west-1\n", 19);
	assert_int_equal(settings_load(path, &settings, &error), -EINVAL);
	assert_non_null(strstr(error.text, "[attestation]"));
	temp_dir_remove(&dir);
}

static void test_logs_section(void **state)
{
	static const struct {
		const char *value;
		uint64_t size;		/* 0: refused */
	} cases[] = {
		{ "128M", 128 * MIB }, { "127M", 0 }, { "2G", 2 * GIB }, { "17179869183G",
		17179869183 * GIB }, { "17179869184G", 0 }, { "2", 0 }, { "G", 0 }, { "", 0 },
		{ "2g", 0 }, { "-2G", 0 }, { "2 G", 0 }, { "0x2G", 0 }, { "2GG", 0 },
		{ "2147483648", 0 }, { "00000000000000002G", 0 },
	};
	struct error error;
	struct temp_dir dir;
	char path[64];

	temp_dir_create(&dir);
	snprintf(path, sizeof(path), "%s/conf", dir.path);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct settings settings = { .consoles_max = 7 };
		char text[80];

		snprintf(text, sizeof(text), "[logs]\nconsoles-max = %s\n", cases[i].value);
		write_text(path, text, strlen(text));
		if (cases[i].size) {
			assert_int_equal(settings_load(path, &settings, &error), 0);
			assert_true(settings.consoles_max == cases[i].size);
			continue;
		}
		assert_int_equal(settings_load(path, &settings, &error), -EINVAL);
		assert_non_null(strstr(error.text, ":2: consoles-max: not a size of 128M"));
		assert_true(settings.consoles_max == 7);
	}
	write_text(path, "[logs]\nregion = eu-west-1\n", 26);
	{
		struct settings settings = { 0 };

		assert_int_equal(settings_load(path, &settings, &error), -EINVAL);
		assert_non_null(strstr(error.text, "no such setting"));
	}
	temp_dir_remove(&dir);
}


#define PCR_TEXT \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" \
	"202122232425262728292a2b2c2d2e2f"

/* Name, a valid value, how it is shown, an invalid value, and whether it can be set late. */
static const struct {
	const char *name, *good, *reads, *bad;
	bool late;
} settings_table[] = {
	{ "project", "team-1", "team-1", "../x", true },
	{ "region", "eu-west-1", "eu-west-1", "", true },
	{ "instance-id", "i-0123456789abcdef0", "i-0123456789abcdef0", "i-0", false },
	{ "role-arn", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/a", "a b", false },
	{ "role-arn", "none", "none", "\n", false },
	{ "leaf-life", "2d", "172800s", "29m", true },
	{ "leaf-life", "3h", "10800s", "2000d", true },
	{ "leaf-life", "45m", "2700s", "5", true },
	{ "clock", "2025-02-03T04:05:06Z", "2025-02-03T04:05:06Z", "2019-01-01T00:00:00Z", true },
	{ "clock", "host", "host", "now", true },
	{ "flaws", "stale,expired,no-nonce", "expired,stale,no-nonce", "stale,", true },
	{ "flaws", "none", "none", "stale,bogus", true },
	{ "map", "definite", "definite", "yes", true },
	{ "limits", "strict", "strict", "", true },
	{ "debug-pcrs", "real", "real", "1", false },
	{ "pcr0", PCR_TEXT, PCR_TEXT, "00", false },
	{ "pcr15", "measured", "measured", PCR_TEXT "00", false },
};

static void assert_reads(const struct lab_settings *settings, const char *name,
			 const char *expected)
{
	char value[LAB_VALUE_SIZE];

	for (size_t i = 0; lab_name(i); i++) {
		if (strcmp(lab_name(i), name))
			continue;
		lab_get(settings, i, value);
		assert_string_equal(value, expected);
		return;
	}
	fail_msg("no setting %s", name);
}

static void test_settings(void **state)
{
	struct lab_settings settings, before;
	struct error error;

	for (size_t i = 0; i < ARRAY_SIZE(settings_table); i++) {
		const char *name = settings_table[i].name;

		lab_init(&settings);
		before = settings;
		assert_int_equal(lab_set(&settings, name, settings_table[i].bad, false, &error),
				 -EINVAL);
		assert_memory_equal(&settings, &before, sizeof(before));
		assert_int_equal(lab_set(&settings, name, settings_table[i].good, true, &error),
				 settings_table[i].late ? 0 : -EBUSY);
		assert_int_equal(lab_set(&settings, name, settings_table[i].good, false, &error),
				 0);
		assert_reads(&settings, name, settings_table[i].reads);
	}
	assert_int_equal(lab_set(&settings, "pcr16", "measured", false, &error), -ENOENT);
}

/* All settings are the same after they are written and read. */
static void test_settings_file(void **state)
{
	struct lab_settings settings, read;
	struct error error;
	struct temp_dir dir;

	temp_dir_create(&dir);
	lab_init(&settings);
	lab_init(&read);
	for (size_t i = 0; i < ARRAY_SIZE(settings_table); i++)
		assert_int_equal(lab_set(&settings, settings_table[i].name,
					 settings_table[i].good, false, &error), 0);
	assert_int_equal(settings_file_write(dir.path, &settings), 0);
	assert_int_equal(settings_file_read(dir.path, &read, &error), 0);
	for (size_t i = 0; lab_name(i); i++) {
		char value[LAB_VALUE_SIZE];

		lab_get(&settings, i, value);
		assert_reads(&read, lab_name(i), value);
	}
	settings_file_remove(dir.path);
	assert_int_equal(settings_file_read(dir.path, &read, &error), -ENOENT);
	temp_dir_remove(&dir);
}

static void assert_pcr(const struct nsm_settings *module, unsigned int index, const char *hex)
{
	char text[2 * NSM_CONTROL_PCR_SIZE + 1];

	assert_true(module->pcrs_given & (1U << index));
	hex_encode(module->pcrs[index], NSM_CONTROL_PCR_SIZE, text);
	assert_string_equal(text, hex);
}

/* Published values; the second is from a real EC2 instance. */
static void test_pcr3_and_pcr4(void **state)
{
	struct lab_settings settings;
	struct nsm_settings module;
	struct error error;

	lab_init(&settings);
	lab_module(&settings, &module);
	assert_int_equal(module.pcrs_given, 1U << 4);

	assert_int_equal(lab_set(&settings, "role-arn",
				 "arn:aws:iam::123456789012:role/Webserver", false, &error), 0);
	assert_int_equal(lab_set(&settings, "instance-id", "i-06e4b98c6549ff803", false, &error),
			 0);
	lab_module(&settings, &module);
	assert_pcr(&module, 3, "78fce75db17cd4e0a3fb8dad3ad128ca5e77edbb2b2c7f75329dccd99aa5f6ef"
		   "4fc1f1a452e315b9e98f9e312e6921e6");
	assert_pcr(&module, 4, "f3e18816e8d0ba69088d034522e742f0e1909ab34d5e83a1f579ffb43c58f0f0"
		   "f35d64401efc9426097565d0506a8a5f");

	/* An explicit value takes precedence. */
	assert_int_equal(lab_set(&settings, "pcr4", PCR_TEXT, false, &error), 0);
	lab_module(&settings, &module);
	assert_pcr(&module, 4, PCR_TEXT);
}

static void assert_described(const struct lab_settings *settings, const char *expected)
{
	char *text = lab_describe(settings);

	assert_string_equal(text, expected);
	free(text);
}

static void test_describe(void **state)
{
	struct lab_settings settings;
	struct error error;

	lab_init(&settings);
	assert_described(&settings, "");
	assert_int_equal(lab_set(&settings, "debug-pcrs", "real", false, &error), 0);
	assert_int_equal(lab_set(&settings, "flaws", "stale,curve", false, &error), 0);
	assert_described(&settings, "flaws=curve,stale debug-pcrs=real");
}

static void test_reset(void **state)
{
	struct lab_settings settings, defaults;
	struct error error;

	lab_init(&defaults);
	settings = defaults;
	assert_int_equal(lab_set(&settings, "flaws", "expired,stale", false, &error), 0);
	assert_int_equal(lab_set(&settings, "clock", "2025-02-03T04:05:06Z", false, &error), 0);
	assert_int_equal(lab_set(&settings, "role-arn", "arn", false, &error), 0);
	assert_false(lab_is_plain(&settings));
	lab_reset(&settings, &defaults);
	assert_true(lab_is_plain(&settings));
	assert_int_equal(settings.module.flaws, 0);
	assert_string_equal(settings.role_arn, "arn");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_errors_say_where),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_logs_section),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_settings_file),
		cmocka_unit_test(test_pcr3_and_pcr4),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
