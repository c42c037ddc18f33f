// SPDX-License-Identifier: Apache-2.0
/*
 * Draw the start of an enclave, or of two over each other.
 *
 * Each phase and each mark has a row of its own, with its name on the left and its time on the
 * right of the bar, so that no texts can overlap. Lengths are in pixels.
 */

#include "cli/enclave/timeline_svg.h"

#include "common/clock.h"
#include "common/util.h"

#include <inttypes.h>
#include <string.h>

#define WIDTH		1120
#define TOP		98		/* of the rows */
#define TOP_TWO		148
#define LEFT		300		/* of the first moment; names are on the left of it */
#define RIGHT		960		/* of the last moment; room for a time is on the right */
#define MARGIN		24
#define ROW		24
#define HEADING		30
#define LEGEND		46
#define NOTE		18

#define TICKS_MAX	10
#define RUNS_MAX	2
#define ROWS_MAX	(TIMELINE_PHASES_MAX + NR_TIMELINE_MOMENTS)
#define NAME_SIZE	96
#define TIME_SIZE	32

/* What comes after the boot is left out if the wait for it was this many times all before. */
#define GAP_TIMES	3
#define GAP_NS		NSEC_PER_SEC

static const struct {
	const char *title;
	const char *colour;
	const char *light;
} actors[NR_TIMELINE_ACTORS] = {
	[TIMELINE_LAUNCHER] = { "Launcher", "#3b6ea5", "#b9cfe6" },
	[TIMELINE_VMM] = { "ne-emud and VMM", "#c8651b", "#f2cba9" },
	[TIMELINE_GUEST] = { "Guest", "#3f8f4f", "#b7dcbd" },
};

/** struct span - a bar from @from to @to, or a mark if both are equal and @mark is set */
struct span {
	bool known;
	bool cut;
	int64_t from;
	int64_t to;
};

/**
 * struct row - a phase or a mark of all runs
 * @name: for scripts
 * @text: for people
 */
struct row {
	const char *name;
	const char *text;
	enum timeline_actor actor;
	bool mark;
	struct span spans[RUNS_MAX];
};

/**
 * struct chart - the picture
 * @last: end of the axis, nanoseconds from the first moment
 * @in_seconds: the axis is in seconds, not in milliseconds
 * @bar: height of a bar
 * @row: height of a row
 */
struct chart {
	const struct timeline_run *runs;
	size_t nr_runs;
	struct row rows[ROWS_MAX];
	size_t nr_rows;
	int64_t last;
	bool in_seconds;
	int bar;
	int row;
	FILE *to;
};

static void print_escaped(FILE *to, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '"':
			fputs("&quot;", to);
			break;
		default:
			fputc(*text, to);
		}
	}
}

static void print_text(FILE *to, int x, int y, const char *class, const char *text)
{
	fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, class);
	print_escaped(to, text);
	fputs("</text>\n", to);
}

static const char *time_text(int64_t ns, char buf[TIME_SIZE])
{
	double ms = (double)ns / NSEC_PER_MSEC;

	if (ns < 10 * NSEC_PER_MSEC)
		snprintf(buf, TIME_SIZE, "%.2f ms", ms);
	else if (ns < 100 * NSEC_PER_MSEC)
		snprintf(buf, TIME_SIZE, "%.1f ms", ms);
	else if (ns < 10 * NSEC_PER_SEC)
		snprintf(buf, TIME_SIZE, "%.0f ms", ms);
	else
		snprintf(buf, TIME_SIZE, "%.1f s", ms / MSEC_PER_SEC);
	return buf;
}

static double x_of(const struct chart *chart, int64_t ns)
{
	return LEFT + (double)ns * (RIGHT - LEFT) / chart->last;
}

static struct row *find_row(struct chart *chart, const char *name, bool mark)
{
	for (size_t i = 0; i < chart->nr_rows; i++)
		if (chart->rows[i].mark == mark && !strcmp(chart->rows[i].name, name))
			return &chart->rows[i];
	return &chart->rows[chart->nr_rows++];
}

static void add_span(struct chart *chart, size_t run, const struct row *like, int64_t from,
		     int64_t to, bool cut)
{
	int64_t origin = timeline_origin(chart->runs[run].timeline);
	struct row *row = find_row(chart, like->name, like->mark);

	row->name = like->name;
	row->text = like->text;
	row->actor = like->actor;
	row->mark = like->mark;
	row->spans[run] = (struct span){
		.known = true, .cut = cut, .from = from - origin, .to = to - origin,
	};
}

