/* SPDX-License-Identifier: Apache-2.0 */
/* What would keep ne-emud from starting an enclave now, for "ne-emu doctor". */

#ifndef NE_EMU_DAEMON_HEALTH_H
#define NE_EMU_DAEMON_HEALTH_H

#include "daemon/folder.h"
#include "daemon/start.h"

#include <jansson.h>

/**
 * health_add() - try what a start needs, without a change to the host
 * @answer: an object, to which the following members are added
 * @start: programs and devices of a start
 * @logs: directories of enclaves
 * @run_dir: directory of the NSMs' sockets
 *
 * Members: "version"; "kvm", "vmm", "logs" and "run", each an object with "path" and "errno":
 * 0, or the error that its use would meet, ENOSPC without free space.
 *
 * Return: 0 or -ENOMEM.
 */
int health_add(json_t *answer, const struct start_config *start, const struct log_root *logs,
	       const char *run_dir);

#endif
