/* SPDX-License-Identifier: Apache-2.0 */
/* Milliseconds for time-outs. */

#ifndef NE_EMU_COMMON_CLOCK_H
#define NE_EMU_COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

/** clock_ms() - CLOCK_MONOTONIC, which every Linux has */
static inline int64_t clock_ms(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

#endif
