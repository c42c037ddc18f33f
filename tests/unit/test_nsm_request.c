// SPDX-License-Identifier: Apache-2.0
/*
 * Unusual forms of requests that AWS's library decodes, and similar ones that it refuses:
 * what serde_cbor 0.11.2 does with the types of aws-nitro-enclaves-nsm-api.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "nsm_fixture.h"
#include "nsm/request.h"

#include <errno.h>

#define GET_RANDOM	"6947657452616e646f6d"
#define DESCRIBE_PCR	"6b4465736372696265504352"
#define EXTEND_PCR	"69457874656e64504352"
#define ATTESTATION	"6b4174746573746174696f6e"
#define INDEX		"65696e646578"
#define DATA		"6464617461"
#define NONCE		"656e6f6e6365"
#define FOO		"63666f6f"

static int decode(const char *hex, struct nsm_request *request)
{
	uint8_t bytes[NSM_REQUEST_MAX];
	size_t len = from_hex(hex, bytes, sizeof(bytes));
	void *exact = malloc(len ? len : 1);
	int err;

	memcpy(exact, bytes, len);
	err = nsm_request_decode(exact, len, request);
	/* Strings point into the request, so compare them before it is freed. */
	if (!err && request->data.data) {
		assert_true(request->data.len <= sizeof(request->scratch));
		memmove(request->scratch, request->data.data, request->data.len);
	} else if (!err && request->nonce.data) {
		memmove(request->scratch, request->nonce.data, request->nonce.len);
	}
	free(exact);
	return err;
}

static void assert_all_refused(const char *const *requests, size_t count)
{
	struct nsm_request request;

	for (size_t i = 0; i < count; i++) {
		if (decode(requests[i], &request) != -EBADMSG)
			fail_msg("accepted: %s", requests[i]);
	}
}

#define ASSERT_ALL_REFUSED(list)	assert_all_refused(list, ARRAY_SIZE(list))

static void assert_all_operation(const char *const *requests, size_t count,
				 enum nsm_operation operation)
{
	struct nsm_request request;

	for (size_t i = 0; i < count; i++)
		if (decode(requests[i], &request) || request.operation != operation)
			fail_msg("refused or mistaken: %s", requests[i]);
}

static void test_names(void **state)
{
	static const char *const get_random[] = {
		GET_RANDOM,
		"d9d9f7" GET_RANDOM,			/* self-described */
		"4947657452616e646f6d",			/* as bytes */
		"7f63476574" "6652616e646f6dff",	/* in chunks */
		"5f43476574" "4652616e646f6dff",
		"7f60" "69" "47657452616e646f6d" "60ff",
		"06", "1806", "1b0000000000000006",	/* the number of the variant */
		"a1" GET_RANDOM "f6", "a1" GET_RANDOM "f7", "a106f6", "a1" GET_RANDOM "c0f6",
		"82" GET_RANDOM "f6", "9802" GET_RANDOM "f6", "9f" GET_RANDOM "f6ff",
		"a1d2" GET_RANDOM "f6",
		"d2" GET_RANDOM, "c0" GET_RANDOM, "c0d81806", "d9d9f7d9d9f7" GET_RANDOM,
	};
	static const char *const describe_nsm[] = { "04", "780b44657363726962654e534d" };
	static const char *const refused[] = {
		"07", "20", "f4", "81" GET_RANDOM, "9f" GET_RANDOM "ff", "80", "9fff",
		"83" GET_RANDOM "f6f6", "b801" GET_RANDOM "f6", "bf" GET_RANDOM "f6ff",
		"a2" GET_RANDOM "f6" GET_RANDOM "f6", "a1" GET_RANDOM, "a1" GET_RANDOM "00",
		"a1" GET_RANDOM "80", "a1" GET_RANDOM "a0", "a120f6", "a1f5f6",
		DESCRIBE_PCR, "00", "a1" DESCRIBE_PCR "f6",
		"7f63476574" "4652616e646f6dff",	/* chunks of two kinds */
		"7f69" "47657452616e646f6d",		/* chunks without an end */
		"7f7f69" "47657452616e646f6d" "ffff",
		"d2a1" GET_RANDOM "f6", "c082" GET_RANDOM "f6", "d29f" GET_RANDOM "f6ff", "d2",
	};

	(void)state;
	assert_all_operation(get_random, ARRAY_SIZE(get_random), NSM_OP_GET_RANDOM);
	assert_all_operation(describe_nsm, ARRAY_SIZE(describe_nsm), NSM_OP_DESCRIBE_NSM);
	ASSERT_ALL_REFUSED(refused);
}

