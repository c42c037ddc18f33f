// SPDX-License-Identifier: Apache-2.0
/* The timeline of a start: marks, times of the launcher, milestones of consoles, pictures. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/commands.h"
#include "cli/enclave/timeline_svg.h"
#include "common/clock.h"
#include "common/marks.h"
#include "fake_root.h"

#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>

#define FOLDER		"/var/log/ne-emu/1000/"
#define FIRST		"017d91012b842240"
#define SECOND		"017d91012b842241"

#define MARK(mark)	(TIMELINE_MARKS + MARK_##mark)

/* CLOCK_MONOTONIC is 1000 s where it is 2026-01-31T12:00:00.000Z. */
#define REALTIME_S	1769860800
#define MONOTONIC_S	1000

struct fixture {
	struct temp_dir root;
	struct command_result result;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	fake_root_create(&f->root);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_root_remove(&f->root);
	free(f);
	return 0;
}

static void put_mark(FILE *to, enum mark mark, int ms)
{
	fprintf(to, "{\"mark\": \"%s\", \"monotonic_ns\": %" PRId64
		", \"realtime_ns\": %" PRId64 "}\n", mark_name(mark),
		MONOTONIC_S * NSEC_PER_SEC + ms * NSEC_PER_MSEC,
		REALTIME_S * NSEC_PER_SEC + ms * NSEC_PER_MSEC);
}

/* A start that booted after 500 ms. @slower: what its guest needs in addition. */
static void put_start(struct fixture *f, const char *uid, int slower)
{
	static const struct {
		enum mark mark;
		int ms;
	} marks[] = {
		{ MARK_REQUEST, 101 }, { MARK_PROCESS, 110 }, { MARK_BUILT, 140 },
		{ MARK_RUNNING, 141 }, { MARK_MEASURED, 181 }, { MARK_LOADED, 190 },
		{ MARK_RUN, 191 },
	};
	char path[128], *text, json[2048];
	size_t size;
	FILE *to;

	to = open_memstream(&text, &size);
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		put_mark(to, marks[i].mark, marks[i].ms);
	put_mark(to, MARK_CONSOLE, 250 + slower);
	put_mark(to, MARK_HEARTBEAT, 500 + slower);
	put_mark(to, MARK_VSOCK, 520 + slower);
	put_mark(to, MARK_END, 3600 * 1000);
	fclose(to);
	snprintf(path, sizeof(path), FOLDER "%s/marks", uid);
	fake_root_put(&f->root, path, text);
	free(text);

	snprintf(path, sizeof(path), FOLDER "%s/image.json", uid);
	fake_root_put(&f->root, path, "{\"image\": \"/a.eif\", \"times\": {"
		      "\"create\": 1000010000000, \"created\": 1000012000000, "
		      "\"filled\": 1000060000000, \"donated\": 1000090000000, "
		      "\"cpus\": 1000095000000, \"start\": 1000100000000, "
		      "\"started\": 1000141500000, \"later\": 1}}");
	snprintf(path, sizeof(path), FOLDER "%s/console.log", uid);
	fake_root_put(&f->root, path,
		      "2026-01-31T12:00:00.256Z [    0.000000] Linux version 6.12.41-nitro (x) #1\n"
		      "2026-01-31T12:00:00.256Z [    0.050000] Run out of things to say\n"
		      "2026-01-31T12:00:00.310Z [    0.100000] Freeing initrd memory: 10K\n"
		      "2026-01-31T12:00:00.440Z [    0.200000] Freeing unused kernel image\n"
		      "2026-01-31T12:00:00.440Z [    0.210000] Run /init as init process\n"
		      "2026-01-31T12:00:00.440Z [    0.220000] late message\n"
		      "2026-01-31T12:00:00.460Z init <says> hello\n"
		      "2026-01-31T12:00:00.470Z Linux version 1\n");
	snprintf(path, sizeof(path), FOLDER "%s/exit.json", uid);
	snprintf(json, sizeof(json),
		 "{\"slot_uid\": \"%s\", \"owner_uid\": 1000, \"cid\": 21, \"flags\": 1, "
		 "\"mem_size\": 268435456, \"vcpus\": [5, 4], "
		 "\"started\": \"2026-01-31T12:00:00.100Z\", "
		 "\"ended\": \"2026-01-31T13:00:00.000Z\", \"reason\": \"guest-halt\", "
		 "\"text\": \"\", \"program\": null, \"vmm\": null}", uid);
	fake_root_put(&f->root, path, json);
}

