// SPDX-License-Identifier: Apache-2.0
/* Deny access to files, TCP and other processes: Landlock without any rule. */

#include "vmm/landlock.h"

#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* All bits below the first one of the next version. */
#define BITS(first_unknown)	((1ULL << (first_unknown)) - 1)

/*
 * As in linux/landlock.h of 6.12; older headers do not have all members. Kernels accept a
 * structure longer than theirs if the rest is zero.
 */
struct ruleset {
	uint64_t access_fs;
	uint64_t access_net;
	uint64_t scoped;
};

/* Everything that a version of the interface can deny. */
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
		log_debug("no Landlock on this host; only the system call filter applies");
		return 0;
	}
	ruleset = everything(version);
	fd = syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0))
		return -errno;
	return 0;
}
