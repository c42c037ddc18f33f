/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the process gives up: first all that building the machine does not need, then,
 * before it touches anything of the guest, all but a list of system calls.
 */

#ifndef NE_EMU_VMM_CONTAINMENT_H
#define NE_EMU_VMM_CONTAINMENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * containment_enter() - an ordinary user without rights, files and foreign descriptors
 * @uid, @gid: user and its only group from now on; 0: stay who we are
 * @keep: descriptors to keep besides the standard streams; sorted here
 *
 * No privileges can be regained, no core files are written, nobody else's debugger may
 * look. Landlock keeps away files, TCP and other processes, where the kernel has it.
 * To be called before there are threads.
 *
 * Return: 0 or a negative errno.
 */
int containment_enter(uid_t uid, gid_t gid, int *keep, size_t nr_keep);

/**
 * struct containment_limits - what a sealed process can take of the host, bytes
 * @file_size: writes make no file larger than this; those beyond fail with EFBIG
 * @data_size: private memory it can write to: heap, stacks of threads, what it maps;
 *	more is refused with ENOMEM
 * @memory: the enclave's, which zero pages may replace once, on top of that
 */
struct containment_limits {
	uint64_t file_size;
	uint64_t data_size;
	const void *memory;
	uint64_t memory_size;
};

/**
 * containment_seal() - nothing new: no descriptor, no thread, no executable page
 *
 * Holds for all threads. A system call that is not on the list ends the process with
 * SIGSYS. What has been mapped already may exceed the limit for data.
 *
 * Return: 0 or a negative errno.
 */
int containment_seal(const struct containment_limits *limits);

#endif
