/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of a supervisor or a VMM to the kernel over the backend fd. */

#ifndef NE_EMU_COMMON_BACKEND_H
#define NE_EMU_COMMON_BACKEND_H

#include "common/error.h"

#include <linux/nitro_enclaves_emu.h>
#include <stdint.h>

/**
 * backend_status() - make the argument of NE_EMU_BACKEND_DONE or NE_EMU_BACKEND_EXIT
 * @code: NE_EMU_BACKEND_DONE: a positive errno or 0; NE_EMU_BACKEND_EXIT: a value of
 *	NE_EMU_EXIT_REASON_*
 * @error: the message, or NULL
 *
 * Cuts the message to NE_EMU_STATUS_TEXT_SIZE - 1 bytes, at the end of a character.
 *
 * Return: the argument.
 */
struct ne_emu_backend_status backend_status(uint32_t code, const struct error *error);

#endif
