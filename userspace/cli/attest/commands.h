/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of "ne-emu attest". */

#ifndef NE_EMU_CLI_ATTEST_COMMANDS_H
#define NE_EMU_CLI_ATTEST_COMMANDS_H

#include "command/command.h"

extern const struct command cmd_attest_root;
extern const struct command cmd_attest_show;
extern const struct command cmd_attest_verify;

#endif
