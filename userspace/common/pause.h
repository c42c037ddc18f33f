/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the service "pause", which client, ne-emud and VMM know. */

#ifndef NE_EMU_COMMON_PAUSE_H
#define NE_EMU_COMMON_PAUSE_H

#define PAUSE_SERVICE	"pause"
#define PAUSE_ON	"on"
#define PAUSE_OFF	"off"

#endif
