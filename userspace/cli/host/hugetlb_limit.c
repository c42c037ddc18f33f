// SPDX-License-Identifier: Apache-2.0
/* Limits of control groups on huge pages. */

#include "cli/host/hugetlb_limit.h"

#include "common/util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CGROUP_ROOT	"/sys/fs/cgroup"

/* As the kernel names the files: "2MB", "1GB". */
static void size_name(uint64_t page_size, char *buf, size_t size)
{
	if (page_size >= GIB)
		snprintf(buf, size, "%lluGB", page_size / GIB);
	else
		snprintf(buf, size, "%lluMB", page_size / MIB);
}

/* Path of this process's control group of cgroup v2, "" for the root. */
static int own_group(char *buf)
{
	char text[SYS_TEXT_SIZE], *line, *next = text;
	int err = sys_read(text, "/proc/self/cgroup");

	if (err)
		return err;
	while ((line = strsep(&next, "\n")))
		if (!strncmp(line, "0::/", 4)) {
			snprintf(buf, SYS_PATH_SIZE, "%s", line + 3);
			if (!strcmp(buf, "/"))
				*buf = 0;
			return 0;
		}
	return -ENOENT;
}

/* Is there a limit in this group that is in the way? */
static bool limits(const char *group, const char *pages, uint64_t need, struct hugetlb_limit *ret)
{
	/* "max" is not a number. */
	if (sys_read_u64(&ret->max, CGROUP_ROOT "%s/hugetlb.%s.max", group, pages) ||
	    sys_read_u64(&ret->current, CGROUP_ROOT "%s/hugetlb.%s.current", group, pages) ||
	    need <= ret->max - MIN(ret->max, ret->current))
		return false;
	snprintf(ret->path, sizeof(ret->path), CGROUP_ROOT "%.400s/hugetlb.%s.max", group, pages);
	return true;
}

int hugetlb_limit_find(uint64_t page_size, uint64_t need, struct hugetlb_limit *ret)
{
	char group[SYS_PATH_SIZE], pages[32], *slash;

	size_name(page_size, pages, sizeof(pages));
	if (own_group(group))
		return -ENOENT;
	for (;;) {
		if (limits(group, pages, need, ret))
			return 0;
		slash = strrchr(group, '/');
		if (!slash)
			return -ENOENT;
		*slash = 0;
	}
}
