/* SPDX-License-Identifier: Apache-2.0 */
/* Connect to the agent in a debug enclave, see Documentation/agent.rst. */

#ifndef NE_EMU_CLI_ENCLAVE_AGENT_CLIENT_H
#define NE_EMU_CLI_ENCLAVE_AGENT_CLIENT_H

#include "cli/enclave/select.h"
#include "common/agent_link.h"

/* How long an agent that should answer may be silent, milliseconds. */
#define AGENT_ANSWER_MS		20000

/**
 * agent_client_connect() - connect to the agent of an enclave, and prove that it is ours
 * @enclave: a running enclave
 * @link: initialised on success
 * @error: set on failure
 *
 * Return: the connected socket, which @link uses and the caller closes, or a negative errno with
 * a message.
 */
int agent_client_connect(const struct ne_nl_enclave *enclave, struct agent_link *link,
			 struct error *error);

/**
 * agent_client_failed() - read the last frame of an agent that could not do its work
 * @frame: a frame of type AGENT_FAILED
 * @ret_code: exit code
 * @error: its text
 *
 * Return: -EREMOTEIO, or -EPROTO if the frame is malformed.
 */
int agent_client_failed(const struct agent_frame *frame, int *ret_code, struct error *error);

/** agent_client_lost() - message for a connection that has ended; Return: @err */
int agent_client_lost(int err, struct error *error);

#endif
