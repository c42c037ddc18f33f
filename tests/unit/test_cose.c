// SPDX-License-Identifier: Apache-2.0
/*
 * COSE_Sign1 with ECDSA: the example messages of the COSE working group (ecdsa-sig-01 to
 * 03), and messages of ours on each curve.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "cose/sign1.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#define CONTENT		"This is the content."
#define MESSAGE_MAX	400

/**
 * struct example - a key and its signature of CONTENT
 * @algorithm: OTHER if the protected header contains more than that
 * @point: uncompressed public key
 */
struct example {
	const char *group;
	uint64_t algorithm;
	const EVP_MD *(*md)(void);
	const char *point;
	const char *message;
};

static const struct example examples[] = {
	{ "prime256v1", COSE_ALG_OTHER, EVP_sha256,
	  "04bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff20138b"
	  "f82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e",
	  "d28445a201260300a10442313154546869732069732074686520636f6e74656e742e5840"
	  "eae868ecc176883766c5dc5ba5b8dca25dab3c2e56a551ce5705b793914348e172727f48"
	  "461fabbba2e343492ddecac3983686250bc68e9f1a7a07d41225b59f" },
	{ "secp384r1", COSE_ALG_ES384, EVP_sha384,
	  "049132723f6292b010619dbe248d698c17b58756c639e7150f81bee4eb8ac37236ad0a1a"
	  "19d67be32a66263e1e524d129c98cd3078c554d832ac603c4326410ff61662459b41f1f3"
	  "df5dbcc83598ff7c5ed8411ca735679d1c4cb3009397d9ef2c",
	  "d28444a1013822a104445033383454546869732069732074686520636f6e74656e742e58"
	  "60b8f85eff78c88f5351ced2f1887b79b296490795594b62e41e22529bb90208b7d8cddd"
	  "4a46d0e9c986464d83d0a5d1edf39b3e2c5750364230d0e8d76460d8808e76c83830fbbd"
	  "1978cc174066eb437f17887979ecf027dcc9d51baf6c4fd8c0" },
	{ "secp521r1", COSE_ALG_ES512, EVP_sha512,
	  "040072992cb3ac08ecf3e5c63dedec0d51a8c1f79ef2f82f94f3c737bf5de7986671eac6"
	  "25fe8257bbd0394644caaa3aaf8f27a4585fbbcad0f2457620085e5c8f42ad01dca6947b"
	  "ce88bc5790485ac97427342bc35f887d86d65a089377e247e60baa55e4e8501e2ada5724"
	  "ac51d6909008033ebc10ac999b9d7f5cc2519f3fe1ea1d9475",
	  "d28444a1013823a104581e62696c626f2e62616767696e7340686f626269746f6e2e6578"
	  "616d706c6554546869732069732074686520636f6e74656e742e5884000f348009badc7d"
	  "a478150aa7fa06dfd812cdf826344f17c7330563573d8f97f7a966924c3d88b108907235"
	  "476e3f6bea9f3890027792b0f94e905c217227cf064e00a6bc6a5187d0df9b1db7675aec"
	  "fc678ce4692a8121eb8170f3592a859d518fd3b823091aab22e6c41eb97ed92127ce8c46"
	  "dcc715a247cb78921fad1e19133afc30" },
};

static EVP_PKEY *read_key(const struct example *example)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	uint8_t point[MESSAGE_MAX];
	EVP_PKEY *key = NULL;
	size_t len;

	assert_int_equal(hex_decode(example->point, point, sizeof(point), &len), 0);
	assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
	assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM[]){
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)example->group,
				       strlen(example->group)),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, len),
		OSSL_PARAM_END }), 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

static bool is_good(const struct cose_sign1 *message, EVP_PKEY *key, const EVP_MD *md)
{
	bool good;

	assert_int_equal(cose_sign1_verify(message, key, md, &good), 0);
	return good;
}

