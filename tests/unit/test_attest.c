// SPDX-License-Identifier: Apache-2.0
/* The verifier of attestation documents, with a good and a bad case for each check. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "attest/verify.h"
#include "common/util.h"
#include "sample_document.h"

#include <string.h>

static const uint8_t nonce[] = { 1, 2, 3 };
static const uint8_t other[] = { 1, 2, 4 };

struct state {
	struct ca_signer root;
	uint8_t *root_der;
	struct attest_policy policy;
	struct sample_document document;
	struct attest_document parts;
	struct attest_report report;
};

static int setup(void **state)
{
	struct state *s = calloc(1, sizeof(*s));
	struct error error;

	assert_non_null(s);
	assert_int_equal(ca_root_make("test", &s->root, &error), 0);
	assert_int_equal(ca_cert_der(s->root.cert, &s->root_der, &s->policy.root.len), 0);
	s->policy.root.data = s->root_der;
	s->policy.now_ms = SAMPLE_NOW_MS + 1000;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct state *s = *state;

	ca_signer_clear(&s->root);
	ca_der_wipe(s->root_der, s->policy.root.len);
	free(s);
	return 0;
}

static bool verify(struct state *s, const struct sample *sample)
{
	sample_make(sample, &s->root, &s->document);
	return attest_verify(s->document.bytes, s->document.len, &s->policy, &s->parts,
			     &s->report);
}

/* Exactly these checks fail; names are separated by blanks. */
static void assert_fails(struct state *s, const char *what, const char *names)
{
	char failed[256] = "";

	for (size_t i = 0; i < s->report.count; i++) {
		const struct attest_check *check = &s->report.checks[i];

		if (check->passed)
			continue;
		assert_true(*check->error.text);
		snprintf(failed + strlen(failed), sizeof(failed) - strlen(failed), "%s%s",
			 *failed ? " " : "", check->name);
	}
	if (strcmp(failed, names))
		fail_msg("%s: \"%s\" failed, not \"%s\"", what, failed, names);
}

static void test_good(void **state)
{
	static const char *const names[] = {
		"format", "algorithm", "fields", "pcrs", "root", "certificates", "chain",
		"constraints", "key-usage", "curve", "validity", "path", "signature",
		"timestamp", "debug-mode",
	};
	struct state *s = *state;
	struct sample sample = { 0 };

	for (int i = 0; i < 4; i++) {
		sample.definite_map = i & 1;
		sample.all_pcrs = i & 2;
		assert_true(verify(s, &sample));
		assert_int_equal(s->parts.open_map, !sample.definite_map);
		assert_int_equal(s->parts.nr_pcrs, sample.all_pcrs ? 32 : 16);
		assert_int_equal(s->report.count, ARRAY_SIZE(names));
		for (size_t n = 0; n < ARRAY_SIZE(names); n++)
			assert_string_equal(s->report.checks[n].name, names[n]);
	}
	s->policy.strict = true;
	assert_true(verify(s, &sample));
	assert_non_null(attest_find_check(&s->report, "form"));
}

/* Flaws that "ne-emu lab" can put into certificates. */
static void test_certificate_flaws(void **state)
{
	static const char *const expected[NR_CA_FLAWS] = {
		[CA_FLAW_EXPIRED] = "validity path timestamp",
		[CA_FLAW_NOT_YET_VALID] = "validity path timestamp",
		[CA_FLAW_CA_EXPIRED] = "validity path",
		[CA_FLAW_WRONG_ROOT] = "root path",
		[CA_FLAW_WRONG_ISSUER] = "chain path",
		[CA_FLAW_CERT_SIGNATURE] = "chain path",
		[CA_FLAW_CURVE] = "curve signature",
		[CA_FLAW_NO_CA] = "constraints path",
		[CA_FLAW_PATH_LENGTH] = "constraints path",
		[CA_FLAW_CA_KEY_USAGE] = "key-usage path",
		[CA_FLAW_LEAF_KEY_USAGE] = "key-usage",
		[CA_FLAW_BUNDLE_REVERSED] = "root chain constraints",
		[CA_FLAW_BUNDLE_NO_ROOT] = "root chain",
		[CA_FLAW_BUNDLE_GAP] = "chain path",
	};
	struct state *s = *state;

	for (enum ca_flaw flaw = 0; flaw < NR_CA_FLAWS; flaw++) {
		const struct sample sample = { .ca_flaws = CA_FLAW_BIT(flaw) };

		assert_false(verify(s, &sample));
		assert_fails(s, ca_flaw_name(flaw), expected[flaw]);
	}
}

