/* SPDX-License-Identifier: Apache-2.0 */
/* A reason for people that travels with a negative errno. */

#ifndef NE_EMU_VMM_ERROR_H
#define NE_EMU_VMM_ERROR_H

#include <linux/nitro_enclaves_emu.h>
#include <stdarg.h>

/** struct vmm_error - text as the kernel keeps it (DONE and EXIT of the backend fd) */
struct vmm_error {
	char text[NE_EMU_STATUS_TEXT_SIZE];
};

/**
 * vmm_error_set() - fill in the text
 * @err: negative errno
 *
 * Guests and images may have chosen parts of it: the text is clean (text_clean()).
 *
 * Return: @err.
 */
__attribute__((format(printf, 3, 4)))
int vmm_error_set(struct vmm_error *error, int err, const char *fmt, ...);
/** vmm_error_vset() - the same without an errno */
__attribute__((format(printf, 2, 0)))
void vmm_error_vset(struct vmm_error *error, const char *fmt, va_list args);

#endif
