// SPDX-License-Identifier: Apache-2.0
/* ne-emu timeline: show where the time of an enclave's start went. */

#include "cli/commands.h"
#include "cli/enclave/timeline_svg.h"
#include "cli/enclave/view.h"
#include "command/file.h"

#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define TITLE_SIZE	160
#define ABOUT_SIZE	320
#define BOOT_SIZE	128
#define MS_SIZE		24
#define NSEC_PER_USEC	(NSEC_PER_SEC / USEC_PER_SEC)

#define MARK(mark)	(TIMELINE_MARKS + MARK_##mark)
#define TIME(time)	(TIMELINE_TIMES + START_TIME_##time)

struct timeline_options {
	bool json;
	bool latest;
	const char *svg;
	const char *compare;
};

/** struct start - an enclave and its start */
struct start {
	struct view view;
	struct timeline timeline;
};

static double in_ms(int64_t ns)
{
	return (double)ns / NSEC_PER_MSEC;
}

static const char *ms_text(int64_t ns, char buf[MS_SIZE])
{
	snprintf(buf, MS_SIZE, "%.3f", in_ms(ns));
	return buf;
}

static int start_load(struct start *start, const struct select *wanted, struct error *error)
{
	int err = view_find(wanted, &start->view, error);

	if (err)
		return err;
	err = timeline_load(&start->timeline, &start->view, error);
	if (err)
		view_done(&start->view);
	return err;
}

static const char *start_title(const struct start *start, char buf[TITLE_SIZE])
{
	char id[STATE_ID_SIZE];

	state_id(start->view.id.uid, id);
	if (*start->view.name)
		snprintf(buf, TITLE_SIZE, "Start of %s (%s)", id, start->view.name);
	else
		snprintf(buf, TITLE_SIZE, "Start of %s", id);
	return buf;
}

/* Return: nanoseconds between two moments; -1 if they are not known. */
static int64_t between(const struct timeline *timeline, int from, int to)
{
	const int64_t *at = timeline->at;

	return at[from] == TIMELINE_UNKNOWN || at[to] == TIMELINE_UNKNOWN ? -1 :
		MAX(at[to] - at[from], 0);
}

static const char *boot_text(const struct timeline *timeline, char buf[BOOT_SIZE])
{
	bool known = timeline->at[TIME(CALL)] != TIMELINE_UNKNOWN;
	int64_t launcher = between(timeline, TIME(CREATE), TIME(CALL));
	int64_t vmm = between(timeline, known ? TIME(CALL) : MARK(REQUEST), MARK(RUN));
	int64_t guest = between(timeline, MARK(RUN), MARK(HEARTBEAT));

	if (guest < 0 || vmm < 0)
		snprintf(buf, BOOT_SIZE, "it has not booted");
	else if (launcher < 0)
		snprintf(buf, BOOT_SIZE, "booted after %.1f ms (VMM) + %.1f ms (guest)",
			 in_ms(vmm), in_ms(guest));
	else
		snprintf(buf, BOOT_SIZE, "booted after %.1f ms (launcher) + %.1f ms (VMM) + "
			 "%.1f ms (guest)", in_ms(launcher), in_ms(vmm), in_ms(guest));
	return buf;
}

static const char *start_date(const struct timeline *timeline, char buf[DATE_SIZE])
{
	return date_format(timeline_origin(timeline) + timeline->realtime, buf);
}

static const char *start_about(const struct start *start, char buf[ABOUT_SIZE])
{
	const struct ne_nl_enclave *enclave = &start->view.enclave;
	char date[DATE_SIZE], boot[BOOT_SIZE];

	snprintf(buf, ABOUT_SIZE, "%s, %zu CPUs, %" PRIu64 " MiB, %s%s%s; %s",
		 start_date(&start->timeline, date), enclave->nr_vcpus,
		 (uint64_t)(enclave->mem_size / MIB),
		 view_debug(&start->view) ? "debug mode" : "production mode",
		 *start->timeline.version ? ", Linux " : "", start->timeline.version,
		 boot_text(&start->timeline, boot));
	return buf;
}

