// SPDX-License-Identifier: Apache-2.0
/* No files, no TCP, no other processes: Landlock without a single rule. */

#include "vmm/landlock.h"

#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Bits below the one that the next version adds. */
#define BITS(first_unknown)	((1ULL << (first_unknown)) - 1)

/*
 * As linux/landlock.h of 6.12; older headers lack members. Kernels take a longer
 * structure than theirs if the rest is zero.
 */
struct ruleset {
	uint64_t access_fs;
	uint64_t access_net;
	uint64_t scoped;
};

/* What each version of the interface can forbid, all of it. */
static struct ruleset everything(int version)
{
	static const unsigned int fs_bits[] = { 0, 13, 14, 15, 15, 16 };
	struct ruleset ruleset = {
		.access_fs = BITS(fs_bits[MIN((size_t)version, ARRAY_SIZE(fs_bits) - 1)]),
	};

	if (version >= 4)
		ruleset.access_net = BITS(2);	/* bind, connect */
	if (version >= 6)
		ruleset.scoped = BITS(2);	/* abstract sockets, signals */
	return ruleset;
}

int landlock_enter(void)
{
	__cleanup_fd int fd = -1;
	struct ruleset ruleset;
	int version;

	version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1) {
		log_debug("no Landlock on this host; the list of system calls has to do");
		return 0;
	}
	ruleset = everything(version);
	fd = syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0))
		return -errno;
	return 0;
}
