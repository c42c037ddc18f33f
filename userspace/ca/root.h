/* SPDX-License-Identifier: Apache-2.0 */
/* Make root certificates, and encode and decode the contents of their files. */

#ifndef NE_EMU_CA_ROOT_H
#define NE_EMU_CA_ROOT_H

#include "ca/cert.h"

/**
 * ca_root_make() - make a key and its self-signed certificate
 * @project: first part of the common name
 * @ret: filled on success; the caller releases it with ca_signer_clear()
 * @error: set on failure
 *
 * Return: 0 or -EIO with @error.
 */
int ca_root_make(const char *project, struct ca_signer *ret, struct error *error);

/**
 * ca_root_encode() - encode certificate and unencrypted private key as PEM
 * @root: key and certificate
 * @ret_text: the PEM; the caller releases it with ca_der_wipe()
 * @ret_len: length of *@ret_text in bytes
 * @error: set on failure
 *
 * Return: 0, -EIO or -ENOMEM, with @error.
 */
int ca_root_encode(const struct ca_signer *root, uint8_t **ret_text, size_t *ret_len,
		   struct error *error);

/**
 * ca_root_decode() - decode what ca_root_encode() made
 * @text: certificate and private key in PEM
 * @len: length of @text in bytes
 * @ret: filled on success; the caller releases it with ca_signer_clear()
 * @error: set on failure
 *
 * Return: 0; -EBADMSG with @error (one is missing, they do not match, the key is not on
 * P-384, or the certificate is not that of a CA); or -EIO with @error.
 */
int ca_root_decode(const void *text, size_t len, struct ca_signer *ret, struct error *error);

#endif
