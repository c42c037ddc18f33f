/* SPDX-License-Identifier: Apache-2.0 */
/* A key for tests that sign. */

#ifndef NE_EMU_TESTS_NSM_KEY_H
#define NE_EMU_TESTS_NSM_KEY_H

#include "nsm/nsm.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

/** struct test_key - @der: the private key as PKCS #8 */
struct test_key {
	EVP_PKEY *key;
	uint8_t der[NSM_CONTROL_KEY_MAX];
	size_t der_len;
};

static inline void test_key_create(struct test_key *key, const char *curve)
{
	PKCS8_PRIV_KEY_INFO *info;
	uint8_t *der = NULL;
	int len;

	key->key = EVP_EC_gen(curve);
	assert_non_null(key->key);
	info = EVP_PKEY2PKCS8(key->key);
	len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	assert_true(len > 0 && (size_t)len <= sizeof(key->der));
	memcpy(key->der, der, len);
	key->der_len = len;
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
}

static inline void test_key_free(struct test_key *key)
{
	EVP_PKEY_free(key->key);
}

#endif
