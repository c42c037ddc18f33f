/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of a dump, piece by piece (common/dump_stream.h).
 *
 * The file begins with what is known about the kernel, so the memory is read twice: once to
 * find VMCOREINFO, for which the beginning of each page is enough, and once to send it.
 */

#ifndef NE_EMU_VMM_DUMP_CORE_H
#define NE_EMU_VMM_DUMP_CORE_H

#include "common/dump_stream.h"
#include "vmm/dump/layout.h"
#include "vmm/dump/vmcoreinfo.h"

#include <stddef.h>
#include <stdint.h>

/* The largest item that core_next() writes. */
#define CORE_ITEM_MAX	(sizeof(struct dump_piece) + DUMP_PIECE_MAX)

enum core_phase {
	CORE_BEGIN,		/* the head of the stream */
	CORE_SEARCH,		/* VMCOREINFO */
	CORE_HEAD,		/* the head of the file */
	CORE_MEMORY,
	CORE_END,		/* the last mark */
	CORE_DONE,
};

/**
 * struct core - a dump of a guest that stands still
 * @notes: of the vCPUs; VMCOREINFO is added when it is found
 * @head: the head of the file, owned; NULL until it is sent
 * @range: number of the range that is searched or sent
 * @at: offset in that range or in @head
 */
struct core {
	struct layout layout;
	struct dump_notes notes;
	struct vmcoreinfo info;
	uint8_t *head;
	enum core_phase phase;
	size_t range;
	uint64_t at;
};

/**
 * core_init() - begin
 * @core: the owner calls core_exit() in any case
 * @memory: memory of the guest
 * @vcpu_notes_max: room for the notes of all vCPUs, bytes; the caller fills @core->notes before
 *	it calls core_next()
 *
 * Return: 0 or -ENOMEM.
 */
int core_init(struct core *core, const struct guest_memory *memory, size_t vcpu_notes_max);
void core_exit(struct core *core);

/**
 * core_next() - write the next item of the stream
 * @core: a dump
 * @item: buffer of CORE_ITEM_MAX bytes
 *
 * Reads a bounded amount of memory, so that the main thread can serve others between calls.
 *
 * Return: bytes of the item; 0: there is none any more.
 */
size_t core_next(struct core *core, uint8_t *item);

#endif
