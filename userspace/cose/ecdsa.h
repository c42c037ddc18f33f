/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA signatures in the form of COSE (RFC 9053, 2.1): r, then s, big-endian. */

#ifndef NE_EMU_COSE_ECDSA_H
#define NE_EMU_COSE_ECDSA_H

#include "common/nsm_control.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Signature of the largest curve (P-521), bytes. */
#define COSE_SIGNATURE_MAX	132

/* Numbers n of algorithms in CBOR's encoding of negative integers: -1 - n. */
#define COSE_ALG_ES256		6	/* -7 */
#define COSE_ALG_ES384		34	/* -35 */
#define COSE_ALG_ES512		35	/* -36 */

/**
 * struct cose_algorithm - the algorithm that belongs to a curve
 * @curve: OpenSSL's name of the curve
 * @number: COSE_ALG_*
 * @md: hash that is signed
 */
struct cose_algorithm {
	const char *curve;
	uint64_t number;
	const EVP_MD *(*md)(void);
};

/** cose_algorithm_of() - Return: algorithm of a key's curve; NULL for NULL and other keys */
const struct cose_algorithm *cose_algorithm_of(EVP_PKEY *key);

/** struct cose_signer - a private key, ready to sign hashes of one kind */
struct cose_signer;

/**
 * cose_signer_create() - create a signer
 * @key: owned by the caller
 * @md: hash that is signed
 * @ret: receives the signer, which cose_signer_destroy() frees
 *
 * Return: 0, -EBADMSG (not an EC key, or larger than P-521) or -ENOMEM.
 */
int cose_signer_create(EVP_PKEY *key, const EVP_MD *md, struct cose_signer **ret);
/** cose_signer_destroy() - free a signer, wipe its key unless it is shared; accepts NULL */
void cose_signer_destroy(struct cose_signer *signer);

/** cose_signer_size() - Return: size of a signature in bytes, such as 96 on P-384 */
size_t cose_signer_size(const struct cose_signer *signer);

/**
 * cose_signer_sign() - sign the concatenation of pieces of memory
 * @signer: from cose_signer_create()
 * @pieces: pieces to sign, in this order
 * @nr_pieces: number of @pieces
 * @ret_signature: receives cose_signer_size() bytes
 *
 * Return: 0, -ENOMEM or -EIO (the crypto library failed).
 */
int cose_signer_sign(struct cose_signer *signer, const struct nsm_bytes *pieces,
		     size_t nr_pieces, uint8_t *ret_signature);

/**
 * cose_ecdsa_verify() - verify a signature over the concatenation of pieces of memory
 * @key: any key; if it is not an EC key, the signature is bad
 * @md: hash that was signed
 * @pieces: signed pieces, in this order
 * @nr_pieces: number of @pieces
 * @signature: r and s, each as long as the curve's order
 * @ret_good: receives whether the signature is good; set on success only
 *
 * Return: 0, -ENOMEM or -EIO (the crypto library failed).
 */
int cose_ecdsa_verify(EVP_PKEY *key, const EVP_MD *md, const struct nsm_bytes *pieces,
		      size_t nr_pieces, const struct nsm_bytes *signature, bool *ret_good);

#endif
