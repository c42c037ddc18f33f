/* SPDX-License-Identifier: Apache-2.0 */
/* Signing, for "ne-emu eif sign" and "build". */

#ifndef NE_EMU_CLI_EIF_SIGN_H
#define NE_EMU_CLI_EIF_SIGN_H

#include "command/terminal.h"
#include "eif/eif.h"

/**
 * eif_sign() - copy an image with a signature in place of any it has
 * @certificate: path of a PEM file
 * @key: path of a PEM file
 * @fd: empty file for the signed image
 */
int eif_sign(const struct eif *eif, const struct eif_pcrs *pcrs, const char *certificate,
	     const char *key, int fd, struct error *why);

#endif
