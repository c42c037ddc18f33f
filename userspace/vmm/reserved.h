/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that a kernel command line keeps the kernel from using as RAM. */

#ifndef NE_EMU_VMM_RESERVED_H
#define NE_EMU_VMM_RESERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESERVED_MAX	64

/** struct reserved_range - guest addresses; @end is the first one after the range */
struct reserved_range {
	uint64_t start;
	uint64_t end;
};

/**
 * struct reserved - memory that mem= and memmap= remove
 * @limit: addresses from this one on are not RAM
 */
struct reserved {
	struct reserved_range ranges[RESERVED_MAX];
	size_t count;
	uint64_t limit;
};

/**
 * reserved_parse() - find mem= and memmap= as the kernel would
 *
 * As in the kernel, values that it does not understand reserve nothing.
 * "memmap=exactmap" and ranges added with "@" are ignored.
 *
 * Return: 0 or -E2BIG (more than RESERVED_MAX ranges).
 */
int reserved_parse(const char *cmdline, struct reserved *ret);

/** reserved_find_low() - find the lowest multiple of @align in [@from, @to) with @size bytes */
bool reserved_find_low(const struct reserved *reserved, uint64_t from, uint64_t to,
		       uint64_t size, uint64_t align, uint64_t *ret);
/** reserved_find_high() - find the highest one */
bool reserved_find_high(const struct reserved *reserved, uint64_t from, uint64_t to,
			uint64_t size, uint64_t align, uint64_t *ret);

#endif
