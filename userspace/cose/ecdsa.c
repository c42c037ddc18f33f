// SPDX-License-Identifier: Apache-2.0
/* ECDSA signatures in the form of COSE (RFC 9053, 2.1): r, then s, big-endian. */

#include "cose/ecdsa.h"

#include "common/util.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

/* More than enough for two integers of P-521 in DER. */
#define DER_MAX		160

/**
 * struct cose_signer - contexts, which are set up once: that takes longer than a hash
 * @integer_size: size of r and of s, bytes
 */
struct cose_signer {
	EVP_PKEY_CTX *context;
	EVP_MD_CTX *hash;
	const EVP_MD *md;
	size_t integer_size;
};

static const struct cose_algorithm algorithms[] = {
	{ "prime256v1", COSE_ALG_ES256, EVP_sha256 },
	{ "secp384r1", COSE_ALG_ES384, EVP_sha384 },
	{ "secp521r1", COSE_ALG_ES512, EVP_sha512 },
};

const struct cose_algorithm *cose_algorithm_of(EVP_PKEY *key)
{
	char curve[32];

	if (!key || !EVP_PKEY_is_a(key, "EC") ||
	    !EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve),
					    NULL))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (!strcmp(curve, algorithms[i].curve))
			return &algorithms[i];
	return NULL;
}

/* Return: size of r and of s in bytes; 0 if the key cannot make such signatures. */
static size_t integer_size(EVP_PKEY *key)
{
	size_t size = key && EVP_PKEY_is_a(key, "EC") ? (EVP_PKEY_get_bits(key) + 7) / 8 : 0;

	return 2 * size <= COSE_SIGNATURE_MAX ? size : 0;
}

/*
 * Use nonces that are derived from key and message (RFC 6979) if the crypto library can
 * (OpenSSL 3.2 and later), so that signing the same image again gives the same file.
 */
static bool set_deterministic(EVP_PKEY_CTX *context, const EVP_MD *md)
{
#ifdef OSSL_SIGNATURE_PARAM_NONCE_TYPE
	unsigned int deterministic = 1;

	return EVP_PKEY_CTX_set_signature_md(context, md) > 0 &&
	       EVP_PKEY_CTX_set_params(context, (OSSL_PARAM[]){
		OSSL_PARAM_uint(OSSL_SIGNATURE_PARAM_NONCE_TYPE, &deterministic),
		OSSL_PARAM_END }) > 0;
#else
	(void)context;
	(void)md;
	return true;
#endif
}

int cose_signer_create(EVP_PKEY *key, const EVP_MD *md, struct cose_signer **ret)
{
	struct cose_signer *signer;

	if (!integer_size(key))
		return -EBADMSG;
	signer = calloc(1, sizeof(*signer));
	if (!signer)
		return -ENOMEM;
	signer->md = md;
	signer->integer_size = integer_size(key);
	signer->hash = EVP_MD_CTX_new();
	signer->context = EVP_PKEY_CTX_new(key, NULL);
	if (!signer->hash || !signer->context || EVP_PKEY_sign_init(signer->context) <= 0 ||
	    !set_deterministic(signer->context, md)) {
		cose_signer_destroy(signer);
		return -ENOMEM;
	}
	*ret = signer;
	return 0;
}

void cose_signer_destroy(struct cose_signer *signer)
{
	if (!signer)
		return;
	EVP_PKEY_CTX_free(signer->context);	/* the last reference wipes the key */
	EVP_MD_CTX_free(signer->hash);
	free(signer);
}

size_t cose_signer_size(const struct cose_signer *signer)
{
	return 2 * signer->integer_size;
}

static int hash_pieces(EVP_MD_CTX *context, const EVP_MD *md, const struct nsm_bytes *pieces,
		       size_t nr_pieces, uint8_t ret[EVP_MAX_MD_SIZE])
{
	if (!EVP_DigestInit_ex(context, md, NULL))
		return -EIO;
	for (size_t i = 0; i < nr_pieces; i++)
		if (!EVP_DigestUpdate(context, pieces[i].data, pieces[i].len))
			return -EIO;
	return EVP_DigestFinal_ex(context, ret, NULL) ? 0 : -EIO;
}

static void cleanup_sig(ECDSA_SIG **sig)
{
	ECDSA_SIG_free(*sig);
}

int cose_signer_sign(struct cose_signer *signer, const struct nsm_bytes *pieces,
		     size_t nr_pieces, uint8_t *ret_signature)
{
	__cleanup(cleanup_sig) ECDSA_SIG *sig = NULL;
	uint8_t hash[EVP_MAX_MD_SIZE], der[DER_MAX];
	size_t size = signer->integer_size, der_len = sizeof(der);
	const uint8_t *at = der;
	int err;

	err = hash_pieces(signer->hash, signer->md, pieces, nr_pieces, hash);
	if (err)
		return err;
	if (EVP_PKEY_sign(signer->context, der, &der_len, hash, EVP_MD_get_size(signer->md)) <= 0)
		return -EIO;
	sig = d2i_ECDSA_SIG(NULL, &at, der_len);
	if (!sig || BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_signature, size) < 0 ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_signature + size, size) < 0)
		return -EIO;
	return 0;
}

/* Convert a signature from the form of COSE to DER, which the crypto library expects. */
static int to_der(const uint8_t *signature, size_t size, uint8_t ret[DER_MAX], size_t *ret_len)
{
	__cleanup(cleanup_sig) ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, size, NULL);
	BIGNUM *s = BN_bin2bn(signature + size, size, NULL);
	int len;

	if (!sig || !r || !s || !ECDSA_SIG_set0(sig, r, s)) {
		BN_free(r);
		BN_free(s);
		return -ENOMEM;
	}
	/* Integers of at most half of COSE_SIGNATURE_MAX always fit. */
	len = i2d_ECDSA_SIG(sig, &ret);
	*ret_len = len;
	return len > 0 ? 0 : -ENOMEM;
}

static void ecdsa_cleanup_md(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

static void cleanup_context(EVP_PKEY_CTX **context)
{
	EVP_PKEY_CTX_free(*context);
}

int cose_ecdsa_verify(EVP_PKEY *key, const EVP_MD *md, const struct nsm_bytes *pieces,
		      size_t nr_pieces, const struct nsm_bytes *signature, bool *ret_good)
{
	__cleanup(cleanup_context) EVP_PKEY_CTX *context = NULL;
	__cleanup(ecdsa_cleanup_md) EVP_MD_CTX *hashing = NULL;
	uint8_t hash[EVP_MAX_MD_SIZE], der[DER_MAX];
	size_t size = integer_size(key), der_len;
	int err;

	*ret_good = false;
	if (!size || signature->len != 2 * size)
		return 0;
	hashing = EVP_MD_CTX_new();
	context = EVP_PKEY_CTX_new(key, NULL);
	if (!hashing || !context)
		return -ENOMEM;
	err = hash_pieces(hashing, md, pieces, nr_pieces, hash);
	if (!err)
		err = to_der(signature->data, size, der, &der_len);
	if (err)
		return err;
	if (EVP_PKEY_verify_init(context) <= 0)
		return -EIO;
	/* A negative result also means a bad signature, with impossible integers. */
	*ret_good = EVP_PKEY_verify(context, der, der_len, hash, EVP_MD_get_size(md)) == 1;
	return 0;
}
