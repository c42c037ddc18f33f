// SPDX-License-Identifier: Apache-2.0
/* Where the time of an enclave's start went: moments, and the phases between them. */

#include "cli/enclave/timeline.h"

#include "cli/host/json_in.h"
#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

/* Times beyond are not real, and their differences might not fit into 64 bits. */
#define TIME_MAX	(INT64_MAX / 4)

#define TIME(time)	(TIMELINE_TIMES + START_TIME_##time)
#define MARK(mark)	(TIMELINE_MARKS + MARK_##mark)

static const struct {
	const char *text;
	enum timeline_actor actor;
	bool mark;
} moments[NR_TIMELINE_MOMENTS] = {
	[TIME(CREATE)] = { "the launcher calls NE_CREATE_VM", TIMELINE_LAUNCHER, false },
	[TIME(CREATED)] = { "the enclave is created", TIMELINE_LAUNCHER, false },
	[TIME(FILLED)] = { "memory is filled with the image", TIMELINE_LAUNCHER, false },
	[TIME(DONATED)] = { "memory is given to the enclave", TIMELINE_LAUNCHER, false },
	[TIME(CPUS)] = { "CPUs are given to the enclave", TIMELINE_LAUNCHER, false },
	[TIME(CALL)] = { "the launcher calls NE_START_ENCLAVE", TIMELINE_LAUNCHER, false },
	[TIME(RETURNED)] = { "NE_START_ENCLAVE returns", TIMELINE_LAUNCHER, false },
	[MARK(REQUEST)] = { "ne-emud gets the start request", TIMELINE_VMM, false },
	[MARK(PROCESS)] = { "the VMM's process runs", TIMELINE_VMM, false },
	[MARK(BUILT)] = { "the machine is built", TIMELINE_VMM, false },
	[MARK(RUNNING)] = { "the enclave is RUNNING", TIMELINE_VMM, false },
	[MARK(MEASURED)] = { "the image is checked and measured", TIMELINE_VMM, false },
	[MARK(LOADED)] = { "kernel and ramdisks are loaded", TIMELINE_VMM, false },
	[MARK(RUN)] = { "first instruction of the guest", TIMELINE_VMM, true },
	[MARK(CONSOLE)] = { "first byte of the console", TIMELINE_GUEST, true },
	[MARK(NSM)] = { "first request to the NSM", TIMELINE_GUEST, true },
	[MARK(HEARTBEAT)] = { "heartbeat", TIMELINE_GUEST, true },
	[MARK(VSOCK)] = { "first connection besides the heartbeat", TIMELINE_GUEST, true },
	[MARK(END)] = { "the enclave has ended", TIMELINE_GUEST, true },
	[TIMELINE_LINUX] = { "first message of the kernel", TIMELINE_GUEST, true },
	[TIMELINE_INITRD] = { "the kernel has unpacked the ramdisk", TIMELINE_GUEST, true },
	[TIMELINE_FREED] = { "the kernel is set up", TIMELINE_GUEST, true },
	[TIMELINE_INIT] = { "the kernel runs init", TIMELINE_GUEST, true },
	[TIMELINE_LINE] = { "first line of init or the application", TIMELINE_GUEST, true },
	[TIMELINE_PANIC] = { "kernel panic", TIMELINE_GUEST, true },
};

