/* SPDX-License-Identifier: Apache-2.0 */
/* What ne-emud keeps about an enclave: its name, its log. EC2 has no such things. */

#ifndef NE_EMU_CLI_ENCLAVE_RECORD_H
#define NE_EMU_CLI_ENCLAVE_RECORD_H

#include "common/error.h"

#include <stdint.h>

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
 * record_forget() - remove the log of an enclave that this process has closed
 *
 * Waits until the enclave is gone. Return: 0 or a negative errno with a message.
 */
int record_forget(uint64_t slot_uid, struct error *error);

#endif
