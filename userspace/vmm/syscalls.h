/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls of a running enclave; all others are the end of the process. */

#ifndef NE_EMU_VMM_SYSCALLS_H
#define NE_EMU_VMM_SYSCALLS_H

/**
 * syscalls_restrict() - allow the list in syscalls.c and nothing else, in all threads
 *
 * Return: 0 or a negative errno.
 */
int syscalls_restrict(void);

#endif
