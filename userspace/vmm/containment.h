/* SPDX-License-Identifier: Apache-2.0 */
/* What the process gives up before it touches anything of the guest. */

#ifndef NE_EMU_VMM_CONTAINMENT_H
#define NE_EMU_VMM_CONTAINMENT_H

#include <stddef.h>

/**
 * containment_enter() - no new privileges, no core files, no foreign descriptors
 * @keep: descriptors to keep besides the standard streams; sorted here
 *
 * Return: 0 or a negative errno.
 */
int containment_enter(int *keep, size_t nr_keep);

#endif
