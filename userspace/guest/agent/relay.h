/* SPDX-License-Identifier: Apache-2.0 */
/* Run a command for a client, and carry its streams. */

#ifndef NE_EMU_GUEST_AGENT_RELAY_H
#define NE_EMU_GUEST_AGENT_RELAY_H

#include "common/agent_link.h"
#include "guest/init/command.h"

/**
 * relay_run() - run a command until its end, or until the client is gone
 * @link: the client
 * @exec: what it wants
 * @image: the program of the image, for what @exec leaves open
 */
void relay_run(struct agent_link *link, const struct agent_exec *exec,
	       const struct command *image);

#endif