static void add_phases(struct chart *chart, size_t run)
{
	struct timeline_phase phases[TIMELINE_PHASES_MAX];
	size_t count = timeline_phases(chart->runs[run].timeline, phases);

	for (size_t i = 0; i < count; i++)
		add_span(chart, run, &(struct row){
			.name = phases[i].name, .text = phases[i].text, .actor = phases[i].actor,
		}, phases[i].from, phases[i].to, phases[i].cut);
}

static void add_marks(struct chart *chart, size_t run)
{
	const struct timeline *timeline = chart->runs[run].timeline;
	enum timeline_moment sorted[NR_TIMELINE_MOMENTS];
	size_t count = timeline_sort(timeline, sorted);

	for (size_t i = 0; i < count; i++)
		if (timeline_is_mark(sorted[i]))
			add_span(chart, run, &(struct row){
				.name = timeline_name(sorted[i]),
				.text = timeline_text(sorted[i]),
				.actor = timeline_actor(sorted[i]), .mark = true,
			}, timeline->at[sorted[i]], timeline->at[sorted[i]], false);
}

/* May it come hours after the start? */
static bool is_late(enum timeline_moment moment)
{
	return moment == TIMELINE_MARKS + MARK_NSM || moment == TIMELINE_MARKS + MARK_VSOCK ||
		moment == TIMELINE_MARKS + MARK_END;
}

/* End of one run: its last moment, without those that came long after all others. */
static int64_t last_of(const struct timeline *timeline)
{
	struct timeline_phase phases[TIMELINE_PHASES_MAX];
	enum timeline_moment sorted[NR_TIMELINE_MOMENTS];
	size_t count = timeline_sort(timeline, sorted), nr_phases;
	int64_t origin = timeline_origin(timeline), last = 0;

	for (size_t i = 0; i < count; i++)
		if (!is_late(sorted[i]))
			last = MAX(last, timeline->at[sorted[i]] - origin);
	for (size_t i = 0; i < count; i++) {
		int64_t at = timeline->at[sorted[i]] - origin;

		if (at <= last)
			continue;
		if (at - last > GAP_NS && (at - last) / GAP_TIMES > last)
			break;
		last = at;
	}
	nr_phases = timeline_phases(timeline, phases);
	for (size_t i = 0; i < nr_phases; i++)
		if (phases[i].cut)
			last = MAX(last, phases[i].to - origin);
	return last;
}

static bool is_shown(const struct chart *chart, const struct span *span)
{
	return span->known && span->to <= chart->last;
}

static bool has_row(const struct chart *chart, const struct row *row)
{
	return is_shown(chart, &row->spans[0]) ||
		(chart->nr_runs > 1 && is_shown(chart, &row->spans[1]));
}

static int height_of(const struct chart *chart, enum timeline_actor actor)
{
	int rows = 0;

	for (size_t i = 0; i < chart->nr_rows; i++)
		rows += chart->rows[i].actor == actor && has_row(chart, &chart->rows[i]);
	return rows ? HEADING + rows * chart->row : 0;
}

static size_t count_hidden(const struct chart *chart)
{
	size_t count = 0;

	for (size_t i = 0; i < chart->nr_rows; i++)
		for (size_t run = 0; run < chart->nr_runs; run++) {
			const struct span *span = &chart->rows[i].spans[run];

			count += span->known && !is_shown(chart, span);
		}
	return count;
}

static int64_t tick_step(int64_t last)
{
	static const int factors[] = { 1, 2, 5 };
	int64_t unit = NSEC_PER_MSEC / 10;

	for (;; unit *= 10)
		for (size_t i = 0; i < ARRAY_SIZE(factors); i++)
			if (last / (factors[i] * unit) < TICKS_MAX)
				return factors[i] * unit;
}

static void draw_axis(const struct chart *chart, int top, int bottom)
{
	int64_t step = tick_step(chart->last);
	double unit = chart->in_seconds ? NSEC_PER_SEC : NSEC_PER_MSEC;

	for (int64_t at = 0; at <= chart->last; at += step) {
		double x = x_of(chart, at);

		fprintf(chart->to, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" "
			"class=\"grid\"/>\n<text x=\"%.1f\" y=\"%d\" class=\"tick\">%g</text>\n",
			x, top - 4, x, bottom, x, top - 10, at / unit);
	}
	print_text(chart->to, RIGHT + 44, top - 10, "unit", chart->in_seconds ? "s" : "ms");
}