static json_t *run_json(struct fixture *f, char *other)
{
	json_t *json;

	if (other)
		run_command(&f->result, &cmd_timeline, "timeline", "enc" FIRST, "--json",
			    "--compare", other, NULL);
	else
		run_command(&f->result, &cmd_timeline, "timeline", "enc" FIRST, "--json", NULL);
	assert_string_equal(f->result.err, "");
	assert_int_equal(f->result.code, 0);
	json = json_loads(f->result.out, 0, NULL);
	assert_non_null(json);
	return json;
}

/* Value of @key in the entry of the list with this name; -1: there is none. */
static int64_t value_of(const json_t *json, const char *list, const char *name, const char *key)
{
	size_t i;
	json_t *entry;

	json_array_foreach(json_object_get(json, list), i, entry)
		if (!strcmp(json_string_value(json_object_get(entry, "Name")), name))
			return json_integer_value(json_object_get(entry, key));
	return -1;
}

static void test_moments(void **state)
{
	struct fixture *f = *state;
	json_t *json;

	put_start(f, FIRST, 0);
	json = run_json(f, NULL);
	assert_string_equal(json_string_value(json_object_get(json, "Kernel")), "6.12.41-nitro");
	assert_int_equal(value_of(json, "Moments", "create", "AtUs"), 0);
	assert_int_equal(value_of(json, "Moments", "request", "AtUs"), 91000);
	assert_int_equal(value_of(json, "Moments", "run", "AtUs"), 181000);
	assert_int_equal(value_of(json, "Moments", "heartbeat", "AtUs"), 490000);
	assert_int_equal(value_of(json, "Moments", "end", "AtUs"), 3599990000);
	/*
	 * The second line is the one that was seen soonest after it was written: at 256 ms, with
	 * 50 ms on the kernel's clock, which therefore was 0 no later than at 206 ms.
	 */
	assert_int_equal(value_of(json, "Moments", "linux", "AtUs"), 196000);
	assert_int_equal(value_of(json, "Moments", "initrd", "AtUs"), 296000);
	assert_int_equal(value_of(json, "Moments", "kernel", "AtUs"), 396000);
	assert_int_equal(value_of(json, "Moments", "init", "AtUs"), 406000);
	assert_int_equal(value_of(json, "Moments", "line", "AtUs"), 450000);
	assert_int_equal(value_of(json, "Moments", "panic", "AtUs"), -1);
	json_decref(json);
}

static void test_phases(void **state)
{
	struct fixture *f = *state;
	json_t *json, *other;

	put_start(f, FIRST, 0);
	put_start(f, SECOND, 40);
	json = run_json(f, "enc" SECOND);
	assert_int_equal(value_of(json, "Phases", "fill", "DurationUs"), 48000);
	assert_int_equal(value_of(json, "Phases", "start", "DurationUs"), 41500);
	assert_int_equal(value_of(json, "Phases", "measure", "BeginUs"), 131000);
	assert_int_equal(value_of(json, "Phases", "measure", "DurationUs"), 40000);
	assert_int_equal(value_of(json, "Phases", "early", "DurationUs"), 59000);
	assert_int_equal(value_of(json, "Phases", "kernel", "DurationUs"), 166000);
	assert_int_equal(value_of(json, "Phases", "init", "DurationUs"), 84000);
	assert_int_equal(value_of(json, "Phases", "application", "DurationUs"), 20000);
	assert_int_equal(value_of(json, "Phases", "boot", "DurationUs"), -1);
	other = json_object_get(json, "Other");
	assert_int_equal(value_of(other, "Phases", "init", "DurationUs"), 124000);
	json_decref(json);
}