static void check_example(const struct example *example)
{
	EVP_PKEY *key = read_key(example);
	const EVP_MD *md = example->md();
	struct cose_sign1 message;
	uint8_t bytes[MESSAGE_MAX];
	size_t len;

	assert_int_equal(hex_decode(example->message, bytes, sizeof(bytes), &len), 0);
	assert_null(cose_sign1_decode(bytes, len, &message));
	assert_true(message.tagged);
	assert_int_equal(message.unprotected, 1);
	assert_int_equal(message.algorithm, example->algorithm);
	assert_int_equal(message.payload.len, strlen(CONTENT));
	assert_memory_equal(message.payload.data, CONTENT, strlen(CONTENT));
	assert_true(is_good(&message, key, md));
	assert_false(is_good(&message, key, md == EVP_sha384() ? EVP_sha256() : EVP_sha384()));

	message.signature.len--;
	assert_false(is_good(&message, key, md));
	message.signature.len++;
	message.protected.len--;
	assert_false(is_good(&message, key, md));
	message.protected.len++;
	/* Flip bits of header, payload and signature, not of the heads between them. */
	for (size_t i = 0; i < len; i++) {
		const uint8_t *at = bytes + i;

		if ((at < message.protected.data ||
		     at >= message.protected.data + message.protected.len) &&
		    (at < message.payload.data ||
		     at >= message.payload.data + message.payload.len) &&
		    at < message.signature.data)
			continue;
		bytes[i] ^= 1;
		assert_false(is_good(&message, key, md));
		bytes[i] ^= 1;
	}
	assert_true(is_good(&message, key, md));
	/* Numbers that do not occur in a signature. */
	memset(bytes + len - message.signature.len, 0, message.signature.len);
	assert_false(is_good(&message, key, md));
	memset(bytes + len - message.signature.len, 0xff, message.signature.len);
	assert_false(is_good(&message, key, md));
	EVP_PKEY_free(key);
}

static void test_published(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		check_example(&examples[i]);
}

/* Sign, decode and verify a message; the heads are those of EC2. */
static void check_curve(const char *curve, const char *head, const char *signature_head)
{
	struct cose_sign1 message = { .payload = { (const uint8_t *)CONTENT, strlen(CONTENT) } };
	EVP_PKEY *key = EVP_EC_gen(curve), *other = EVP_EC_gen(curve);
	const struct cose_algorithm *algorithm = cose_algorithm_of(key);
	uint8_t bytes[MESSAGE_MAX];
	struct cose_signer *signer;
	struct cose_sign1 read;
	size_t len;

	assert_non_null(algorithm);
	message.algorithm = algorithm->number;
	assert_int_equal(cose_signer_create(key, algorithm->md(), &signer), 0);
	assert_int_equal(cose_sign1_encode(&message, signer, bytes, sizeof(bytes), &len), 0);
	assert_memory_equal(bytes, head, strlen(head));
	assert_memory_equal(bytes + len - cose_signer_size(signer) - 2, signature_head, 2);
	assert_null(cose_sign1_decode(bytes, len, &read));
	assert_int_equal(read.algorithm, algorithm->number);
	assert_false(read.tagged);
	assert_int_equal(read.unprotected, 0);
	assert_true(is_good(&read, key, algorithm->md()));
	assert_false(is_good(&read, other, algorithm->md()));

	/* One byte too little room is an error. */
	assert_int_equal(cose_sign1_encode(&message, signer, bytes, len - 1, &len), -EMSGSIZE);
	message.tagged = true;
	assert_int_equal(cose_sign1_encode(&message, signer, bytes, sizeof(bytes), &len), 0);
	assert_int_equal(bytes[0], 0xd2);
	assert_memory_equal(bytes + 1, head, strlen(head));
	cose_signer_destroy(signer);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

static void test_curves(void **state)
{
	(void)state;
	check_curve("P-256", "\x84\x43\xa1\x01\x26\xa0\x54" CONTENT, "\x58\x40");
	check_curve("P-384", "\x84\x44\xa1\x01\x38\x22\xa0\x54" CONTENT, "\x58\x60");
	check_curve("P-521", "\x84\x44\xa1\x01\x38\x23\xa0\x54" CONTENT, "\x58\x84");
}

static void test_other_keys(void **state)
{
	const uint8_t byte = 0;
	const struct nsm_bytes piece = { &byte, 1 };
	EVP_PKEY *keys[] = { NULL, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
			     EVP_EC_gen("sect571r1") };
	struct cose_signer *signer;
	bool good;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		assert_null(cose_algorithm_of(keys[i]));
		assert_int_equal(cose_signer_create(keys[i], EVP_sha384(), &signer), -EBADMSG);
		assert_int_equal(cose_ecdsa_verify(keys[i], EVP_sha384(), &piece, 1, &piece,
						   &good), 0);
		assert_false(good);
		EVP_PKEY_free(keys[i]);
	}
}

