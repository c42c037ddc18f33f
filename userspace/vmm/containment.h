/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containment: the process first gives up everything that it does not need to build the
 * machine and then, before it touches anything of the guest, all system calls except those
 * of a list.
 */

#ifndef NE_EMU_VMM_CONTAINMENT_H
#define NE_EMU_VMM_CONTAINMENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * containment_enter() - become an ordinary user without privileges, files and descriptors
 * @uid, @gid: user to change to, and its only group; 0: no change
 * @keep: descriptors to keep besides the standard streams; this function sorts them
 *
 * The process cannot regain privileges, writes no core files, and cannot be traced by other
 * processes of its user. If the kernel has Landlock, it denies access to files, TCP and
 * other processes. Call this before there are threads.
 *
 * Return: 0 or a negative errno.
 */
int containment_enter(uid_t uid, gid_t gid, int *keep, size_t nr_keep);

/**
 * struct containment_limits - resources of the host that a sealed process may use
 * @file_size: maximum size of a file, bytes; writes beyond it fail with EFBIG
 * @data_size: maximum size of private writable memory (heap, thread stacks, mappings),
 *	bytes; beyond it, allocations fail with ENOMEM
 * @memory: the enclave's memory, which zero pages may replace once in addition
 */
struct containment_limits {
	uint64_t file_size;
	uint64_t data_size;
	const void *memory;
	uint64_t memory_size;
};

/**
 * containment_seal() - allow no new descriptors, threads or executable pages
 *
 * Applies to all threads. A system call that is not on the list ends the process with
 * SIGSYS. Existing mappings may exceed the limit for data.
 *
 * Return: 0 or a negative errno.
 */
int containment_seal(const struct containment_limits *limits);

#endif