static void test_table(void **state)
{
	struct fixture *f = *state;

	put_start(f, FIRST, 0);
	put_start(f, SECOND, 40);
	fake_root_put(&f->root, FOLDER FIRST "/name", "web");
	run_command(&f->result, &cmd_timeline, "timeline", "web", NULL);
	assert_int_equal(f->result.code, 0);
	expect_text(f->result.out, "Start of enc" FIRST " (web)\n2026-01-31T12:00:00.010Z, 2 CPUs, "
		    "256 MiB, debug mode, Linux 6.12.41-nitro; booted after 90.0 ms (launcher) + "
		    "91.0 ms (VMM) + 309.0 ms (guest)\n");
	expect_text(f->result.out, "\n     171.000       39.500  VMM       the image is checked");
	expect_text(f->result.out, "\n      40.000  VMM       check and measure the image\n");
	run_command(&f->result, &cmd_timeline, "timeline", "web", "--compare", "enc" SECOND, NULL);
	assert_int_equal(f->result.code, 0);
	expect_text(f->result.out, "\n      84.000      124.000       40.000  guest     init\n");
}

static void test_none(void **state)
{
	struct fixture *f = *state;
	char path[ROOT_PATH_SIZE];

	put_start(f, FIRST, 0);
	fake_root_put(&f->root, FOLDER FIRST "/marks", "");
	run_command(&f->result, &cmd_timeline, "timeline", "enc" FIRST, NULL);
	assert_int_equal(f->result.code, 1);
	expect_text(f->result.err, "are not kept");
	assert_return_code(unlink(fake_root_path(&f->root, FOLDER FIRST "/marks", path)), errno);
	run_command(&f->result, &cmd_timeline, "timeline", "enc" FIRST, NULL);
	assert_int_equal(f->result.code, 1);
	expect_text(f->result.err, "are not kept");
	run_command(&f->result, &cmd_timeline, "timeline", "enc" FIRST, "--json", "--svg", "-",
		    NULL);
	assert_int_equal(f->result.code, 2);
}

/* What cannot be true is ignored, also if a VMM or an owner writes it. */
static void test_bad_marks(void **state)
{
	static const char text[] =
		"{\"mark\": \"run\", \"monotonic_ns\": -1, \"realtime_ns\": 1}\n"
		"{\"mark\": \"run\", \"monotonic_ns\": 9223372036854775807, \"realtime_ns\": 1}\n"
		"{\"mark\": \"run\", \"monotonic_ns\": 1.5, \"realtime_ns\": 1}\n"
		"{\"mark\": \"run\", \"monotonic_ns\": 5}\n"
		"{\"mark\": 7, \"monotonic_ns\": 5, \"realtime_ns\": 6}\n"
		"{\"mark\": \"unknown\", \"monotonic_ns\": 5, \"realtime_ns\": 6}\n"
		"[]\nnull\n\0\n}{\n\xff\xfe\n"
		"{\"mark\": \"end\", \"monotonic_ns\": 30, \"realtime_ns\": 31}\n"
		"{\"mark\": \"end\", \"monotonic_ns\": 40, \"realtime_ns\": 91}\n"
		"{\"mark\": \"run\", \"monotonic_ns\": 20, \"realtime_ns\": 77";
	enum timeline_moment sorted[NR_TIMELINE_MOMENTS];
	struct timeline timeline;

	timeline_init(&timeline);
	assert_int_equal(timeline_origin(&timeline), TIMELINE_UNKNOWN);
	timeline_read_marks(&timeline, text, sizeof(text) - 1);
	timeline_read_times(&timeline, NULL);
	assert_int_equal(timeline_sort(&timeline, sorted), 1);
	assert_int_equal(sorted[0], MARK(END));
	assert_int_equal(timeline.at[MARK(END)], 30);
	assert_int_equal(timeline.realtime, 1);
}

