/* SPDX-License-Identifier: Apache-2.0 */
/* The process of a command. */

#ifndef NE_EMU_GUEST_AGENT_CHILD_H
#define NE_EMU_GUEST_AGENT_CHILD_H

#include "common/agent.h"
#include "guest/init/command.h"

/**
 * struct child - the process and this side of its streams, which do not block
 * @in: what it reads, or -1; with a terminal, the same as @out
 * @out: what it writes, or the terminal
 * @err: what it writes as errors, or -1
 */
struct child {
	pid_t pid;
	int in;
	int out;
	int err;
};

/**
 * child_start() - start the process
 * @exec: the command
 * @image: the program of the image
 * @ret: set on success
 *
 * What fails in the new process is written to its standard error, and it exits with 126 or 127.
 *
 * Return: NULL, or what failed, with errno.
 */
const char *child_start(const struct agent_exec *exec, const struct command *image,
			struct child *ret);

#endif
