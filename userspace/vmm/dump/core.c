// SPDX-License-Identifier: Apache-2.0
/* The stream of a dump, piece by piece. */

#include "vmm/dump/core.h"

#include "common/util.h"
#include "vmm/arch/arch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SIZE	4096ULL
/*
 * Memory that one call looks at, bytes; some milliseconds. To search touches one cache line
 * of each page, to find zeros all of it.
 */
#define SEARCH_STEP	(64 * MIB)
#define ZERO_STEP	(8 * MIB)

#define VMCOREINFO_NAME	"VMCOREINFO"

_Static_assert(DUMP_PIECE_MAX % PAGE_SIZE == 0, "pieces are whole pages");

int core_init(struct core *core, const struct guest_memory *memory, size_t vcpu_notes_max)
{
	size_t size = vcpu_notes_max + dump_note_size(sizeof(VMCOREINFO_NAME) - 1, VMCOREINFO_SIZE);

	*core = (struct core){ .notes = { .data = malloc(size), .size = size } };
	layout_init(&core->layout, memory, size);
	return core->notes.data ? 0 : -ENOMEM;
}

void core_exit(struct core *core)
{
	free(core->notes.data);
	free(core->head);
	*core = (struct core){ .phase = CORE_DONE };
}

static size_t put_piece(uint8_t *item, uint64_t offset, const void *bytes, size_t len)
{
	const struct dump_piece piece = { .offset = offset, .length = len };

	memcpy(item, &piece, sizeof(piece));
	if (len)
		memcpy(item + sizeof(piece), bytes, len);
	return sizeof(piece) + len;
}

static size_t put_begin(struct core *core, uint8_t *item)
{
	const struct dump_stream_head head = {
		.magic = DUMP_STREAM_MAGIC,
		.size = core->layout.size,
	};

	memcpy(item, &head, sizeof(head));
	core->phase = CORE_SEARCH;
	return sizeof(head);
}

static void begin_phase(struct core *core, enum core_phase phase)
{
	core->phase = phase;
	core->range = 0;
	core->at = 0;
}

/* Return: the current range; NULL: there is none any more. */
static const struct layout_range *current_range(struct core *core)
{
	while (core->range < core->layout.nr_ranges) {
		const struct layout_range *range = &core->layout.ranges[core->range];

		if (core->at < range->size)
			return range;
		core->range++;
		core->at = 0;
	}
	return NULL;
}

/* Without VMCOREINFO, all memory is searched, and the dump goes on. */
static size_t search(struct core *core, uint8_t *item)
{
	const struct layout_range *range = current_range(core);
	uint64_t end;

	if (!range) {
		begin_phase(core, CORE_HEAD);
		return put_piece(item, 0, NULL, 0);
	}
	end = MIN(core->at + SEARCH_STEP, range->size);
	for (; core->at < end; core->at += PAGE_SIZE) {
		if (!vmcoreinfo_take(&core->info, range->memory + core->at))
			continue;
		/* There is room for it. */
		(void)dump_notes_add(&core->notes, VMCOREINFO_NAME, 0, core->info.text,
				     core->info.len);
		begin_phase(core, CORE_HEAD);
		break;
	}
	return put_piece(item, 0, NULL, 0);
}

static size_t put_head(struct core *core, uint8_t *item)
{
	struct layout_map maps[LAYOUT_MAPS_MAX];
	uint64_t at = core->at;
	size_t len;

	if (!core->head) {
		core->head = calloc(1, core->layout.head_size);
		/* The reader notices that the end is missing. */
		if (!core->head) {
			core->phase = CORE_DONE;
			return 0;
		}
		layout_head(&core->layout, arch_elf_machine, &core->notes, maps,
			    arch_kernel_maps(&core->info, maps), core->head);
	}
	len = MIN(core->layout.head_size - at, DUMP_PIECE_MAX);
	core->at += len;
	if (core->at == core->layout.head_size)
		begin_phase(core, CORE_MEMORY);
	return put_piece(item, at, core->head + at, len);
}

static bool is_zero(const uint8_t *page)
{
	/* Each byte is the same as the one before. */
	return !page[0] && !memcmp(page, page + 1, PAGE_SIZE - 1);
}

static size_t put_memory(struct core *core, uint8_t *item)
{
	const struct layout_range *range = current_range(core);
	uint64_t start, end;

	if (!range) {
		core->phase = CORE_END;
		return core_next(core, item);
	}
	end = MIN(core->at + ZERO_STEP, range->size);
	while (core->at < end && is_zero(range->memory + core->at))
		core->at += PAGE_SIZE;
	start = core->at;
	end = MIN(start + DUMP_PIECE_MAX, end);
	while (core->at < end && !is_zero(range->memory + core->at))
		core->at += PAGE_SIZE;
	return put_piece(item, range->offset + start, range->memory + start, core->at - start);
}

size_t core_next(struct core *core, uint8_t *item)
{
	switch (core->phase) {
	case CORE_BEGIN:
		return put_begin(core, item);
	case CORE_SEARCH:
		return search(core, item);
	case CORE_HEAD:
		return put_head(core, item);
	case CORE_MEMORY:
		return put_memory(core, item);
	case CORE_END:
		core->phase = CORE_DONE;
		return put_piece(item, core->layout.size, NULL, 0);
	case CORE_DONE:
		break;
	}
	return 0;
}
