// SPDX-License-Identifier: Apache-2.0
/* COSE_Sign1 structures (RFC 9052) over PCR0, as they sign an image. */

#include "eif/cose.h"

#include "common/util.h"
#include "nsm/cbor.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <string.h>

#define PROTECTED_MAX	4
#define HALF_MAX	66		/* of a signature, P-521 */
#define PAYLOAD_MAX	200
#define SIGNED_MAX	(PAYLOAD_MAX + 40)
/* A DER sequence of two integers of HALF_MAX bytes. */
#define DER_MAX		160

/**
 * struct algorithm - one per curve
 * @protected: the protected header, a map of one: label 1 (alg), the algorithm
 * @half: bytes of r and of s
 */
struct algorithm {
	const char *curve;
	const EVP_MD *(*md)(void);
	uint8_t protected[PROTECTED_MAX];
	size_t protected_size;
	size_t half;
};

static const struct algorithm algorithms[] = {
	{ "prime256v1", EVP_sha256, { 0xa1, 0x01, 0x26 }, 3, 32 },
	{ "secp384r1", EVP_sha384, { 0xa1, 0x01, 0x38, 0x22 }, 4, 48 },
	{ "secp521r1", EVP_sha512, { 0xa1, 0x01, 0x38, 0x23 }, 4, 66 },
};

static const struct algorithm *algorithm_of(EVP_PKEY *key)
{
	char curve[32];
	size_t i;

	if (!key || !EVP_PKEY_is_a(key, "EC") ||
	    !EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve),
					    NULL))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (!strcmp(curve, algorithms[i].curve))
			return &algorithms[i];
	return NULL;
}

static void put_bytes(struct nsm_cbor_writer *writer, const void *data, size_t size)
{
	uint8_t *at = nsm_cbor_put_bytes(writer, size);

	if (at && size)
		memcpy(at, data, size);
}

/* What is signed: register 0 and its value, which is written as numbers. */
static size_t write_payload(const uint8_t *pcr0, uint8_t payload[PAYLOAD_MAX])
{
	struct nsm_cbor_writer writer = { .buf = payload, .size = PAYLOAD_MAX };
	size_t i;

	nsm_cbor_put_map(&writer, 2);
	nsm_cbor_put_text(&writer, "register_index");
	nsm_cbor_put_uint(&writer, 0);
	nsm_cbor_put_text(&writer, "register_value");
	nsm_cbor_put_array(&writer, EIF_PCR_SIZE);
	for (i = 0; i < EIF_PCR_SIZE; i++)
		nsm_cbor_put_uint(&writer, pcr0[i]);
	return writer.used;
}

/* The bytes the signature is computed over; 0: they are too many. */
static size_t write_signed(const struct algorithm *algorithm, const uint8_t *payload,
			   size_t payload_size, uint8_t ret[SIGNED_MAX])
{
	struct nsm_cbor_writer writer = { .buf = ret, .size = SIGNED_MAX };

	nsm_cbor_put_array(&writer, 4);
	nsm_cbor_put_text(&writer, "Signature1");
	put_bytes(&writer, algorithm->protected, algorithm->protected_size);
	put_bytes(&writer, NULL, 0);
	put_bytes(&writer, payload, payload_size);
	return writer.overflow ? 0 : writer.used;
}

struct sign1 {
	struct nsm_cbor_item protected;
	struct nsm_cbor_item payload;
	struct nsm_cbor_item signature;
};

/* Without the tag that COSE allows, as AWS writes it. */
static bool read_sign1(const uint8_t *cose, size_t size, struct sign1 *ret)
{
	struct nsm_cbor_reader reader = { .data = cose, .left = size };
	struct nsm_cbor_item item = nsm_cbor_read(&reader);

	if (item.kind != NSM_CBOR_ARRAY || item.value != 4)
		return false;
	ret->protected = nsm_cbor_read(&reader);
	item = nsm_cbor_read(&reader);
	if (item.kind != NSM_CBOR_MAP || item.value)
		return false;
	ret->payload = nsm_cbor_read(&reader);
	ret->signature = nsm_cbor_read(&reader);
	return ret->protected.kind == NSM_CBOR_BYTES && ret->payload.kind == NSM_CBOR_BYTES &&
		ret->signature.kind == NSM_CBOR_BYTES && !reader.left;
}