/* The first of the moments @to that is known ends the phase. */
static const struct {
	const char *name;
	const char *text;
	enum timeline_actor actor;
	int from;
	int to;
} phases[] = {
	{ "create", "create the enclave", TIMELINE_LAUNCHER, TIME(CREATE), TIME(CREATED) },
	{ "fill", "get memory, read the image", TIMELINE_LAUNCHER, TIME(CREATED), TIME(FILLED) },
	{ "donate", "give memory to it", TIMELINE_LAUNCHER, TIME(FILLED), TIME(DONATED) },
	{ "cpus", "give CPUs to it", TIMELINE_LAUNCHER, TIME(DONATED), TIME(CPUS) },
	{ "wait", "wait for the heartbeat port", TIMELINE_LAUNCHER, TIME(CPUS), TIME(CALL) },
	{ "start", "NE_START_ENCLAVE", TIMELINE_LAUNCHER, TIME(CALL), TIME(RETURNED) },
	{ "spawn", "start the VMM", TIMELINE_VMM, MARK(REQUEST), MARK(PROCESS) },
	{ "build", "build the machine", TIMELINE_VMM, MARK(PROCESS), MARK(BUILT) },
	{ "answer", "answer the launcher", TIMELINE_VMM, MARK(BUILT), MARK(RUNNING) },
	{ "measure", "check and measure the image", TIMELINE_VMM, MARK(RUNNING), MARK(MEASURED) },
	{ "load", "load kernel and ramdisks", TIMELINE_VMM, MARK(MEASURED), MARK(LOADED) },
	{ "go", "release the vCPUs", TIMELINE_VMM, MARK(LOADED), MARK(RUN) },
	{ "early", "kernel, before its console", TIMELINE_GUEST, MARK(RUN), MARK(CONSOLE) },
	{ "kernel", "kernel", TIMELINE_GUEST, MARK(CONSOLE), TIMELINE_INIT },
	{ "init", "init", TIMELINE_GUEST, TIMELINE_INIT, MARK(HEARTBEAT) },
	{ "boot", "kernel and init", TIMELINE_GUEST, MARK(CONSOLE), MARK(HEARTBEAT) },
	{ "silent", "kernel and init, silent", TIMELINE_GUEST, MARK(RUN), MARK(HEARTBEAT) },
	{ "application", "application, to its first connection", TIMELINE_GUEST, MARK(HEARTBEAT),
	  MARK(VSOCK) },
};

_Static_assert(ARRAY_SIZE(phases) <= TIMELINE_PHASES_MAX, "all phases fit");

const char *start_time_name(enum start_time time)
{
	static const char *const names[NR_START_TIMES] = {
		[START_TIME_CREATE] = "create",
		[START_TIME_CREATED] = "created",
		[START_TIME_FILLED] = "filled",
		[START_TIME_DONATED] = "donated",
		[START_TIME_CPUS] = "cpus",
		[START_TIME_CALL] = "start",
		[START_TIME_RETURNED] = "started",
	};

	return names[time];
}

const char *timeline_name(enum timeline_moment moment)
{
	static const char *const names[] = {
		"linux", "initrd", "kernel", "init", "line", "panic",
	};

	if (moment < TIMELINE_MARKS)
		return start_time_name(moment - TIMELINE_TIMES);
	return moment < TIMELINE_LINUX ? mark_name(moment - TIMELINE_MARKS) :
		names[moment - TIMELINE_LINUX];
}

const char *timeline_text(enum timeline_moment moment)
{
	return moments[moment].text;
}

bool timeline_is_mark(enum timeline_moment moment)
{
	return moments[moment].mark;
}

enum timeline_actor timeline_actor(enum timeline_moment moment)
{
	return moments[moment].actor;
}

const char *timeline_actor_name(enum timeline_actor actor)
{
	static const char *const names[] = { "launcher", "VMM", "guest" };

	return names[actor];
}

void timeline_init(struct timeline *timeline)
{
	*timeline = (struct timeline){};
	for (size_t i = 0; i < NR_TIMELINE_MOMENTS; i++)
		timeline->at[i] = TIMELINE_UNKNOWN;
}

/* Return: 0, or -EINVAL (not a time). */
static int read_time(const json_t *object, const char *key, int64_t *ret_ns)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) <= 0 ||
	    json_integer_value(value) > TIME_MAX)
		return -EINVAL;
	*ret_ns = json_integer_value(value);
	return 0;
}

static void read_mark(struct timeline *timeline, const json_t *line)
{
	const char *name = json_string_value(json_object_get(line, "mark"));
	int64_t monotonic, realtime;

	if (!name || read_time(line, "monotonic_ns", &monotonic) ||
	    read_time(line, "realtime_ns", &realtime))
		return;
	for (enum mark mark = 0; mark < NR_MARKS; mark++) {
		int64_t *at = &timeline->at[TIMELINE_MARKS + mark];

		if (*at != TIMELINE_UNKNOWN || strcmp(name, mark_name(mark)))
			continue;
		*at = monotonic;
		if (!timeline->has_realtime)
			timeline->realtime = realtime - monotonic;
		timeline->has_realtime = true;
	}
}

void timeline_read_marks(struct timeline *timeline, const char *text, size_t len)
{
	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t size = end ? (size_t)(end - text) + 1 : len;
		json_t *line = json_loadb(text, size, JSON_DISABLE_EOF_CHECK, NULL);

		read_mark(timeline, line);
		json_decref(line);
		text += size;
		len -= size;
	}
}

void timeline_read_times(struct timeline *timeline, const struct json_t *times)
{
	for (enum start_time time = 0; time < NR_START_TIMES; time++)
		(void)read_time(times, start_time_name(time),
				&timeline->at[TIMELINE_TIMES + time]);
}

