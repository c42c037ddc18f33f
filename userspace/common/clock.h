/* SPDX-License-Identifier: Apache-2.0 */
/* Read clocks as single numbers, and the units of time. */

#ifndef NE_EMU_COMMON_CLOCK_H
#define NE_EMU_COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

#define MSEC_PER_SEC	INT64_C(1000)
#define USEC_PER_SEC	INT64_C(1000000)
#define NSEC_PER_MSEC	INT64_C(1000000)
#define NSEC_PER_SEC	(MSEC_PER_SEC * NSEC_PER_MSEC)

/*
 * A file that has changed so recently may change again without another time of change: the
 * kernel's clock for files ticks, at worst, every 10 ms.
 */
#define FILE_TICK_NS	(20 * NSEC_PER_MSEC)

/** timespec_ns() - convert a struct timespec to nanoseconds */
static inline int64_t timespec_ns(struct timespec time)
{
	return time.tv_sec * NSEC_PER_SEC + time.tv_nsec;
}

/** clock_ns() - time of @clock in nanoseconds; it must be a clock that every Linux has */
static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec now = { 0 };

	(void)clock_gettime(clock, &now);
	return timespec_ns(now);
}

/** clock_ms() - time of CLOCK_MONOTONIC in milliseconds, for timeouts */
static inline int64_t clock_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / NSEC_PER_MSEC;
}

#endif
