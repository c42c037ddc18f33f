/* SPDX-License-Identifier: Apache-2.0 */
/* Print what the service "trace" of a VMM sends: lines of JSON, each an object. */

#ifndef NE_EMU_CLI_ENCLAVE_TRACE_TEXT_H
#define NE_EMU_CLI_ENCLAVE_TRACE_TEXT_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Longest line that is accepted, bytes; a VMM may send anything if its guest has taken it over. */
#define TRACE_TEXT_LINE_MAX	4096

/**
 * struct trace_text_out - a trace that is being printed
 * @json: print JSON, not text
 * @to: stream to print to; the caller checks it for errors
 * @line: beginning of a line, @len bytes
 */
struct trace_text_out {
	bool json;
	FILE *to;
	char line[TRACE_TEXT_LINE_MAX];
	size_t len;
};

/** trace_text_add() - print the lines that are complete; 0, or -EPROTO with a message */
int trace_text_add(struct trace_text_out *out, const char *bytes, size_t len,
		   struct error *error);

#endif
