/* SPDX-License-Identifier: Apache-2.0 */
/* Deny access to files, TCP and other processes: Landlock without any rule. */

#ifndef NE_EMU_VMM_LANDLOCK_H
#define NE_EMU_VMM_LANDLOCK_H

/**
 * landlock_enter() - deny everything that this kernel's Landlock can deny
 *
 * Applies to this thread and those it creates later. Open descriptors stay usable. Does
 * nothing on a kernel without Landlock. Requires PR_SET_NO_NEW_PRIVS.
 *
 * Return: 0 or a negative errno.
 */
int landlock_enter(void);

#endif
