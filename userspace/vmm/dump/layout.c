// SPDX-License-Identifier: Apache-2.0
/*
 * Where things are in an ELF core: headers and notes, then the ranges of RAM.
 *
 * crash and drgn read segments by physical address, gdb by virtual address. So each range has
 * a segment with its physical address and no virtual one, as in the dumps of QEMU, and more
 * segments for the addresses at which the kernel sees the same bytes.
 */

#include "vmm/dump/layout.h"

#include "common/util.h"

#include <elf.h>
#include <string.h>

#define PAGE_SIZE	4096ULL
/* Of notes and headers. */
#define NOTE_ALIGNMENT	4

static void add_range(struct layout *layout, const struct guest_memory *memory, uint64_t phys,
		      uint64_t size)
{
	if (!size)
		return;
	layout->ranges[layout->nr_ranges++] = (struct layout_range){
		.phys = phys,
		.size = size,
		.offset = layout->size,
		.memory = memory_at(memory, phys, size),
	};
	layout->size += size;
}

void layout_init(struct layout *layout, const struct guest_memory *memory, size_t notes_max)
{
	uint64_t head = sizeof(Elf64_Ehdr) + LAYOUT_SEGMENTS_MAX * sizeof(Elf64_Phdr) + notes_max;

	*layout = (struct layout){ .head_size = (head + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1) };
	layout->size = layout->head_size;
	add_range(layout, memory, 0, memory->low_size);
	add_range(layout, memory, MEMORY_HOLE_END, memory->size - memory->low_size);
}

/* The part of a mapping that is in a range; without a size if there is none. */
static Elf64_Phdr map_segment(const struct layout_range *range, const struct layout_map *map)
{
	uint64_t start = MAX(map->phys, range->phys);
	uint64_t range_end = range->phys + range->size;
	uint64_t size = start < range_end ? range_end - start : 0;

	if (start - map->phys >= map->size)
		size = 0;
	else
		size = MIN(size, map->size - (start - map->phys));
	return (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W | PF_X,
		.p_offset = range->offset + (start - range->phys),
		.p_vaddr = map->virt + (start - map->phys),
		.p_paddr = start,
		.p_filesz = size,
		.p_memsz = size,
	};
}

static size_t add_segments(const struct layout *layout, const struct layout_map *maps,
			   size_t nr_maps, Elf64_Phdr *segments)
{
	size_t count = 0;

	for (size_t i = 0; i < layout->nr_ranges; i++) {
		const struct layout_range *range = &layout->ranges[i];

		segments[count++] = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_W | PF_X,
			.p_offset = range->offset,
			.p_paddr = range->phys,
			.p_filesz = range->size,
			.p_memsz = range->size,
		};
	}
	for (size_t i = 0; i < nr_maps; i++)
		for (size_t k = 0; k < layout->nr_ranges; k++) {
			segments[count] = map_segment(&layout->ranges[k], &maps[i]);
			count += !!segments[count].p_filesz;
		}
	return count;
}

void layout_head(const struct layout *layout, uint16_t machine, const struct dump_notes *notes,
		 const struct layout_map *maps, size_t nr_maps, uint8_t *head)
{
	Elf64_Phdr segments[LAYOUT_SEGMENTS_MAX];
	size_t count = 1 + add_segments(layout, maps, nr_maps, segments + 1);
	size_t notes_at = sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr);
	const Elf64_Ehdr elf = {
		.e_ident = {
			ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT,
		},
		.e_type = ET_CORE,
		.e_machine = machine,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = count,
	};

	segments[0] = (Elf64_Phdr){
		.p_type = PT_NOTE,
		.p_offset = notes_at,
		.p_filesz = notes->len,
		.p_memsz = notes->len,
		.p_align = NOTE_ALIGNMENT,
	};
	memcpy(head, &elf, sizeof(elf));
	memcpy(head + sizeof(elf), segments, count * sizeof(segments[0]));
	memcpy(head + notes_at, notes->data, notes->len);
}
