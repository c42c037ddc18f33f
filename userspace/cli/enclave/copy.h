/* SPDX-License-Identifier: Apache-2.0 */
/* Copy files through the agent: this side of them. */

#ifndef NE_EMU_CLI_ENCLAVE_COPY_H
#define NE_EMU_CLI_ENCLAVE_COPY_H

#include "command/terminal.h"
#include "common/agent_link.h"

/* Stands for a tar archive at standard input or output. */
#define COPY_STREAM	"-"

/*
 * Modes are kept, owners are not: files in the enclave belong to root, files here to the caller,
 * without the bits for set-user-ID and the like. Other things than files, directories and symbolic
 * links are left out, with a message. Both return 0 or a negative errno with a message.
 */

/**
 * copy_to() - copy into the enclave
 * @link: a connection of agent_client_connect()
 * @from: a file, a directory, or COPY_STREAM
 * @to: path in the enclave; an existing directory receives @from by its name
 * @error: set on failure
 */
int copy_to(struct agent_link *link, const char *from, const char *to, struct error *error);

/**
 * copy_from() - copy out of the enclave
 * @link: a connection of agent_client_connect()
 * @from: path in the enclave
 * @to: path here; an existing directory receives @from by its name; or COPY_STREAM
 * @error: set on failure
 *
 * What the enclave sends cannot lead to a file outside of what is copied.
 */
int copy_from(struct agent_link *link, const char *from, const char *to, struct error *error);

#endif
