// SPDX-License-Identifier: Apache-2.0
/* Documents and certificates beyond the flaws of the lab: bounds, duplicates, chains. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "attest/chain.h"
#include "common/util.h"
#include "hand_document.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

static const uint8_t pcr[48];

/* The last document, in memory of its exact size so that the sanitizer finds over-reads. */
static uint8_t *document_bytes;

static int teardown(void **state)
{
	free(document_bytes);
	document_bytes = NULL;
	return 0;
}

/* @text is the expected error; NULL: the document is well-formed. */
static void assert_parsed(struct hand_document *hand, struct attest_document *ret,
			  const char *text)
{
	struct error error = {};

	hand_end(hand);
	document_bytes = realloc(document_bytes, hand->len);
	memcpy(document_bytes, hand->bytes, hand->len);
	if (attest_parse(document_bytes, hand->len, ret, &error) != (text ? -EBADMSG : 0))
		fail_msg("\"%s\", expected %s", error.text, text ?: "none");
	if (text)
		assert_string_equal(error.text, text);
}

static void test_counts(void **state)
{
	struct hand_document hand;
	struct attest_document document;

	for (size_t count = ATTEST_PCRS_MAX; count <= ATTEST_PCRS_MAX + 1; count++) {
		hand_begin(&hand, 1);
		emu_cbor_put_text(&hand.payload, "pcrs");
		emu_cbor_put_map(&hand.payload, count);
		for (size_t i = 0; i < count; i++) {
			emu_cbor_put_uint(&hand.payload, i);
			emu_cbor_put_data(&hand.payload, pcr, sizeof(pcr));
		}
		assert_parsed(&hand, &document, count > ATTEST_PCRS_MAX ? "more than 64 PCRs" :
			      NULL);
		assert_int_equal(document.nr_pcrs, ATTEST_PCRS_MAX);
	}
	for (size_t count = ATTEST_CAS_MAX; count <= ATTEST_CAS_MAX + 1; count++) {
		hand_begin(&hand, 1);
		emu_cbor_put_text(&hand.payload, "cabundle");
		emu_cbor_put_array(&hand.payload, count);
		for (size_t i = 0; i < count; i++)
			emu_cbor_put_data(&hand.payload, "x", 1);
		assert_parsed(&hand, &document, count > ATTEST_CAS_MAX ?
			      "more than 16 entries in cabundle" : NULL);
		assert_int_equal(document.nr_cabundle, ATTEST_CAS_MAX);
	}
}

/* Put a field; @number makes two of the same kind differ. */
static void put_field(struct emu_cbor_writer *writer, enum attest_field field, int number)
{
	emu_cbor_put_text(writer, attest_field_name(field));
	switch (field) {
	case ATTEST_MODULE_ID:
	case ATTEST_DIGEST:
		emu_cbor_put_text(writer, number ? "two" : "one");
		break;
	case ATTEST_TIMESTAMP:
		emu_cbor_put_uint(writer, number + 1);
		break;
	case ATTEST_PCRS:
		emu_cbor_put_map(writer, 1);
		emu_cbor_put_uint(writer, number);
		emu_cbor_put_data(writer, pcr, sizeof(pcr));
		break;
	case ATTEST_CABUNDLE:
		emu_cbor_put_array(writer, 1);
		emu_cbor_put_data(writer, "x", 1);
		break;
	case ATTEST_CERTIFICATE:
	case ATTEST_PUBLIC_KEY:
	case ATTEST_USER_DATA:
	case ATTEST_NONCE:
		emu_cbor_put_data(writer, number ? "2" : "1", 1);
		break;
	case NR_ATTEST_FIELDS:
		break;
	}
}

static void test_doubles(void **state)
{
	struct hand_document hand;
	struct attest_document document;
	char text[40];

	for (enum attest_field field = 0; field < NR_ATTEST_FIELDS; field++) {
		hand_begin(&hand, 1);
		put_field(&hand.payload, field, 0);
		assert_parsed(&hand, &document, NULL);
		hand_begin(&hand, 2);
		put_field(&hand.payload, field, 0);
		put_field(&hand.payload, field, 1);
		snprintf(text, sizeof(text), "%s occurs twice", attest_field_name(field));
		assert_parsed(&hand, &document, text);
	}
	hand_begin(&hand, 1);
	emu_cbor_put_text(&hand.payload, "pcrs");
	emu_cbor_put_map(&hand.payload, 2);
	for (int i = 0; i < 2; i++) {
		emu_cbor_put_uint(&hand.payload, 7);
		emu_cbor_put_data(&hand.payload, pcr, sizeof(pcr));
	}
	assert_parsed(&hand, &document, "PCR7 occurs twice");
}

