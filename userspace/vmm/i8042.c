// SPDX-License-Identifier: Apache-2.0
/* A minimal keyboard controller, through which a guest resets itself. */

#include "vmm/i8042.h"

#include <stdint.h>
#include <string.h>

#define STATUS_OFFSET	4
#define CMD_RESET_CPU	0xfe

/*
 * The output buffer is always full: Linux gives up on such a controller after a few
 * reads, instead of waiting half a second for each answer. The input buffer is never
 * full: Linux waits for that before it sends the reset command.
 */
#define STATUS_OUTPUT_FULL	0x01

static void i8042_read(void *device, uint64_t offset, void *data, size_t len)
{
	(void)device;
	memset(data, 0, len);
	if (offset == STATUS_OFFSET)
		*(uint8_t *)data = STATUS_OUTPUT_FULL;
}

static void i8042_write(void *device, uint64_t offset, const void *data, size_t len)
{
	struct i8042 *i8042 = device;

	(void)len;
	if (offset == STATUS_OFFSET && *(const uint8_t *)data == CMD_RESET_CPU)
		i8042->reset(i8042->reset_arg);
}

const struct bus_ops i8042_ops = {
	.read = i8042_read,
	.write = i8042_write,
};
