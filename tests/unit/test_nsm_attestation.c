// SPDX-License-Identifier: Apache-2.0
/* Attestation documents: form, content, signature, and deliberate flaws. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/log.h"
#include "nsm_fixture.h"
#include "nsm_key.h"

#include <cbor.h>
#include <errno.h>
#include <openssl/ecdsa.h>

#define ATTEST_PLAIN	"a16b4174746573746174696f6ea369757365725f64617461f6656e6f6e6365f6" \
			"6a7075626c69635f6b6579f6"
#define ATTEST		"a16b4174746573746174696f6e"		/* followed by a map */
#define USER_DATA	"69757365725f64617461"
#define NONCE		"656e6f6e6365"
#define PUBLIC_KEY	"6a7075626c69635f6b6579"
#define LOCK_PCRS_ALL	"a1684c6f636b50435273a16572616e67651820"
#define INTERNAL	"a1654572726f726d496e7465726e616c4572726f72"
#define TOO_LARGE	"a1654572726f726d496e707574546f6f4c61726765"
#define TOO_SMALL	"a1654572726f726e427566666572546f6f536d616c6c"

#define NOW_MS		1767443402000ULL	/* 2026-01-03, the time of a real document */

/* Head of the response: {"Attestation": {"document": bytes of two-byte length}}. */
#define RESPONSE_HEAD	(1 + 12 + 1 + 9 + 3)

/**
 * struct attested - a module with a key
 * @doc: the last document, in the last response
 * @outer: the same, decoded; @payload: what it signs, decoded
 */
struct attested {
	struct fixture *f;
	struct test_key key;
	const uint8_t *doc;
	size_t doc_len;
	cbor_item_t *outer;
	cbor_item_t *payload;
};

/* Random bytes: the module does not parse certificates. */
static uint8_t certificates[5][700];

static void set_identity(struct attested *a)
{
	struct nsm_identity identity = {
		.key = { a->key.der, a->key.der_len },
		.certificate = { certificates[4], 640 },
		.nr_cas = 4,
		.not_after = NOW_MS / 1000 + 3600,
	};

	for (int i = 0; i < 4; i++)
		identity.cas[i] = (struct nsm_bytes){ certificates[i], 530 + i };
	assert_int_equal(nsm_set_identity(a->f->nsm, &identity), 0);
}

static int setup(void **state)
{
	struct attested *a = calloc(1, sizeof(*a));
	struct nsm_measurements measured;

	for (int i = 0; i < 5; i++)
		memset(certificates[i], 0xc0 + i, sizeof(certificates[i]));
	assert_int_equal(fixture_setup((void **)&a->f), 0);
	a->f->now_ms = NOW_MS;
	memset(measured.pcr0, 0x10, sizeof(measured.pcr0));
	memset(measured.pcr1, 0x11, sizeof(measured.pcr1));
	memset(measured.pcr2, 0x12, sizeof(measured.pcr2));
	memset(measured.pcr8, 0x18, sizeof(measured.pcr8));
	nsm_start(a->f->nsm, &measured);
	test_key_create(&a->key, "P-384");
	set_identity(a);
	*state = a;
	return 0;
}

static void forget(struct attested *a)
{
	if (a->outer)
		cbor_decref(&a->outer);
	if (a->payload)
		cbor_decref(&a->payload);
}

static int teardown(void **state)
{
	struct attested *a = *state;

	forget(a);
	test_key_free(&a->key);
	fixture_teardown((void **)&a->f);
	free(a);
	return 0;
}

/* Decode the document of the last response, which must end with it. */
static void take_document(struct attested *a)
{
	static const char head[] = "\xa1\x6b" "Attestation" "\xa1\x68" "document" "\x59";
	const struct fixture *f = a->f;

	assert_true(f->len > RESPONSE_HEAD);
	assert_memory_equal(f->rsp, head, sizeof(head) - 1);
	a->doc = f->rsp + RESPONSE_HEAD;
	a->doc_len = f->rsp[RESPONSE_HEAD - 2] << 8 | f->rsp[RESPONSE_HEAD - 1];
	assert_int_equal(f->len, RESPONSE_HEAD + a->doc_len);
}

