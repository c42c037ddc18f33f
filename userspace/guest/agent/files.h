/* SPDX-License-Identifier: Apache-2.0 */
/* Copy files to and from a client. */

#ifndef NE_EMU_GUEST_AGENT_FILES_H
#define NE_EMU_GUEST_AGENT_FILES_H

#include "common/agent_link.h"

/** files_send() - send a file, or a directory and what is in it; what is neither is left out */
void files_send(struct agent_link *link, const char *path);

/**
 * files_receive() - store what the client sends
 * @link: the client
 * @path: where to: what the client sends gets this name
 * @name: if @path is a directory, it gets this name in it; "": it goes into the directory
 *
 * A file appears with its name when it is complete.
 */
void files_receive(struct agent_link *link, const char *path, const char *name);

#endif