/* From r and s one behind the other to what the crypto library takes. */
static int signature_to_der(const uint8_t *signature, size_t half, uint8_t *ret, size_t *ret_size)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, half, NULL);
	BIGNUM *s = BN_bin2bn(signature + half, half, NULL);
	int size = -1;

	if (!sig || !r || !s || !ECDSA_SIG_set0(sig, r, s)) {
		BN_free(r);
		BN_free(s);
	} else if (i2d_ECDSA_SIG(sig, NULL) <= DER_MAX) {
		size = i2d_ECDSA_SIG(sig, &ret);
	}
	ECDSA_SIG_free(sig);
	*ret_size = size;
	return size > 0 ? 0 : -ENOMEM;
}

static int check_signature(EVP_PKEY *key, const struct algorithm *algorithm,
			   const struct sign1 *sign1, bool *ret_good)
{
	uint8_t text[SIGNED_MAX], der[DER_MAX];
	size_t size, der_size;
	EVP_MD_CTX *ctx;
	int r;

	*ret_good = false;
	size = sign1->payload.value > PAYLOAD_MAX ? 0 :
		write_signed(algorithm, sign1->payload.data, sign1->payload.value, text);
	if (!size || sign1->signature.value != 2 * algorithm->half)
		return 0;
	r = signature_to_der(sign1->signature.data, algorithm->half, der, &der_size);
	if (r)
		return r;
	ctx = EVP_MD_CTX_new();
	if (!ctx)
		return -ENOMEM;
	if (EVP_DigestVerifyInit(ctx, NULL, algorithm->md(), NULL, key))
		*ret_good = EVP_DigestVerify(ctx, der, der_size, text, size) == 1;
	else
		r = -EIO;
	EVP_MD_CTX_free(ctx);
	return r;
}

int eif_cose_verify(struct evp_pkey_st *key, const uint8_t *cose, size_t size,
		    const uint8_t *pcr0, enum eif_verdict *ret)
{
	const struct algorithm *algorithm = algorithm_of(key);
	uint8_t payload[PAYLOAD_MAX];
	size_t payload_size = write_payload(pcr0, payload);
	struct sign1 sign1;
	bool good;
	int r;

	*ret = EIF_VERDICT_BAD_COSE;
	if (!algorithm || !read_sign1(cose, size, &sign1) ||
	    sign1.protected.value != algorithm->protected_size ||
	    memcmp(sign1.protected.data, algorithm->protected, algorithm->protected_size))
		return 0;
	r = check_signature(key, algorithm, &sign1, &good);
	if (r)
		return r;
	if (!good)
		*ret = EIF_VERDICT_BAD_SIGNATURE;
	else if (sign1.payload.value != payload_size ||
		 memcmp(sign1.payload.data, payload, payload_size))
		*ret = EIF_VERDICT_OTHER_IMAGE;
	else
		*ret = EIF_VERDICT_GOOD;
	return 0;
}

static int sign(EVP_PKEY *key, const struct algorithm *algorithm, const uint8_t *text, size_t size,
		uint8_t ret[2 * HALF_MAX])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[DER_MAX];
	const uint8_t *at = der;
	size_t der_size = sizeof(der);
	ECDSA_SIG *sig = NULL;
	int r = -EIO;

	if (!ctx)
		return -ENOMEM;
	if (EVP_DigestSignInit(ctx, NULL, algorithm->md(), NULL, key) &&
	    EVP_DigestSign(ctx, der, &der_size, text, size))
		sig = d2i_ECDSA_SIG(NULL, &at, der_size);
	if (sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, algorithm->half) > 0 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + algorithm->half, algorithm->half) > 0)
		r = 0;
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	return r;
}

int eif_cose_sign(struct evp_pkey_st *key, const uint8_t *pcr0, uint8_t ret[EIF_COSE_MAX],
		  size_t *ret_size)
{
	const struct algorithm *algorithm = algorithm_of(key);
	struct nsm_cbor_writer writer = { .buf = ret, .size = EIF_COSE_MAX };
	uint8_t payload[PAYLOAD_MAX], text[SIGNED_MAX], signature[2 * HALF_MAX];
	size_t payload_size = write_payload(pcr0, payload);
	int r;

	if (!algorithm)
		return -EINVAL;
	r = sign(key, algorithm, text, write_signed(algorithm, payload, payload_size, text),
		 signature);
	if (r)
		return r;
	nsm_cbor_put_array(&writer, 4);
	put_bytes(&writer, algorithm->protected, algorithm->protected_size);
	nsm_cbor_put_map(&writer, 0);
	put_bytes(&writer, payload, payload_size);
	put_bytes(&writer, signature, 2 * algorithm->half);
	*ret_size = writer.used;
	return writer.overflow ? -EIO : 0;
}
