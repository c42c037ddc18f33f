/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU pool as an isolated cpuset partition (cgroup v2), for vCPU threads only. */

#ifndef NE_EMU_DAEMON_PARTITION_H
#define NE_EMU_DAEMON_PARTITION_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The partition's cgroup, below the one of the supervisor. */
#define PARTITION_GROUP		"ne-emu-pool"

/**
 * struct partition - one per supervisor
 * @wanted: isolate at all
 * @group_fd: the supervisor's own cgroup; -1 when there is none to work in
 * @threads_fd: the partition's cgroup.threads, for VMMs; -1 without partition
 * @run_dir: where the state is written down for others, or NULL
 * @cannot: what the host lacks; "" if nothing
 * @reason: why the pool is not isolated; "" when it is, or is empty
 * @told: the last reason that was logged
 *
 * Whether there is a partition, and of which CPUs, is read from the cgroup: it may
 * be an earlier supervisor's.
 */
struct partition {
	bool wanted;
	int group_fd;
	int threads_fd;
	const char *run_dir;
	struct error cannot;
	struct error reason;
	struct error told;
};

/**
 * partition_init() - find the own cgroup
 * @root: in front of /proc and /sys, "" but in tests
 * @run_dir: directory for NE_EMU_ISOLATION_FILE, kept by reference, or NULL
 * @wanted: false: isolate nothing, and undo what an earlier supervisor did
 *
 * It is not an error if the host lacks something: partition_sync() reports it.
 */
void partition_init(struct partition *p, const char *root, const char *run_dir, bool wanted);
/** partition_exit() - close descriptors; the partition stays as it is */
void partition_exit(struct partition *p);

/**
 * partition_sync() - make the partition that of the pool, if the host can
 * @cpus: the pool, ascending, @count of them; none: undo the partition
 * @in_use: enclaves run; their threads are not shut out of a new partition
 *
 * Never fails: a new reason why the pool is not isolated is logged.
 */
void partition_sync(struct partition *p, const uint32_t *cpus, size_t count, bool in_use);

#endif
