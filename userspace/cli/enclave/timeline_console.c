// SPDX-License-Identifier: Apache-2.0
/* Milestones of a kernel and its init in a console log. The guest may print anything. */

#include "cli/enclave/timeline.h"

#include "cli/enclave/console_log.h"
#include "common/clock.h"
#include "common/util.h"

#include <string.h>

/* Digits of the seconds in front of a kernel's message: enough for years. */
#define SECONDS_MAX	9
#define FRACTION	6

/* Messages of the kernel, all since long before the oldest that enclaves use. */
static const struct {
	const char *start;
	enum timeline_moment moment;
} milestones[] = {
	{ "Linux version ", TIMELINE_LINUX },
	{ "Freeing initrd memory", TIMELINE_INITRD },
	{ "Freeing unused kernel", TIMELINE_FREED },
	{ "Run ", TIMELINE_INIT },
	{ "Kernel panic - not syncing", TIMELINE_PANIC },
};

/**
 * struct line - a line of the log
 * @date: when it was seen, CLOCK_REALTIME in nanoseconds
 * @kernel_ns: clock of the kernel in front of its message; -1: there is none
 * @text: the rest
 */
struct line {
	int64_t date;
	int64_t kernel_ns;
	const char *text;
	size_t len;
};

/**
 * struct milestone - a moment that is found
 * @kernel_ns: as in struct line, as is @date
 */
struct milestone {
	bool found;
	int64_t date;
	int64_t kernel_ns;
};

/**
 * struct search - state of the search
 * @zero: when the kernel's clock was 0, as exactly as is known; CLOCK_REALTIME
 * @init: the line about init has gone by
 */
struct search {
	struct milestone found[NR_TIMELINE_MOMENTS];
	int64_t zero;
	bool init;
};

static size_t digits(const char *text, size_t len, size_t max, int64_t *ret)
{
	size_t n = 0;

	*ret = 0;
	for (; n < len && n < max && text[n] >= '0' && text[n] <= '9'; n++)
		*ret = *ret * 10 + (text[n] - '0');
	return n;
}

/* "[    0.123456] " Return: its length, or 0. */
static size_t kernel_time(const char *text, size_t len, int64_t *ret_ns)
{
	int64_t seconds, micros;
	size_t at = 1, n;

	if (!len || text[0] != '[')
		return 0;
	while (at < len && text[at] == ' ')
		at++;
	n = digits(text + at, len - at, SECONDS_MAX, &seconds);
	at += n;
	if (!n || at == len || text[at++] != '.' ||
	    digits(text + at, len - at, FRACTION, &micros) != FRACTION)
		return 0;
	at += FRACTION;
	if (len - at < 2 || text[at] != ']' || text[at + 1] != ' ')
		return 0;
	*ret_ns = seconds * NSEC_PER_SEC + micros * (NSEC_PER_SEC / USEC_PER_SEC);
	return at + 2;
}

/* Return: false if the line has no date. */
static bool read_line(const char *text, size_t len, struct line *ret)
{
	size_t skip = console_log_date(text, len, &ret->date);

	if (!skip)
		return false;
	ret->kernel_ns = -1;
	text += skip;
	len -= skip;
	skip = kernel_time(text, len, &ret->kernel_ns);
	ret->text = text + skip;
	ret->len = len - skip;
	return true;
}

static bool starts_with(const struct line *line, const char *start)
{
	size_t len = strlen(start);

	return line->len >= len && !memcmp(line->text, start, len);
}

static bool is_about_init(const struct line *line)
{
	static const char end[] = " as init process";

	return memmem(line->text, line->len, end, sizeof(end) - 1);
}

static void note(struct search *search, enum timeline_moment moment, const struct line *line)
{
	struct milestone *milestone = &search->found[moment];

	if (!milestone->found)
		*milestone = (struct milestone){
			.found = true, .date = line->date, .kernel_ns = line->kernel_ns,
		};
}

static bool is_version_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		(c && strchr("._+~-", c));
}

static void read_version(struct timeline *timeline, const struct line *line)
{
	size_t at = strlen(milestones[0].start), n = 0;

	while (at + n < line->len && n < sizeof(timeline->version) - 1 &&
	       is_version_char(line->text[at + n]))
		n++;
	memcpy(timeline->version, line->text + at, n);
	timeline->version[n] = '\0';
}

static void look_at(struct timeline *timeline, struct search *search, const struct line *line)
{
	if (line->kernel_ns >= 0)
		search->zero = MIN(search->zero, line->date - line->kernel_ns);
	for (size_t i = 0; i < ARRAY_SIZE(milestones); i++) {
		enum timeline_moment moment = milestones[i].moment;

		if (!starts_with(line, milestones[i].start) ||
		    (moment == TIMELINE_INIT && !is_about_init(line)))
			continue;
		if (moment == TIMELINE_LINUX && !search->found[moment].found)
			read_version(timeline, line);
		note(search, moment, line);
		search->init |= moment == TIMELINE_INIT;
		return;
	}
	/* Without times, lines of the kernel and of programs look alike. */
	if (search->init && line->kernel_ns < 0 && line->len > 2 &&
	    search->found[TIMELINE_INIT].kernel_ns >= 0)
		note(search, TIMELINE_LINE, line);
}

void timeline_read_console(struct timeline *timeline, const char *text, size_t len)
{
	int64_t run = timeline->at[TIMELINE_MARKS + MARK_RUN];
	struct search search = { .zero = INT64_MAX };
	struct line line;

	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t size = end ? (size_t)(end - text) + 1 : len;

		if (read_line(text, size, &line))
			look_at(timeline, &search, &line);
		text += size;
		len -= size;
	}
	if (!timeline->has_realtime)
		return;
	for (size_t i = TIMELINE_LINUX; i < NR_TIMELINE_MOMENTS; i++) {
		const struct milestone *found = &search.found[i];
		int64_t at = found->kernel_ns >= 0 ? search.zero + found->kernel_ns : found->date;

		if (!found->found)
			continue;
		/* Dates are in milliseconds, so they may be a little too early. */
		timeline->at[i] = run == TIMELINE_UNKNOWN ? at - timeline->realtime :
			MAX(at - timeline->realtime, run);
	}
}
