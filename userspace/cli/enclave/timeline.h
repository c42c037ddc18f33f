/* SPDX-License-Identifier: Apache-2.0 */
/* Where the time of an enclave's start went: moments, and the phases between them. */

#ifndef NE_EMU_CLI_ENCLAVE_TIMELINE_H
#define NE_EMU_CLI_ENCLAVE_TIMELINE_H

#include "cli/enclave/start_times.h"
#include "cli/enclave/view.h"
#include "common/marks.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Moments: those that the launcher reports, those of common/marks.h, those of the console. */
enum timeline_moment {
	TIMELINE_TIMES,
	TIMELINE_MARKS = TIMELINE_TIMES + NR_START_TIMES,
	TIMELINE_LINUX = TIMELINE_MARKS + NR_MARKS,	/* "Linux version" */
	TIMELINE_INITRD,				/* the ramdisk is unpacked */
	TIMELINE_FREED,					/* "Freeing unused kernel" */
	TIMELINE_INIT,					/* "Run /init as init process" */
	TIMELINE_LINE,					/* first line that is not the kernel's */
	TIMELINE_PANIC,					/* "Kernel panic" */
	NR_TIMELINE_MOMENTS,
};

/* Who acts. */
enum timeline_actor { TIMELINE_LAUNCHER, TIMELINE_VMM, TIMELINE_GUEST, NR_TIMELINE_ACTORS };

#define TIMELINE_PHASES_MAX	24
#define TIMELINE_UNKNOWN	INT64_MIN
#define TIMELINE_VERSION_SIZE	48
/* Console output that is searched; what follows is not the start any more. */
#define TIMELINE_CONSOLE_MAX	(1024 * 1024)

/**
 * struct timeline - what is known about one start
 * @at: moments, CLOCK_MONOTONIC in nanoseconds; TIMELINE_UNKNOWN
 * @realtime: CLOCK_REALTIME minus CLOCK_MONOTONIC at the start; valid if @has_realtime
 * @version: release of the enclave's kernel, or ""
 */
struct timeline {
	int64_t at[NR_TIMELINE_MOMENTS];
	int64_t realtime;
	bool has_realtime;
	char version[TIMELINE_VERSION_SIZE];
};

/**
 * struct timeline_phase - what happened between two moments
 * @name: for scripts
 * @text: for people
 * @actor: who was busy
 * @from: CLOCK_MONOTONIC, nanoseconds
 * @to: likewise, not before @from
 * @cut: it did not finish: the enclave ended
 */
struct timeline_phase {
	const char *name;
	const char *text;
	enum timeline_actor actor;
	int64_t from;
	int64_t to;
	bool cut;
};

/** timeline_init() - nothing is known yet */
void timeline_init(struct timeline *timeline);

/** timeline_read_marks() - add what the file of common/marks.h says; skips what is not valid */
void timeline_read_marks(struct timeline *timeline, const char *text, size_t len);

/** timeline_read_times() - add what the launcher has reported; NULL: nothing */
void timeline_read_times(struct timeline *timeline, const struct json_t *times);

/**
 * timeline_read_console() - add milestones from a console log, whose lines begin with dates
 * @timeline: has read the marks, by which dates can be compared with other moments
 * @text: the log, or its beginning
 * @len: its length in bytes
 *
 * With times of the kernel in front of its messages, moments are those of the messages, not
 * those of their output, which are later.
 */
void timeline_read_console(struct timeline *timeline, const char *text, size_t len);

/** timeline_load() - read all that is kept of an enclave; -ENOENT with a message: no marks */
int timeline_load(struct timeline *timeline, const struct view *view, struct error *error);

/** timeline_origin() - first moment, from which times count; TIMELINE_UNKNOWN: there is none */
int64_t timeline_origin(const struct timeline *timeline);

/** timeline_sort() - list the known moments in order; Return: their number */
size_t timeline_sort(const struct timeline *timeline,
		     enum timeline_moment ret[NR_TIMELINE_MOMENTS]);

/** timeline_phases() - list the phases whose moments are known; Return: their number */
size_t timeline_phases(const struct timeline *timeline,
		       struct timeline_phase ret[TIMELINE_PHASES_MAX]);

/** timeline_name() - name of a moment for scripts */
const char *timeline_name(enum timeline_moment moment);
/** timeline_text() - the same for people */
const char *timeline_text(enum timeline_moment moment);
/** timeline_is_mark() - does it also count on its own, not only as an end of phases? */
bool timeline_is_mark(enum timeline_moment moment);
/** timeline_actor() - who acts at this moment */
enum timeline_actor timeline_actor(enum timeline_moment moment);
/** timeline_actor_name() - "launcher" */
const char *timeline_actor_name(enum timeline_actor actor);

#endif