static void print_moments(const struct timeline *timeline)
{
	enum timeline_moment sorted[NR_TIMELINE_MOMENTS];
	size_t count = timeline_sort(timeline, sorted);
	int64_t last = timeline_origin(timeline);

	printf("%12s %12s  %-8s  %s\n", "AT MS", "+MS", "WHO", "MOMENT");
	for (size_t i = 0; i < count; i++) {
		int64_t at = timeline->at[sorted[i]];
		char now[MS_SIZE], step[MS_SIZE];

		printf("%12s %12s  %-8s  %s\n",
		       ms_text(at - timeline->at[sorted[0]], now),
		       i ? ms_text(at - last, step) : "",
		       timeline_actor_name(timeline_actor(sorted[i])), timeline_text(sorted[i]));
		last = at;
	}
}

static const struct timeline_phase *find_phase(const struct timeline_phase *phases, size_t count,
					       const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(phases[i].name, name))
			return &phases[i];
	return NULL;
}

static int64_t duration(const struct timeline_phase *phase)
{
	return phase->to - phase->from;
}

static void print_phases(const struct timeline *timeline, const struct timeline *other)
{
	struct timeline_phase phases[TIMELINE_PHASES_MAX], others[TIMELINE_PHASES_MAX];
	size_t count = timeline_phases(timeline, phases);
	size_t nr_others = other ? timeline_phases(other, others) : 0;

	printf("%12s ", "MS");
	if (other)
		printf("%12s %12s ", "OTHER MS", "DIFFERENCE");
	printf(" %-8s  %s\n", "WHO", "PHASE");
	for (size_t i = 0; i < count; i++) {
		const struct timeline_phase *peer = find_phase(others, nr_others, phases[i].name);
		char mine[MS_SIZE], its[MS_SIZE], change[MS_SIZE];

		printf("%12s ", ms_text(duration(&phases[i]), mine));
		if (other)
			printf("%12s %12s ", peer ? ms_text(duration(peer), its) : "-",
			       peer ? ms_text(duration(peer) - duration(&phases[i]), change) : "-");
		printf(" %-8s  %s%s\n", timeline_actor_name(phases[i].actor), phases[i].text,
		       phases[i].cut ? " (not finished)" : "");
	}
}

static void print_head(const struct start *start)
{
	char title[TITLE_SIZE], about[ABOUT_SIZE];

	printf("%s\n%s\n", start_title(start, title), start_about(start, about));
}

static void print_text(const struct start *start, const struct start *other)
{
	print_head(start);
	if (other)
		print_head(other);
	else
		putchar('\n');
	if (!other)
		print_moments(&start->timeline);
	putchar('\n');
	print_phases(&start->timeline, other ? &other->timeline : NULL);
}

static void json_moments(struct json_out *out, const struct timeline *timeline)
{
	enum timeline_moment sorted[NR_TIMELINE_MOMENTS];
	size_t count = timeline_sort(timeline, sorted);

	json_out_array(out, "Moments");
	for (size_t i = 0; i < count; i++) {
		int64_t at = timeline->at[sorted[i]];
		char date[DATE_SIZE];

		json_out_object(out, NULL);
		json_out_str(out, "Name", timeline_name(sorted[i]));
		json_out_str(out, "Text", timeline_text(sorted[i]));
		json_out_str(out, "Actor", timeline_actor_name(timeline_actor(sorted[i])));
		json_out_u64(out, "AtUs", (at - timeline->at[sorted[0]]) / NSEC_PER_USEC);
		json_out_str(out, "Time", date_format(at + timeline->realtime, date));
		json_out_end(out);
	}
	json_out_end(out);
}

static void json_phases(struct json_out *out, const struct timeline *timeline)
{
	struct timeline_phase phases[TIMELINE_PHASES_MAX];
	size_t count = timeline_phases(timeline, phases);
	int64_t origin = timeline_origin(timeline);

	json_out_array(out, "Phases");
	for (size_t i = 0; i < count; i++) {
		json_out_object(out, NULL);
		json_out_str(out, "Name", phases[i].name);
		json_out_str(out, "Text", phases[i].text);
		json_out_str(out, "Actor", timeline_actor_name(phases[i].actor));
		json_out_u64(out, "BeginUs", (phases[i].from - origin) / NSEC_PER_USEC);
		json_out_u64(out, "DurationUs", duration(&phases[i]) / NSEC_PER_USEC);
		json_out_bool(out, "Finished", !phases[i].cut);
		json_out_end(out);
	}
	json_out_end(out);
}

