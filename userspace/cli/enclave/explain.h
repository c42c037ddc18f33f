/* SPDX-License-Identifier: Apache-2.0 */
/* What an error number means at each step of a start, and what to do about it. */

#ifndef NE_EMU_CLI_ENCLAVE_EXPLAIN_H
#define NE_EMU_CLI_ENCLAVE_EXPLAIN_H

enum start_step {
	STEP_OPEN,		/* open() of the device */
	STEP_CREATE,		/* NE_CREATE_VM */
	STEP_LOAD_INFO,		/* NE_GET_IMAGE_LOAD_INFO */
	STEP_MEMORY,		/* NE_SET_USER_MEMORY_REGION */
	STEP_CPU,		/* NE_ADD_VCPU */
	STEP_LISTEN,		/* the heartbeat's port */
	STEP_START,		/* NE_START_ENCLAVE */
};

/** explain_step() - what was being done: "cannot create an enclave" */
const char *explain_step(enum start_step step);

/**
 * explain_error() - one sentence or two
 * @error: positive errno or NE_ERR_* number
 *
 * Return: the text; strerror()'s for numbers that need no explanation.
 */
const char *explain_error(enum start_step step, int error);

#endif
