/* SPDX-License-Identifier: Apache-2.0 */
/* Receive the trace of an enclave and write it to a file. */

#ifndef NE_EMU_CLI_ENCLAVE_TRACER_H
#define NE_EMU_CLI_ENCLAVE_TRACER_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct tracer;

/**
 * tracer_open() - open the file
 * @path: the file, which only its owner can read; "-": standard output
 * @json: write JSON, not text
 * @ret: the tracer; the caller calls tracer_close()
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int tracer_open(const char *path, bool json, struct tracer **ret, struct error *error);

/**
 * tracer_attach() - begin to trace an enclave
 * @kinds: kinds of events, separated by commas; "": all
 *
 * Return: 0 or a negative errno with a message.
 */
int tracer_attach(struct tracer *tracer, uint64_t slot_uid, const char *kinds,
		  struct error *error);

/** tracer_fd() - readable when tracer_take() has something to do; -1 before tracer_attach() */
int tracer_fd(const struct tracer *tracer);
/** tracer_out_fd() - where the trace is written */
int tracer_out_fd(const struct tracer *tracer);

/**
 * tracer_take() - write all events that are there, without waiting for more
 *
 * Return: 0, 1 (the enclave has ended, or nobody reads the trace any more), or a negative errno
 * with a message.
 */
int tracer_take(struct tracer *tracer, struct error *error);

/** tracer_close() - end the trace; 0, or a negative errno with a message; NULL is allowed */
int tracer_close(struct tracer *tracer, struct error *error);

#endif
