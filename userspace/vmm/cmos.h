/* SPDX-License-Identifier: Apache-2.0 */
/* MC146818 clock, read only: the time for guests that do not use kvmclock. */

#ifndef NE_EMU_VMM_CMOS_H
#define NE_EMU_VMM_CMOS_H

#include "vmm/bus.h"

#include <stdatomic.h>
#include <stdint.h>

#define CMOS_PORT	0x70	/* index, and data at +1 */
#define CMOS_SIZE	2

/** struct cmos - @skew_s: seconds by which its time is wrong, set before the guest runs */
struct cmos {
	atomic_uchar index;
	int64_t skew_s;
};

extern const struct bus_ops cmos_ops;

#endif
