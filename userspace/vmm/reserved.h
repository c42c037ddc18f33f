/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that a kernel command line keeps the kernel from using as RAM. */

#ifndef NE_EMU_VMM_RESERVED_H
#define NE_EMU_VMM_RESERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESERVED_MAX	64

/** struct reserved_range - guest addresses, @end is the first behind it */
struct reserved_range {
	uint64_t start;
	uint64_t end;
};

/**
 * struct reserved - what mem= and memmap= take away
 * @limit: there is no RAM at and above this address
 */
struct reserved {
	struct reserved_range ranges[RESERVED_MAX];
	size_t count;
	uint64_t limit;
};

/**
 * reserved_parse() - find mem= and memmap= as the kernel would
 *
 * What the kernel does not understand reserves nothing, as with the kernel.
 * "memmap=exactmap" and ranges added with "@" are not looked at.
 *
 * Return: 0 or -E2BIG (more than RESERVED_MAX ranges).
 */
int reserved_parse(const char *cmdline, struct reserved *ret);

/** reserved_find_low() - lowest multiple of @align in [@from, @to) with @size free bytes */
bool reserved_find_low(const struct reserved *reserved, uint64_t from, uint64_t to,
		       uint64_t size, uint64_t align, uint64_t *ret);
/** reserved_find_high() - the highest one */
bool reserved_find_high(const struct reserved *reserved, uint64_t from, uint64_t to,
			uint64_t size, uint64_t align, uint64_t *ret);

#endif
