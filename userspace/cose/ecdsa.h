/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA as COSE has it (RFC 9053, 2.1): r and s one behind the other, big-endian. */

#ifndef NE_EMU_COSE_ECDSA_H
#define NE_EMU_COSE_ECDSA_H

#include "common/nsm_control.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Signature of the largest curve (P-521), bytes. */
#define COSE_SIGNATURE_MAX	132

/* Algorithms by their numbers, minus one, negated: CBOR's way. */
#define COSE_ALG_ES256		6	/* -7 */
#define COSE_ALG_ES384		34	/* -35 */
#define COSE_ALG_ES512		35	/* -36 */

/**
 * struct cose_algorithm - what goes with a curve
 * @curve: OpenSSL's name of the curve
 * @number: COSE_ALG_*
 * @md: hash that is signed
 */
struct cose_algorithm {
	const char *curve;
	uint64_t number;
	const EVP_MD *(*md)(void);
};

/** cose_algorithm_of() - of a key's curve; NULL for NULL and all other keys */
const struct cose_algorithm *cose_algorithm_of(EVP_PKEY *key);

/** struct cose_signer - a private key, ready to sign hashes of one kind */
struct cose_signer;

/**
 * cose_signer_create() - get ready
 * @key: stays the caller's
 * @md: hash that is signed
 * @ret: the signer, which cose_signer_destroy() frees
 *
 * Return: 0, -EBADMSG (no EC key, or larger than P-521) or -ENOMEM.
 */
int cose_signer_create(EVP_PKEY *key, const EVP_MD *md, struct cose_signer **ret);
/** cose_signer_destroy() - wipes the key unless it is shared; NULL is fine */
void cose_signer_destroy(struct cose_signer *signer);

/** cose_signer_size() - bytes of a signature: 96 on P-384 */
size_t cose_signer_size(const struct cose_signer *signer);

/**
 * cose_signer_sign() - over pieces of memory, as if they were one
 * @signer: what signs
 * @pieces: what is signed, in this order
 * @nr_pieces: entries of @pieces
 * @ret_signature: cose_signer_size() bytes
 *
 * Return: 0, -ENOMEM or -EIO (the crypto library failed).
 */
int cose_signer_sign(struct cose_signer *signer, const struct nsm_bytes *pieces,
		     size_t nr_pieces, uint8_t *ret_signature);

/**
 * cose_ecdsa_verify() - is this the signature of the key over these pieces?
 * @key: any; one that is not EC has signed nothing
 * @md: hash that was signed
 * @pieces: what was signed, in this order
 * @nr_pieces: entries of @pieces
 * @signature: r and s, each as long as the curve's order
 * @ret_good: set on success only
 *
 * Return: 0, -ENOMEM or -EIO (the crypto library failed).
 */
int cose_ecdsa_verify(EVP_PKEY *key, const EVP_MD *md, const struct nsm_bytes *pieces,
		      size_t nr_pieces, const struct nsm_bytes *signature, bool *ret_good);

#endif
