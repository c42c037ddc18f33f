/* SPDX-License-Identifier: Apache-2.0 */
/* Just enough of a keyboard controller to notice that the guest resets itself. */

#ifndef NE_EMU_VMM_I8042_H
#define NE_EMU_VMM_I8042_H

#include "vmm/bus.h"

#define I8042_PORT	0x60	/* data; command and status are at +4 */
#define I8042_SIZE	5

/** struct i8042 - @reset is called on the vCPU's thread, as often as the guest asks */
struct i8042 {
	void (*reset)(void *arg);
	void *reset_arg;
};

extern const struct bus_ops i8042_ops;

#endif
