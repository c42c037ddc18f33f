// SPDX-License-Identifier: Apache-2.0
/* What "ps" and "inspect" know about enclaves: records, fields, templates, filters, dates. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/commands.h"
#include "cli/enclave/view_fields.h"
#include "common/clock.h"
#include "common/date.h"
#include "fake_root.h"

#include <jansson.h>
#include <linux/nitro_enclaves.h>

#define FOLDER	"/var/log/ne-emu/1000/017d91012b842240"

static const struct logs_id ended_id = { .uid = 0x017d91012b842240, .owner = 1000 };

/* A record as ne-emud writes it. */
static void put_record(struct temp_dir *root)
{
	fake_root_put(root, FOLDER "/exit.json",
		      "{\"emulated\": true, \"slot_uid\": \"017d91012b842240\", \"owner_uid\": 1000, "
		      "\"cid\": 21, \"flags\": 1, \"debug_mode\": true, \"mem_size\": 268435456, "
		      "\"vcpus\": [5, 4], \"started\": \"2026-01-31T12:00:00.250Z\", "
		      "\"ended\": \"2026-01-31T13:02:03.000Z\", \"reason\": \"guest-reset\", "
		      "\"text\": \"the guest has reset itself\", \"program\": {\"exit_code\": 7}, "
		      "\"vmm\": null}");
	fake_root_put(root, FOLDER "/name", "web");
	fake_root_put(root, FOLDER "/image.json", "{\"image\": \"/srv/a\\u001b[1m.eif\"}");
}

static void expect_field(const struct view *view, const char *name, const char *text)
{
	char buf[VIEW_FIELD_SIZE];
	const char *value = view_field(view, name, buf);

	assert_non_null(value);
	assert_string_equal(value, text);
}

static void test_ended(void **state)
{
	struct temp_dir root;
	struct view view;

	fake_root_create(&root);
	assert_int_equal(view_ended(&view, &ended_id), -ENOENT);
	put_record(&root);
	assert_int_equal(view_ended(&view, &ended_id), 0);
	expect_field(&view, "id", "enc017d91012b842240");
	expect_field(&view, "cid", "21");
	expect_field(&view, "name", "web");
	expect_field(&view, "state", "TERMINATED");
	expect_field(&view, "mode", "debug");
	expect_field(&view, "cpus", "5,4");
	expect_field(&view, "memory", "256 MiB");
	expect_field(&view, "uptime", "1h02m");
	expect_field(&view, "exit", "guest-reset: the program exited with status 7");
	expect_field(&view, "status", "ended: guest-reset: the program exited with status 7");
	expect_field(&view, "started", "2026-01-31T12:00:00.250Z");
	expect_field(&view, "booted", "");
	expect_field(&view, "pid", "");
	expect_field(&view, "image", "/srv/a\\x1b[1m.eif");
	view_done(&view);
	fake_root_remove(&root);
}

static void test_live(void **state)
{
	const struct ne_nl_enclave enclave = {
		.slot_uid = 1, .cid = 16, .state = NE_EMU_ENCLAVE_STATE_RUNNING, .owner_uid = 0,
		.owner_pid = 42, .mem_size = 64 * MIB, .backend_fd = -1,
		.started_ns = clock_ns(CLOCK_BOOTTIME) - 62 * NSEC_PER_SEC,
	};
	const struct ne_nl_enclave fresh = {
		.slot_uid = 2, .owner_uid = NE_NL_NO_OWNER, .backend_fd = -1,
	};
	int64_t started, now = clock_ns(CLOCK_REALTIME);
	struct temp_dir root;
	struct view view;

	fake_root_create(&root);
	view_live(&view, &enclave);
	expect_field(&view, "status", "running 1m02s");
	expect_field(&view, "owner", "root");
	expect_field(&view, "pid", "42");
	expect_field(&view, "mode", "");
	expect_field(&view, "exit", "");
	assert_int_equal(date_parse(view.started, 0, &started), 0);
	assert_in_range((now - started) / NSEC_PER_MSEC, 61900, 62900);
	view_done(&view);
	view_live(&view, &fresh);
	expect_field(&view, "status", "starting");
	expect_field(&view, "cid", "");
	expect_field(&view, "owner", "");
	expect_field(&view, "started", "");
	view_done(&view);
	fake_root_remove(&root);
}

