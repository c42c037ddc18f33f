// SPDX-License-Identifier: Apache-2.0
/* Has the kernel killed a VMM because memory ran out? */

#include "daemon/oom.h"

#include "common/util.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The control group of this process in cgroup v2. */
static int own_group(const char *root, char *ret, size_t size)
{
	char path[PATH_MAX], line[PATH_MAX];
	__cleanup_file FILE *file = NULL;

	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "0::/", 4)) {
			line[strcspn(line, "\n")] = 0;
			return snprintf(ret, size, "%s", line + 3) < (int)size ? 0 : -1;
		}
	return -1;
}

uint64_t oom_kills(const char *root)
{
	char group[1024], path[PATH_MAX], line[128];
	__cleanup_file FILE *file = NULL;
	uint64_t count = 0;

	if (own_group(root, group, sizeof(group)))
		return 0;
	snprintf(path, sizeof(path), "%s/sys/fs/cgroup%s/memory.events", root, group);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "oom_kill %" SCNu64, &count) == 1)
			break;
	return count;
}
