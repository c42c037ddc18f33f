/* SPDX-License-Identifier: Apache-2.0 */
/* Reservation of huge pages on one NUMA node, all that is asked for or none. */

#ifndef NE_EMU_CLI_HOST_RESERVE_H
#define NE_EMU_CLI_HOST_RESERVE_H

#include "cli/host/hugepages.h"
#include "cli/host/sysfs.h"

/**
 * struct reserve - what is there and what is to come
 * @folder: of the page counts; that of the machine where the kernel has no nodes
 * @sizes: @use counts the pages that came
 * @free: in huge pages already, bytes
 * @missing: bytes
 */
struct reserve {
	char folder[SYS_PATH_SIZE];
	struct huge_sizes sizes;
	uint64_t free;
	uint64_t missing;
};

/** reserve_folder() - where page counts of a node are; returns @buf, of SYS_PATH_SIZE bytes */
const char *reserve_folder(int node, char *buf);

/**
 * reserve_plan() - look what is missing to @memory bytes, and whether the host has that
 *
 * Return: 0, -ENOMEM (the host has less) or another negative errno with a message.
 */
int reserve_plan(struct reserve *plan, int node, uint64_t memory, struct error *why);

/** reserve_pages() - take what is missing; the same result, and nothing is taken then */
int reserve_pages(struct reserve *plan, struct error *why);

#endif