static void test_malformed(void **state)
{
	static const char *const messages[] = {
		"", "84", "8340a040", "8440a04041", "d1844040a04040", "d2d28440a04040",
		"9f40a04040ff",		/* array without a length */
		"8440a0404000",		/* trailing byte */
		"845f40ffa04040",	/* string in chunks */
		"8440804040", "8440bf4040", "8440a140", "8440a0a040", "8440a040f6", "84f6a04040",
		"8440a05b7fffffffffffffff",
	};
	struct cose_sign1 message;
	uint8_t bytes[MESSAGE_MAX];
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		uint8_t *exact;

		assert_int_equal(hex_decode(messages[i], bytes, sizeof(bytes), &len), 0);
		exact = malloc(len ? len : 1);
		memcpy(exact, bytes, len);
		if (!cose_sign1_decode(exact, len, &message))
			fail_msg("taken: %s", messages[i]);
		free(exact);
	}
	/* Longer heads encode the same header, but a header with more than {1: n} is refused. */
	assert_int_equal(hex_decode("8446a11801190022bfffa04040", bytes, sizeof(bytes), &len), 0);
	assert_non_null(cose_sign1_decode(bytes, len, &message));
	assert_int_equal(hex_decode("8446a11801390022bfff4040", bytes, sizeof(bytes), &len), 0);
	assert_null(cose_sign1_decode(bytes, len, &message));
	assert_int_equal(message.algorithm, COSE_ALG_ES384);
	assert_int_not_equal(message.unprotected, 0);
	assert_int_equal(hex_decode("8445a1013822f6a04040", bytes, sizeof(bytes), &len), 0);
	assert_null(cose_sign1_decode(bytes, len, &message));
	assert_int_equal(message.algorithm, COSE_ALG_OTHER);
}

#ifdef OSSL_SIGNATURE_PARAM_NONCE_TYPE
/* RFC 6979, A.2.6: SHA-384 of "sample", signed by a key on P-384. */
static void test_deterministic(void **state)
{
	static const char private_hex[] =
		"6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8"
		"96d5724e4c70a825f872c9ea60d2edf5";
	static const char signature_hex[] =
		"94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c"
		"81a648152e44acf96e36dd1e80fabe46"
		"99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94f"
		"a329c145786e679e7b82c71a38628ac8";
	const struct nsm_bytes sample = { (const uint8_t *)"sample", 6 };
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	uint8_t expected[COSE_SIGNATURE_MAX], signature[COSE_SIGNATURE_MAX];
	BIGNUM *number = NULL;
	struct cose_signer *signer;
	EVP_PKEY *key = NULL;
	uint8_t native[48];
	size_t len;

	(void)state;
	assert_int_equal(hex_decode(signature_hex, expected, sizeof(expected), &len), 0);
	assert_int_equal(BN_hex2bn(&number, private_hex), 2 * sizeof(native));
	assert_int_equal(BN_bn2nativepad(number, native, sizeof(native)), sizeof(native));
	assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
	assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, (OSSL_PARAM[]){
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, "secp384r1", 9),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, sizeof(native)),
		OSSL_PARAM_END }), 1);
	assert_int_equal(cose_signer_create(key, EVP_sha384(), &signer), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cose_signer_sign(signer, &sample, 1, signature), 0);
		assert_memory_equal(signature, expected, len);
	}
	cose_signer_destroy(signer);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
	BN_free(number);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_curves),
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_malformed),
#ifdef OSSL_SIGNATURE_PARAM_NONCE_TYPE
		cmocka_unit_test(test_deterministic),
#endif
	};

	return cmocka_run_group_tests_name("cose", tests, NULL, NULL);
}
