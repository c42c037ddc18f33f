/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are in an ELF core: headers and notes, then the ranges of RAM. */

#ifndef NE_EMU_VMM_DUMP_LAYOUT_H
#define NE_EMU_VMM_DUMP_LAYOUT_H

#include "vmm/dump/notes.h"
#include "vmm/memory.h"

#include <stddef.h>
#include <stdint.h>

#define LAYOUT_RANGES_MAX	2
/* Mappings of the kernel that an architecture may describe. */
#define LAYOUT_MAPS_MAX		2
/* A mapping may cover several ranges. */
#define LAYOUT_SEGMENTS_MAX	(1 + LAYOUT_RANGES_MAX + LAYOUT_MAPS_MAX * LAYOUT_RANGES_MAX)

/**
 * struct layout_map - virtual addresses at which the kernel sees physical memory
 * @virt: first virtual address
 * @phys: first physical address
 * @size: bytes; parts that are not RAM are left out
 */
struct layout_map {
	uint64_t virt;
	uint64_t phys;
	uint64_t size;
};

/**
 * struct layout_range - RAM
 * @phys: guest address
 * @size: bytes, whole pages
 * @offset: in the file
 * @memory: its contents
 */
struct layout_range {
	uint64_t phys;
	uint64_t size;
	uint64_t offset;
	const uint8_t *memory;
};

/**
 * struct layout - of one file
 * @head_size: bytes in front of the first range
 * @size: bytes of the file
 */
struct layout {
	struct layout_range ranges[LAYOUT_RANGES_MAX];
	size_t nr_ranges;
	uint64_t head_size;
	uint64_t size;
};

/** layout_init() - lay a file out that has room for @notes_max bytes of notes */
void layout_init(struct layout *layout, const struct guest_memory *memory, size_t notes_max);

/**
 * layout_head() - write what is in front of the first range
 * @layout: the layout
 * @machine: of the ELF header
 * @notes: not more than layout_init() was told
 * @maps: where the kernel sees its memory; it is only in the file once
 * @nr_maps: entries of @maps, at most LAYOUT_MAPS_MAX
 * @head: zeros, @layout->head_size bytes
 */
void layout_head(const struct layout *layout, uint16_t machine, const struct dump_notes *notes,
		 const struct layout_map *maps, size_t nr_maps, uint8_t *head);

#endif
