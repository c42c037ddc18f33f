/* SPDX-License-Identifier: Apache-2.0 */
/* Reserve huge pages on one NUMA node: as many as requested, or none. */

#ifndef NE_EMU_CLI_HOST_RESERVE_H
#define NE_EMU_CLI_HOST_RESERVE_H

#include "cli/host/hugepages.h"
#include "cli/host/sysfs.h"

/**
 * struct reserve - plan and result of a reservation
 * @dir: directory with the page counts, see reserve_dir()
 * @sizes: page sizes; @use counts the pages that were added
 * @free: bytes in free huge pages before
 * @used: bytes of huge pages that enclaves use
 * @missing: bytes to reserve
 */
struct reserve {
	char dir[SYS_PATH_SIZE];
	struct huge_sizes sizes;
	uint64_t free;
	uint64_t used;
	uint64_t missing;
};

/**
 * reserve_dir() - directory with the page counts of a node
 * @node: NUMA node; -1, or a kernel without NUMA: the counts of the whole machine
 * @buf: buffer of SYS_PATH_SIZE bytes
 *
 * Return: @buf.
 */
const char *reserve_dir(int node, char *buf);

/**
 * reserve_plan() - compute what is missing, and check whether the host has that much
 * @plan: filled
 * @node: NUMA node, or -1
 * @memory: bytes that enclaves should have in huge pages; a multiple of HUGE_UNIT
 * @used: bytes that they use already
 * @error: set on failure
 *
 * Return: 0, -ENOMEM (the host has less) or another negative errno, with a message.
 */
int reserve_plan(struct reserve *plan, int node, uint64_t memory, uint64_t used,
		 struct error *error);

/**
 * reserve_pages() - reserve what is missing
 * @plan: filled by reserve_plan()
 * @error: set on failure
 *
 * Return: 0, or a negative errno with a message; all pages are released then.
 */
int reserve_pages(struct reserve *plan, struct error *error);

/** reserve_give_back() - release what reserve_pages() has reserved */
void reserve_give_back(const struct reserve *plan);

#endif
