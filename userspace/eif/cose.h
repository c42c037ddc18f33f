/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Sign1 structures over PCR0, which sign an image. */

#ifndef NE_EMU_EIF_COSE_H
#define NE_EMU_EIF_COSE_H

#include "eif/signature.h"

/* Maximum size of a structure: P-521 signature (132), payload (174), heads. */
#define EIF_COSE_MAX	400

/**
 * eif_cose_verify() - check a structure, including its payload
 * @key: key of the certificate, of any kind, or NULL
 * @ret: receives GOOD, BAD_COSE, BAD_SIGNATURE or OTHER_IMAGE
 *
 * Return: 0, -ENOMEM or -EIO (the crypto library failed).
 */
int eif_cose_verify(struct evp_pkey_st *key, const uint8_t *cose, size_t size,
		    const uint8_t *pcr0, enum eif_verdict *ret);

/**
 * eif_cose_sign() - make a structure
 *
 * Return: 0, -EINVAL (not a key on one of the three curves), -ENOMEM or -EIO.
 */
int eif_cose_sign(struct evp_pkey_st *key, const uint8_t *pcr0, uint8_t ret[EIF_COSE_MAX],
		  size_t *ret_size);

#endif