static int read_beginning(const struct view *view, const char *name, size_t max, char **ret,
			  size_t *ret_len)
{
	__cleanup_free char *text = malloc(max);
	char path[SYS_PATH_SIZE];
	__cleanup_fd int fd = -1;
	ssize_t len;

	if (!text)
		return -ENOMEM;
	fd = open(logs_path(path, &view->id, name), O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -errno : read_full(fd, text, max);
	if (len < 0)
		return len;
	*ret = text;
	text = NULL;
	*ret_len = len;
	return 0;
}

/* A VMM that was killed has not noted the end, but ne-emud has. */
static void read_end(struct timeline *timeline, const struct view *view)
{
	int64_t *at = &timeline->at[MARK(END)], ns;

	if (*at == TIMELINE_UNKNOWN && timeline->has_realtime &&
	    !date_parse(view->ended, 0, &ns) && ns > 0)
		*at = ns - timeline->realtime;
}

int timeline_load(struct timeline *timeline, const struct view *view, struct error *error)
{
	__cleanup_free char *marks = NULL, *console = NULL;
	char id[STATE_ID_SIZE];
	size_t len;
	int err;

	timeline_init(timeline);
	err = read_beginning(view, NE_EMU_MARKS_FILE, MARKS_FILE_MAX, &marks, &len);
	if (!err)
		timeline_read_marks(timeline, marks, len);
	if (!err && !timeline->has_realtime)
		err = -ENOENT;
	if (err)
		return error_set(error, err, "%s: %s", state_id(view->id.uid, id),
				 err == -ENOENT ? "the moments of its start are not kept; it has "
				 "not been started, or by an older version" :
				 err == -EACCES ? "it belongs to another user; use sudo" :
				 strerror(-err));
	timeline_read_times(timeline, json_object_get(view->image, "times"));
	if (!read_beginning(view, NE_EMU_CONSOLE_LOG, TIMELINE_CONSOLE_MAX, &console, &len))
		timeline_read_console(timeline, console, len);
	read_end(timeline, view);
	return 0;
}

int64_t timeline_origin(const struct timeline *timeline)
{
	enum timeline_moment sorted[NR_TIMELINE_MOMENTS];

	return timeline_sort(timeline, sorted) ? timeline->at[sorted[0]] : TIMELINE_UNKNOWN;
}

size_t timeline_sort(const struct timeline *timeline,
		     enum timeline_moment ret[NR_TIMELINE_MOMENTS])
{
	size_t count = 0;

	for (enum timeline_moment moment = 0; moment < NR_TIMELINE_MOMENTS; moment++) {
		size_t i = count;

		if (timeline->at[moment] == TIMELINE_UNKNOWN)
			continue;
		for (; i && timeline->at[ret[i - 1]] > timeline->at[moment]; i--)
			ret[i] = ret[i - 1];
		ret[i] = moment;
		count++;
	}
	return count;
}

/* Does a more precise phase cover this one? */
static bool is_covered(const struct timeline *timeline, int phase)
{
	const int64_t *at = timeline->at;

	if (!strcmp(phases[phase].name, "boot"))
		return at[TIMELINE_INIT] != TIMELINE_UNKNOWN;
	if (!strcmp(phases[phase].name, "silent"))
		return at[MARK(CONSOLE)] != TIMELINE_UNKNOWN;
	return false;
}

/* What the guest was at when it ended; the other phases of the guest have not begun then. */
static bool is_cut(const struct timeline *timeline, int phase)
{
	const char *name = phases[phase].name;
	bool last = !strcmp(name, "init") || !strcmp(name, "boot") || !strcmp(name, "silent");

	return last && timeline->at[MARK(END)] != TIMELINE_UNKNOWN;
}

size_t timeline_phases(const struct timeline *timeline,
		       struct timeline_phase ret[TIMELINE_PHASES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		int64_t from = timeline->at[phases[i].from], to = timeline->at[phases[i].to];
		bool cut = to == TIMELINE_UNKNOWN && is_cut(timeline, i);

		if (cut)
			to = timeline->at[MARK(END)];
		if (from == TIMELINE_UNKNOWN || to == TIMELINE_UNKNOWN || to < from ||
		    is_covered(timeline, i))
			continue;
		ret[count++] = (struct timeline_phase){
			.name = phases[i].name, .text = phases[i].text,
			.actor = phases[i].actor, .from = from, .to = to, .cut = cut,
		};
	}
	return count;
}