static cbor_item_t *load(const uint8_t *data, size_t len)
{
	struct cbor_load_result result;
	cbor_item_t *item = cbor_load(data, len, &result);

	assert_non_null(item);
	assert_int_equal(result.read, len);
	return item;
}

/* An item of the outer array, borrowed. */
static cbor_item_t *part(const struct attested *a, size_t index)
{
	return cbor_array_handle(a->outer)[index];
}

static void attest(struct attested *a, const char *hex)
{
	forget(a);
	ask(a->f, hex);
	take_document(a);
	a->outer = load(a->doc, a->doc_len);
	assert_true(cbor_isa_array(a->outer) && cbor_array_is_definite(a->outer));
	assert_int_equal(cbor_array_size(a->outer), 4);
	a->payload = load(cbor_bytestring_handle(part(a, 2)), cbor_bytestring_length(part(a, 2)));
}

/* Verify according to RFC 9052, 4.4. */
static bool signature_holds(const struct attested *a)
{
	uint8_t structure[NSM_RESPONSE_MAX] = "\x84\x6aSignature1";
	size_t at = 12, len = cbor_bytestring_length(part(a, 2));
	const uint8_t *raw = cbor_bytestring_handle(part(a, 3));
	ECDSA_SIG *sig = ECDSA_SIG_new();
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t *der = NULL;
	int der_len, good;

	structure[at++] = 0x40 | cbor_bytestring_length(part(a, 0));
	memcpy(structure + at, cbor_bytestring_handle(part(a, 0)),
	       cbor_bytestring_length(part(a, 0)));
	at += cbor_bytestring_length(part(a, 0));
	structure[at++] = 0x40;
	structure[at++] = 0x59;
	structure[at++] = len >> 8;
	structure[at++] = len;
	memcpy(structure + at, cbor_bytestring_handle(part(a, 2)), len);

	assert_int_equal(cbor_bytestring_length(part(a, 3)), 96);
	ECDSA_SIG_set0(sig, BN_bin2bn(raw, 48, NULL), BN_bin2bn(raw + 48, 48, NULL));
	der_len = i2d_ECDSA_SIG(sig, &der);
	EVP_DigestVerifyInit(md, NULL, EVP_sha384(), NULL, a->key.key);
	good = EVP_DigestVerify(md, der, der_len, structure, at + len);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(md);
	return good == 1;
}

static bool is_key(const cbor_item_t *item, const char *name)
{
	return cbor_isa_string(item) && cbor_string_length(item) == strlen(name) &&
	       !memcmp(cbor_string_handle(item), name, strlen(name));
}

/* The value of a field of the payload; NULL if it is missing. */
static cbor_item_t *field(const struct attested *a, const char *name)
{
	for (size_t i = 0; i < cbor_map_size(a->payload); i++)
		if (is_key(cbor_map_handle(a->payload)[i].key, name))
			return cbor_map_handle(a->payload)[i].value;
	return NULL;
}

static void assert_bytes(const cbor_item_t *item, const void *expected, size_t len)
{
	assert_true(cbor_isa_bytestring(item) && cbor_bytestring_is_definite(item));
	assert_int_equal(cbor_bytestring_length(item), len);
	assert_memory_equal(cbor_bytestring_handle(item), expected, len);
}

static void assert_text(const cbor_item_t *item, const char *expected)
{
	assert_true(is_key(item, expected));
}

static const char *const names[] = {
	"module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle", "public_key",
	"user_data", "nonce",
};