static void json_start(struct json_out *out, const struct start *start)
{
	const char *version = start->timeline.version;
	char id[STATE_ID_SIZE];

	json_out_str(out, "EnclaveID", state_id(start->view.id.uid, id));
	json_out_str(out, "Name", *start->view.name ? start->view.name : NULL);
	json_out_str(out, "Kernel", *version ? version : NULL);
	json_moments(out, &start->timeline);
	json_phases(out, &start->timeline);
}

static int print_json(const struct start *start, const struct start *other)
{
	struct json_out out = {};

	json_out_document(&out);
	json_start(&out, start);
	if (other) {
		json_out_object(&out, "Other");
		json_start(&out, other);
		json_out_end(&out);
	}
	return json_out_print(&out, stdout, 2);
}

static char *make_picture(const struct start *start, const struct start *other, size_t *ret_size)
{
	char titles[2][TITLE_SIZE], abouts[2][ABOUT_SIZE], *text = NULL;
	struct timeline_run runs[2] = {
		{ &start->timeline, start_title(start, titles[0]), start_about(start, abouts[0]) },
	};
	FILE *to = open_memstream(&text, ret_size);

	if (other)
		runs[1] = (struct timeline_run){
			&other->timeline, start_title(other, titles[1]),
			start_about(other, abouts[1]),
		};
	if (!to)
		return NULL;
	timeline_svg(runs, other ? 2 : 1, to);
	if (!fclose(to))
		return text;
	free(text);
	return NULL;
}

static int write_picture(const char *path, const struct start *start, const struct start *other,
			 struct error *error)
{
	__cleanup(file_new_abort) struct file_new file;
	__cleanup_free char *text = NULL;
	size_t size;
	int err;

	err = file_new_open(&file, path, error);
	if (err)
		return err;
	text = make_picture(start, other, &size);
	err = text ? write_full(file.fd, text, size) : -ENOMEM;
	if (err)
		return error_set(error, err, "cannot write %.400s: %s", path, strerror(-err));
	return file_new_commit(&file, error);
}

static int show(const struct timeline_options *given, const struct start *start,
		const struct start *other)
{
	struct error error;
	int err = 0;

	if (given->svg)
		err = write_picture(given->svg, start, other, &error);
	if (err)
		return term_result(err, &error);
	if (given->json)
		return print_json(start, other) ? COMMAND_FAILED : COMMAND_OK;
	/* The picture may go to standard output. */
	if (!given->svg)
		print_text(start, other);
	return COMMAND_OK;
}

static int timeline_run(const struct command_call *call)
{
	const struct timeline_options *given = call->options;
	struct select wanted, compared = { .name = given->compare };
	struct start start, other;
	struct error error;
	int err, code;

	err = select_read(call, given->latest, &wanted);
	if (err)
		return err;
	if (given->json && given->svg && !strcmp(given->svg, "-"))
		return command_usage_error(call, "--json and --svg - both go to standard output");
	err = start_load(&start, &wanted, &error);
	if (err)
		return term_result(err, &error);
	err = given->compare ? start_load(&other, &compared, &error) : 0;
	if (err) {
		view_done(&start.view);
		return term_result(err, &error);
	}
	code = show(given, &start, given->compare ? &other : NULL);
	view_done(&start.view);
	if (given->compare)
		view_done(&other.view);
	return code;
}

static const struct opt options[] = {
	OPT_STRING("compare", struct timeline_options, compare, "OTHER",
		   "compare with the start of another enclave",
		   .manual = "Compare with the start of another enclave, running or ended. Both "
			     "begin at their first moment."),
	OPT_FLAG("json", struct timeline_options, json, "print one JSON object"),
	OPT_LATEST(struct timeline_options, latest),
	OPT_STRING("svg", struct timeline_options, svg, "FILE",
		   "draw a picture instead; \"-\" is standard output",
		   .manual = "Draw a picture in the format SVG instead, which web browsers show. "
			     "\"-\" is standard output.",
		   .values = VALUES_FILES),
	{}
};

const struct command cmd_timeline = {
	.name = "timeline",
	.summary = "show where the time of an enclave's start went",
	.args = SELECT_ARG,
	.about = "Show where the time of an enclave's start went, running or ended: from the\n"
		 "calls of its launcher over the VMM and the kernel to its heartbeat and its\n"
		 "first connection. What happens in a kernel is read from the console, so only\n"
		 "debug enclaves show it; the calls are known of enclaves that \"ne-emu run\" starts",
	.options = options,
	.values = { VALUES_LOGS },
	.max_args = 1,
	.size = sizeof(struct timeline_options),
	.run = timeline_run,
};
