// SPDX-License-Identifier: Apache-2.0
/* What the process gives up before it touches anything of the guest. */

#include "vmm/containment.h"

#include "common/util.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int close_range_checked(unsigned int first, unsigned int last)
{
	if (first > last || !close_range(first, last, 0))
		return 0;
	return -errno;
}

static int close_others(int *keep, size_t nr_keep)
{
	unsigned int next = STDERR_FILENO + 1;

	qsort(keep, nr_keep, sizeof(*keep), compare_fds);
	for (size_t i = 0; i < nr_keep; i++) {
		int err;

		if (keep[i] < (int)next)
			continue;	/* not given, or given twice */
		err = close_range_checked(next, keep[i] - 1);
		if (err)
			return err;
		next = keep[i] + 1;
	}
	return close_range_checked(next, ~0U);
}

int containment_enter(int *keep, size_t nr_keep)
{
	const struct rlimit no_core = { 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    setrlimit(RLIMIT_CORE, &no_core))
		return -errno;
	return close_others(keep, nr_keep);
}
