/* SPDX-License-Identifier: Apache-2.0 */
/* Files of certificates as people keep them: with texts, other certificates, keys. */

#ifndef NE_EMU_EIF_PEM_H
#define NE_EMU_EIF_PEM_H

#include <stdbool.h>
#include <stddef.h>

/** pem_has_private_key() - is there a private key of any kind, maybe encrypted? */
bool pem_has_private_key(const void *pem, size_t size);

/**
 * pem_certificates() - the certificates alone, byte for byte
 * @pem: text that may hold other things too; need not end with 0
 * @size: length of @pem in bytes
 * @ret: the caller frees it; a file of certificates only comes out as it went in
 * @ret_size: length of @ret in bytes
 *
 * Return: 0, -EBADMSG (none) or -ENOMEM.
 */
int pem_certificates(const char *pem, size_t size, char **ret, size_t *ret_size);

#endif