static void draw_bar(const struct chart *chart, const struct row *row, size_t run, int y)
{
	const struct span *span = &row->spans[run];
	const char *colour = actors[row->actor].colour;
	double x = x_of(chart, span->from), width = x_of(chart, span->to) - x;
	char time[TIME_SIZE];

	/* Also what takes no time can be seen. */
	fprintf(chart->to, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\" "
		"stroke=\"%s\"/>\n", x, y, MAX(width, 1.0), chart->bar,
		run ? actors[row->actor].light : colour, span->cut ? "#c00000" : colour);
	fprintf(chart->to, "<text x=\"%.1f\" y=\"%d\" class=\"%s\">%s%s</text>\n",
		x + MAX(width, 1.0) + 7, y + chart->bar / 2 + 4, span->cut ? "cut" : "time",
		time_text(span->to - span->from, time), span->cut ? ", not finished" : "");
}

static void draw_mark(const struct chart *chart, const struct row *row, size_t run, int y)
{
	const char *colour = actors[row->actor].colour;
	double x = x_of(chart, row->spans[run].from), middle = y + chart->bar / 2.0;
	char time[TIME_SIZE];

	fprintf(chart->to, "<path d=\"M%.1f %.1fl5 5l-5 5l-5 -5z\" fill=\"%s\" stroke=\"%s\"/>\n",
		x, middle - 5, run ? actors[row->actor].light : colour, colour);
	fprintf(chart->to, "<text x=\"%.1f\" y=\"%.1f\" class=\"time\">at %s</text>\n", x + 12,
		middle + 4, time_text(row->spans[run].from, time));
}

static void draw_row(const struct chart *chart, const struct row *row, int y)
{
	int pad = (chart->row - chart->bar * (int)chart->nr_runs) / 2;

	fprintf(chart->to, "<g class=\"%s\" data-name=\"%s\">\n", row->mark ? "mark" : "phase",
		row->name);
	print_text(chart->to, LEFT - 14, y + chart->row / 2 + 4, "name", row->text);
	for (size_t run = 0; run < chart->nr_runs; run++) {
		int at = y + pad + (int)run * (chart->bar + 1);

		if (!is_shown(chart, &row->spans[run]))
			continue;
		if (row->mark)
			draw_mark(chart, row, run, at);
		else
			draw_bar(chart, row, run, at);
	}
	fputs("</g>\n", chart->to);
}

static void draw_actor(const struct chart *chart, enum timeline_actor actor, int y)
{
	int height = height_of(chart, actor);

	if (!height)
		return;
	fprintf(chart->to, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"rule\"/>\n",
		MARGIN, y, WIDTH - MARGIN, y);
	print_text(chart->to, MARGIN, y + 20, "heading", actors[actor].title);
	y += HEADING;
	for (size_t i = 0; i < chart->nr_rows; i++) {
		const struct row *row = &chart->rows[i];

		if (row->actor != actor || !has_row(chart, row))
			continue;
		draw_row(chart, row, y);
		y += chart->row;
	}
}

/* When it had booted, through all rows. */
static void draw_heartbeat(const struct chart *chart, int top, int bottom)
{
	for (size_t run = 0; run < chart->nr_runs; run++) {
		const struct timeline *timeline = chart->runs[run].timeline;
		int64_t at = timeline->at[TIMELINE_MARKS + MARK_HEARTBEAT];
		double x;

		if (at == TIMELINE_UNKNOWN || at - timeline_origin(timeline) > chart->last)
			continue;
		x = x_of(chart, at - timeline_origin(timeline));
		fprintf(chart->to, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" "
			"class=\"booted\"/>\n", x, top - 4, x, bottom);
	}
}

static void draw_legend(const struct chart *chart, int y)
{
	int x = MARGIN;

	for (size_t i = 0; i < NR_TIMELINE_ACTORS; i++) {
		fprintf(chart->to, "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"12\" "
			"fill=\"%s\"/>\n", x, y - 10, actors[i].colour);
		print_text(chart->to, x + 20, y, "legend", actors[i].title);
		x += 44 + 7 * (int)strlen(actors[i].title);
	}
	fprintf(chart->to, "<path d=\"M%d %dl5 5l-5 5l-5 -5z\" fill=\"#555\"/>\n", x + 5, y - 9);
	print_text(chart->to, x + 16, y, "legend", "moment");
	x += 90;
	fprintf(chart->to, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"booted\"/>\n",
		x + 4, y - 12, x + 4, y + 3);
	print_text(chart->to, x + 14, y, "legend", "heartbeat: it has booted");
	if (chart->nr_runs < 2)
		return;
	x += 210;
	fprintf(chart->to, "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"12\" fill=\"#555\"/>\n",
		x, y - 10);
	print_text(chart->to, x + 20, y, "legend", "first enclave");
	x += 130;
	fprintf(chart->to, "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"12\" fill=\"#ddd\" "
		"stroke=\"#555\"/>\n", x, y - 10);
	print_text(chart->to, x + 20, y, "legend", "second enclave");
}

