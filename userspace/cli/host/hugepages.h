/* SPDX-License-Identifier: Apache-2.0 */
/* Map huge pages of one NUMA node as one contiguous range, as memory for an enclave. */

#ifndef NE_EMU_CLI_HOST_HUGEPAGES_H
#define NE_EMU_CLI_HOST_HUGEPAGES_H

#include "command/terminal.h"

#include <stddef.h>
#include <stdint.h>

#define HUGE_SIZES_MAX	8

/* Granularity of enclave memory: the smallest huge page that the ABI accepts, bytes. */
#define HUGE_UNIT	(2ULL << 20)

/**
 * struct huge_size - a page size
 * @size: bytes
 * @free: free pages of the node that no mapping has reserved
 * @more: pages that the kernel may make on demand (nr_overcommit_hugepages), if there is memory
 * @use: how many to use
 */
struct huge_size {
	uint64_t size;
	uint64_t free;
	uint64_t more;
	uint64_t use;
};

/** struct huge_sizes - page sizes that are suitable for enclaves, largest first */
struct huge_sizes {
	struct huge_size list[HUGE_SIZES_MAX];
	size_t count;
};

/**
 * huge_sizes_read() - read the page sizes and free pages
 * @node: NUMA node, or -1 for the whole machine
 * @ret: filled; empty if the kernel has no suitable pages
 *
 * Return: 0, -EMFILE or another negative errno if they cannot be counted.
 */
int huge_sizes_read(int node, struct huge_sizes *ret);

/** huge_sizes_total() - bytes of all pages that are free or may be made on demand */
uint64_t huge_sizes_total(const struct huge_sizes *sizes);

/**
 * huge_sizes_choose() - choose pages for @size bytes
 * @sizes: free pages; sets @use of each size
 * @size: bytes; a multiple of HUGE_UNIT
 *
 * Prefers the largest pages that fit completely, and rounds up to a larger page only if
 * there are not enough smaller ones. Takes pages that the kernel has yet to make only if the
 * free ones are not enough.
 *
 * Return: 0 or -ENOMEM.
 */
int huge_sizes_choose(struct huge_sizes *sizes, uint64_t size);

/** struct huge_region - one mapping; all its pages have the same size */
struct huge_region {
	void *addr;
	uint64_t size;
};

/**
 * struct huge_memory - memory of an enclave
 * @addr: start of the memory
 * @size: size of the memory, bytes
 * @regions: contiguous parts of it, one per page size
 * @nr_regions: entries of @regions
 */
struct huge_memory {
	uint8_t *addr;
	uint64_t size;
	struct huge_region regions[HUGE_SIZES_MAX];
	size_t nr_regions;
};

/**
 * huge_memory_alloc() - map and populate at least @size bytes
 * @size: bytes; a multiple of HUGE_UNIT
 * @node: NUMA node of the pages, or -1 for any
 * @ret: the memory; the caller releases it with huge_memory_free()
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int huge_memory_alloc(uint64_t size, int node, struct huge_memory *ret, struct error *error);
/** huge_memory_free() - unmap the memory, if it is mapped */
void huge_memory_free(struct huge_memory *memory);

/**
 * huge_memory_hide() - make the memory inaccessible to this process, but keep the mapping
 * @memory: mapped memory
 *
 * Unmapping private huge pages that a driver still holds would make the kernel's count of
 * reserved pages negative until the driver releases them, so that other processes could
 * reserve pages that do not exist.
 */
void huge_memory_hide(struct huge_memory *memory);

#endif
