// SPDX-License-Identifier: Apache-2.0
/* Checks of the certificates of a document: one by one, and as a path. */

#include "attest/chain.h"

#include "common/util.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#define NAME_SIZE	20
/* Size of an ES384 signature (RFC 9053, 2.1), bytes. */
#define SIGNATURE_SIZE	96

/* The place of a certificate in the document, such as "cabundle[1]". */
struct cert_name {
	char text[NAME_SIZE];
};

static struct cert_name cert_name(size_t chain_len, size_t i)
{
	struct cert_name name;

	if (i)
		snprintf(name.text, sizeof(name.text), "cabundle[%zu]", chain_len - 1 - i);
	else
		snprintf(name.text, sizeof(name.text), "certificate");
	return name;
}

static X509 *cert_decode(const struct nsm_bytes *der)
{
	const unsigned char *at = der->data;
	X509 *cert = d2i_X509(NULL, &at, der->len);

	if (cert && at != der->data + der->len) {
		X509_free(cert);
		cert = NULL;
	}
	return cert;
}

int attest_chain_load(const struct attest_document *document, struct attest_chain *chain,
		      struct error *error)
{
	*chain = (struct attest_chain){ 0 };
	for (size_t i = 0; i <= document->nr_cabundle; i++) {
		const struct nsm_bytes *der = i ? &document->cabundle[document->nr_cabundle - i] :
					      &document->certificate;
		struct cert_name name = cert_name(document->nr_cabundle + 1, i);

		if (!der->len || der->len > ATTEST_CERT_MAX)
			return error_set(error, -EBADMSG, "%s has %zu bytes, not 1 to %d",
					 name.text, der->len, ATTEST_CERT_MAX);
		chain->certs[i] = cert_decode(der);
		if (!chain->certs[i])
			return error_set(error, -EBADMSG, "%s is not a certificate", name.text);
		chain->count++;
	}
	return 0;
}

void attest_chain_clear(struct attest_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		X509_free(chain->certs[i]);
	chain->count = 0;
	ERR_clear_error();
}

int attest_chain_links(const struct attest_chain *chain, struct error *error)
{
	for (size_t i = 0; i < chain->count; i++) {
		X509 *issuer = chain->certs[MIN(i + 1, chain->count - 1)];
		struct cert_name name = cert_name(chain->count, i);
		EVP_PKEY *key = X509_get0_pubkey(issuer);

		if (X509_NAME_cmp(X509_get_issuer_name(chain->certs[i]),
				  X509_get_subject_name(issuer)))
			return error_set(error, -EBADMSG, "%s has an unexpected issuer", name.text);
		if (X509_get_signature_nid(chain->certs[i]) != NID_ecdsa_with_SHA384)
			return error_set(error, -EBADMSG,
					 "%s is not signed with ECDSA and SHA-384", name.text);
		if (!key || X509_verify(chain->certs[i], key) != 1)
			return error_set(error, -EBADMSG, "%s has an invalid signature", name.text);
	}
	return 0;
}

static int cert_time_text(const ASN1_TIME *asn1, char *text, size_t size)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(asn1, &tm) || !strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return -1;
	return 0;
}

int attest_chain_validity(const struct attest_chain *chain, int64_t now, struct error *error)
{
	time_t when = now;
	char text[32] = "?";

	for (size_t i = 0; i < chain->count; i++) {
		const ASN1_TIME *begin = X509_get0_notBefore(chain->certs[i]);
		const ASN1_TIME *end = X509_get0_notAfter(chain->certs[i]);
		struct cert_name name = cert_name(chain->count, i);

		if (ASN1_TIME_cmp_time_t(begin, when) > 0) {
			(void)cert_time_text(begin, text, sizeof(text));
			return error_set(error, -EBADMSG,
					 "%s is not valid before %s", name.text, text);
		}
		/* OpenSSL returns -2 for a date that it cannot read: treat it as expired. */
		if (ASN1_TIME_cmp_time_t(end, when) < 0 ||
		    ASN1_TIME_cmp_time_t(begin, when) == -2) {
			(void)cert_time_text(end, text, sizeof(text));
			return error_set(error, -EBADMSG, "%s has expired: %s", name.text, text);
		}
	}
	return 0;
}

int attest_chain_constraints(const struct attest_chain *chain, struct error *error)
{
	for (size_t i = 0; i < chain->count; i++) {
		uint32_t flags = X509_get_extension_flags(chain->certs[i]);
		struct cert_name name = cert_name(chain->count, i);
		long pathlen = X509_get_pathlen(chain->certs[i]);

		if (flags & (EXFLAG_INVALID | EXFLAG_CRITICAL))
			return error_set(error, -EBADMSG,
					 "%s has extensions that are malformed or unknown",
					 name.text);
		if (!(flags & EXFLAG_BCONS))
			return error_set(error, -EBADMSG, "%s has no basic constraints", name.text);
		if (!i && flags & EXFLAG_CA)
			return error_set(error, -EBADMSG, "%s is for a CA", name.text);
		if (i && !(flags & EXFLAG_CA))
			return error_set(error, -EBADMSG, "%s is not for a CA", name.text);
		/* The path length limits the number of CAs between it and the leaf. */
		if (i && pathlen >= 0 && (size_t)pathlen < i - 1)
			return error_set(error, -EBADMSG,
					 "%s has path length %ld and %zu CAs below it",
					 name.text, pathlen, i - 1);
	}
	return 0;
}

