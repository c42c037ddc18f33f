/* SPDX-License-Identifier: Apache-2.0 */
/* A minimal keyboard controller, through which a guest resets itself. */

#ifndef NE_EMU_VMM_I8042_H
#define NE_EMU_VMM_I8042_H

#include "vmm/bus.h"

#define I8042_PORT	0x60	/* data; command and status are at +4 */
#define I8042_SIZE	5

/** struct i8042 - @reset is called on the vCPU's thread for each reset command */
struct i8042 {
	void (*reset)(void *arg);
	void *reset_arg;
};

extern const struct bus_ops i8042_ops;

#endif