/* Each of these means DescribePCR with index 5. */
static void test_bodies(void **state)
{
	static const char *const five[] = {
		"a1" DESCRIBE_PCR "a1" INDEX "05",
		"a1" DESCRIBE_PCR "bf" INDEX "05ff",
		"a1" DESCRIBE_PCR "b801" INDEX "05",
		"a1" DESCRIBE_PCR "8105", "a1" DESCRIBE_PCR "9f05ff",
		"82" DESCRIBE_PCR "a1" INDEX "05", "82008105", "9f" DESCRIBE_PCR "8105ff",
		"a100a10005", "a11800a1180005",
		"a1" DESCRIBE_PCR "a145696e64657805",
		"a1" DESCRIBE_PCR "a17f62696e63646578ff05",
		"a1" DESCRIBE_PCR "a1" INDEX "1805", "a1" DESCRIBE_PCR "a1" INDEX "190005",
		"a1" DESCRIBE_PCR "a1" INDEX "1a00000005",
		"a1" DESCRIBE_PCR "a1" INDEX "1b0000000000000005",
		"a1" DESCRIBE_PCR "a1" INDEX "d205", "a1" DESCRIBE_PCR "a1d2" INDEX "05",
		"a1" DESCRIBE_PCR "d2a1" INDEX "05",
	};
	static const char *const refused[] = {
		"a1" DESCRIBE_PCR "a0", "a1" DESCRIBE_PCR "bfff", "a1" DESCRIBE_PCR "80",
		"a1" DESCRIBE_PCR "820501", "a1" DESCRIBE_PCR "9f0501ff",
		"a1" DESCRIBE_PCR "9fff", "a1" DESCRIBE_PCR "05",
		"a1" DESCRIBE_PCR "a2" INDEX "05" INDEX "05", "a1" DESCRIBE_PCR "a2" INDEX "050005",
		"a1" DESCRIBE_PCR "a1" INDEX "f6", "a1" DESCRIBE_PCR "a1" INDEX "4105",
		"a1" DESCRIBE_PCR "bf" INDEX "05", "a1" DESCRIBE_PCR "bf" INDEX "ff",
		"a1" DESCRIBE_PCR "a1" INDEX "d2ff",
	};
	struct nsm_request request;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(five); i++)
		if (decode(five[i], &request) || request.operation != NSM_OP_DESCRIBE_PCR ||
		    request.index != 5)
			fail_msg("refused or mistaken: %s", five[i]);
	ASSERT_ALL_REFUSED(refused);
}