/* Flaws in documents; "" for those found only by expectations or strict mode. */
static void test_document_flaws(void **state)
{
	static const struct {
		const char *failed;
		const char *strict;
	} expected[NR_NSM_FLAWS] = {
		[NSM_FLAW_SIGNATURE] = { "signature" },
		[NSM_FLAW_PAYLOAD] = { "*" },
		[NSM_FLAW_ALGORITHM] = { "algorithm" },
		[NSM_FLAW_TAGGED] = { "", "form" },
		[NSM_FLAW_TRAILING] = { "format" },
		[NSM_FLAW_OVERSIZED] = { "", "form" },
		[NSM_FLAW_KEY_ORDER] = { "", "form" },
		[NSM_FLAW_DUPLICATE] = { "format" },
		[NSM_FLAW_STALE] = { "timestamp" },
		[NSM_FLAW_FUTURE] = { "timestamp" },
		[NSM_FLAW_TIME_ZERO] = { "timestamp" },
		[NSM_FLAW_MODULE_ID_EMPTY] = { "fields" },
		[NSM_FLAW_DIGEST] = { "fields" },
		[NSM_FLAW_PCRS_EMPTY] = { "pcrs" },
		[NSM_FLAW_PCRS_33] = { "pcrs" },
		[NSM_FLAW_PCR_INDEX] = { "pcrs" },
		[NSM_FLAW_PCR_SIZE] = { "pcrs" },
		[NSM_FLAW_PCRS_ZERO] = { "debug-mode" },
		[NSM_FLAW_PCR0] = { "", "" },
		[NSM_FLAW_CABUNDLE_EMPTY] = { "root chain path" },
		[NSM_FLAW_CABUNDLE_ENTRY] = { "certificates" },
		[NSM_FLAW_NONCE] = { "", "" },
		[NSM_FLAW_NO_MODULE_ID] = { "fields" },
		[NSM_FLAW_NO_DIGEST] = { "fields" },
		[NSM_FLAW_NO_TIMESTAMP] = { "fields" },
		[NSM_FLAW_NO_PCRS] = { "fields" },
		[NSM_FLAW_NO_CERTIFICATE] = { "fields" },
		[NSM_FLAW_NO_CABUNDLE] = { "fields" },
		[NSM_FLAW_NO_PUBLIC_KEY] = { "", "form" },
		[NSM_FLAW_NO_USER_DATA] = { "", "form" },
		[NSM_FLAW_NO_NONCE] = { "", "form" },
	};
	struct state *s = *state;

	for (enum nsm_flaw flaw = 0; flaw < NR_NSM_FLAWS; flaw++) {
		const struct sample sample = { .nsm_flaws = NSM_FLAW_BIT(flaw) };
		const char *failed = expected[flaw].failed;

		s->policy.strict = false;
		assert_int_equal(verify(s, &sample), !*failed);
		/* The place of the flipped bit in the payload decides which check fails first. */
		if (strcmp(failed, "*"))
			assert_fails(s, nsm_flaw_name(flaw), failed);
		if (!expected[flaw].strict)
			continue;
		s->policy.strict = true;
		assert_int_equal(verify(s, &sample), !*expected[flaw].strict);
		assert_fails(s, nsm_flaw_name(flaw), expected[flaw].strict);
	}
}

static void test_time(void **state)
{
	struct state *s = *state;
	struct sample sample = { 0 };

	s->policy.now_ms = SAMPLE_NOW_MS + 4 * 3600 * 1000;
	assert_false(verify(s, &sample));
	assert_fails(s, "hours later", "validity path");
	s->policy.use_timestamp = true;
	assert_true(verify(s, &sample));
	s->policy.use_timestamp = false;

	/* The verifier's clock lags, a little and then a lot. */
	s->policy.now_ms = SAMPLE_NOW_MS - 2000;
	assert_true(verify(s, &sample));
	s->policy.now_ms = SAMPLE_NOW_MS - 10 * 60 * 1000;
	assert_false(verify(s, &sample));
	assert_fails(s, "minutes earlier", "validity path timestamp");

	s->policy.max_age_ms = 60 * 1000;
	s->policy.now_ms = SAMPLE_NOW_MS + 60 * 1000;
	assert_true(verify(s, &sample));
	s->policy.now_ms++;
	assert_false(verify(s, &sample));
	assert_fails(s, "a minute and a bit", "age");
}

static void test_debug(void **state)
{
	struct state *s = *state;
	struct sample sample = { .debug = true };

	assert_false(verify(s, &sample));
	assert_fails(s, "debug", "debug-mode");
	assert_true(attest_is_debug(&s->parts));
	s->policy.allow_debug = true;
	assert_true(verify(s, &sample));
}

static void test_expectations(void **state)
{
	struct state *s = *state;
	struct sample sample = { .nonce = { nonce, sizeof(nonce) } };

	memset(s->policy.pcrs[0], 0xa0, ATTEST_PCR_SIZE);
	memset(s->policy.pcrs[2], 0xa2, ATTEST_PCR_SIZE);
	s->policy.pcrs_wanted = 5;
	s->policy.nonce = sample.nonce;
	assert_true(verify(s, &sample));
	/* All bytes count, the last one too. */
	s->policy.pcrs[2][ATTEST_PCR_SIZE - 1] ^= 1;
	assert_false(verify(s, &sample));
	assert_fails(s, "last byte of a PCR", "pcr2");
	s->policy.pcrs[2][ATTEST_PCR_SIZE - 1] ^= 1;
	s->policy.user_data = sample.nonce;
	s->policy.public_key = sample.nonce;
	assert_false(verify(s, &sample));
	assert_fails(s, "not there", "user-data public-key");
	sample.user_data = sample.nonce;
	sample.public_key = sample.nonce;
	assert_true(verify(s, &sample));

	sample.nsm_flaws = NSM_FLAW_BIT(NSM_FLAW_PCR0);
	assert_false(verify(s, &sample));
	assert_fails(s, "pcr0", "pcr0");
	sample.nsm_flaws = NSM_FLAW_BIT(NSM_FLAW_NONCE);
	assert_false(verify(s, &sample));
	assert_fails(s, "nonce", "nonce");

	sample.nsm_flaws = 0;
	s->policy.nonce = (struct nsm_bytes){ other, sizeof(other) };
	s->policy.pcrs_wanted |= 1U << 20;
	assert_false(verify(s, &sample));
	assert_fails(s, "others", "pcr20 nonce");
}

