/* SPDX-License-Identifier: Apache-2.0 */
/* A moment on the two clocks that the supervisor uses. */

#ifndef NE_EMU_DAEMON_INSTANT_H
#define NE_EMU_DAEMON_INSTANT_H

#include "common/clock.h"

#include <stdint.h>

/**
 * struct instant - a moment
 * @boot_ns: CLOCK_BOOTTIME, the clock of the kernel module; for intervals
 * @real_ns: CLOCK_REALTIME; for people
 */
struct instant {
	int64_t boot_ns;
	int64_t real_ns;
};

/** instant_now() - read both clocks; tests use their own function */
static inline struct instant instant_now(void)
{
	return (struct instant){
		.boot_ns = clock_ns(CLOCK_BOOTTIME),
		.real_ns = clock_ns(CLOCK_REALTIME),
	};
}

#endif
