/* SPDX-License-Identifier: Apache-2.0 */
/* Explain the error numbers of each step of a start, and suggest a fix. */

#ifndef NE_EMU_CLI_ENCLAVE_EXPLAIN_H
#define NE_EMU_CLI_ENCLAVE_EXPLAIN_H

enum start_step {
	STEP_OPEN,		/* open() of the device */
	STEP_CREATE,		/* NE_CREATE_VM */
	STEP_LOAD_INFO,		/* NE_GET_IMAGE_LOAD_INFO */
	STEP_MEMORY,		/* NE_SET_USER_MEMORY_REGION */
	STEP_CPU,		/* NE_ADD_VCPU */
	STEP_LISTEN,		/* listening on the heartbeat port */
	STEP_START,		/* NE_START_ENCLAVE */
};

/** explain_step() - what failed: "cannot create an enclave" */
const char *explain_step(enum start_step step);

/**
 * explain_error() - explain an error number in a sentence or two
 * @step: step that failed
 * @error: positive errno or NE_ERR_* number
 *
 * Return: the explanation; that of strerror() where it is good enough.
 */
const char *explain_error(enum start_step step, int error);

#endif