static void draw_notes(const struct chart *chart, int y)
{
	for (size_t i = 0; i < chart->nr_rows; i++)
		for (size_t run = 0; run < chart->nr_runs; run++) {
			const struct row *row = &chart->rows[i];
			const struct span *span = &row->spans[run];
			char note[NAME_SIZE + TIME_SIZE], time[TIME_SIZE];

			if (!span->known || is_shown(chart, span))
				continue;
			snprintf(note, sizeof(note), "Not shown%s: %s, %s %s",
				 chart->nr_runs < 2 ? "" : run ? ", second" : ", first",
				 row->text, row->mark ? "at" : "until",
				 time_text(span->to, time));
			print_text(chart->to, MARGIN, y, "note", note);
			y += NOTE;
		}
}

static void draw_head(const struct chart *chart, int height)
{
	fprintf(chart->to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\" role=\"img\">\n<title>", WIDTH, height, WIDTH, height);
	print_escaped(chart->to, chart->runs[0].title);
	fputs("</title>\n<style>\n"
	      "text { font-family: 'DejaVu Sans', Verdana, sans-serif; font-size: 12px; "
	      "fill: #222; }\n"
	      ".title { font-size: 19px; font-weight: bold; }\n"
	      ".about, .note, .legend { fill: #555; }\n"
	      ".heading { font-size: 13px; font-weight: bold; }\n"
	      ".name { text-anchor: end; }\n"
	      ".time, .cut { font-size: 11px; stroke: #fdfdfd; stroke-width: 3px; "
	      "paint-order: stroke; }\n"
	      ".cut { fill: #c00000; }\n"
	      ".tick { font-size: 11px; fill: #555; text-anchor: middle; }\n"
	      ".unit { font-size: 11px; fill: #555; }\n"
	      ".grid { stroke: #e4e4e4; }\n"
	      ".rule { stroke: #bbb; }\n"
	      ".booted { stroke: #b0307a; stroke-width: 1.4; stroke-dasharray: 5 3; }\n"
	      "</style>\n", chart->to);
	fprintf(chart->to, "<rect width=\"%d\" height=\"%d\" fill=\"#fdfdfd\"/>\n", WIDTH, height);
}

static void draw_titles(const struct chart *chart)
{
	int y = 36;

	print_text(chart->to, MARGIN, y, "title", chart->runs[0].title);
	y += 22;
	print_text(chart->to, MARGIN, y, "about", chart->runs[0].about);
	if (chart->nr_runs < 2)
		return;
	y += 28;
	print_text(chart->to, MARGIN, y, "title", chart->runs[1].title);
	y += 22;
	print_text(chart->to, MARGIN, y, "about", chart->runs[1].about);
}

static void chart_fill(struct chart *chart)
{
	chart->last = NSEC_PER_MSEC / 10;
	for (size_t run = 0; run < chart->nr_runs; run++)
		add_phases(chart, run);
	for (size_t run = 0; run < chart->nr_runs; run++) {
		add_marks(chart, run);
		chart->last = MAX(chart->last, last_of(chart->runs[run].timeline));
	}
	chart->in_seconds = chart->last >= 10 * NSEC_PER_SEC;
	chart->bar = chart->nr_runs > 1 ? 13 : 14;
	chart->row = chart->nr_runs > 1 ? ROW + 10 : ROW;
}

void timeline_svg(const struct timeline_run *runs, size_t count, FILE *to)
{
	struct chart chart = { .runs = runs, .nr_runs = MIN(count, RUNS_MAX), .to = to };
	int top, bottom, y, height;

	chart_fill(&chart);
	top = chart.nr_runs > 1 ? TOP_TWO : TOP;
	bottom = top;
	for (size_t i = 0; i < NR_TIMELINE_ACTORS; i++)
		bottom += height_of(&chart, i);
	bottom += 8;
	height = bottom + LEGEND + (int)count_hidden(&chart) * NOTE;

	draw_head(&chart, height);
	draw_titles(&chart);
	draw_axis(&chart, top, bottom);
	draw_heartbeat(&chart, top, bottom);
	y = top;
	for (size_t i = 0; i < NR_TIMELINE_ACTORS; i++) {
		draw_actor(&chart, i, y);
		y += height_of(&chart, i);
	}
	draw_legend(&chart, bottom + 26);
	draw_notes(&chart, bottom + LEGEND + 4);
	fputs("</svg>\n", to);
}