static void read_console(struct timeline *timeline, const char *text)
{
	timeline_init(timeline);
	timeline->has_realtime = true;
	timeline->realtime = (REALTIME_S - MONOTONIC_S) * NSEC_PER_SEC;
	timeline->at[MARK(RUN)] = MONOTONIC_S * NSEC_PER_SEC;
	timeline_read_console(timeline, text, strlen(text));
}

static int64_t ms_of(const struct timeline *timeline, int moment)
{
	return timeline->at[moment] == TIMELINE_UNKNOWN ? -1 :
		(timeline->at[moment] - MONOTONIC_S * NSEC_PER_SEC) / NSEC_PER_MSEC;
}

/* Kernels without times: what counts is when the line was seen. */
static void test_plain_console(void **state)
{
	struct timeline timeline;

	read_console(&timeline,
		     "2026-01-31T12:00:00.040Z Linux version 5.10.1\r\n"
		     "no date\n"
		     "2026-01-31T12:00:00.300Z Run /sbin/init as init process\r\n"
		     "2026-01-31T12:00:00.310Z something\r\n"
		     "2026-01-31T12:00:01.000Z Kernel panic - not syncing: x");
	assert_string_equal(timeline.version, "5.10.1");
	assert_int_equal(ms_of(&timeline, TIMELINE_LINUX), 40);
	assert_int_equal(ms_of(&timeline, TIMELINE_INIT), 300);
	assert_int_equal(ms_of(&timeline, TIMELINE_LINE), -1);
	assert_int_equal(ms_of(&timeline, TIMELINE_PANIC), 1000);
}

/* Before the first instruction there is no output; dates have less than the exact time. */
static void test_odd_console(void **state)
{
	struct timeline timeline;

	read_console(&timeline,
		     "2026-01-31T11:00:00.000Z [    0.000000] Linux version <b>\n"
		     "2026-01-31T12:00:00.010Z [    0.0] Run /init as init process\n"
		     "2026-01-31T12:00:00.010Z [  999999999999.000000] Freeing unused kernel\n"
		     "2026-01-31T12:00:00.010Z [");
	assert_string_equal(timeline.version, "");
	assert_int_equal(ms_of(&timeline, TIMELINE_LINUX), 0);
	assert_int_equal(ms_of(&timeline, TIMELINE_FREED), -1);
	assert_int_equal(ms_of(&timeline, TIMELINE_INIT), -1);
	timeline_init(&timeline);
	timeline_read_console(&timeline, "", 0);
	assert_int_equal(timeline.at[TIMELINE_LINUX], TIMELINE_UNKNOWN);
}

static const char *draw(struct fixture *f, char *other)
{
	if (other)
		run_command(&f->result, &cmd_timeline, "timeline", "enc" FIRST, "--svg", "-",
			    "--compare", other, NULL);
	else
		run_command(&f->result, &cmd_timeline, "timeline", "enc" FIRST, "--svg", "-", NULL);
	assert_string_equal(f->result.err, "");
	assert_int_equal(f->result.code, 0);
	return f->result.out;
}

static size_t count_of(const char *text, const char *part)
{
	size_t count = 0;

	for (; (text = strstr(text, part)); text++)
		count++;
	return count;
}

static void test_picture(void **state)
{
	static const char *const names[] = {
		"create", "fill", "donate", "cpus", "wait", "start", "spawn", "build", "answer",
		"measure", "load", "go", "early", "kernel", "init", "application", "run",
		"console", "heartbeat", "vsock", "linux", "initrd", "line",
	};
	struct fixture *f = *state;
	const char *picture;
	char name[64];

	put_start(f, FIRST, 0);
	picture = draw(f, NULL);
	assert_ptr_equal(strstr(picture, "<?xml"), picture);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(name, sizeof(name), "data-name=\"%s\"", names[i]);
		expect_text(picture, name);
	}
	/* The end came an hour later. */
	assert_null(strstr(picture, "data-name=\"end\""));
	expect_text(picture, "Not shown: the enclave has ended, at 3600.0 s");
	expect_text(picture, ">40.0 ms<");
	assert_int_equal(count_of(picture, "<rect"), 1 + 16 + NR_TIMELINE_ACTORS);
}

