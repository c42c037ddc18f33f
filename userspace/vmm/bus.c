// SPDX-License-Identifier: Apache-2.0
/* Devices by address; one bus for ports, one for memory-mapped registers. */

#include "vmm/bus.h"

#include <errno.h>
#include <string.h>

int bus_add(struct bus *bus, uint64_t base, uint64_t size, const struct bus_ops *ops,
	    void *device)
{
	for (size_t i = 0; i < bus->nr_ranges; i++) {
		const struct bus_range *range = &bus->ranges[i];

		if (base < range->base + range->size && range->base < base + size)
			return -EEXIST;
	}
	if (bus->nr_ranges == BUS_RANGES_MAX)
		return -ENOSPC;
	bus->ranges[bus->nr_ranges++] = (struct bus_range){
		.base = base,
		.size = size,
		.ops = ops,
		.device = device,
	};
	return 0;
}

static const struct bus_range *bus_find(const struct bus *bus, uint64_t addr, size_t len)
{
	for (size_t i = 0; i < bus->nr_ranges; i++) {
		const struct bus_range *range = &bus->ranges[i];

		if (addr >= range->base && addr - range->base < range->size &&
		    len <= range->size - (addr - range->base))
			return range;
	}
	return NULL;
}

bool bus_read(const struct bus *bus, uint64_t addr, void *data, size_t len)
{
	const struct bus_range *range = bus_find(bus, addr, len);

	if (range)
		range->ops->read(range->device, addr - range->base, data, len);
	else
		memset(data, 0xff, len);
	return range;
}

bool bus_write(const struct bus *bus, uint64_t addr, const void *data, size_t len)
{
	const struct bus_range *range = bus_find(bus, addr, len);

	if (range)
		range->ops->write(range->device, addr - range->base, data, len);
	return range;
}
