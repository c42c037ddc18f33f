/* SPDX-License-Identifier: Apache-2.0 */
/* The debug information of an enclave's kernel. */

#ifndef NE_EMU_CLI_ENCLAVE_SYMBOLS_H
#define NE_EMU_CLI_ENCLAVE_SYMBOLS_H

#include <stdbool.h>

/* Where "make install-guest-debug" puts that of the installed enclave kernel. */
#define SYMBOLS_INSTALLED	"/usr/lib/debug" NE_EMU_DATADIR "/ne-emu/vmlinux"

/**
 * symbols_belong() - is the kernel of an image that of a file?
 * @image: path of an enclave image; anything else has another kernel
 * @kernel: path of a kernel
 */
bool symbols_belong(const char *image, const char *kernel);

/**
 * symbols_find() - find the vmlinux of an enclave whose kernel is the installed one
 * @image: path of the image that it was started from, or ""
 *
 * Return: its path, a constant, or NULL.
 */
const char *symbols_find(const char *image);

#endif