static void test_two(void **state)
{
	struct fixture *f = *state;
	const char *picture;

	put_start(f, FIRST, 0);
	put_start(f, SECOND, 40);
	picture = draw(f, "enc" SECOND);
	expect_text(picture, "Start of enc" FIRST);
	expect_text(picture, "Start of enc" SECOND);
	expect_text(picture, ">84.0 ms<");
	expect_text(picture, ">124 ms<");
	assert_int_equal(count_of(picture, "data-name=\"init\""), 2);
	assert_int_equal(count_of(picture, "class=\"booted\""), 3);
}

/* A slow machine, on which the kernel takes far longer than all before. */
static void test_slow(void **state)
{
	struct fixture *f = *state;
	const char *picture;

	put_start(f, FIRST, 5000);
	picture = draw(f, NULL);
	expect_text(picture, "data-name=\"heartbeat\"");
	expect_text(picture, "data-name=\"vsock\"");
	assert_null(strstr(picture, "data-name=\"end\""));
}

/* A kernel that hangs until its owner ends it, without a word. */
static void test_hang(void **state)
{
	struct fixture *f = *state;
	char *text;
	size_t size;
	FILE *to;

	put_start(f, FIRST, 0);
	to = open_memstream(&text, &size);
	put_mark(to, MARK_REQUEST, 0);
	put_mark(to, MARK_RUN, 100);
	fclose(to);
	fake_root_put(&f->root, FOLDER FIRST "/marks", text);
	free(text);
	fake_root_put(&f->root, FOLDER FIRST "/image.json", "{}");
	fake_root_put(&f->root, FOLDER FIRST "/console.log", "");
	expect_text(draw(f, NULL), ">3599.9 s, not finished<");
	run_command(&f->result, &cmd_timeline, "timeline", "enc" FIRST, NULL);
	expect_text(f->result.out, "kernel and init, silent (not finished)");
	expect_text(f->result.out, "it has not booted");
}

/* Of a name with characters that mean something in XML. */
static void test_escapes(void **state)
{
	struct timeline timeline;
	struct timeline_run run = { &timeline, "a<b>&\"c", "<x>" };
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	timeline_init(&timeline);
	timeline.at[MARK(RUN)] = 1;
	timeline_svg(&run, 1, to);
	fclose(to);
	expect_text(text, "<title>a&lt;b&gt;&amp;&quot;c</title>");
	assert_null(strstr(text, "<x>"));
	free(text);
}

static void *set_marks(void *arg)
{
	for (enum mark mark = 0; mark < NR_MARKS; mark++)
		marks_set(arg, mark);
	return NULL;
}

/* Several threads set each mark: it is written once, and lines are not mixed. */
static void test_writing(void **state)
{
	__cleanup_fd int fd = memfd_create("marks", MFD_CLOEXEC);
	struct marks marks = { .fd = fd }, none = { .fd = -1 };
	char text[MARKS_FILE_MAX + 1];
	struct timeline timeline;
	pthread_t threads[4];
	int64_t before = clock_ns(CLOCK_MONOTONIC);
	size_t len;

	marks_set_at(&marks, MARK_PROCESS, 1234);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, set_marks, &marks), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	set_marks(&none);
	set_marks(NULL);
	len = read_file(fd, text, sizeof(text));
	assert_true(len < MARKS_FILE_MAX);
	assert_int_equal(count_of(text, "\n"), NR_MARKS);
	timeline_init(&timeline);
	timeline_read_marks(&timeline, text, len);
	assert_int_equal(timeline.at[MARK(PROCESS)], 1234);
	for (enum mark mark = 0; mark < NR_MARKS; mark++) {
		int64_t at = timeline.at[TIMELINE_MARKS + mark];

		assert_true(mark == MARK_PROCESS ||
			    (at >= before && at <= clock_ns(CLOCK_MONOTONIC)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_moments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_phases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test(test_bad_marks),
		cmocka_unit_test(test_plain_console),
		cmocka_unit_test(test_odd_console),
		cmocka_unit_test_setup_teardown(test_picture, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hang, setup, teardown),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
