/* SPDX-License-Identifier: Apache-2.0 */
/* Run a command through the agent: this side of its streams. */

#ifndef NE_EMU_CLI_ENCLAVE_REMOTE_H
#define NE_EMU_CLI_ENCLAVE_REMOTE_H

#include "command/terminal.h"
#include "common/agent_link.h"

/**
 * remote_run() - run a command, and carry its streams until its end
 * @link: a connection of agent_client_connect()
 * @exec: the command; its terminal size is filled in
 * @ret_code: exit code of the command: as a shell reports it, or 128 + SIGPIPE if nobody reads
 *	its output
 * @error: set on failure
 *
 * Standard input is passed on with @exec->input. With @exec->terminal, a terminal at standard input
 * is in raw mode meanwhile. SIGINT, SIGQUIT, SIGTERM and SIGHUP go to the command; the second
 * one ends this function, and with it the command.
 *
 * Return: 0 or a negative errno with a message.
 */
int remote_run(struct agent_link *link, struct agent_exec *exec, int *ret_code,
	       struct error *error);

#endif
