/* SPDX-License-Identifier: Apache-2.0 */
/* The option --log-level. */

#ifndef NE_EMU_COMMAND_LOG_LEVEL_H
#define NE_EMU_COMMAND_LOG_LEVEL_H

#include "command/options.h"

#define CLI_LOG_LEVELS	"error warning info debug"

/* An int: LOG_ERR and so on. */
extern const struct cli_type cli_log_level;

#endif
