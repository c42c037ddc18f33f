/* SPDX-License-Identifier: Apache-2.0 */
/* MC146818 clock, read only: the time for guests that do not use kvmclock. */

#ifndef NE_EMU_VMM_CMOS_H
#define NE_EMU_VMM_CMOS_H

#include "vmm/bus.h"

#include <stdatomic.h>

#define CMOS_PORT	0x70	/* index, and data at +1 */
#define CMOS_SIZE	2

struct cmos {
	atomic_uchar index;
};

extern const struct bus_ops cmos_ops;

#endif
