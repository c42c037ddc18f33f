/* SPDX-License-Identifier: Apache-2.0 */
/* The signature section: read, verify, make. */

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
 * struct eif_signature - a signature section taken apart; owns all of it
 * @entries: signatures in the section; only the first one counts and is here
 * @pem: the certificate as the section holds it, @pem_size bytes
 * @pem_size: length of @pem in bytes
 * @cose: the COSE_Sign1 structure, @cose_size bytes
 * @cose_size: length of @cose in bytes
 * @certificate: of @pem, the first if it holds several
 * @pcr8: its measurement
 * @private_key: an entry holds one beside its certificate, and so everybody has it
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
 * @data: may change meanwhile; is read once
 * @size: length of @data in bytes
 * @ret: the caller releases it with eif_signature_close(); filled on success only
 * @error: set with -EBADMSG
 *
 * Return: 0, -EBADMSG (what AWS's reader refuses), -ENOMEM or -EIO.
 */
int eif_signature_open(const uint8_t *data, size_t size, struct eif_signature *ret,
		       struct error *error);
void eif_signature_close(struct eif_signature *signature);

/**
 * enum eif_verdict - outcome of a verification, in the order of the checks
 * @EIF_VERDICT_GOOD: it belongs to the image and is valid
 * @EIF_VERDICT_BAD_COSE: no COSE_Sign1 structure, or of an algorithm that does
 *	not fit to the key
 * @EIF_VERDICT_BAD_SIGNATURE: made with another key, or damaged
 * @EIF_VERDICT_OTHER_IMAGE: made for another PCR0
 * @EIF_VERDICT_EARLY: the certificate is not valid yet
 * @EIF_VERDICT_EXPIRED: the certificate is not valid any more
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
 * eif_signature_verify() - does it belong to the image, and is it good at @now?
 * @signature: what eif_signature_open() gave
 * @pcr0: of the image
 * @now: time of verification, seconds since 1970
 * @ret: the first check that fails; eif_verdict_text() has it in words
 *
 * There is no chain: whose certificate it is shows PCR8 only.
 *
 * Return: 0, -ENOMEM or -EIO (the crypto library failed).
 */
int eif_signature_verify(const struct eif_signature *signature, const uint8_t *pcr0, time_t now,
			 enum eif_verdict *ret);

/** eif_signature_dates() - GOOD, EARLY or EXPIRED */
enum eif_verdict eif_signature_dates(const struct eif_signature *signature, time_t now);
/** eif_verdict_text() - in words */
const char *eif_verdict_text(enum eif_verdict verdict);

/**
 * eif_signature_make() - a signature section for an image
 * @key: EC key on P-256, P-384 or P-521; must belong to @certificate
 * @pem: text of the certificate; only certificates of it are kept, as they are
 * @pem_size: length of @pem in bytes
 * @pcr0: of the image, 48 bytes
 * @ret: the section's data, which the caller frees
 * @ret_size: length of @ret in bytes
 * @error: set with -EINVAL
 *
 * Return: 0, -EINVAL (@key or @pem is not suitable), -ENOMEM or -EIO.
 */
int eif_signature_make(struct evp_pkey_st *key, const char *pem, size_t pem_size,
		       const uint8_t *pcr0, uint8_t **ret, size_t *ret_size,
		       struct error *error);

/**
 * eif_key_read() - a private key in PEM; asks at the terminal for its passphrase, if any
 * @pem: text; need not end with 0
 * @size: length of @pem in bytes
 * @ret: the caller frees it with EVP_PKEY_free()
 *
 * Return: 0 or -EBADMSG (none, or a wrong passphrase).
 */
int eif_key_read(const char *pem, size_t size, struct evp_pkey_st **ret);

/**
 * eif_certificate_read() - the first certificate of a PEM text
 * @pem: text; need not end with 0
 * @size: length of @pem in bytes
 * @ret: the caller frees it with X509_free()
 * @ret_pcr8: its measurement
 *
 * Return: 0, -EBADMSG (none) or -EIO.
 */
int eif_certificate_read(const uint8_t *pem, size_t size, struct x509_st **ret,
			 uint8_t ret_pcr8[EIF_PCR_SIZE]);

#endif
