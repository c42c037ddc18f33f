/* SPDX-License-Identifier: Apache-2.0 */
/* What a supervisor or a VMM reports to the kernel over the backend fd. */

#ifndef NE_EMU_COMMON_BACKEND_H
#define NE_EMU_COMMON_BACKEND_H

#include "common/error.h"

#include <linux/nitro_enclaves_emu.h>
#include <stdint.h>

/**
 * backend_status() - the argument of NE_EMU_BACKEND_DONE and NE_EMU_BACKEND_EXIT
 * @code: a positive errno or 0, or a NE_EMU_EXIT_REASON_* value
 * @error: the kernel keeps the first NE_EMU_STATUS_TEXT_SIZE - 1 bytes of its
 *	message, or less, up to the end of a character; NULL for no message
 */
struct ne_emu_backend_status backend_status(uint32_t code, const struct error *error);

#endif
