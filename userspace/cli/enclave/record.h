/* SPDX-License-Identifier: Apache-2.0 */
/* What ne-emud keeps about an enclave: its name, its log. EC2 has no such things. */

#ifndef NE_EMU_CLI_ENCLAVE_RECORD_H
#define NE_EMU_CLI_ENCLAVE_RECORD_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct json_t;

/**
 * record_check_name() - check that an enclave can get a name, before it is started
 *
 * Return: 0, or a negative errno with a message: -EINVAL (not a name), -EEXIST (a running
 * enclave of this user has it), or the reason why names are not available.
 */
int record_check_name(const char *name, struct error *error);

/** record_set_name() - name a running enclave; 0 or a negative errno with a message */
int record_set_name(uint64_t slot_uid, const char *name, struct error *error);

/**
 * record_hold() - have an enclave stand before its first instruction
 * @slot_uid: the enclave, which has not been started yet
 * @whom: until when: "gdb" (a debugger lets it go) or "trace" (it is traced)
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int record_hold(uint64_t slot_uid, const char *whom, struct error *error);

/**
 * record_describe() - have ne-emud note what is known about a running enclave
 * @slot_uid: the enclave
 * @image: path or name of its image, or NULL
 * @measurements: registers of the image by name, or NULL
 * @times: moments of the start by the names of start_time_name(), or NULL
 * @booted: it has booted just now
 *
 * Failures do not matter: without ne-emud's socket, as in containers, there is no record.
 */
void record_describe(uint64_t slot_uid, const char *image, struct json_t *measurements,
		     struct json_t *times, bool booted);

/**
 * record_forget() - remove the log of an enclave that has ended
 * @slot_uid: the enclave
 * @owner: its owner; only root may name another user
 * @error: set on failure
 *
 * Waits until ne-emud has noticed the end. Return: 0 or a negative errno with a message.
 */
int record_forget(uint64_t slot_uid, uid_t owner, struct error *error);

#endif