static void test_form(void **state)
{
	struct attested *a = *state;
	size_t payload_len;

	attest(a, ATTEST_PLAIN);
	assert_memory_equal(a->doc, "\x84\x44\xa1\x01\x38\x22\xa0\x59", 8);
	payload_len = a->doc[8] << 8 | a->doc[9];
	assert_int_equal(a->doc_len, 10 + payload_len + 98);
	assert_int_equal(a->doc[10], 0xbf);
	assert_int_equal(a->doc[10 + payload_len - 1], 0xff);
	assert_int_equal(a->doc[10 + payload_len - 2], 0xf6);
	assert_memory_equal(a->doc + 10 + payload_len, "\x58\x60", 2);
	/* Some verifiers have these offsets built in. */
	assert_memory_equal(a->doc + 11, "\x69" "module_id" "\x78\x27" MODULE_ID, 51);
	assert_int_equal(a->doc[86], 0x1b);
	assert_true(signature_holds(a));

	nsm_configure(a->f->nsm, &(struct nsm_settings){ .definite_map = true });
	attest(a, ATTEST_PLAIN);
	assert_int_equal(a->doc[8] << 8 | a->doc[9], payload_len - 1);
	assert_int_equal(a->doc[10], 0xa9);
	assert_int_equal(a->doc[10 + payload_len - 2], 0xf6);
	assert_true(signature_holds(a));
}

static void test_content(void **state)
{
	struct attested *a = *state;
	cbor_item_t *pcrs, *cabundle;

	attest(a, ATTEST_PLAIN);
	assert_false(cbor_map_is_definite(a->payload));
	assert_int_equal(cbor_map_size(a->payload), 9);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_text(cbor_map_handle(a->payload)[i].key, names[i]);
	assert_text(field(a, "module_id"), MODULE_ID);
	assert_text(field(a, "digest"), "SHA384");
	assert_int_equal(cbor_int_get_width(field(a, "timestamp")), CBOR_INT_64);
	assert_int_equal(cbor_get_int(field(a, "timestamp")), NOW_MS);
	assert_bytes(field(a, "certificate"), certificates[4], 640);

	pcrs = field(a, "pcrs");
	assert_true(cbor_map_is_definite(pcrs));
	assert_int_equal(cbor_map_size(pcrs), 16);
	for (size_t i = 0; i < 16; i++) {
		uint8_t expected[48] = { 0 };

		if (i <= 2 || i == 8)
			memset(expected, 0x10 + i, sizeof(expected));
		assert_int_equal(cbor_int_get_width(cbor_map_handle(pcrs)[i].key), CBOR_INT_8);
		assert_int_equal(cbor_get_int(cbor_map_handle(pcrs)[i].key), i);
		assert_bytes(cbor_map_handle(pcrs)[i].value, expected, 48);
	}

	cabundle = field(a, "cabundle");
	assert_true(cbor_array_is_definite(cabundle));
	assert_int_equal(cbor_array_size(cabundle), 4);
	for (size_t i = 0; i < 4; i++)
		assert_bytes(cbor_array_handle(cabundle)[i], certificates[i], 530 + i);
	assert_true(cbor_is_null(field(a, "public_key")));
	assert_true(cbor_is_null(field(a, "user_data")));
	assert_true(cbor_is_null(field(a, "nonce")));
}

static void test_user_fields(void **state)
{
	struct attested *a = *state;

	attest(a, ATTEST "a3" USER_DATA "4568656c6c6f" NONCE "420102" PUBLIC_KEY "43aabbcc");
	assert_bytes(field(a, "user_data"), "hello", 5);
	assert_bytes(field(a, "nonce"), "\x01\x02", 2);
	assert_bytes(field(a, "public_key"), "\xaa\xbb\xcc", 3);
	assert_true(signature_holds(a));
	/* Empty is not null. */
	attest(a, ATTEST "a1" USER_DATA "40");
	assert_bytes(field(a, "user_data"), "", 0);
	assert_true(cbor_is_null(field(a, "nonce")));
	attest(a, ATTEST "a0");
	assert_true(cbor_is_null(field(a, "user_data")));
}

