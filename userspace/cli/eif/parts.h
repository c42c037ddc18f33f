/* SPDX-License-Identifier: Apache-2.0 */
/* The sections of an image, for "ne-emu eif build". */

#ifndef NE_EMU_CLI_EIF_PARTS_H
#define NE_EMU_CLI_EIF_PARTS_H

#include "cli/eif/build_options.h"
#include "eif/eif.h"

/** build_write() - all sections of an unsigned image, in the order of AWS's builder */
int build_write(const struct build *build, struct eif_writer *writer, int fd,
		struct error *why);

#endif
