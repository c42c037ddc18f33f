/* SPDX-License-Identifier: Apache-2.0 */
/* No files, no TCP, no other processes: Landlock without a single rule. */

#ifndef NE_EMU_VMM_LANDLOCK_H
#define NE_EMU_VMM_LANDLOCK_H

/**
 * landlock_enter() - forbid all that this kernel's Landlock knows
 *
 * For this thread and those it creates later. Open descriptors stay usable. Does
 * nothing on a kernel without Landlock. Needs PR_SET_NO_NEW_PRIVS.
 *
 * Return: 0 or a negative errno.
 */
int landlock_enter(void);

#endif
