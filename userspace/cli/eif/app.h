/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave runs, as ramdisks for "ne-emu eif build". */

#ifndef NE_EMU_CLI_EIF_APP_H
#define NE_EMU_CLI_EIF_APP_H

#include "cli/eif/build_options.h"
#include "eif/eif.h"

struct application;

/**
 * build_read_app() - unpack what the enclave runs
 * @flags: of the kernel; the image must be for the same machine
 * @app: release with application_free() in any case
 */
int build_read_app(const struct build *build, uint16_t flags, struct application *app,
		   struct error *why);

/** build_add_app() - its two ramdisks as sections */
int build_add_app(const struct build *build, struct application *app, struct eif_writer *writer,
		  struct error *why);

#endif
