/* SPDX-License-Identifier: Apache-2.0 */
/* The service "pause": "ne-emu pause" and "ne-emu resume". */

#ifndef NE_EMU_VMM_PAUSE_SERVICE_H
#define NE_EMU_VMM_PAUSE_SERVICE_H

#include "vmm/session.h"

/*
 * The option is PAUSE_ON or PAUSE_OFF (common/pause.h). The session ends when the guest stands
 * still; that outlives the session.
 */
extern const struct session_service pause_service;

#endif
