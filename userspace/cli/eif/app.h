/* SPDX-License-Identifier: Apache-2.0 */
/* The application of an enclave as ramdisks, for "ne-emu eif build". */

#ifndef NE_EMU_CLI_EIF_APP_H
#define NE_EMU_CLI_EIF_APP_H

#include "cli/eif/build_options.h"
#include "eif/eif.h"

struct application;

/**
 * build_read_app() - unpack the root file system or container image
 * @build: the options of the command
 * @flags: EIF flags of the kernel; a container image must have the same architecture
 * @app: filled; the caller releases it with application_free(), also on failure
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int build_read_app(const struct build *build, uint16_t flags, struct application *app,
		   struct error *error);

/** build_add_app() - add the two ramdisks of @app as sections; 0 or a negative errno */
int build_add_app(const struct build *build, struct application *app, struct eif_writer *writer,
		  struct error *error);

#endif