int attest_chain_usage(const struct attest_chain *chain, struct error *error)
{
	for (size_t i = 0; i < chain->count; i++) {
		uint32_t needed = i ? X509v3_KU_KEY_CERT_SIGN : X509v3_KU_DIGITAL_SIGNATURE;
		struct cert_name name = cert_name(chain->count, i);

		if (!(X509_get_extension_flags(chain->certs[i]) & EXFLAG_KUSAGE) ||
		    !(X509_get_key_usage(chain->certs[i]) & needed))
			return error_set(error, -EBADMSG,
					 "the key of %s may not sign %s", name.text,
					 i ? "certificates" : "documents");
	}
	return 0;
}

int attest_chain_curve(const struct attest_chain *chain, struct error *error)
{
	for (size_t i = 0; i < chain->count; i++) {
		struct cert_name name = cert_name(chain->count, i);
		EVP_PKEY *key = X509_get0_pubkey(chain->certs[i]);
		char curve[32] = "none";

		if (!key || EVP_PKEY_get_utf8_string_param(key, "group", curve, sizeof(curve),
							   NULL) != 1 ||
		    OBJ_txt2nid(curve) != NID_secp384r1)
			return error_set(error, -EBADMSG,
					 "the key of %s is not on curve P-384 (%s)", name.text,
					 curve);
	}
	return 0;
}

int attest_chain_covers(const struct attest_chain *chain, int64_t time, struct error *error)
{
	const struct attest_chain leaf = { .certs = { chain->certs[0] }, .count = 1 };

	return attest_chain_validity(&leaf, time, error);
}

static void store_cleanup(X509_STORE **store)
{
	X509_STORE_free(*store);
}

static void ctx_cleanup(X509_STORE_CTX **ctx)
{
	X509_STORE_CTX_free(*ctx);
}

static void stack_cleanup(STACK_OF(X509) **stack)
{
	sk_X509_free(*stack);	/* its elements belong to the chain */
}

static void cert_cleanup(X509 **cert)
{
	X509_free(*cert);
}

int attest_chain_path(const struct attest_chain *chain, const struct nsm_bytes *root,
		      int64_t now, struct error *error)
{
	__cleanup(store_cleanup) X509_STORE *store = X509_STORE_new();
	__cleanup(ctx_cleanup) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	__cleanup(stack_cleanup) STACK_OF(X509) *between = sk_X509_new_null();
	__cleanup(cert_cleanup) X509 *anchor = cert_decode(root);
	size_t depth;
	bool ok = store && ctx && between && anchor && X509_STORE_add_cert(store, anchor);

	for (size_t i = 1; ok && i < chain->count; i++)
		ok = sk_X509_push(between, chain->certs[i]);
	if (!ok || !X509_STORE_CTX_init(ctx, store, chain->certs[0], between))
		return error_set(error, -EBADMSG,
				 "the root is not a certificate, or out of memory");
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), now);
	if (X509_verify_cert(ctx) == 1)
		return 0;
	depth = MIN((size_t)X509_STORE_CTX_get_error_depth(ctx), chain->count - 1);
	return error_set(error, -EBADMSG, "%s (%s)",
			 X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)),
			 cert_name(chain->count, depth).text);
}

int attest_chain_signature(const struct attest_chain *chain,
			   const struct attest_document *document, struct error *error)
{
	const struct cose_sign1 *message = &document->message;
	EVP_PKEY *key = X509_get0_pubkey(chain->certs[0]);
	bool good;

	if (message->signature.len != SIGNATURE_SIZE)
		return error_set(error, -EBADMSG, "it has %zu bytes, not %d",
				 message->signature.len, SIGNATURE_SIZE);
	if (cose_sign1_verify(message, key, EVP_sha384(), &good))
		return error_set(error, -ENOMEM, "it cannot be checked: out of memory");
	return good ? 0 : error_set(error, -EBADMSG,
				    "it was not made with the leaf's key over this payload");
}

static int cert_describe(X509 *cert, struct attest_cert_text *ret)
{
	char *subject = X509_NAME_oneline(X509_get_subject_name(cert), NULL, 0);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	unsigned int len = sizeof(ret->sha256);
	size_t length = ASN1_STRING_length(serial);

	if (!subject || !X509_digest(cert, EVP_sha256(), ret->sha256, &len)) {
		OPENSSL_free(subject);
		return -1;
	}
	snprintf(ret->subject, sizeof(ret->subject), "%s", subject);
	OPENSSL_free(subject);
	hex_encode(ASN1_STRING_get0_data(serial), MIN(length, (sizeof(ret->serial) - 1) / 2),
		   ret->serial);
	if (cert_time_text(X509_get0_notBefore(cert), ret->not_before, sizeof(ret->not_before)) ||
	    cert_time_text(X509_get0_notAfter(cert), ret->not_after, sizeof(ret->not_after)))
		return -1;
	return 0;
}

int attest_cert_describe(const struct nsm_bytes *der, struct attest_cert_text *ret)
{
	__cleanup(cert_cleanup) X509 *cert = cert_decode(der);
	int err;

	*ret = (struct attest_cert_text){ 0 };
	err = cert ? cert_describe(cert, ret) : -1;
	ERR_clear_error();
	return err;
}
