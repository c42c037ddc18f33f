/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to ne-emud, see daemon/control.h. */

#ifndef NE_EMU_CLI_ENCLAVE_DAEMON_CLIENT_H
#define NE_EMU_CLI_ENCLAVE_DAEMON_CLIENT_H

#include "command/terminal.h"

#include <jansson.h>

/**
 * daemon_request() - send a request and wait for the answer
 * @request: taken over, also on failure
 * @ret_answer: released by the caller with json_decref()
 *
 * Return: 0, or a negative errno with @why: -ENOENT and -ECONNREFUSED (ne-emud does not
 * run), -EACCES, -EPROTO (it refused the request, or answered nonsense).
 */
int daemon_request(json_t *request, json_t **ret_answer, struct error *why);

#endif
