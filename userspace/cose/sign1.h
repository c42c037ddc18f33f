/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Sign1 (RFC 9052): a payload with one signature. */

#ifndef NE_EMU_COSE_SIGN1_H
#define NE_EMU_COSE_SIGN1_H

#include "cose/ecdsa.h"

/* The protected header is another than {1: -1 - number}. */
#define COSE_ALG_OTHER	UINT64_MAX

/**
 * struct cose_sign1 - a message; when it is written, only the first three count
 * @algorithm: COSE_ALG_* that the protected header names
 * @tagged: tag 18 in front says that this is a COSE_Sign1
 * @payload: at most 64 KiB
 * @protected: the protected header
 * @unprotected: entries of the unprotected header; not 0 if it is open, with a break
 * @signature: as it is, of any size
 */
struct cose_sign1 {
	uint64_t algorithm;
	bool tagged;
	struct nsm_bytes payload;
	struct nsm_bytes protected;
	uint64_t unprotected;
	struct nsm_bytes signature;
};

/**
 * cose_sign1_decode() - take a message apart
 * @bytes: have to outlive @ret
 * @len: length of @bytes
 * @ret: points into @bytes; filled on success only
 *
 * Return: NULL, or what is wrong with it, for people.
 */
const char *cose_sign1_decode(const void *bytes, size_t len, struct cose_sign1 *ret);

/**
 * cose_sign1_verify() - is it signed with that key?
 * @message: what cose_sign1_decode() gave
 * @key: public key; one that is not EC has signed nothing
 * @md: hash that was signed
 * @ret_good: set on success only
 *
 * Return: 0, -ENOMEM or -EIO (the crypto library failed).
 */
int cose_sign1_verify(const struct cose_sign1 *message, EVP_PKEY *key, const EVP_MD *md,
		      bool *ret_good);

/**
 * cose_sign1_encode() - sign and write
 * @message: headers and payload; its signature is not read
 * @signer: what signs
 * @buf: output
 * @size: room at @buf in bytes
 * @ret_len: bytes written
 *
 * The signature ends the output, the payload ends in front of its head.
 *
 * Return: 0, -EMSGSIZE (no room), -ENOMEM or -EIO (the crypto library failed).
 */
int cose_sign1_encode(const struct cose_sign1 *message, struct cose_signer *signer,
		      uint8_t *buf, size_t size, size_t *ret_len);

#endif