static void test_texts(void **state)
{
	static const struct {
		const char *name, *value, *reason;
	} cases[] = {
		{ "module_id", "i-\xc3\xa4", NULL },
		{ "module_id", "i-\xc3", "module_id is not text" },
		{ "digest", "\xff", "digest is not text" },
		{ "\xc3\xa4", "x", NULL },
		{ "\xc3", "x", "the name of a field is not text" },
	};
	struct hand_document hand;
	struct attest_document document;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		hand_begin(&hand, 1);
		emu_cbor_put_text(&hand.payload, cases[i].name);
		emu_cbor_put_text(&hand.payload, cases[i].value);
		assert_parsed(&hand, &document, cases[i].reason);
	}
}

/* Debug mode means that three registers are zero: not only two, and none missing. */
static void test_debug(void **state)
{
	static const uint8_t measured[48] = { [47] = 1 };
	struct hand_document hand;
	struct attest_document document;

	for (int odd = -1; odd < 6; odd++) {
		hand_begin(&hand, 1);
		emu_cbor_put_text(&hand.payload, "pcrs");
		emu_cbor_put_map(&hand.payload, odd < 3 ? 3 : 2);
		for (int i = 0; i < 3; i++) {
			if (i + 3 == odd)
				continue;
			emu_cbor_put_uint(&hand.payload, i);
			emu_cbor_put_data(&hand.payload, i == odd ? measured : pcr, sizeof(pcr));
		}
		assert_parsed(&hand, &document, NULL);
		assert_int_equal(attest_is_debug(&document), odd < 0);
	}
}

/** struct made - a root and a leaf with the same key, and the result of a check */
struct made {
	EVP_PKEY *key;
	struct attest_chain chain;
	struct error error;
};

static X509 *make_cert(EVP_PKEY *key, const char *subject, bool ca, const EVP_MD *md)
{
	X509 *cert = X509_new();
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints,
							ca ? "critical,CA:TRUE" :
							"critical,CA:FALSE");
	X509_NAME *name = X509_NAME_new();

	assert_true(cert && extension && name);
	X509_set_version(cert, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (uint8_t *)"root", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (uint8_t *)subject, -1, -1, 0);
	X509_set_subject_name(cert, strcmp(subject, "root") ? name :
			      X509_get_issuer_name(cert));
	assert_true(X509_add_ext(cert, extension, -1));
	assert_true(X509_sign(cert, key, md));
	X509_EXTENSION_free(extension);
	X509_NAME_free(name);
	return cert;
}

static void make_chain(struct made *made, bool leaf_ca, const EVP_MD *leaf_md)
{
	*made = (struct made){ .key = EVP_EC_gen("P-384"), .chain.count = 2 };
	made->chain.certs[0] = make_cert(made->key, "leaf", leaf_ca, leaf_md);
	made->chain.certs[1] = make_cert(made->key, "root", true, EVP_sha384());
}

static void free_chain(struct made *made)
{
	attest_chain_clear(&made->chain);
	EVP_PKEY_free(made->key);
}

static void test_leaf(void **state)
{
	struct made made;

	make_chain(&made, false, EVP_sha384());
	assert_int_equal(attest_chain_links(&made.chain, &made.error), 0);
	assert_int_equal(attest_chain_constraints(&made.chain, &made.error), 0);
	free_chain(&made);

	make_chain(&made, true, EVP_sha384());
	assert_int_equal(attest_chain_links(&made.chain, &made.error), 0);
	assert_int_equal(attest_chain_constraints(&made.chain, &made.error), -EBADMSG);
	assert_string_equal(made.error.text, "certificate is for a CA");
	free_chain(&made);

	make_chain(&made, false, EVP_sha256());
	assert_int_equal(attest_chain_constraints(&made.chain, &made.error), 0);
	assert_int_equal(attest_chain_links(&made.chain, &made.error), -EBADMSG);
	assert_string_equal(made.error.text, "certificate is not signed with ECDSA and SHA-384");
	free_chain(&made);
}

/* A certificate must not have trailing bytes. */
static void test_trailing(void **state)
{
	struct error error;
	struct attest_document document = {};
	struct attest_chain chain;
	uint8_t der[2000], *at = der;
	struct made made;

	make_chain(&made, false, EVP_sha384());
	document.certificate = (struct nsm_bytes){ der, i2d_X509(made.chain.certs[0], &at) };
	assert_in_range(document.certificate.len, 1, ATTEST_CERT_MAX - 1);
	assert_int_equal(attest_chain_load(&document, &chain, &error), 0);
	attest_chain_clear(&chain);
	*at = 0;
	document.certificate.len++;
	assert_int_equal(attest_chain_load(&document, &chain, &error), -EBADMSG);
	assert_string_equal(error.text, "certificate is not a certificate");
	attest_chain_clear(&chain);
	free_chain(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_counts, teardown),
		cmocka_unit_test_teardown(test_doubles, teardown),
		cmocka_unit_test_teardown(test_texts, teardown),
		cmocka_unit_test_teardown(test_debug, teardown),
		cmocka_unit_test_teardown(test_leaf, teardown),
		cmocka_unit_test_teardown(test_trailing, teardown),
	};

	return cmocka_run_group_tests_name("attest_document", tests, NULL, NULL);
}
