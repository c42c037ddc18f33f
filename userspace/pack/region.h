/* SPDX-License-Identifier: Apache-2.0 */
/* A tar archive in a file, read where it is instead of being copied. */

#ifndef NE_EMU_PACK_REGION_H
#define NE_EMU_PACK_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct region - a mapped part of a file; treat as opaque
 * @data: its bytes
 * @size: number of bytes
 * @offset: offset of @data in the file
 * @base: start of the mapping, @mapped bytes
 */
struct region {
	const uint8_t *data;
	size_t size;
	uint64_t offset;
	void *base;
	size_t mapped;
};

/**
 * region_open() - map an archive that is not compressed
 * @region: filled on success; the caller calls region_close()
 * @fd: the file
 * @offset: where the archive begins
 * @size: its size at most; it ends with the file
 *
 * Files that other users could change or cut meanwhile are refused: their contents have to
 * be copied before they are checked.
 *
 * Return: 0, or a negative errno if the archive has to be copied.
 */
int region_open(struct region *region, int fd, uint64_t offset, uint64_t size);
void region_close(struct region *region);

/** region_holds() - do these @size bytes lie in the region? */
bool region_holds(const struct region *region, const void *data, size_t size);

/** region_offset() - offset in the file of @data, which lies in the region */
uint64_t region_offset(const struct region *region, const void *data);

#endif
