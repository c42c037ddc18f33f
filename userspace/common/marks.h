/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moments of the start of an enclave, which ne-emud and the VMM note in a file of its log
 * directory, for "ne-emu timeline". Each line of the file is a JSON object:
 * {"mark": NAME, "monotonic_ns": CLOCK_MONOTONIC, "realtime_ns": CLOCK_REALTIME}.
 */

#ifndef NE_EMU_COMMON_MARKS_H
#define NE_EMU_COMMON_MARKS_H

#include <stdatomic.h>
#include <stdint.h>

/* In the order in which they usually occur. */
enum mark {
	MARK_REQUEST,		/* ne-emud has got the start request */
	MARK_PROCESS,		/* the VMM's process runs */
	MARK_BUILT,		/* the machine is built; the request can be answered */
	MARK_RUNNING,		/* the kernel says that the enclave is RUNNING */
	MARK_MEASURED,		/* the image is checked and measured */
	MARK_LOADED,		/* its parts and the boot data are where they belong */
	MARK_RUN,		/* the vCPUs are released */
	MARK_CONSOLE,		/* first byte of the console */
	MARK_NSM,		/* first request to the NSM */
	MARK_HEARTBEAT,		/* the guest connects to the heartbeat port */
	MARK_VSOCK,		/* its first other connection */
	MARK_END,		/* the enclave has ended */
	NR_MARKS,
};

/* More than the lines of all marks. */
#define MARKS_FILE_MAX	4096

/**
 * struct marks - the file, and what is in it already
 * @fd: open for writing; -1: there is none
 * @set: bits of the marks that were set
 */
struct marks {
	int fd;
	atomic_uint set;
};

/** mark_name() - name in the file */
const char *mark_name(enum mark mark);

/**
 * marks_set_at() - note something that has happened
 * @marks: the file
 * @mark: what has happened; only the first time counts
 * @monotonic_ns: CLOCK_MONOTONIC when it happened; 0: now
 */
void marks_set_at(struct marks *marks, enum mark mark, int64_t monotonic_ns);

/**
 * marks_set() - note that something happens now, if it is the first time
 * @marks: may be NULL
 * @mark: what happens
 *
 * Any thread may call it. It costs one load once the mark is set. A failure to write is ignored.
 */
static inline void marks_set(struct marks *marks, enum mark mark)
{
	if (marks && !(atomic_load_explicit(&marks->set, memory_order_relaxed) & 1U << mark))
		marks_set_at(marks, mark, 0);
}

#endif