static void test_fields(void **state)
{
	char words[] = VIEW_FIELDS, *rest = words, *word, buf[VIEW_FIELD_SIZE];
	const struct view view = { .enclave = { .slot_uid = 1 } };
	size_t count = 0;

	while ((word = strsep(&rest, " "))) {
		assert_non_null(view_field(&view, word, buf));
		count++;
	}
	assert_int_equal(count, 16);
	assert_null(view_field(&view, "", buf));
	assert_null(view_field(&view, "names", buf));
}

static void test_format(void **state)
{
	static const struct {
		const char *format, *text;	/* NULL: refused */
	} cases[] = {
		{ "{id} {cid}", "enc0000000000000001 16\n" },
		{ "", "\n" },
		{ "{name}|\\t{mode}\\n{cid}\\\\\\x", "|\t\n16\\\\x\n" },
		{ "{{id} }", "{id} }\n" },
		{ "{{{cid}", "{16\n" },
		{ "\\", "\\\n" },
		{ "{", NULL },
		{ "{id", NULL },
		{ "{}", NULL },
		{ "{ID}", NULL },
		{ "{id}{nope}", NULL },
		{ "{i%n}", NULL },
	};
	const struct view view = { .enclave = { .slot_uid = 1, .cid = 16 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		__cleanup_free char *text = NULL;
		struct error error;
		size_t size;
		FILE *to;

		assert_int_equal(view_format_check(cases[i].format, &error),
				 cases[i].text ? 0 : -EINVAL);
		if (!cases[i].text)
			continue;
		to = open_memstream(&text, &size);
		view_format(&view, cases[i].format, to);
		fclose(to);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_filters(void **state)
{
	static const struct {
		const char *filter;
		int result;		/* 1: matches, 0: does not, -1: refused */
	} cases[] = {
		{ "name=web", 1 }, { "name=we", 0 }, { "name=", 0 },
		{ "state=running", 1 }, { "state=RUNNING", 1 }, { "state=stopped", 0 },
		{ "state=terminated", 0 }, { "state=up", -1 },
		{ "owner=root", 1 }, { "owner=0", 1 }, { "owner=1", 0 },
		{ "owner=no-such-user", -1 },
		{ "cid=16", 1 }, { "cid=17", 0 }, { "cid=x", -1 }, { "cid=", -1 },
		{ "debug=true", 1 }, { "debug=false", 0 }, { "debug=yes", -1 },
		{ "names=web", -1 }, { "name", -1 }, { "", -1 },
	};
	const struct view view = {
		.name = "web",
		.enclave = {
			.cid = 16, .state = NE_EMU_ENCLAVE_STATE_RUNNING,
			.flags = NE_ENCLAVE_DEBUG_MODE,
		},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error error;
		int err = view_filter_check(cases[i].filter, &error);

		assert_int_equal(err, cases[i].result < 0 ? -EINVAL : 0);
		if (!err)
			assert_int_equal(view_matches(&view, cases[i].filter), cases[i].result);
	}
}

/* Commands that work on what is kept of an enclave, without the emulator. */
static void test_records(void **state)
{
	static const char *const names[] = { "web", "21", "enc017d91012b842240" };
	struct command_result result;
	struct temp_dir root;
	json_t *json;

	fake_root_create(&root);
	put_record(&root);
	fake_root_put(&root, FOLDER "/image.json", "{\"image\": \"/srv/a.eif\", \"measurements\": "
		      "{\"HashAlgorithm\": \"Sha384\", \"PCR0\": \"00ff\"}, \"booted\": "
		      "\"2026-01-31T12:00:03.000Z\"}");
	fake_root_put(&root, FOLDER "/console.log", "console\n");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		run_command(&result, &cmd_wait, "wait", names[i], NULL);
		assert_int_equal(result.code, 7);
		assert_string_equal(result.out, "");
		assert_string_equal(result.err, "enc017d91012b842240 ended: guest-reset: the "
				    "program exited with status 7\n");
	}
	run_command(&result, &cmd_wait, "wait", "--json", "-l", NULL);
	assert_int_equal(result.code, 7);
	json = json_loads(result.out, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(json, "ExitCode")), 7);
	assert_int_equal(json_integer_value(json_object_get(json, "FormatVersion")), 1);
	json_decref(json);
	run_command(&result, &cmd_wait, "wait", "other", NULL);
	assert_int_equal(result.code, 125);
	run_command(&result, &cmd_wait, "wait", NULL);
	assert_int_equal(result.code, 125);

	run_command(&result, &cmd_inspect, "inspect", "web", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	expect_text(result.out, "image       /srv/a.eif\nPCR0        00ff\nconsole     ");
	expect_text(result.out, "booted      2026-01-31T12:00:03.000Z\n");
	run_command(&result, &cmd_inspect, "inspect", "--json", "web", NULL);
	json = json_loads(result.out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json, "Image")), "/srv/a.eif");
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "Measurements"),
							      "PCR0")), "00ff");
	assert_string_equal(json_string_value(json_object_get(json, "State")), "TERMINATED");
	json_decref(json);

	run_command(&result, &cmd_rm, "rm", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	run_command(&result, &cmd_rm, "rm", "-a", "web", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	run_command(&result, &cmd_rm, "rm", "web", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	fake_root_remove(&root);
}

static void test_ps_usage(void **state)
{
	struct command_result result;

	run_command(&result, &cmd_ps, "ps", "--format", "{nope}", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	expect_text(result.err, VIEW_FIELDS);
	run_command(&result, &cmd_ps, "ps", "--filter", "nope=1", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	run_command(&result, &cmd_ps, "ps", "-q", "--json", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
}

/* Expected values: date -u -d @N +%FT%TZ. */
static void test_dates(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;		/* -1: refused */
	} cases[] = {
		{ "2026-01-31T12:00:00Z", 1769860800 * NSEC_PER_SEC },
		{ "2026-01-31T12:00:00.25Z", 1769860800 * NSEC_PER_SEC + 250 * NSEC_PER_MSEC },
		{ "1970-01-01T00:00:00Z", 0 },
		{ "@1769860800", 1769860800 * NSEC_PER_SEC },
		{ "90s", 910 * NSEC_PER_SEC },
		{ "10m", 400 * NSEC_PER_SEC },
		{ "0h", 1000 * NSEC_PER_SEC },
		{ "1d", (1000 - 86400) * NSEC_PER_SEC },
		{ "", -1 }, { "s", -1 }, { "10", -1 }, { "10w", -1 }, { "-1s", -1 }, { "@", -1 },
		{ "2026-01-31", -1 }, { "2026-01-31T12:00:00", -1 }, { "2026-13-31T12:00:00Z", -1 },
		{ "2026-01-31T12:00:00.Z", -1 }, { "2026-01-31T12:00:00Zx", -1 },
		{ "9999-01-31T12:00:00Z", -1 }, { "@99999999999", -1 },
		{ "99999999999999999999s", -1 }, { "1969-12-31T23:59:59Z", -1 },
	};
	char text[DATE_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t ns = -1;
		int err = date_parse(cases[i].text, 1000 * NSEC_PER_SEC, &ns);

		if (!!err != (cases[i].ns == -1) || ns != cases[i].ns)
			fail_msg("\"%s\": %d, %lld", cases[i].text, err, (long long)ns);
	}
	assert_string_equal(date_format(1769860800250 * NSEC_PER_MSEC, text),
			    "2026-01-31T12:00:00.250Z");
	assert_string_equal(date_format(0, text), "");
	assert_string_equal(date_format(INT64_MAX, text), "2262-04-11T23:47:16.854Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_ps_usage),
		cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests_name("cli_view", tests, NULL, NULL);
}
