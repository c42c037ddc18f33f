/* SPDX-License-Identifier: Apache-2.0 */
/* Guest-physical memory. Only memory.c turns guest addresses into pointers. */

#ifndef NE_EMU_VMM_MEMORY_H
#define NE_EMU_VMM_MEMORY_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RAM has a hole for devices from 3 GiB to 4 GiB, as on EC2. */
#define MEMORY_HOLE_START	(3ULL << 30)
#define MEMORY_HOLE_END		(4ULL << 30)

/**
 * struct guest_memory - the donated memory as the guest sees it
 * @base: the first byte, aligned to 1 GiB after memory_map()
 * @size: size in bytes; the part after @low_size starts at MEMORY_HOLE_END for the guest
 */
struct guest_memory {
	uint8_t *base;
	uint64_t size;
	uint64_t low_size;
};

/** memory_init() - describe @size bytes at @base, which the caller owns */
void memory_init(struct guest_memory *memory, void *base, uint64_t size);

/**
 * memory_map() - map the donated memory of a backend fd
 *
 * Also catches SIGBUS: the kernel unmaps the memory when the enclave is released, and a
 * thread that is just accessing it must not die. Once per process.
 *
 * Return: 0 or a negative errno.
 */
int memory_map(struct guest_memory *memory, int backend_fd, uint64_t size,
	       struct error *error);
void memory_unmap(struct guest_memory *memory);

/** memory_lost() - Return: true if an access has failed because the memory is gone */
bool memory_lost(void);

/**
 * memory_at() - get a pointer to guest memory
 * @len: number of bytes; with 0, @gpa may also be the end of a range
 *
 * Return: NULL unless all of [@gpa, @gpa + @len) is in one range of RAM.
 */
void *memory_at(const struct guest_memory *memory, uint64_t gpa, uint64_t len);

#endif