/* Make a request with fields of these sizes, all of bytes 0x61. */
static size_t make_request(uint8_t *req, size_t user_data, size_t nonce, size_t public_key)
{
	const struct {
		const char *name;
		size_t len;
	} fields[] = {
		{ USER_DATA, user_data }, { NONCE, nonce }, { PUBLIC_KEY, public_key },
	};
	size_t at = from_hex(ATTEST "a3", req, NSM_REQUEST_MAX);

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		at += from_hex(fields[i].name, req + at, NSM_REQUEST_MAX - at);
		req[at++] = 0x59;
		req[at++] = fields[i].len >> 8;
		req[at++] = fields[i].len;
		assert_true(at + fields[i].len <= NSM_REQUEST_MAX);
		memset(req + at, 0x61, fields[i].len);
		at += fields[i].len;
	}
	return at;
}

static void test_sizes(void **state)
{
	static const size_t sizes[][3] = {
		{ 1024, 1024, 1024 }, { 1025, 0, 0 }, { 0, 1025, 0 }, { 0, 0, 1025 },
		{ 0, 4000, 0 },
	};
	struct attested *a = *state;
	uint8_t req[NSM_REQUEST_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t len = make_request(req, sizes[i][0], sizes[i][1], sizes[i][2]);

		ask_bytes(a->f, req, len);
		take_document(a);
		assert_true(a->doc_len > 4000 + sizes[i][0] + sizes[i][1] + sizes[i][2] - 600);
	}
}

static void test_strict_limits(void **state)
{
	static const struct {
		size_t sizes[3];
		bool good;
	} cases[] = {
		{ { 512, 512, 1024 }, true }, { { 513, 0, 0 }, false }, { { 0, 513, 0 }, false },
		{ { 0, 0, 1025 }, false },
	};
	struct attested *a = *state;
	uint8_t req[NSM_REQUEST_MAX], expected[64];
	size_t expected_len = from_hex(TOO_LARGE, expected, sizeof(expected));

	nsm_configure(a->f->nsm, &(struct nsm_settings){ .strict_limits = true });
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const size_t *s = cases[i].sizes;

		ask_bytes(a->f, req, make_request(req, s[0], s[1], s[2]));
		if (cases[i].good)
			take_document(a);
		else
			assert_response(a->f, expected, expected_len);
	}
}

/* A request of 4096 bytes and all registers: the largest possible document. */
static void test_largest(void **state)
{
	struct attested *a = *state;
	uint8_t req[NSM_REQUEST_MAX];
	size_t at = from_hex(ATTEST "a3" USER_DATA "590fd2", req, sizeof(req));

	memset(req + at, 0x62, 4050);
	at += 4050;
	at += from_hex(NONCE "f6" PUBLIC_KEY "f6", req + at, sizeof(req) - at);
	assert_int_equal(at, NSM_REQUEST_MAX);
	ask(a->f, LOCK_PCRS_ALL);
	ask_bytes(a->f, req, at);
	take_document(a);
	assert_true(a->f->len <= NSM_RESPONSE_MAX);
	a->outer = load(a->doc, a->doc_len);
	a->payload = load(cbor_bytestring_handle(part(a, 2)), cbor_bytestring_length(part(a, 2)));
	assert_int_equal(cbor_map_size(field(a, "pcrs")), 32);
	assert_true(signature_holds(a));
}

/* Documents contain PCR 16 after it is locked, not after it is extended. */
static void test_locked_only(void **state)
{
	struct attested *a = *state;
	cbor_item_t *pcrs;

	ask(a->f, "a169457874656e64504352a265696e64657810646461746143010203");
	attest(a, ATTEST_PLAIN);
	assert_int_equal(cbor_map_size(field(a, "pcrs")), 16);
	ask(a->f, "a1674c6f636b504352a165696e64657810");
	attest(a, ATTEST_PLAIN);
	pcrs = field(a, "pcrs");
	assert_int_equal(cbor_map_size(pcrs), 17);
	assert_int_equal(cbor_get_int(cbor_map_handle(pcrs)[16].key), 16);
	assert_memory_equal(cbor_bytestring_handle(cbor_map_handle(pcrs)[16].value),
			    "\xcb\x17\x8f\xcd\x3f\x32\x82\x44", 8);
	ask(a->f, "a1684c6f636b50435273a16572616e676514");
	attest(a, ATTEST_PLAIN);
	assert_int_equal(cbor_map_size(field(a, "pcrs")), 20);
	ask(a->f, LOCK_PCRS_ALL);
	attest(a, ATTEST_PLAIN);
	pcrs = field(a, "pcrs");
	assert_int_equal(cbor_map_size(pcrs), 32);
	for (size_t i = 0; i < 32; i++)
		assert_int_equal(cbor_get_int(cbor_map_handle(pcrs)[i].key), i);
}

