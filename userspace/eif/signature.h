/* SPDX-License-Identifier: Apache-2.0 */
/* The signature section: read, verify, create. */

#ifndef NE_EMU_EIF_SIGNATURE_H
#define NE_EMU_EIF_SIGNATURE_H

#include "eif/eif.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct evp_pkey_st;
struct x509_st;

/**
 * struct eif_signature - a parsed signature section; owns its members
 * @entries: number of signatures in the section; only the first one is used
 * @pem: the certificate as in the section, PEM
 * @pem_size: length of @pem in bytes
 * @cose: the COSE_Sign1 structure
 * @cose_size: length of @cose in bytes
 * @certificate: the first certificate in @pem
 * @pcr8: measurement of @certificate
 * @private_key: an entry contains a private key besides its certificate, which everyone
 *	can therefore read
 */
struct eif_signature {
	unsigned int entries;
	uint8_t *pem;
	size_t pem_size;
	uint8_t *cose;
	size_t cose_size;
	struct x509_st *certificate;
	uint8_t pcr8[EIF_PCR_SIZE];
	bool private_key;
};

/**
 * eif_signature_open() - read a signature section
 * @data: may change at any time, so it is read only once
 * @size: length of @data in bytes
 * @ret: filled on success only; the caller releases it with eif_signature_close()
 * @error: set with -EBADMSG
 *
 * Return: 0, -EBADMSG (what AWS's reader refuses), -ENOMEM or -EIO.
 */
int eif_signature_open(const uint8_t *data, size_t size, struct eif_signature *ret,
		       struct error *error);
void eif_signature_close(struct eif_signature *signature);

/**
 * enum eif_verdict - outcome of a verification, in the order of the checks
 * @EIF_VERDICT_GOOD: the signature belongs to the image and is valid
 * @EIF_VERDICT_BAD_COSE: not a COSE_Sign1 structure, or one with an algorithm that does
 *	not match the key
 * @EIF_VERDICT_BAD_SIGNATURE: made with another key, or damaged
 * @EIF_VERDICT_OTHER_IMAGE: made for another PCR0
 * @EIF_VERDICT_EARLY: the certificate is not valid yet
 * @EIF_VERDICT_EXPIRED: the certificate has expired
 */
enum eif_verdict {
	EIF_VERDICT_GOOD,
	EIF_VERDICT_BAD_COSE,
	EIF_VERDICT_BAD_SIGNATURE,
	EIF_VERDICT_OTHER_IMAGE,
	EIF_VERDICT_EARLY,
	EIF_VERDICT_EXPIRED,
};

/**
 * eif_signature_verify() - verify that a signature belongs to the image and is valid at @now
 * @signature: from eif_signature_open()
 * @pcr0: PCR0 of the image
 * @now: time of verification, seconds since 1970
 * @ret: receives GOOD or the first check that failed, for eif_verdict_text()
 *
 * There is no certificate chain: only PCR8 identifies the signer.
 *
 * Return: 0, -ENOMEM or -EIO (the crypto library failed).
 */
int eif_signature_verify(const struct eif_signature *signature, const uint8_t *pcr0, time_t now,
			 enum eif_verdict *ret);

/** eif_signature_dates() - check the certificate's dates; Return: GOOD, EARLY or EXPIRED */
enum eif_verdict eif_signature_dates(const struct eif_signature *signature, time_t now);
/** eif_verdict_text() - Return: the verdict as text */
const char *eif_verdict_text(enum eif_verdict verdict);

/**
 * eif_signature_make() - create a signature section for an image
 * @key: EC key on P-256, P-384 or P-521; must belong to the certificate in @pem
 * @pem: text with the certificate; only its certificates are kept, unchanged
 * @pem_size: length of @pem in bytes
 * @pcr0: PCR0 of the image, 48 bytes
 * @ret: receives the section's data, which the caller frees
 * @ret_size: length of @ret in bytes
 * @error: set with -EINVAL
 *
 * Return: 0, -EINVAL (@key or @pem is not suitable), -ENOMEM or -EIO.
 */
int eif_signature_make(struct evp_pkey_st *key, const char *pem, size_t pem_size,
		       const uint8_t *pcr0, uint8_t **ret, size_t *ret_size,
		       struct error *error);

/**
 * eif_key_read() - read a private key in PEM; asks for its passphrase, if any
 * @pem: text; need not end with a NUL
 * @size: length of @pem in bytes
 * @ret: receives the key, which the caller frees with EVP_PKEY_free()
 *
 * Return: 0, -EKEYREJECTED (an encrypted key without the right passphrase) or -EBADMSG.
 */
int eif_key_read(const char *pem, size_t size, struct evp_pkey_st **ret);

/**
 * eif_certificate_read() - read the first certificate of a PEM text
 * @pem: text; need not end with a NUL
 * @size: length of @pem in bytes
 * @ret: receives the certificate, which the caller frees with X509_free()
 * @ret_pcr8: receives its measurement
 *
 * Return: 0, -EBADMSG (no certificate) or -EIO.
 */
int eif_certificate_read(const uint8_t *pem, size_t size, struct x509_st **ret,
			 uint8_t ret_pcr8[EIF_PCR_SIZE]);

#endif
