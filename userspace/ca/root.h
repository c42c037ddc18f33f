/* SPDX-License-Identifier: Apache-2.0 */
/* A root certificate of our own, and its file. */

#ifndef NE_EMU_CA_ROOT_H
#define NE_EMU_CA_ROOT_H

#include "ca/cert.h"

/** ca_root_make() - a new key and its self-signed certificate; 0 or -EIO with @error */
int ca_root_make(const char *project, struct ca_signer *ret, struct error *error);

/* Certificate and unencrypted private key in PEM, in memory to be released with
 * ca_der_wipe().
 */
int ca_root_encode(const struct ca_signer *root, uint8_t **ret_text, size_t *ret_len,
		   struct error *error);

/**
 * ca_root_decode() - the reverse
 *
 * Return: 0, or -EBADMSG with @error: not both there, not of one pair, not P-384, or
 * not a CA's.
 */
int ca_root_decode(const void *text, size_t len, struct ca_signer *ret, struct error *error);

#endif
