/* SPDX-License-Identifier: Apache-2.0 */
/* A moment on the two clocks the supervisor uses. */

#ifndef NE_EMU_DAEMON_INSTANT_H
#define NE_EMU_DAEMON_INSTANT_H

#include <stdint.h>
#include <time.h>

#define NSEC_PER_SEC	1000000000LL
#define NSEC_PER_MSEC	1000000LL

/**
 * struct instant - a moment
 * @boot_ns: CLOCK_BOOTTIME, the clock of the kernel module; for intervals
 * @real_ns: CLOCK_REALTIME; for people
 */
struct instant {
	int64_t boot_ns;
	int64_t real_ns;
};

static inline int64_t instant_clock_ns(clockid_t clock)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(clock, &ts);	/* both clocks always exist */
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/** instant_now() - the clock of the program; tests bring their own */
static inline struct instant instant_now(void)
{
	return (struct instant){
		.boot_ns = instant_clock_ns(CLOCK_BOOTTIME),
		.real_ns = instant_clock_ns(CLOCK_REALTIME),
	};
}

#endif
