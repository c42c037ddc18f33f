// SPDX-License-Identifier: Apache-2.0
/* Moments of the start of an enclave. */

#include "common/marks.h"

#include "common/clock.h"
#include "common/util.h"

#include <inttypes.h>
#include <unistd.h>

#define LINE_SIZE	128

static const char *const names[NR_MARKS] = {
	[MARK_REQUEST] = "request",
	[MARK_PROCESS] = "process",
	[MARK_BUILT] = "built",
	[MARK_RUNNING] = "running",
	[MARK_MEASURED] = "measured",
	[MARK_LOADED] = "loaded",
	[MARK_RUN] = "run",
	[MARK_CONSOLE] = "console",
	[MARK_NSM] = "nsm",
	[MARK_HEARTBEAT] = "heartbeat",
	[MARK_VSOCK] = "vsock",
	[MARK_END] = "end",
};

_Static_assert(NR_MARKS * LINE_SIZE <= MARKS_FILE_MAX, "all lines fit");

const char *mark_name(enum mark mark)
{
	return names[mark];
}

void marks_set_at(struct marks *marks, enum mark mark, int64_t monotonic_ns)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC), realtime = clock_ns(CLOCK_REALTIME);
	char line[LINE_SIZE];
	int len;

	if (atomic_fetch_or(&marks->set, 1U << mark) & 1U << mark || marks->fd < 0)
		return;
	if (!monotonic_ns)
		monotonic_ns = now;
	len = snprintf(line, sizeof(line), "{\"mark\": \"%s\", \"monotonic_ns\": %" PRId64
		       ", \"realtime_ns\": %" PRId64 "}\n", names[mark], monotonic_ns,
		       realtime - (now - monotonic_ns));
	/* One write for each line, so that threads do not mix theirs. */
	(void)!write(marks->fd, line, len);
}
