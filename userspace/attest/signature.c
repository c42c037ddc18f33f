// SPDX-License-Identifier: Apache-2.0
/* The signature of a document: COSE_Sign1 with ES384. */

#include "attest/chain.h"

#include "common/util.h"
#include "nsm/cbor.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>

/* r and s, big-endian (RFC 9053, 2.1). */
#define NUMBER_SIZE	48
/* Heads of the four items, and "Signature1". */
#define HEADS_SIZE	64

static void ctx_cleanup(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static void sig_cleanup(ECDSA_SIG **sig)
{
	ECDSA_SIG_free(*sig);
}

/* DER as OpenSSL wants it; @ret_der is released with OPENSSL_free(). */
static int signature_der(const struct nsm_bytes *raw, unsigned char **ret_der)
{
	__cleanup(sig_cleanup) ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw->data, NUMBER_SIZE, NULL);
	BIGNUM *s = BN_bin2bn(raw->data + NUMBER_SIZE, NUMBER_SIZE, NULL);

	if (!sig || !r || !s || !ECDSA_SIG_set0(sig, r, s)) {
		BN_free(r);
		BN_free(s);
		return -1;
	}
	return i2d_ECDSA_SIG(sig, ret_der);
}

/* Sig_structure of RFC 9052, 4.4, without external data. */
static bool verify(EVP_PKEY *key, const struct attest_document *document,
		   const unsigned char *der, size_t der_len)
{
	__cleanup(ctx_cleanup) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t size = document->protected.len + document->payload.len + HEADS_SIZE;
	__cleanup_free uint8_t *buf = malloc(size);
	struct nsm_cbor_writer writer = { .buf = buf, .size = size };

	if (!ctx || !buf)
		return false;
	nsm_cbor_put_array(&writer, 4);
	nsm_cbor_put_text(&writer, "Signature1");
	nsm_cbor_put_data(&writer, document->protected.data, document->protected.len);
	nsm_cbor_put_data(&writer, "", 0);
	nsm_cbor_put_data(&writer, document->payload.data, document->payload.len);
	return !writer.overflow &&
	       EVP_DigestVerifyInit(ctx, NULL, EVP_sha384(), NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, der, der_len, writer.buf, writer.used) == 1;
}

int attest_chain_signature(const struct attest_chain *chain,
			   const struct attest_document *document,
			   char reason[ATTEST_REASON_SIZE])
{
	EVP_PKEY *key = X509_get0_pubkey(chain->certs[0]);
	unsigned char *der = NULL;
	bool ok;
	int len;

	if (document->signature.len != 2 * NUMBER_SIZE) {
		snprintf(reason, ATTEST_REASON_SIZE, "it has %zu bytes, not %d",
			 document->signature.len, 2 * NUMBER_SIZE);
		return -1;
	}
	len = signature_der(&document->signature, &der);
	ok = len > 0 && key && verify(key, document, der, len);
	OPENSSL_free(der);
	ERR_clear_error();
	if (ok)
		return 0;
	snprintf(reason, ATTEST_REASON_SIZE, "it is not that of the leaf's key over this payload");
	return -1;
}
