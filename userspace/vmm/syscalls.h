/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls of a running enclave; any other ends the process. */

#ifndef NE_EMU_VMM_SYSCALLS_H
#define NE_EMU_VMM_SYSCALLS_H

#include <stdint.h>

/**
 * syscalls_restrict() - allow the list in syscalls.c and nothing else, in all threads
 * @memory: memory of the enclave, the only mapping that another may replace
 *
 * Return: 0 or a negative errno.
 */
int syscalls_restrict(const void *memory, uint64_t memory_size);

#endif