/* Unknown fields with any well-formed value are skipped. */
static void test_unknown_fields(void **state)
{
	static const char *const values[] = {
		"00", "20", "3bffffffffffffffff", "f4", "f6", "f7", "d201", "f90000",
		"fb0000000000000000", "63c3a461", "5f4101ff", "7f6161ff", "80", "a0", "9fff",
		"bfff", "9f0102ff", "bf0102ff", "8182a10102f6", "bf01a10203059f80ffff",
		"7f61c361a4ff", "7f62f09f629880ff",	/* characters split between chunks */
		"9f5f4101ffbf01f6ffff", "c1c2c380",
	};
	static const char *const bad_values[] = {
		"ff", "e0", "f8ff", "1c", "61ff", "62c080", "63eda080", "64f4908080", "62c3",
		"bf01ff", "9f", "81", "a101", "5f6161ff", "7f4101ff", "5f5f4101ffff",
		"7f61c3ff", "7f61c36161ff", "7f61ffff", "9f7f61c3ff61a4ff",
		"9bffffffffffffffff", "bb8000000000000000", "bb7fffffffffffffff",
		"d2", "9fd2ff", "5fc04101ff",
	};
	static const char *const bad_keys[] = { "20", "f6", "f90000", "80", "a0", "61ff", "f4" };
	struct nsm_request request;
	char hex[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		snprintf(hex, sizeof(hex), "a1%sa2%s%s%s05", DESCRIBE_PCR, FOO, values[i], INDEX);
		if (decode(hex, &request) || request.index != 5)
			fail_msg("refused or mistaken: %s", hex);
		snprintf(hex, sizeof(hex), "a1%sbf%s0543666f6f%s1863%sff", DESCRIBE_PCR, INDEX,
			 values[i], values[i]);
		if (decode(hex, &request) || request.index != 5)
			fail_msg("refused or mistaken: %s", hex);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_values); i++) {
		snprintf(hex, sizeof(hex), "a1%sa2%s05%s%s", DESCRIBE_PCR, INDEX, FOO,
			 bad_values[i]);
		assert_int_equal(decode(hex, &request), -EBADMSG);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_keys); i++) {
		snprintf(hex, sizeof(hex), "a1%sa2%s05%s00", DESCRIBE_PCR, INDEX, bad_keys[i]);
		assert_int_equal(decode(hex, &request), -EBADMSG);
	}
}

/* Decode an unknown field with @depth nested arrays. */
static int decode_nested(size_t depth)
{
	struct nsm_request request;
	char hex[2 * NSM_REQUEST_MAX + 1];
	size_t used = snprintf(hex, sizeof(hex), "a1%sa2%s05%s", DESCRIBE_PCR, INDEX, FOO);

	for (size_t i = 0; i < depth; i++, used += 2)
		memcpy(hex + used, "81", 3);
	memcpy(hex + used, "00", 3);
	return decode(hex, &request);
}

static void test_depth(void **state)
{
	(void)state;
	assert_int_equal(decode_nested(125), 0);
	assert_int_equal(decode_nested(126), -EBADMSG);
	assert_int_equal(decode_nested(4000), -EBADMSG);
}

static void assert_data(const char *value, const char *expected_hex)
{
	struct nsm_request request;
	uint8_t expected[100];
	size_t len = from_hex(expected_hex, expected, sizeof(expected));
	char hex[400];

	snprintf(hex, sizeof(hex), "a1%sa2%s10%s%s", EXTEND_PCR, INDEX, DATA, value);
	if (decode(hex, &request))
		fail_msg("refused: %s", hex);
	assert_int_equal(request.operation, NSM_OP_EXTEND_PCR);
	assert_int_equal(request.index, 16);
	assert_int_equal(request.data.len, len);
	assert_memory_equal(request.scratch, expected, len);
}

