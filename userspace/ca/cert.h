/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates: make, read, write. The only user of OpenSSL's X.509 here. */

#ifndef NE_EMU_CA_CERT_H
#define NE_EMU_CA_CERT_H

#include "common/error.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CA_SHA256_SIZE	32
/* RFC 5280, 4.1.2.2: octets of a serial number, with the one that keeps it positive. */
#define CA_SERIAL_MAX	20
/* RFC 5280, Appendix A: characters of a common name. */
#define CA_CN_MAX	64

/** struct ca_signer - a private key and the certificate of it */
struct ca_signer {
	EVP_PKEY *key;
	X509 *cert;
};

/** ca_signer_clear() - release both; also a zeroed or half-filled one */
void ca_signer_clear(struct ca_signer *signer);

/**
 * ca_openssl_error() - report that a call of OpenSSL failed
 * @error: set to the message, or NULL
 * @what: that could not be done
 *
 * The message quotes OpenSSL's first complaint; the queue is empty afterwards.
 *
 * Return: -EIO.
 */
int ca_openssl_error(struct error *error, const char *what);

/** ca_key_generate() - @curve: "P-384", say; NULL if OpenSSL fails */
EVP_PKEY *ca_key_generate(const char *curve);

/* Values of struct ca_cert_spec's pathlen that are not a length. */
#define CA_PATHLEN_NONE	(-1)	/* a CA without limit */
#define CA_PATHLEN_LEAF	(-2)	/* no CA */

/** struct ca_rdn - one attribute of a name; @nid: NID_commonName, say */
struct ca_rdn {
	int nid;
	const char *value;
};

/**
 * struct ca_cert_spec - what a certificate says
 * @subject: ends with an entry whose nid is 0
 * @serial: big-endian; taken as a positive number
 * @serial_len: length of @serial in bytes
 * @not_before: begin of its life, seconds since 1970
 * @not_after: end of its life, seconds since 1970
 * @pathlen: a length, or a value of those above
 * @key_usage: as OpenSSL's configuration writes it: "critical,keyCertSign"
 * @extensions: which and in what order: B basic constraints, K key usage, S subject
 *	key identifier, A authority key identifier
 */
struct ca_cert_spec {
	const struct ca_rdn *subject;
	const uint8_t *serial;
	size_t serial_len;
	int64_t not_before;
	int64_t not_after;
	int pathlen;
	const char *key_usage;
	const char *extensions;
};

/**
 * ca_cert_make() - a certificate for @key
 * @spec: what the certificate is to say
 * @key: key pair of the subject; stays the caller's
 * @issuer: who signs it (ECDSA with SHA-384), or NULL: @key itself
 *
 * Return: NULL if OpenSSL fails.
 */
X509 *ca_cert_make(const struct ca_cert_spec *spec, EVP_PKEY *key,
		   const struct ca_signer *issuer);

/* DER in memory of the caller; -1 if OpenSSL fails. Release keys with ca_der_wipe(). */
int ca_cert_der(X509 *cert, uint8_t **ret_der, size_t *ret_len);
int ca_key_der(EVP_PKEY *key, uint8_t **ret_der, size_t *ret_len);
void ca_der_wipe(uint8_t *der, size_t len);

/** ca_cert_fingerprint() - SHA-256 of the DER; -1 if OpenSSL fails */
int ca_cert_fingerprint(X509 *cert, uint8_t ret[CA_SHA256_SIZE]);

/** ca_cert_begin() - notBefore, seconds since 1970; -1 if it cannot be read */
int64_t ca_cert_begin(X509 *cert);
/** ca_cert_end() - notAfter, seconds since 1970; -1 if it cannot be read */
int64_t ca_cert_end(X509 *cert);

/**
 * ca_cert_read() - a certificate from PEM or DER bytes
 * @bytes: PEM text or DER
 * @len: length of @bytes
 *
 * Return: NULL if it is none, with nothing left in OpenSSL's queue of errors.
 */
X509 *ca_cert_read(const void *bytes, size_t len);

/** ca_cert_pem() - PEM text for the caller to free; NULL on failure */
char *ca_cert_pem(X509 *cert);

/** ca_random() - @len random bytes; 0 or -1 */
int ca_random(void *buf, size_t len);

#endif
