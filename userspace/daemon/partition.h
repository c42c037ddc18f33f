/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU pool as an isolated cpuset partition (cgroup v2), for vCPU threads only. */

#ifndef NE_EMU_DAEMON_PARTITION_H
#define NE_EMU_DAEMON_PARTITION_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The partition's cgroup, a child of the supervisor's. */
#define PARTITION_GROUP		"ne-emu-pool"

/**
 * struct partition - state of the isolation; one per supervisor
 * @wanted: isolate the pool at all
 * @group_fd: the supervisor's own cgroup; -1 if it cannot be used
 * @threads_fd: the partition's cgroup.threads, for VMMs; -1 without a partition
 * @run_dir: directory in which the state is published, or NULL
 * @cannot: why this host cannot isolate CPUs; "" if it can
 * @reason: why the pool is not isolated; "" if it is, or if it is empty
 * @told: the last reason that was logged
 *
 * Whether a partition exists, and of which CPUs, is read from the cgroup: an earlier
 * supervisor may have created it.
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
 * partition_init() - find the cgroup of this process
 * @root: prefix of /proc and /sys, "" except in tests
 * @run_dir: directory for NE_EMU_ISOLATION_FILE, kept by reference, or NULL
 * @wanted: false: do not isolate the pool, and undo what an earlier supervisor did
 *
 * It is not an error if the host cannot isolate CPUs: partition_sync() reports it.
 */
void partition_init(struct partition *p, const char *root, const char *run_dir, bool wanted);
/** partition_exit() - close descriptors; the partition stays as it is */
void partition_exit(struct partition *p);

/**
 * partition_sync() - make the CPUs of the pool a partition, if the host can
 * @cpus: the pool, ascending, @count CPUs; if empty, the partition is undone
 * @in_use: enclaves are running; no partition is created that would exclude their threads
 *
 * Never fails. Logs why the pool is not isolated if the reason has changed.
 */
void partition_sync(struct partition *p, const uint32_t *cpus, size_t count, bool in_use);

#endif
