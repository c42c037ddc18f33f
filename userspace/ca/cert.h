/* SPDX-License-Identifier: Apache-2.0 */
/* Make, read and write keys and certificates. */

#ifndef NE_EMU_CA_CERT_H
#define NE_EMU_CA_CERT_H

#include "common/error.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CA_SHA256_SIZE	32
/* RFC 5280, 4.1.2.2: most octets of a serial number, which must be positive. */
#define CA_SERIAL_MAX	20
/* RFC 5280, Appendix A: most characters of a common name. */
#define CA_CN_MAX	64

/** struct ca_signer - a private key and its certificate */
struct ca_signer {
	EVP_PKEY *key;
	X509 *cert;
};

/** ca_signer_clear() - release both; either may be NULL */
void ca_signer_clear(struct ca_signer *signer);

/**
 * ca_openssl_error() - set the message for a failed call of OpenSSL
 * @error: set to the message, or NULL
 * @what: what failed, e.g. "cannot make a key"
 *
 * The message quotes the first error in OpenSSL's queue, which is empty afterwards.
 *
 * Return: -EIO.
 */
int ca_openssl_error(struct error *error, const char *what);

/** ca_key_generate() - make a key on @curve, e.g. "P-384"; NULL if OpenSSL fails */
EVP_PKEY *ca_key_generate(const char *curve);

/* Values of struct ca_cert_spec's pathlen that are not a length. */
#define CA_PATHLEN_NONE	(-1)	/* a CA without a limit */
#define CA_PATHLEN_LEAF	(-2)	/* not a CA */

/** struct ca_rdn - an attribute of a name; @nid: e.g. NID_commonName */
struct ca_rdn {
	int nid;
	const char *value;
};

/**
 * struct ca_cert_spec - contents of a certificate to make
 * @subject: subject name; ends with an entry whose nid is 0
 * @serial: serial number, big-endian and unsigned
 * @serial_len: length of @serial in bytes
 * @not_before: start of validity, seconds since 1970
 * @not_after: end of validity, seconds since 1970
 * @pathlen: path length, CA_PATHLEN_NONE or CA_PATHLEN_LEAF
 * @key_usage: in the syntax of OpenSSL's configuration, e.g. "critical,keyCertSign"
 * @extensions: extensions in this order: B basic constraints, K key usage, S subject key
 *	identifier, A authority key identifier
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
 * ca_cert_make() - make a certificate for @key
 * @spec: its contents
 * @key: key pair of the subject; the caller keeps it
 * @issuer: signs it (ECDSA with SHA-384); NULL: self-signed with @key
 *
 * Return: NULL if OpenSSL fails.
 */
X509 *ca_cert_make(const struct ca_cert_spec *spec, EVP_PKEY *key,
		   const struct ca_signer *issuer);

/** ca_cert_der() - encode as DER, to be released with ca_der_wipe(); 0, or -1 if OpenSSL fails */
int ca_cert_der(X509 *cert, uint8_t **ret_der, size_t *ret_len);
/** ca_key_der() - encode as PKCS #8 DER, to be released with ca_der_wipe(); 0 or -1 */
int ca_key_der(EVP_PKEY *key, uint8_t **ret_der, size_t *ret_len);
/** ca_der_wipe() - overwrite and free; @der may be NULL */
void ca_der_wipe(uint8_t *der, size_t len);

/** ca_cert_fingerprint() - SHA-256 of the DER; -1 if OpenSSL fails */
int ca_cert_fingerprint(X509 *cert, uint8_t ret[CA_SHA256_SIZE]);

/** ca_cert_begin() - notBefore, seconds since 1970; -1 if it cannot be read */
int64_t ca_cert_begin(X509 *cert);
/** ca_cert_end() - notAfter, seconds since 1970; -1 if it cannot be read */
int64_t ca_cert_end(X509 *cert);

/**
 * ca_cert_read() - parse a certificate, PEM or DER
 * @bytes: the PEM or DER
 * @len: length of @bytes
 *
 * OpenSSL's error queue is empty afterwards.
 *
 * Return: the certificate, or NULL if @bytes are not one.
 */
X509 *ca_cert_read(const void *bytes, size_t len);

/** ca_cert_pem() - encode as PEM, which the caller frees; NULL on failure */
char *ca_cert_pem(X509 *cert);

/** ca_random() - fill @buf with @len random bytes; 0 or -1 */
int ca_random(void *buf, size_t len);

#endif
