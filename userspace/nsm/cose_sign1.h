/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Sign1 (RFC 9052): a payload with one signature. */

#ifndef NE_EMU_NSM_COSE_SIGN1_H
#define NE_EMU_NSM_COSE_SIGN1_H

#include "common/nsm_control.h"
#include "nsm/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Algorithms by their numbers, minus one, negated: CBOR's way. */
#define COSE_ALG_ES256	6	/* -7 */
#define COSE_ALG_ES384	34	/* -35 */

#define COSE_TAG_SIGN1	18

/**
 * struct cose_sign1 - what is signed, and how
 * @algorithm: COSE_ALG_* of the protected header; the hash is SHA-384 in any case
 * @tagged: say in front that this is a COSE_Sign1
 * @payload: at most 64 KiB
 */
struct cose_sign1 {
	uint64_t algorithm;
	bool tagged;
	struct nsm_bytes payload;
};

/**
 * cose_sign1_encode() - sign and write
 * @ret_len: bytes written
 *
 * The signature ends the output, the payload ends in front of its head.
 *
 * Return: 0, -EMSGSIZE (no room), -ENOMEM or -EIO (cryptography failed).
 */
int cose_sign1_encode(const struct cose_sign1 *message, struct signer *signer, uint8_t *buf,
		      size_t size, size_t *ret_len);

#endif