static void test_fixed_clock(void **state)
{
	struct attested *a = *state;

	nsm_configure(a->f->nsm, &(struct nsm_settings){ .clock_ms = 1600000000123 });
	attest(a, ATTEST_PLAIN);
	assert_int_equal(cbor_get_int(field(a, "timestamp")), 1600000000123);
	nsm_configure(a->f->nsm, &(struct nsm_settings){ 0 });
	a->f->now_ms += 5;
	attest(a, ATTEST_PLAIN);
	assert_int_equal(cbor_get_int(field(a, "timestamp")), NOW_MS + 5);
}

static void test_no_identity(void **state)
{
	struct fixture *f;

	(void)state;
	assert_int_equal(fixture_setup((void **)&f), 0);
	assert_answer(f, ATTEST_PLAIN, INTERNAL);
	fixture_teardown((void **)&f);
}

/* A new key and certificate apply from the next request on; invalid ones never do. */
static void test_renewal(void **state)
{
	struct nsm_identity bad = {
		.key = { (const uint8_t *)"no key", 6 }, .certificate = { certificates[0], 1 },
	};
	struct attested *a = *state;
	struct test_key old = a->key;
	uint8_t longer[500] = {};

	attest(a, ATTEST_PLAIN);
	assert_true(signature_holds(a));
	test_key_create(&a->key, "P-384");
	certificates[4][0] = 1;
	set_identity(a);
	attest(a, ATTEST_PLAIN);
	assert_bytes(field(a, "certificate"), certificates[4], 640);
	assert_true(signature_holds(a));
	test_key_free(&old);

	assert_int_equal(nsm_set_identity(a->f->nsm, &bad), -EBADMSG);
	/* A key with a trailing byte. */
	memcpy(longer, a->key.der, a->key.der_len);
	bad.key = (struct nsm_bytes){ longer, a->key.der_len + 1 };
	assert_int_equal(nsm_set_identity(a->f->nsm, &bad), -EBADMSG);
	attest(a, ATTEST_PLAIN);
	assert_true(signature_holds(a));
	bad.key.len--;
	assert_int_equal(nsm_set_identity(a->f->nsm, &bad), 0);
}

/* As on EC2, an expired certificate is used; the verifier decides. */
static void test_expired(void **state)
{
	struct attested *a = *state;

	a->f->now_ms = NOW_MS + 7200000;
	attest(a, ATTEST_PLAIN);
	assert_true(signature_holds(a));
	attest(a, ATTEST_PLAIN);
	assert_true(signature_holds(a));
}

/* Other curves are for certificates that verifiers must refuse. */
static void test_other_curves(void **state)
{
	static const struct {
		const char *curve;
		size_t size;
	} curves[] = { { "P-256", 64 }, { "P-521", 132 } };
	struct attested *a = *state;

	for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
		test_key_free(&a->key);
		test_key_create(&a->key, curves[i].curve);
		set_identity(a);
		attest(a, ATTEST_PLAIN);
		assert_int_equal(cbor_bytestring_length(part(a, 3)), curves[i].size);
	}
}

/* Some signatures have a short r or s, which must be padded. */
static void test_many_documents(void **state)
{
	struct attested *a = *state;
	int short_ones = 0;

	/* Signatures are deterministic, so each document must differ. */
	for (int i = 0; i < 10000; i++, a->f->now_ms++) {
		ask(a->f, ATTEST_PLAIN);
		take_document(a);
		assert_memory_equal(a->doc + a->doc_len - 98, "\x58\x60", 2);
		if (a->doc[a->doc_len - 96] && a->doc[a->doc_len - 48])
			continue;
		short_ones++;
		attest(a, ATTEST_PLAIN);
		assert_true(signature_holds(a));
	}
	assert_true(short_ones > 0);
}

