/* SPDX-License-Identifier: Apache-2.0 */
/* One client of the agent, in a process of its own. */

#ifndef NE_EMU_GUEST_AGENT_SESSION_H
#define NE_EMU_GUEST_AGENT_SESSION_H

#include "common/agent_link.h"
#include "guest/init/command.h"

/* For a frame of a client that should be sending, milliseconds. */
#define SESSION_WAIT_MS		60000

/** session_refuse() - tell a client why there is no session; does not wait for it */
void session_refuse(int fd, const char *why);

/** session_run() - do what the client asks for, and end this process */
__attribute__((noreturn))
void session_run(int fd, const struct command *command);

/** session_fail() - end the session, and this process, with an exit code and a text */
__attribute__((noreturn, format(printf, 3, 4)))
void session_fail(struct agent_link *link, unsigned int code, const char *fmt, ...);

#endif
