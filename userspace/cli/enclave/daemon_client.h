/* SPDX-License-Identifier: Apache-2.0 */
/* Send requests to ne-emud, see daemon/control.h. */

#ifndef NE_EMU_CLI_ENCLAVE_DAEMON_CLIENT_H
#define NE_EMU_CLI_ENCLAVE_DAEMON_CLIENT_H

#include "command/terminal.h"

#include <jansson.h>

/**
 * daemon_request() - send a request and wait for the answer
 * @request: the function takes ownership, also on failure
 * @ret_answer: the caller releases it with json_decref()
 * @error: set on failure
 *
 * Return: 0, or a negative errno with a message: -ENOENT or -ECONNREFUSED (ne-emud is not
 * running), -EACCES, -EAGAIN (it does not answer), -EPROTO (it refused the request, or the
 * answer is invalid).
 */
int daemon_request(json_t *request, json_t **ret_answer, struct error *error);

/** daemon_request_within() - daemon_request() that waits only for so many seconds */
int daemon_request_within(unsigned int seconds, json_t *request, json_t **ret_answer,
			  struct error *error);

/**
 * daemon_request_fds() - daemon_request() with an answer that two descriptors go with
 * @ret_fds: receives them; the caller closes them
 *
 * Return: as daemon_request(); -EPROTO also if the descriptors are missing.
 */
int daemon_request_fds(json_t *request, json_t **ret_answer, int ret_fds[2],
		       struct error *error);

#endif
