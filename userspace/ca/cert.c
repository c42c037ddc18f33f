// SPDX-License-Identifier: Apache-2.0
/* Make, read and write keys and certificates. */

#include "ca/cert.h"

#include "common/util.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#define EXTENSION_TEXT_SIZE	64

static void bn_cleanup(BIGNUM **bn)
{
	BN_free(*bn);
}

static void cert_bio_cleanup(BIO **bio)
{
	BIO_free(*bio);
}

void ca_signer_clear(struct ca_signer *signer)
{
	EVP_PKEY_free(signer->key);
	X509_free(signer->cert);
	*signer = (struct ca_signer){ 0 };
}

int ca_openssl_error(struct error *error, const char *what)
{
	unsigned long code = ERR_get_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return error_set(error, -EIO, "%s: OpenSSL: %s", what, reason ? reason : "unknown error");
}

EVP_PKEY *ca_key_generate(const char *curve)
{
	return EVP_EC_gen(curve);
}

/* Country codes are PrintableString by definition; AWS writes all else as UTF-8. */
static int set_subject(X509 *cert, const struct ca_rdn *rdn)
{
	X509_NAME *name = X509_get_subject_name(cert);

	for (; rdn->nid; rdn++) {
		int type = rdn->nid == NID_countryName ? V_ASN1_PRINTABLESTRING :
			   V_ASN1_UTF8STRING;

		if (!X509_NAME_add_entry_by_NID(name, rdn->nid, type,
						(const unsigned char *)rdn->value, -1, -1, 0))
			return -1;
	}
	return 0;
}

static int set_serial(X509 *cert, const uint8_t *bytes, size_t len)
{
	__cleanup(bn_cleanup) BIGNUM *bn = BN_bin2bn(bytes, len, NULL);

	return bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) ? 0 : -1;
}

static int add_extension(X509 *cert, X509V3_CTX *ctx, int nid, const char *text)
{
	X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, ctx, nid, text);
	int ok = extension && X509_add_ext(cert, extension, -1);

	X509_EXTENSION_free(extension);
	return ok ? 0 : -1;
}

static int add_basic_constraints(X509 *cert, X509V3_CTX *ctx, int pathlen)
{
	char text[EXTENSION_TEXT_SIZE];

	if (pathlen == CA_PATHLEN_LEAF)
		return add_extension(cert, ctx, NID_basic_constraints, "critical,CA:FALSE");
	if (pathlen == CA_PATHLEN_NONE)
		return add_extension(cert, ctx, NID_basic_constraints, "critical,CA:TRUE");
	snprintf(text, sizeof(text), "critical,CA:TRUE,pathlen:%d", pathlen);
	return add_extension(cert, ctx, NID_basic_constraints, text);
}

static int add_extensions(X509 *cert, X509V3_CTX *ctx, const struct ca_cert_spec *spec)
{
	for (const char *which = spec->extensions; *which; which++) {
		int err = -1;

		switch (*which) {
		case 'B':
			err = add_basic_constraints(cert, ctx, spec->pathlen);
			break;
		case 'K':
			err = add_extension(cert, ctx, NID_key_usage, spec->key_usage);
			break;
		case 'S':
			err = add_extension(cert, ctx, NID_subject_key_identifier, "hash");
			break;
		case 'A':
			err = add_extension(cert, ctx, NID_authority_key_identifier,
					    "keyid:always");
			break;
		}
		if (err)
			return err;
	}
	return 0;
}

static int fill(X509 *cert, const struct ca_cert_spec *spec, EVP_PKEY *key,
		const struct ca_signer *issuer)
{
	X509 *issuer_cert = issuer ? issuer->cert : cert;
	X509V3_CTX ctx;

	if (!X509_set_version(cert, X509_VERSION_3) || set_subject(cert, spec->subject) ||
	    set_serial(cert, spec->serial, spec->serial_len) ||
	    !X509_set_issuer_name(cert, X509_get_subject_name(issuer_cert)) ||
	    !ASN1_TIME_set(X509_getm_notBefore(cert), spec->not_before) ||
	    !ASN1_TIME_set(X509_getm_notAfter(cert), spec->not_after) ||
	    !X509_set_pubkey(cert, key))
		return -1;
	X509V3_set_ctx(&ctx, issuer_cert, cert, NULL, NULL, 0);
	if (add_extensions(cert, &ctx, spec))
		return -1;
	return X509_sign(cert, issuer ? issuer->key : key, EVP_sha384()) ? 0 : -1;
}

X509 *ca_cert_make(const struct ca_cert_spec *spec, EVP_PKEY *key,
		   const struct ca_signer *issuer)
{
	X509 *cert = X509_new();

	if (cert && fill(cert, spec, key, issuer)) {
		X509_free(cert);
		cert = NULL;
	}
	return cert;
}

int ca_cert_der(X509 *cert, uint8_t **ret_der, size_t *ret_len)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);

	if (len <= 0)
		return -1;
	*ret_der = der;
	*ret_len = len;
	return 0;
}

int ca_key_der(EVP_PKEY *key, uint8_t **ret_der, size_t *ret_len)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	unsigned char *der = NULL;
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;

	PKCS8_PRIV_KEY_INFO_free(info);
	if (len <= 0)
		return -1;
	*ret_der = der;
	*ret_len = len;
	return 0;
}

void ca_der_wipe(uint8_t *der, size_t len)
{
	OPENSSL_clear_free(der, len);
}

int ca_cert_fingerprint(X509 *cert, uint8_t ret[CA_SHA256_SIZE])
{
	unsigned int len = CA_SHA256_SIZE;

	return X509_digest(cert, EVP_sha256(), ret, &len) ? 0 : -1;
}

static int64_t seconds(const ASN1_TIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) ? timegm(&tm) : -1;
}

int64_t ca_cert_begin(X509 *cert)
{
	return seconds(X509_get0_notBefore(cert));
}

int64_t ca_cert_end(X509 *cert)
{
	return seconds(X509_get0_notAfter(cert));
}

X509 *ca_cert_read(const void *bytes, size_t len)
{
	__cleanup(cert_bio_cleanup) BIO *bio = NULL;
	const unsigned char *at = bytes;
	X509 *cert;

	if (len > INT32_MAX)
		return NULL;
	cert = d2i_X509(NULL, &at, len);
	if (cert && at != (const unsigned char *)bytes + len) {
		X509_free(cert);	/* something follows: not one certificate */
		cert = NULL;
	} else if (!cert) {
		bio = BIO_new_mem_buf(bytes, len);
		cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	}
	ERR_clear_error();
	return cert;
}

char *ca_cert_pem(X509 *cert)
{
	__cleanup(cert_bio_cleanup) BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;

	if (!bio || !PEM_write_bio_X509(bio, cert))
		return NULL;
	len = BIO_get_mem_data(bio, &data);
	return strndup(data, len);
}

int ca_random(void *buf, size_t len)
{
	return RAND_bytes(buf, len) == 1 ? 0 : -1;
}
