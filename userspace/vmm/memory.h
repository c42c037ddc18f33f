/* SPDX-License-Identifier: Apache-2.0 */
/* Guest-physical memory; the only place that turns guest addresses into pointers. */

#ifndef NE_EMU_VMM_MEMORY_H
#define NE_EMU_VMM_MEMORY_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RAM stops here for devices and goes on at 4 GiB, as on EC2. */
#define MEMORY_HOLE_START	(3ULL << 30)
#define MEMORY_HOLE_END		(4ULL << 30)

/**
 * struct guest_memory - the donated memory as the guest sees it
 * @base: its first byte, 1 GiB aligned when it came from memory_map()
 * @size: bytes; those behind @low_size start at MEMORY_HOLE_END for the guest
 */
struct guest_memory {
	uint8_t *base;
	uint64_t size;
	uint64_t low_size;
};

/** memory_init() - lay out @size bytes at @base; the caller keeps the bytes */
void memory_init(struct guest_memory *memory, void *base, uint64_t size);

/**
 * memory_map() - map the donated memory of a backend fd
 *
 * Also catches SIGBUS: the kernel takes the memory away when the enclave is
 * released, and a thread that is reading or writing then must not die half-way.
 * One per process.
 *
 * Return: 0 or a negative errno.
 */
int memory_map(struct guest_memory *memory, int backend_fd, uint64_t size,
	       struct error *error);
void memory_unmap(struct guest_memory *memory);

/** memory_lost() - has an access found that the memory is gone? */
bool memory_lost(void);

/**
 * memory_at() - pointer to guest memory
 * @len: bytes wanted; 0 asks for a position that may be the end of a range
 *
 * Return: NULL unless all of [@gpa, @gpa + @len) is in one range of RAM.
 */
void *memory_at(const struct guest_memory *memory, uint64_t gpa, uint64_t len);

#endif
