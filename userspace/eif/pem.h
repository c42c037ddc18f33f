/* SPDX-License-Identifier: Apache-2.0 */
/* PEM files of certificates, which may also contain texts and keys. */

#ifndef NE_EMU_EIF_PEM_H
#define NE_EMU_EIF_PEM_H

#include <stdbool.h>
#include <stddef.h>

/** pem_has_private_key() - Return: true if there is a private key, encrypted or not */
bool pem_has_private_key(const void *pem, size_t size);

/**
 * pem_certificates() - copy only the certificates, byte for byte
 * @pem: text, which may contain anything else; need not end with a NUL
 * @size: length of @pem in bytes
 * @ret: receives the copy, which the caller frees; a text of certificates only is unchanged
 * @ret_size: length of @ret in bytes
 *
 * Return: 0, -EBADMSG (none) or -ENOMEM.
 */
int pem_certificates(const char *pem, size_t size, char **ret, size_t *ret_size);

#endif
