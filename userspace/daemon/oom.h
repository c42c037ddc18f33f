/* SPDX-License-Identifier: Apache-2.0 */
/* Has the kernel killed a VMM because memory ran out? */

#ifndef NE_EMU_DAEMON_OOM_H
#define NE_EMU_DAEMON_OOM_H

#include <stdint.h>

/**
 * oom_kills() - count the processes of our control group that the kernel has killed
 * @root: prefix of all paths; "" except in tests
 *
 * VMMs are in the control group of the supervisor, or below it.
 *
 * Return: their number since the group exists, or 0 if it is unknown (no cgroup v2, or no
 * controller for memory).
 */
uint64_t oom_kills(const char *root);

#endif
