/* SPDX-License-Identifier: Apache-2.0 */
/* Sign images, for "ne-emu eif sign" and "ne-emu eif build". */

#ifndef NE_EMU_CLI_EIF_SIGN_H
#define NE_EMU_CLI_EIF_SIGN_H

#include "command/terminal.h"
#include "eif/eif.h"

/**
 * eif_sign() - copy an image and add a signature, which replaces an existing one
 * @eif: the image
 * @pcrs: its measurements
 * @certificate: path of a PEM file
 * @key: path of a PEM file
 * @fd: empty file for the signed image
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int eif_sign(const struct eif *eif, const struct eif_pcrs *pcrs, const char *certificate,
	     const char *key, int fd, struct error *error);

#endif
