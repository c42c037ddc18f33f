/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Sign1 (RFC 9052): a payload with one signature. */

#ifndef NE_EMU_COSE_SIGN1_H
#define NE_EMU_COSE_SIGN1_H

#include "cose/ecdsa.h"

/* The protected header is not {1: -1 - number}. */
#define COSE_ALG_OTHER	UINT64_MAX

/**
 * struct cose_sign1 - a message; writing uses only the first three members
 * @algorithm: COSE_ALG_* from the protected header
 * @tagged: tag 18 in front identifies the message as COSE_Sign1
 * @payload: at most 64 KiB
 * @protected: the protected header
 * @unprotected: number of entries of the unprotected header; not 0 if its length is
 *	indefinite
 * @signature: signature of any size
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
 * cose_sign1_decode() - decode a message
 * @bytes: the message, which has to outlive @ret
 * @len: length of @bytes
 * @ret: points into @bytes; filled on success only
 *
 * Return: NULL, or text that says what is wrong with the message.
 */
const char *cose_sign1_decode(const void *bytes, size_t len, struct cose_sign1 *ret);

/**
 * cose_sign1_verify() - verify the signature of a message
 * @message: from cose_sign1_decode()
 * @key: public key; if it is not an EC key, the signature is bad
 * @md: hash that was signed
 * @ret_good: receives whether the signature is good; set on success only
 *
 * Return: 0, -ENOMEM or -EIO (the crypto library failed).
 */
int cose_sign1_verify(const struct cose_sign1 *message, EVP_PKEY *key, const EVP_MD *md,
		      bool *ret_good);

/**
 * cose_sign1_encode() - sign and write a message
 * @message: headers and payload; its signature is not read
 * @signer: from cose_signer_create()
 * @buf: receives the message
 * @size: room at @buf in bytes
 * @ret_len: receives the number of bytes written
 *
 * The signature is at the end of the output; the payload ends just before its head.
 *
 * Return: 0, -EMSGSIZE (no room), -ENOMEM or -EIO (the crypto library failed).
 */
int cose_sign1_encode(const struct cose_sign1 *message, struct cose_signer *signer,
		      uint8_t *buf, size_t size, size_t *ret_len);

#endif
