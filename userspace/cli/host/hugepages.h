/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for an enclave: huge pages of one NUMA node, in one range of addresses. */

#ifndef NE_EMU_CLI_HOST_HUGEPAGES_H
#define NE_EMU_CLI_HOST_HUGEPAGES_H

#include "command/terminal.h"

#include <stddef.h>
#include <stdint.h>

#define HUGE_SIZES_MAX	8

/* Granularity of enclave memory: the smallest huge page that the ABI takes, bytes. */
#define HUGE_UNIT	(2ULL << 20)

/** struct huge_size - one page size; @free: pages on the node, @use: taken of them */
struct huge_size {
	uint64_t size;			/* bytes */
	uint64_t free;
	uint64_t use;
};

/** struct huge_sizes - page sizes that fit enclaves, the largest first */
struct huge_sizes {
	struct huge_size list[HUGE_SIZES_MAX];
	size_t count;
};

/**
 * huge_sizes_read() - what there is
 * @node: NUMA node, or -1 for the whole machine
 */
void huge_sizes_read(int node, struct huge_sizes *ret);

/**
 * huge_sizes_choose() - set @use of each size so that they hold @size bytes
 *
 * Takes the largest pages that fit exactly, and wastes part of a page only when
 * the smaller ones run out.
 *
 * Return: 0 or -ENOMEM.
 */
int huge_sizes_choose(struct huge_sizes *sizes, uint64_t size);

/** struct huge_region - one mapping; all its pages are of the same size */
struct huge_region {
	void *addr;
	uint64_t size;
};

/**
 * struct huge_memory - memory of an enclave
 * @addr: start of @regions, which follow each other
 * @size: their sum, bytes
 */
struct huge_memory {
	uint8_t *addr;
	uint64_t size;
	struct huge_region regions[HUGE_SIZES_MAX];
	size_t nr_regions;
};

/**
 * huge_memory_alloc() - map and populate at least @size bytes
 * @node: NUMA node the pages must be on, or -1
 * @why: what is missing and what to do about it
 *
 * Return: 0 or a negative errno.
 */
int huge_memory_alloc(uint64_t size, int node, struct huge_memory *ret, struct error *why);
void huge_memory_free(struct huge_memory *memory);

/**
 * huge_memory_hide() - make it inaccessible here, but keep the mapping
 *
 * Private huge pages that are unmapped while a driver holds them make the kernel's
 * count of reserved pages negative until they are released, which lets others
 * reserve pages that do not exist.
 */
void huge_memory_hide(struct huge_memory *memory);

#endif
