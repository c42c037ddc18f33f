// SPDX-License-Identifier: Apache-2.0
/* The lines of a VMM's counters, and what is printed of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/stats/formats.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

static const char lines[] =
	"vsock 0 received counter bytes 3072\n"
	"nsm 0 requests counter none 7\n"
	"vm 0 memory gauge bytes 134217728\n"
	"vm 0 uptime gauge nanoseconds 4000000000\n"
	"vm 0 pages_4k gauge none 256\n"
	"vm 0 pages_2m gauge none 10\n"
	"vcpu 0 cpu_time counter nanoseconds 1500000000\n"
	"vcpu 0 exits counter none 12345\n"
	"vcpu 0 halt_wait_ns counter nanoseconds 1\n"
	"vcpu 1 cpu_time counter nanoseconds 500000000\n"
	"vcpu 1 exits counter none 10\n"
	"\n";

static struct stats_source example(const char *name, uint64_t slot_uid)
{
	struct stats_source source = {
		.view.enclave = { .slot_uid = slot_uid, .nr_vcpus = 2 },
	};

	strcpy(source.view.name, name);
	assert_int_equal(metrics_parse(lines, &source.metrics), 0);
	return source;
}

static void test_parse(void **state)
{
	struct stats_source source = example("", 1);
	const struct metric *memory = &source.metrics.list[2];

	assert_int_equal(source.metrics.count, 11);
	assert_string_equal(memory->group, "vm");
	assert_string_equal(memory->name, "memory");
	assert_false(memory->grows);
	assert_int_equal(memory->unit, METRIC_BYTES);
	assert_int_equal(memory->value, 134217728);
	assert_int_equal(metrics_sum(&source.metrics, "vcpu", "exits"), 12355);
	assert_int_equal(metrics_sum(&source.metrics, "vcpu", "no_such"), 0);
	metrics_free(&source.metrics);
}

/* A VMM that a guest has taken over reports anything. */
static void test_hostile(void **state)
{
	static const char *const bad[] = {
		"", "x", "vm 0 a counter none 1", "vm 0 a counter none\n\n",
		"vm 0 a counter none 1 2\n\n",
		"vm 0 a counter none -1\n\n", "vm 0 a counter none 18446744073709551616\n\n",
		"vm 65536 a counter none 1\n\n", "vm 0 a\"} counter none 1\n\n",
		"vm 0 A counter none 1\n\n", "vm 0  counter none 1\n\n", "vm 0 a other none 1\n\n",
		"vm 0 a counter miles 1\n\n", " 0 a counter none 1\n\n",
		"abcdefghijklmnopq 0 a counter none 1\n\n",
		"vm 0 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
		"counter none 1\n\n",
	};
	struct metrics metrics;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(metrics_parse(bad[i], &metrics), -EPROTO);
		assert_int_equal(metrics.count, 0);
		assert_null(metrics.list);
	}
}

static char *print(int (*format)(const struct stats_source *sources, size_t count, FILE *to),
		   struct stats_source *sources, size_t count)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_int_equal(format(sources, count, to), 0);
	assert_int_equal(fclose(to), 0);
	for (size_t i = 0; i < count; i++)
		metrics_free(&sources[i].metrics);
	return text;
}

/* As the specification has it: families together, unit in the name, _total, # EOF. */
static void test_openmetrics(void **state)
{
	static const char cpu_time[] =
		"# TYPE ne_emu_vcpu_cpu_time_seconds counter\n"
		"# UNIT ne_emu_vcpu_cpu_time_seconds seconds\n"
		"ne_emu_vcpu_cpu_time_seconds_total{enclave=\"enc0193000000010000\""
		",name=\"web\",vcpu=\"0\"} 1.500000000\n"
		"ne_emu_vcpu_cpu_time_seconds_total{enclave=\"enc0193000000010000\""
		",name=\"web\",vcpu=\"1\"} 0.500000000\n"
		"ne_emu_vcpu_cpu_time_seconds_total{enclave=\"enc0000000000000002\""
		",vcpu=\"0\"} 1.500000000\n";
	struct stats_source sources[] = { example("web", 0x193000000010000), example("", 2) };
	char *text = print(stats_openmetrics, sources, 2);

	assert_non_null(strstr(text, cpu_time));
	assert_non_null(strstr(text, "# TYPE ne_emu_vsock_received_bytes counter\n"));
	assert_non_null(strstr(text, "# TYPE ne_emu_vcpu_halt_wait_seconds counter\n"));
	assert_non_null(strstr(text, "# TYPE ne_emu_vm_pages_4k gauge\nne_emu_vm_pages_4k{"));
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	free(text);
}

static void test_json(void **state)
{
	struct stats_source sources[] = { example("web", 0x193000000010000), example("", 2) };
	char *text = print(stats_json, sources, 2);
	json_t *json = json_loads(text, 0, NULL), *first, *vcpu;

	assert_int_equal(json_array_size(json), 2);
	first = json_array_get(json, 0);
	assert_int_equal(json_integer_value(json_object_get(first, "FormatVersion")), 1);
	assert_string_equal(json_string_value(json_object_get(first, "EnclaveName")), "web");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(first, "Vsock"),
							    "ReceivedBytes")), 3072);
	vcpu = json_array_get(json_object_get(first, "Vcpus"), 1);
	assert_int_equal(json_integer_value(json_object_get(vcpu, "CpuTimeNs")), 500000000);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(first, "Vm"),
							    "Pages4k")), 256);
	assert_true(json_is_null(json_object_get(json_array_get(json, 1), "EnclaveName")));
	json_decref(json);
	free(text);
	text = print(stats_json, NULL, 0);
	assert_string_equal(text, "[]\n");
	free(text);
}

static void test_table(void **state)
{
	static const char expected[] =
		"ENCLAVE              CPU s CPU %  USED/MEM     EXITS     IN/OUT      NSM/ERRORS\n"
		"web                    2.0  50.0   21M/128M      12k   3.0K/0B         7/0\n";
	struct stats_source sources[] = { example("web", 1) };
	char *text = print(stats_table, sources, 1);

	assert_string_equal(text, expected);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_openmetrics),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests_name("cli_stats", tests, NULL, NULL);
}
