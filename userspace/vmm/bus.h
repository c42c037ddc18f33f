/* SPDX-License-Identifier: Apache-2.0 */
/* Devices by address; one bus for ports, one for memory-mapped registers. */

#ifndef NE_EMU_VMM_BUS_H
#define NE_EMU_VMM_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUS_RANGES_MAX	8

/**
 * struct bus_ops - handle an access of a vCPU; called on its thread
 *
 * @offset is relative to the start of the range, and offset + len is within it; len is 1,
 * 2, 4 or 8.
 */
struct bus_ops {
	void (*read)(void *device, uint64_t offset, void *data, size_t len);
	void (*write)(void *device, uint64_t offset, const void *data, size_t len);
};

struct bus_range {
	uint64_t base;
	uint64_t size;
	const struct bus_ops *ops;
	void *device;
};

/** struct bus - filled during set-up, constant while vCPUs run */
struct bus {
	struct bus_range ranges[BUS_RANGES_MAX];
	size_t nr_ranges;
};

/** bus_add() - add a device; Return: 0, -ENOSPC, or -EEXIST (the range overlaps another) */
int bus_add(struct bus *bus, uint64_t base, uint64_t size, const struct bus_ops *ops,
	    void *device);
/** bus_read() - read from a device; all ones if there is none; Return: is there one? */
bool bus_read(const struct bus *bus, uint64_t addr, void *data, size_t len);
/** bus_write() - write to a device; ignored if there is none; Return: is there one? */
bool bus_write(const struct bus *bus, uint64_t addr, const void *data, size_t len);

#endif
