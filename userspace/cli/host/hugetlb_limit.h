/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of control groups on huge pages. */

#ifndef NE_EMU_CLI_HOST_HUGETLB_LIMIT_H
#define NE_EMU_CLI_HOST_HUGETLB_LIMIT_H

#include "cli/host/sysfs.h"

/** struct hugetlb_limit - @path: its file; @max, @current: the limit and what is in use, bytes */
struct hugetlb_limit {
	char path[SYS_PATH_SIZE];
	uint64_t max;
	uint64_t current;
};

/**
 * hugetlb_limit_find() - find the limit that keeps this process from having more huge pages
 * @page_size: size of the pages, bytes
 * @need: bytes in such pages that it needs in addition
 * @ret: the innermost such limit
 *
 * Knows cgroup v2 only. In a cgroup namespace, it sees the limits of the namespace's own groups.
 *
 * Return: 0, or -ENOENT (no limit is in the way).
 */
int hugetlb_limit_find(uint64_t page_size, uint64_t need, struct hugetlb_limit *ret);

#endif
