/* SPDX-License-Identifier: Apache-2.0 */
/* The option --log-level. */

#ifndef NE_EMU_COMMAND_LOG_LEVEL_H
#define NE_EMU_COMMAND_LOG_LEVEL_H

#include "command/options.h"

#define OPT_LOG_LEVELS	"error warning info debug"

/* Type of the option's value, an int: LOG_ERR, LOG_WARNING, LOG_INFO or LOG_DEBUG. */
extern const struct opt_type opt_log_level;

#endif