static void attest_with(struct attested *a, enum nsm_flaw flaw)
{
	nsm_configure(a->f->nsm, &(struct nsm_settings){ .flaws = NSM_FLAW_BIT(flaw) });
	attest(a, ATTEST_PLAIN);
}

/* The flaws are signed, so that only a check of the content finds them. */
static void test_flaws_of_content(void **state)
{
	struct attested *a = *state;
	static const uint8_t zeros[48];
	const cbor_item_t *pcrs;

	attest_with(a, NSM_FLAW_STALE);
	assert_int_equal(cbor_get_int(field(a, "timestamp")), NOW_MS - 86400000);
	attest_with(a, NSM_FLAW_FUTURE);
	assert_int_equal(cbor_get_int(field(a, "timestamp")), NOW_MS + 86400000);
	attest_with(a, NSM_FLAW_TIME_ZERO);
	assert_int_equal(cbor_get_int(field(a, "timestamp")), 0);
	attest_with(a, NSM_FLAW_MODULE_ID_EMPTY);
	assert_text(field(a, "module_id"), "");
	attest_with(a, NSM_FLAW_DIGEST);
	assert_text(field(a, "digest"), "SHA512");
	attest_with(a, NSM_FLAW_PCRS_EMPTY);
	assert_int_equal(cbor_map_size(field(a, "pcrs")), 0);
	attest_with(a, NSM_FLAW_PCRS_33);
	pcrs = field(a, "pcrs");
	assert_int_equal(cbor_map_size(pcrs), 33);
	assert_int_equal(cbor_get_int(cbor_map_handle(pcrs)[32].key), 32);
	attest_with(a, NSM_FLAW_PCR_INDEX);
	pcrs = field(a, "pcrs");
	assert_int_equal(cbor_map_size(pcrs), 16);
	assert_int_equal(cbor_get_int(cbor_map_handle(pcrs)[15].key), 32);
	attest_with(a, NSM_FLAW_PCR_SIZE);
	assert_int_equal(cbor_bytestring_length(cbor_map_handle(field(a, "pcrs"))[15].value), 47);
	attest_with(a, NSM_FLAW_PCRS_ZERO);
	for (int i = 0; i < 3; i++)
		assert_bytes(cbor_map_handle(field(a, "pcrs"))[i].value, zeros, 48);
	attest_with(a, NSM_FLAW_PCR0);
	assert_memory_equal(cbor_bytestring_handle(cbor_map_handle(field(a, "pcrs"))[0].value),
			    "\x11\x10\x10", 3);
	attest_with(a, NSM_FLAW_CABUNDLE_EMPTY);
	assert_int_equal(cbor_array_size(field(a, "cabundle")), 0);
	attest_with(a, NSM_FLAW_CABUNDLE_ENTRY);
	assert_int_equal(cbor_bytestring_length(cbor_array_handle(field(a, "cabundle"))[3]), 1025);
	attest_with(a, NSM_FLAW_NONCE);
	assert_bytes(field(a, "nonce"), "\1\0\0\0\0\0\0", 8);
	attest(a, ATTEST "a1" NONCE "420102");
	assert_bytes(field(a, "nonce"), "\0\2", 2);
	assert_true(signature_holds(a));
}

static void test_flaws_of_fields(void **state)
{
	struct attested *a = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		attest_with(a, NSM_FLAW_NO_MODULE_ID + i);
		assert_int_equal(cbor_map_size(a->payload), 8);
		assert_null(field(a, names[i]));
		assert_true(signature_holds(a));
	}
	attest_with(a, NSM_FLAW_KEY_ORDER);
	assert_int_equal(cbor_map_size(a->payload), 9);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_text(cbor_map_handle(a->payload)[8 - i].key, names[i]);
	assert_true(signature_holds(a));
	attest_with(a, NSM_FLAW_DUPLICATE);
	assert_int_equal(cbor_map_size(a->payload), 10);
	assert_text(cbor_map_handle(a->payload)[9].key, "nonce");
	assert_true(signature_holds(a));
	attest_with(a, NSM_FLAW_OVERSIZED);
	assert_int_equal(cbor_bytestring_length(field(a, "padding")), 4096);
	assert_true(signature_holds(a));
}

