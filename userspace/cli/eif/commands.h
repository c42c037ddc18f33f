/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of "ne-emu eif". */

#ifndef NE_EMU_CLI_EIF_COMMANDS_H
#define NE_EMU_CLI_EIF_COMMANDS_H

#include "command/command.h"

extern const struct command cmd_eif_build;
extern const struct command cmd_eif_describe;
extern const struct command cmd_eif_diff;
extern const struct command cmd_eif_extract;
extern const struct command cmd_eif_pcr;
extern const struct command cmd_eif_sign;
extern const struct command cmd_eif_verify;

/* How shells complete the path of an image. */
#define VALUES_IMAGES	{ OPT_COMPLETE_FILES, ".eif" }

#endif
