// SPDX-License-Identifier: Apache-2.0
/* What the NSM needs of OpenSSL: SHA-384 and ECDSA. */

#include "nsm/crypto.h"

#include "common/util.h"

#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/* Two integers of P-521 and what DER puts around them; more than enough. */
#define DER_SIZE_MAX	160

/** struct signer - @context is set up once: that takes longer than a hash */
struct signer {
	EVP_PKEY *key;
	EVP_PKEY_CTX *context;
	size_t integer_size;	/* of r and of s, bytes */
};

static void cleanup_md(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

int sha384(const struct nsm_bytes *pieces, size_t nr_pieces, uint8_t *ret_hash)
{
	__cleanup(cleanup_md) EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!context)
		return -ENOMEM;
	if (!EVP_DigestInit_ex(context, EVP_sha384(), NULL))
		return -EIO;
	for (size_t i = 0; i < nr_pieces; i++)
		if (!EVP_DigestUpdate(context, pieces[i].data, pieces[i].len))
			return -EIO;
	return EVP_DigestFinal_ex(context, ret_hash, NULL) ? 0 : -EIO;
}

static void cleanup_pkcs8(PKCS8_PRIV_KEY_INFO **info)
{
	PKCS8_PRIV_KEY_INFO_free(*info);	/* wipes it */
}

static EVP_PKEY *read_key(const struct nsm_bytes *der)
{
	__cleanup(cleanup_pkcs8) PKCS8_PRIV_KEY_INFO *info = NULL;
	const uint8_t *at = der->data;

	info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, der->len);
	if (!info || at != der->data + der->len)
		return NULL;
	return EVP_PKCS82PKEY(info);
}

int signer_create(const struct nsm_bytes *key, struct signer **ret_signer)
{
	struct signer *signer = calloc(1, sizeof(*signer));
	int err = -EBADMSG;

	if (!signer)
		return -ENOMEM;
	signer->key = read_key(key);
	if (!signer->key || !EVP_PKEY_is_a(signer->key, "EC"))
		goto fail;
	signer->integer_size = (EVP_PKEY_get_bits(signer->key) + 7) / 8;
	if (2 * signer->integer_size > SIGNER_SIZE_MAX)
		goto fail;
	err = -ENOMEM;
	signer->context = EVP_PKEY_CTX_new(signer->key, NULL);
	if (!signer->context || EVP_PKEY_sign_init(signer->context) <= 0)
		goto fail;
	*ret_signer = signer;
	return 0;

fail:
	signer_destroy(signer);
	return err;
}

void signer_destroy(struct signer *signer)
{
	if (!signer)
		return;
	EVP_PKEY_CTX_free(signer->context);
	EVP_PKEY_free(signer->key);	/* clears private integers */
	free(signer);
}

size_t signer_size(const struct signer *signer)
{
	return 2 * signer->integer_size;
}

static void cleanup_sig(ECDSA_SIG **sig)
{
	ECDSA_SIG_free(*sig);
}

int signer_sign(struct signer *signer, const uint8_t *hash, size_t hash_len,
		uint8_t *ret_signature)
{
	__cleanup(cleanup_sig) ECDSA_SIG *sig = NULL;
	size_t size = signer->integer_size, der_len;
	uint8_t der[DER_SIZE_MAX];
	const uint8_t *at = der;

	der_len = sizeof(der);
	if (EVP_PKEY_sign(signer->context, der, &der_len, hash, hash_len) <= 0)
		return -EIO;
	sig = d2i_ECDSA_SIG(NULL, &at, der_len);
	if (!sig || BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_signature, size) < 0 ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_signature + size, size) < 0)
		return -EIO;
	return 0;
}
