/* SPDX-License-Identifier: Apache-2.0 */
/* Draw the start of an enclave, or of two over each other. */

#ifndef NE_EMU_CLI_ENCLAVE_TIMELINE_SVG_H
#define NE_EMU_CLI_ENCLAVE_TIMELINE_SVG_H

#include "cli/enclave/timeline.h"

/**
 * struct timeline_run - one start in the picture
 * @timeline: the start
 * @title: name of the enclave, in UTF-8
 * @about: a line about it
 */
struct timeline_run {
	const struct timeline *timeline;
	const char *title;
	const char *about;
};

/**
 * timeline_svg() - write the picture
 * @runs: one or two starts
 * @count: entries of @runs
 * @to: stream to write to; the caller checks it for errors
 */
void timeline_svg(const struct timeline_run *runs, size_t count, FILE *to);

#endif
