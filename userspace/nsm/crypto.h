/* SPDX-License-Identifier: Apache-2.0 */
/* What the NSM needs of OpenSSL: SHA-384 and ECDSA. */

#ifndef NE_EMU_NSM_CRYPTO_H
#define NE_EMU_NSM_CRYPTO_H

#include "common/nsm_control.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SHA384_SIZE	48
/* Signature of the largest curve (P-521), bytes. */
#define SIGNER_SIZE_MAX	132

/**
 * sha384() - hash of several pieces of memory
 *
 * Return: 0, -ENOMEM or -EIO (the library failed).
 */
int sha384(const struct nsm_bytes *pieces, size_t nr_pieces, uint8_t *ret_hash);

/** struct signer - a private key, ready to sign */
struct signer;

/**
 * signer_create() - take over a private key
 * @key: PKCS #8 DER, an EC key on any curve up to P-521
 *
 * Return: 0, -EBADMSG (no such key) or -ENOMEM.
 */
int signer_create(const struct nsm_bytes *key, struct signer **ret_signer);
/** signer_destroy() - wipes the key; NULL is fine */
void signer_destroy(struct signer *signer);

/** signer_size() - bytes of a signature: 96 on P-384 */
size_t signer_size(const struct signer *signer);

/**
 * signer_sign() - ECDSA over a hash
 * @ret_signature: r and s, signer_size() bytes in all, big-endian and padded
 *
 * Return: 0 or -EIO (the library failed).
 */
int signer_sign(struct signer *signer, const uint8_t *hash, size_t hash_len,
		uint8_t *ret_signature);

#endif