static void test_data(void **state)
{
	static const char *const refused[] = {
		"a1" EXTEND_PCR "a2" INDEX "10" DATA "f6",
		"a1" EXTEND_PCR "a2" INDEX "10" DATA "f7",
		"a1" EXTEND_PCR "a2" INDEX "10" DATA "05",
		"a1" EXTEND_PCR "a2" INDEX "10" DATA "a0",
		"a1" EXTEND_PCR "a2" INDEX "10" DATA "61ff",
		"a1" EXTEND_PCR "a2" INDEX "10" DATA "81190100",
		"a1" EXTEND_PCR "a2" INDEX "10" DATA "8120",
		"a1" EXTEND_PCR "a2" INDEX "10" DATA "81f4",
		"a1" EXTEND_PCR "a2" INDEX "10" DATA "8201",
		"a1" EXTEND_PCR "a2" INDEX "10" DATA "9f01",
		"a1" EXTEND_PCR "a2" INDEX "10" DATA "9fd2ff",
		"a1" EXTEND_PCR "a2" INDEX "10" DATA "5f41016161ff",
		"a1" EXTEND_PCR "a2" INDEX "10" DATA "9bffffffffffffffff",
		"a1" EXTEND_PCR "a1" INDEX "10",
		"a1" EXTEND_PCR "a1" DATA "4101",
	};

	(void)state;
	assert_data("43010203", "010203");
	assert_data("40", "");
	assert_data("63616263", "616263");
	assert_data("5f41014102ff", "0102");
	assert_data("5fff", "");
	assert_data("7f61616162ff", "6162");
	assert_data("7f61c361a4ff", "c3a4");	/* a character split between chunks */
	assert_data("830118ff03", "01ff03");
	assert_data("80", "");
	assert_data("9f0102ff", "0102");
	assert_data("811b0000000000000001", "01");
	assert_data("c24101", "01");
	assert_data("81c201", "01");
	ASSERT_ALL_REFUSED(refused);
}

static void test_attestation(void **state)
{
	static const char *const nothing[] = {
		"a1" ATTESTATION "a0", "a1" ATTESTATION "bfff", "a1" ATTESTATION "d9d9f7a0",
		"a1" ATTESTATION "a1" NONCE "f6", "a1" ATTESTATION "83f6f6f6",
		"a1" ATTESTATION "a369757365725f64617461f6" NONCE "f66a7075626c69635f6b6579f6",
	};
	static const char *const refused[] = {
		ATTESTATION, "a1" ATTESTATION "f6", "a1" ATTESTATION "80",
		"a1" ATTESTATION "81f6", "a1" ATTESTATION "84f6f6f6f6",
		"a1" ATTESTATION "a1" NONCE "f7", "a1" ATTESTATION "a1" NONCE "05",
		"a1" ATTESTATION "a1" NONCE "c0f6",
		"a1" ATTESTATION "a2" NONCE "f6" NONCE "f6",
	};
	struct nsm_request request;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nothing); i++) {
		assert_int_equal(decode(nothing[i], &request), 0);
		assert_int_equal(request.operation, NSM_OP_ATTESTATION);
		assert_null(request.user_data.data);
		assert_null(request.nonce.data);
		assert_null(request.public_key.data);
	}
	ASSERT_ALL_REFUSED(refused);

	/* Empty is not null. */
	assert_int_equal(decode("a1" ATTESTATION "a1" NONCE "40", &request), 0);
	assert_non_null(request.nonce.data);
	assert_int_equal(request.nonce.len, 0);
	assert_int_equal(decode("a1" ATTESTATION "a3004101014202030243040506", &request), 0);
	assert_int_equal(request.user_data.len, 1);
	assert_int_equal(request.nonce.len, 2);
	assert_int_equal(request.public_key.len, 3);
	assert_memory_equal(request.scratch, "\x02\x03", 2);
}

/* The largest number of chunks in a request. */
static void test_many_pieces(void **state)
{
	char hex[2 * NSM_REQUEST_MAX + 1];
	size_t used = snprintf(hex, sizeof(hex), "a1%sa2%s10%s9f", EXTEND_PCR, INDEX, DATA);
	struct nsm_request request;

	(void)state;
	while (used < 2 * (NSM_REQUEST_MAX - 1)) {
		memcpy(hex + used, "07", 2);
		used += 2;
	}
	memcpy(hex + used, "ff", 3);
	assert_int_equal(decode(hex, &request), 0);
	assert_int_equal(request.data.len, NSM_REQUEST_MAX - 26);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_unknown_fields),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_attestation),
		cmocka_unit_test(test_many_pieces),
	};

	return cmocka_run_group_tests_name("nsm_request", tests, NULL, NULL);
}
