/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel and the init for enclaves that "make install-guest" installs. */

#ifndef NE_EMU_CLI_EIF_GUEST_PART_H
#define NE_EMU_CLI_EIF_GUEST_PART_H

#include "common/error.h"

/**
 * guest_kernel() - find the installed enclave kernel
 * @arch: "x86_64" or "aarch64"; NULL: x86_64
 * @ret: receives its path, a constant
 * @error: set on failure; says which package has it, and the option for another one
 *
 * Return: 0 or -ENOENT with a message.
 */
int guest_kernel(const char *arch, const char **ret, struct error *error);

/**
 * guest_init() - find the installed init
 * @ret: receives its path, a constant
 * @error: set on failure; says which package has it, and the option for another one
 *
 * Return: 0 or -ENOENT with a message.
 */
int guest_init(const char **ret, struct error *error);

#endif
