// SPDX-License-Identifier: Apache-2.0
/* Settings of faults, and which events they hit. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/fault.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>

static size_t find(const char *name)
{
	for (size_t i = 0; fault_setting_name(i); i++)
		if (!strcmp(fault_setting_name(i), name))
			return i;
	fail_msg("no setting %s", name);
	return 0;
}

/* Each value, and what it prints as; NULL: the same. */
static void test_values(void **state)
{
	static const struct {
		const char *name;
		const char *value;
		const char *printed;
		uint64_t number;
	} rows[] = {
		{ "nsm-error", "InvalidArgument", NULL, 1 },
		{ "nsm-error", "InvalidIndex", NULL, 2 },
		{ "nsm-error", "InvalidResponse", NULL, 3 },
		{ "nsm-error", "ReadOnlyIndex", NULL, 4 },
		{ "nsm-error", "InvalidOperation", NULL, 5 },
		{ "nsm-error", "BufferTooSmall", NULL, 6 },
		{ "nsm-error", "InputTooLarge", NULL, 7 },
		{ "nsm-error", "InternalError", NULL, 8 },
		{ "nsm-latency", "200ms", NULL, 200 },
		{ "nsm-latency", "5s", NULL, 5000 },
		{ "nsm-latency", "1500ms", NULL, 1500 },
		{ "nsm-latency", "2m", "120s", 120000 },
		{ "nsm-latency", "60m", "3600s", 3600000 },
		{ "nsm-hang", "on", NULL, 0 },
		{ "nsm-entropy", "empty", NULL, FAULT_ENTROPY_EMPTY },
		{ "nsm-entropy", "error", NULL, FAULT_ENTROPY_ERROR },
		{ "heartbeat", "missing", NULL, FAULT_HEARTBEAT_MISSING },
		{ "heartbeat", "wrong", NULL, FAULT_HEARTBEAT_WRONG },
		{ "heartbeat", "twice:count=1", NULL, FAULT_HEARTBEAT_TWICE },
		{ "heartbeat-delay", "5s", NULL, 5000 },
		{ "vsock-refuse", "on:from=guest:port=4294967294", NULL, 0 },
		{ "vsock-refuse", "on:from=host", NULL, 0 },
		{ "vsock-reset", "4096:after=2", NULL, 4096 },
		{ "vsock-delay", "50ms", NULL, 50 },
		{ "vsock-rate", "64K", "65536", 65536 },
		{ "vsock-rate", "1M", "1048576", 1048576 },
		{ "crash", "nmi", NULL, FAULT_CRASH_NMI },
		{ "crash", "triple-fault:at=30s", NULL, FAULT_CRASH_TRIPLE_FAULT },
		{ "crash", "nmi:at=0s", "nmi", FAULT_CRASH_NMI },
		{ "stall", "500ms:at=nsm-request:count=3", NULL, 500 },
		{ "stall", "1s:at=heartbeat", NULL, 1000 },
		{ "stall", "1s:at=connection", NULL, 1000 },
		{ "start-error", "ENOMEM", NULL, ENOMEM },
		{ "start-error", "5", "EIO", EIO },
		{ "start-error", "257", NULL, 257 },
		{ "clock-skew", "+5m", "+300s", 300000 },
		{ "clock-skew", "-500ms", NULL, -500 },
		{ "clock-skew", "-1h", "-3600s", -3600000 },
		{ "clock-skew", "+3650d", "+315360000s", 315360000000 },
		{ "image-flip", "0", NULL, 0 },
		{ "image-flip", "1048576", NULL, 1048576 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fault_settings settings = { 0 };
		size_t n = find(rows[i].name);
		char value[FAULT_VALUE_SIZE];

		fault_setting_format(&settings, n, value);
		assert_string_equal(value, "none");
		assert_false(fault_settings_any(&settings));
		assert_int_equal(fault_setting_parse(&settings, n, rows[i].value, NULL), 0);
		assert_true(fault_settings_any(&settings));
		assert_true(settings.faults[n].set);
		assert_int_equal(settings.faults[n].value, rows[i].number);
		assert_int_equal(settings.changes, 1);
		fault_setting_format(&settings, n, value);
		assert_string_equal(value, rows[i].printed ? rows[i].printed : rows[i].value);
		assert_int_equal(fault_setting_parse(&settings, n, "none", NULL), 0);
		assert_false(fault_settings_any(&settings));
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *name;
		const char *value;
		const char *error;
	} rows[] = {
		{ "nsm-error", "", "none of: InvalidArgument, InvalidIndex" },
		{ "nsm-error", "Success", "InternalError" },
		{ "nsm-error", "none:p=1", "\"none\" is none of" },
		{ "nsm-error", "InternalError:", "\"\" is not an option" },
		{ "nsm-error", "InternalError:count", "\"count\" is not an option" },
		{ "nsm-error", "InternalError:count=0", "count: not a number" },
		{ "nsm-error", "InternalError:count=4294967296", "count: not a number" },
		{ "nsm-error", "InternalError:count=-1", "count: not a number" },
		{ "nsm-error", "InternalError:after=x", "after: not a number" },
		{ "nsm-error", "InternalError:p=0", "not a probability" },
		{ "nsm-error", "InternalError:p=0.0", "not a probability" },
		{ "nsm-error", "InternalError:p=1.0", "not a probability" },
		{ "nsm-error", "InternalError:p=2", "not a probability" },
		{ "nsm-error", "InternalError:p=0.1234567", "not a probability" },
		{ "nsm-error", "InternalError:p=0.-1", "not a probability" },
		{ "nsm-error", "InternalError:p=0.5:p=0.5", "p occurs twice" },
		{ "nsm-error", "InternalError:op=Sign", "\"Sign\" is none of: DescribePCR" },
		{ "nsm-entropy", "empty:op=GetRandom", "not an option" },
		{ "nsm-latency", "5", "not a time" },
		{ "nsm-latency", "s", "not a time" },
		{ "nsm-latency", "61m", "not a time" },
		{ "nsm-latency", "3601s", "not a time" },
		{ "nsm-latency", "-1s", "not a time" },
		{ "nsm-latency", "18446744073709551616s", "not a time" },
		{ "nsm-hang", "off", "neither on nor none" },
		{ "heartbeat", "late", "none of: missing, wrong, twice" },
		{ "heartbeat", "missing:port=9000", "not an option" },
		{ "vsock-refuse", "on:from=parent", "none of: guest, host" },
		{ "vsock-refuse", "on:port=0", "port: not a port" },
		{ "vsock-refuse", "on:port=4294967295", "port: not a port" },
		{ "vsock-refuse", "on:op=Attestation", "not an option" },
		{ "vsock-reset", "0", "not a number of bytes" },
		{ "vsock-rate", "1G", "not a number of bytes" },
		{ "vsock-rate", "K", "not a number of bytes" },
		{ "crash", "panic", "none of: nmi, triple-fault" },
		{ "crash", "nmi:at=boot", "at: neither a time such as 30s" },
		{ "crash", "nmi:at=", "at: neither a time such as 30s" },
		{ "stall", "1s:port=5", "not an option" },
		{ "start-error", "0", "neither an error" },
		{ "start-error", "512", "neither an error" },
		{ "start-error", "ENONSENSE", "neither an error" },
		{ "start-error", "ENOMEM:count=1", "not an option" },
		{ "clock-skew", "5m", "not a difference" },
		{ "clock-skew", "+0s", "not a difference" },
		{ "clock-skew", "+", "not a difference" },
		{ "clock-skew", "", "not a difference" },
		{ "clock-skew", "-3651d", "not a difference" },
		{ "clock-skew", "+1h:p=0.5", "not an option" },
		{ "image-flip", "x", "not a number of bytes" },
		{ "fault-seed", "-1", "not a number" },
		{ "fault-seed", "", "not a number" },
		{ "fault-seed", "none", "not a number" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fault_settings settings = { 0 };
		struct error error = { "" };

		assert_int_equal(fault_setting_parse(&settings, find(rows[i].name), rows[i].value,
						     &error), -EINVAL);
		if (!strstr(error.text, rows[i].error))
			fail_msg("%s=%s: \"%s\" does not say \"%s\"", rows[i].name,
				 rows[i].value, error.text, rows[i].error);
		assert_int_equal(settings.changes, 0);
		assert_false(fault_settings_any(&settings));
	}
}

static void test_text(void **state)
{
	static const char text[] =
		"nsm-error=InternalError:op=Attestation:p=0.250000:count=3:after=2 nsm-hang=on "
		"fault-seed=18446744073709551615";
	static const char *const bad[] = {
		" ", "nsm-hang", "nsm-hang=on ", "nsm-hang=on  fault-seed=1", "nsm=on", "=on",
		"nsm-hang=on\n", "nsm-hang=ON",
	};
	struct fault_settings settings = { 0 };
	char printed[FAULT_TEXT_SIZE];

	(void)state;
	fault_settings_print(&settings, printed);
	assert_string_equal(printed, "");
	assert_int_equal(fault_settings_scan(&settings, "", 0), 0);
	assert_int_equal(fault_settings_scan(&settings, text, strlen(text)), 0);
	assert_int_equal(settings.seed, UINT64_MAX);
	assert_int_equal(settings.faults[FAULT_NSM_ERROR].parts, 250000);
	assert_int_equal(settings.faults[FAULT_NSM_ERROR].count, 3);
	assert_int_equal(settings.faults[FAULT_NSM_ERROR].after, 2);
	assert_int_equal(settings.faults[FAULT_NSM_ERROR].op, 6);
	fault_settings_print(&settings, printed);
	assert_string_equal(printed, text);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(fault_settings_scan(&settings, bad[i], strlen(bad[i])), -EINVAL);
	assert_int_equal(fault_settings_scan(&settings, "nsm-hang=on", 12), -EINVAL);	/* NUL */
	memset(printed, ' ', sizeof(printed));
	assert_int_equal(fault_settings_scan(&settings, printed, sizeof(printed)), -EINVAL);
	assert_true(settings.faults[FAULT_NSM_HANG].set);
}

/* The longest values fit. */
static void test_longest(void **state)
{
	struct fault_settings settings = { .seed = UINT64_MAX };
	char value[FAULT_VALUE_SIZE], text[FAULT_TEXT_SIZE];

	(void)state;
	for (enum fault_id id = 0; id < NR_FAULTS; id++) {
		settings.faults[id] = (struct fault){
			.set = true, .parts = 1, .count = UINT32_MAX, .after = UINT32_MAX,
			.value = id == FAULT_NSM_LATENCY ? 3599999 : 1, .op = 6,
		};
		fault_setting_format(&settings, id, value);
		assert_in_range(strlen(value), 1, sizeof(value) - 2);
	}
	fault_settings_print(&settings, text);
	assert_in_range(strlen(text), 1, sizeof(text) - 2);
}

/* Values of the algorithm's author: seed 1234567. */
static void test_random(void **state)
{
	static const uint64_t expected[] = {
		6457827717110365317U, 3203168211198807973U, 9817491932198370423U,
		4593380528125082431U, 16408922859458223821U,
	};
	uint64_t random = 1234567;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_true(fault_random(&random) == expected[i]);
}

/* Print which of 64 requests are hit. */
static void print_hits(const char *text, enum fault_id id, char hits[65])
{
	const struct fault_event event = { .op = 7 };
	struct fault_settings settings;
	struct fault_run run;

	assert_int_equal(fault_settings_scan(&settings, text, strlen(text)), 0);
	fault_run_init(&run, &settings, id);
	for (int i = 0; i < 64; i++)
		hits[i] = fault_run_next(&run, &settings.faults[id], &event) ? 'x' : '.';
	hits[64] = 0;
}

static void expect_hits(const char *text, const char *start, unsigned int total)
{
	char hits[65];
	unsigned int n = 0;

	print_hits(text, FAULT_NSM_ERROR, hits);
	for (int i = 0; i < 64; i++)
		n += hits[i] == 'x';
	assert_int_equal(n, total);
	assert_memory_equal(hits, start, strlen(start));
}

static void test_which(void **state)
{
	(void)state;
	expect_hits("", "....", 0);
	expect_hits("nsm-hang=on", "....", 0);
	expect_hits("nsm-error=InternalError", "xxxx", 64);
	expect_hits("nsm-error=InternalError:count=2", "xx..", 2);
	expect_hits("nsm-error=InternalError:after=3", "...xxx", 61);
	expect_hits("nsm-error=InternalError:after=1:count=2", ".xx...", 2);
	expect_hits("nsm-error=InternalError:op=GetRandom:count=1", "x..", 1);
	expect_hits("nsm-error=InternalError:op=Attestation", "....", 0);
	expect_hits("nsm-error=InternalError:p=1", "xxxx", 64);
}

/* Events of another kind count for nothing. */
static void test_other_events(void **state)
{
	const struct fault_event other = { .op = 1 }, event = { .op = 6 };
	static const char text[] = "nsm-error=InternalError:op=Attestation:after=1:count=1";
	struct fault_settings settings;
	struct fault_run run;

	(void)state;
	assert_int_equal(fault_settings_scan(&settings, text, strlen(text)), 0);
	fault_run_init(&run, &settings, FAULT_NSM_ERROR);
	for (int i = 0; i < 5; i++)
		assert_false(fault_run_next(&run, &settings.faults[FAULT_NSM_ERROR], &other));
	assert_false(fault_run_next(&run, &settings.faults[FAULT_NSM_ERROR], &event));
	assert_true(fault_run_next(&run, &settings.faults[FAULT_NSM_ERROR], &event));
	assert_false(fault_run_next(&run, &settings.faults[FAULT_NSM_ERROR], &event));
}

/* The same seed hits the same events, whatever other faults are set; another seed others. */
static void test_reproducible(void **state)
{
	char first[65], again[65], hang[65], other[65];
	unsigned int n = 0;

	(void)state;
	print_hits("nsm-error=InternalError:p=0.5 fault-seed=7", FAULT_NSM_ERROR, first);
	print_hits("nsm-error=ReadOnlyIndex:p=0.5 nsm-hang=on:p=0.5 fault-seed=7",
		   FAULT_NSM_ERROR, again);
	print_hits("nsm-hang=on:p=0.5 fault-seed=7", FAULT_NSM_HANG, hang);
	print_hits("nsm-error=InternalError:p=0.5 fault-seed=8", FAULT_NSM_ERROR, other);
	assert_string_equal(first, again);
	assert_string_not_equal(first, hang);
	assert_string_not_equal(first, other);
	for (int i = 0; i < 64; i++)
		n += first[i] == 'x';
	assert_in_range(n, 20, 44);	/* three standard deviations */
}

static void test_at_start(void **state)
{
	(void)state;
	assert_true(fault_setting_at_start(find("image-flip")));
	assert_true(fault_setting_at_start(find("start-error")));
	assert_false(fault_setting_at_start(find("nsm-error")));
	assert_false(fault_setting_at_start(find("fault-seed")));
	assert_null(fault_setting_name(NR_FAULT_SETTINGS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_which),
		cmocka_unit_test(test_other_events),
		cmocka_unit_test(test_reproducible),
		cmocka_unit_test(test_at_start),
	};

	return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
