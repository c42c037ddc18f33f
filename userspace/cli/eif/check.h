/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings about what an application loses in an enclave, and what keeps it from running. */

#ifndef NE_EMU_CLI_EIF_CHECK_H
#define NE_EMU_CLI_EIF_CHECK_H

#include "cli/eif/build_options.h"
#include "common/error.h"

struct application;

/**
 * check_app() - warn of losses, and check that the program can start
 * @build: the options of the command
 * @flags: EIF flags of the kernel
 * @app: the complete application
 * @error: set on failure
 *
 * Return: 0, or a negative errno if the program certainly cannot start.
 */
int check_app(const struct build *build, uint16_t flags, struct application *app,
	      struct error *error);

/** check_init() - warn if the kernel cannot start the file that the option --init names */
void check_init(const struct build *build, uint16_t flags);

#endif