/* Values that AWS's documentation does not allow but EC2 produces. */
static void test_limits(void **state)
{
	static uint8_t bytes[1025];
	struct state *s = *state;
	struct sample samples[] = {
		{ .public_key = { bytes, 0 } }, { .public_key = { bytes, 1025 } },
		{ .user_data = { bytes, 513 } }, { .nonce = { bytes, 513 } },
	};
	struct sample fitting = {
		.public_key = { bytes, 1024 }, .user_data = { bytes, 512 },
		.nonce = { bytes, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		s->policy.strict = false;
		assert_true(verify(s, &samples[i]));
		s->policy.strict = true;
		assert_false(verify(s, &samples[i]));
		assert_fails(s, "limits", "form");
	}
	assert_true(verify(s, &fitting));
}

/* Every flipped bit and every truncation of a document is detected. */
static void test_every_bit(void **state)
{
	struct state *s = *state;
	struct sample sample = { .nonce = { nonce, sizeof(nonce) } };
	uint8_t *copy;

	assert_true(verify(s, &sample));
	/* Signatures are checked last, so most of this needs no cryptography. */
	for (size_t i = 0; i < s->document.len; i += 3) {
		s->document.bytes[i] ^= 1U << (i % 8);
		assert_false(attest_verify(s->document.bytes, s->document.len, &s->policy,
					   &s->parts, &s->report));
		s->document.bytes[i] ^= 1U << (i % 8);
	}
	for (size_t len = 0; len < s->document.len; len += 5) {
		/* A copy of the exact size, so that the sanitizer finds over-reads. */
		copy = malloc(len ? len : 1);
		memcpy(copy, s->document.bytes, len);
		assert_false(attest_verify(copy, len, &s->policy, &s->parts, &s->report));
		free(copy);
	}
}

static void assert_malformed(struct state *s, const void *bytes, size_t len)
{
	assert_false(attest_verify(bytes, len, &s->policy, &s->parts, &s->report));
	assert_fails(s, "malformed", "format");
}

static void test_malformed(void **state)
{
	static const char *const cases[] = {
		"", "\x84", "\x83\x40\xa0\x40", "\x84\x40\xa0\x40\x41",
		"\xd1\x84\x40\xa0\x40\x40",			/* another tag */
		"\xd2\xd2\x84\x40\xa0\x40\x40",			/* two tags */
		"\x9f\x40\xa0\x40\x40\xff",			/* array without length */
		"\x84\x40\xa0\x41\xa0\x40\x40",			/* trailing byte */
		"\x84\x5f\x40\xff\xa0\x40\x40",			/* string in chunks */
		"\x84\x40\x80\x41\xa0\x40",			/* header is an array */
		"\x84\x40\xbf\x41\xa0\x40",			/* header has no end */
		"\x84\x40\xa0\x41\xbf\x40",			/* payload has no end */
		"\x84\x40\xa0\x42\xa1\x40\x40",			/* no pair */
		"\x84\x40\xa0\x43\xa1\x01\x01\x40",		/* key is a number */
		"\x84\x40\xa0\x42\xa0\xff\x40",			/* break after the map */
		"\x84\x40\xa0\x4a\xbb\xff\xff\xff\xff\xff\xff\xff\xff\xff\x40", /* huge map */
		"\x84\x40\xa0\x41\x80\x40",			/* payload is an array */
		"\x84\x40\xa0\x49\xa1\x64pcrs\xa1\x00\x00\x40",	/* PCR is a number */
	};
	static const char huge[] = "\x84\x40\xa0\x5b\x7f\xff\xff\xff\xff\xff\xff\xff";
	static uint8_t deep[ATTEST_DOCUMENT_MAX + 1];
	struct state *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_malformed(s, cases[i], strlen(cases[i]));
	assert_malformed(s, huge, sizeof(huge) - 1);
	memset(deep, 0x81, sizeof(deep));
	memcpy(deep, "\x84\x40", 2);
	assert_malformed(s, deep, sizeof(deep) - 1);
	assert_malformed(s, deep, sizeof(deep));
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_good),
		TEST(test_certificate_flaws),
		TEST(test_document_flaws),
		TEST(test_time),
		TEST(test_debug),
		TEST(test_expectations),
		TEST(test_limits),
		TEST(test_every_bit),
		TEST(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
