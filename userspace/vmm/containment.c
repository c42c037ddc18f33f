// SPDX-License-Identifier: Apache-2.0
/* Drop user, capabilities, descriptors and limits; see also landlock.c and syscalls.c. */

#include "vmm/containment.h"

#include "common/util.h"
#include "vmm/landlock.h"
#include "vmm/syscalls.h"

#include <cap-ng.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Limit of the main thread's stack; those of vCPU threads are already mapped. */
#define STACK_MAX	(8 * MIB)

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
			continue;	/* absent or a duplicate */
		err = close_range_checked(next, keep[i] - 1);
		if (err)
			return err;
		next = keep[i] + 1;
	}
	return close_range_checked(next, ~0U);
}

/* libcap-ng returns its own error codes. */
static int drop_rights(uid_t uid, gid_t gid)
{
	bool bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);

	capng_clear(CAPNG_SELECT_ALL);
	if (!uid)
		return capng_apply(bounding ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) ? -EPERM : 0;
	return capng_change_id(uid, gid, CAPNG_DROP_SUPP_GRP |
			       (bounding ? CAPNG_CLEAR_BOUNDING : 0)) ? -EPERM : 0;
}

int containment_enter(uid_t uid, gid_t gid, int *keep, size_t nr_keep)
{
	const struct rlimit none = { 0 };
	int err = close_others(keep, nr_keep);

	if (!err)
		err = drop_rights(uid, gid);
	if (err)
		return err;
	/* After the change of user, which would reset this. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    setrlimit(RLIMIT_CORE, &none))
		return -errno;
	return landlock_enter();
}

static int containment_set_limits(const struct containment_limits *limits)
{
	/*
	 * RLIMIT_NPROC must not be set: at the first KVM_RUN, KVM creates a thread that
	 * counts as ours, and without which no vCPU runs.
	 */
	const struct {
		int resource;
		rlim_t value;
	} table[] = {
		/* Not 0, since this also limits the entries of poll(); descriptor 0 is in use. */
		{ RLIMIT_NOFILE, 1 },
		{ RLIMIT_MEMLOCK, 0 },
		{ RLIMIT_MSGQUEUE, 0 },
		{ RLIMIT_FSIZE, limits->file_size },
		{ RLIMIT_DATA, limits->data_size },
		{ RLIMIT_STACK, STACK_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct rlimit limit = { table[i].value, table[i].value };

		if (setrlimit(table[i].resource, &limit))
			return -errno;
	}
	return 0;
}

int containment_seal(const struct containment_limits *limits)
{
	int err;

	/* A write beyond the limit fails, without a signal. */
	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return -errno;
	err = containment_set_limits(limits);
	return err ? err : syscalls_restrict(limits->memory, limits->memory_size);
}