static void test_flaws_of_signature(void **state)
{
	struct attested *a = *state;

	attest_with(a, NSM_FLAW_SIGNATURE);
	assert_false(signature_holds(a));
	/* The payload is still well-formed. */
	attest_with(a, NSM_FLAW_PAYLOAD);
	assert_int_equal(cbor_map_size(a->payload), 9);
	assert_bytes(field(a, "certificate"), certificates[4], 640);
	assert_false(signature_holds(a));
	attest_with(a, NSM_FLAW_ALGORITHM);
	assert_bytes(part(a, 0), "\xa1\x01\x26", 3);
	assert_true(signature_holds(a));

	nsm_configure(a->f->nsm, &(struct nsm_settings){
		.flaws = NSM_FLAW_BIT(NSM_FLAW_TAGGED) });
	ask(a->f, ATTEST_PLAIN);
	take_document(a);
	assert_memory_equal(a->doc, "\xd2\x84\x44", 3);
	nsm_configure(a->f->nsm, &(struct nsm_settings){
		.flaws = NSM_FLAW_BIT(NSM_FLAW_TRAILING) });
	ask(a->f, ATTEST_PLAIN);
	take_document(a);
	assert_int_equal(a->doc[a->doc_len - 1], 0);
	assert_memory_equal(a->doc + a->doc_len - 99, "\x58\x60", 2);
	/* Later documents are valid again. */
	nsm_configure(a->f->nsm, &(struct nsm_settings){ 0 });
	attest(a, ATTEST_PLAIN);
	assert_true(signature_holds(a));
}

/* All flaws in a document of maximum size: nothing is written out of bounds. */
static void test_all_flaws(void **state)
{
	struct attested *a = *state;
	uint8_t req[NSM_REQUEST_MAX];

	ask(a->f, LOCK_PCRS_ALL);
	for (unsigned int i = 0; i < NR_NSM_FLAWS; i++) {
		nsm_configure(a->f->nsm, &(struct nsm_settings){
			.flaws = (NSM_FLAW_BIT(NR_NSM_FLAWS) - 1) & ~NSM_FLAW_BIT(i) });
		for (size_t len = 0; len <= 4000; len += 1000) {
			ask_bytes(a->f, req, make_request(req, len, 0, 0));
			assert_true(a->f->len > 20);
		}
	}
}

static void test_response_room(void **state)
{
	struct attested *a = *state;
	uint8_t req[100], expected[64];
	size_t len = from_hex(ATTEST_PLAIN, req, sizeof(req));
	size_t expected_len = from_hex(TOO_SMALL, expected, sizeof(expected));
	size_t need;

	ask(a->f, ATTEST_PLAIN);
	need = a->f->len;
	assert_int_equal(nsm_request(a->f->nsm, req, len, a->f->rsp, need), need);
	assert_int_equal(nsm_request(a->f->nsm, req, len, a->f->rsp, need - 1), expected_len);
	assert_memory_equal(a->f->rsp, expected, expected_len);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_form),
		T(test_content),
		T(test_user_fields),
		T(test_sizes),
		T(test_strict_limits),
		T(test_largest),
		T(test_locked_only),
		T(test_fixed_clock),
		T(test_no_identity),
		T(test_renewal),
		T(test_expired),
		T(test_other_curves),
		T(test_many_documents),
		T(test_flaws_of_content),
		T(test_flaws_of_fields),
		T(test_flaws_of_signature),
		T(test_all_flaws),
		T(test_response_room),
	};

	log_init(LOG_ERR, NULL);	/* the tests provoke warnings */
	return cmocka_run_group_tests_name("nsm_attestation", tests, NULL, NULL);
}
