// SPDX-License-Identifier: Apache-2.0
/* Messages to the NSM: encoded messages are decoded, all others are refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/nsm_control.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>

/* Version 1, type, then fields: number, length, bytes; little-endian hosts. */
static const uint8_t settings_bytes[] = {
	1, 0, 1, 0,
	2, 0, 4, 0, 5, 0, 0, 0,
	3, 0, 8, 0, 0, 0x4c, 0x8c, 0x5d, 0x6d, 1, 0, 0,
	4, 0, 8, 0, 1, 0, 0, 0x40, 0, 0, 0, 0,
};

static const uint8_t identity_bytes[] = {
	1, 0, 2, 0,
	5, 0, 3, 0, 'k', 'e', 'y',
	6, 0, 4, 0, 'l', 'e', 'a', 'f',
	7, 0, 4, 0, 'r', 'o', 'o', 't',
	7, 0, 5, 0, 'z', 'o', 'n', 'a', 'l',
	8, 0, 8, 0, 0xff, 0, 0, 0, 0, 0, 0, 0,
};

/* Decode a copy of the exact size, so that the sanitizer finds over-reads. */
static int decode(const void *bytes, size_t len, struct nsm_control_message *message)
{
	void *exact = malloc(len ? len : 1);
	int err;

	memcpy(exact, bytes, len);
	err = nsm_control_decode(exact, len, message);
	free(exact);
	return err;
}

static struct nsm_bytes text(const char *s)
{
	return (struct nsm_bytes){ .data = (const uint8_t *)s, .len = strlen(s) };
}

static struct nsm_identity example(void)
{
	return (struct nsm_identity){
		.key = text("key"),
		.certificate = text("leaf"),
		.cas = { text("root"), text("zonal") },
		.nr_cas = 2,
		.not_after = 255,
	};
}

static void assert_bytes(const struct nsm_bytes *bytes, const char *expected)
{
	assert_int_equal(bytes->len, strlen(expected));
	assert_memory_equal(bytes->data, expected, bytes->len);
}

static void test_settings_bytes(void **state)
{
	const struct nsm_settings settings = {
		.real_debug_pcrs = true, .definite_map = true, .clock_ms = 1569232538624,
		.flaws = NSM_FLAW_BIT(NSM_FLAW_SIGNATURE) | NSM_FLAW_BIT(NSM_FLAW_NO_NONCE),
	};
	uint8_t buf[NSM_CONTROL_MAX];

	(void)state;
	assert_int_equal(nsm_control_encode_settings(&settings, buf, sizeof(buf)),
			 sizeof(settings_bytes));
	assert_memory_equal(buf, settings_bytes, sizeof(settings_bytes));
}

static void test_settings(void **state)
{
	struct nsm_control_message message;
	struct nsm_settings settings = {
		.pcrs_given = 0xffff, .strict_limits = true,
		.flaws = NSM_FLAW_BIT(NR_NSM_FLAWS) - 1,
	};
	uint8_t buf[NSM_CONTROL_MAX];
	ssize_t len;

	(void)state;
	for (int i = 0; i < NSM_CONTROL_PCRS; i++)
		memset(settings.pcrs[i], 0x11 * i, NSM_CONTROL_PCR_SIZE);
	len = nsm_control_encode_settings(&settings, buf, sizeof(buf));
	assert_true(len > 0);
	assert_int_equal(nsm_control_decode(buf, len, &message), 0);
	assert_int_equal(message.type, NSM_CONTROL_SETTINGS);
	assert_int_equal(message.settings.pcrs_given, 0xffff);
	assert_memory_equal(message.settings.pcrs, settings.pcrs, sizeof(settings.pcrs));
	assert_false(message.settings.real_debug_pcrs);
	assert_true(message.settings.strict_limits);
	assert_false(message.settings.definite_map);
	assert_int_equal(message.settings.clock_ms, 0);
	assert_int_equal(message.settings.flaws, settings.flaws);
}

static void test_identity(void **state)
{
	struct nsm_identity identity = example();
	struct nsm_control_message message;
	uint8_t buf[NSM_CONTROL_MAX];

	(void)state;
	assert_int_equal(nsm_control_encode_identity(&identity, buf, sizeof(buf)),
			 sizeof(identity_bytes));
	assert_memory_equal(buf, identity_bytes, sizeof(identity_bytes));
	assert_int_equal(nsm_control_decode(buf, sizeof(identity_bytes), &message), 0);
	assert_int_equal(message.type, NSM_CONTROL_IDENTITY);
	assert_bytes(&message.identity.key, "key");
	assert_bytes(&message.identity.certificate, "leaf");
	assert_int_equal(message.identity.nr_cas, 2);
	assert_bytes(&message.identity.cas[0], "root");
	assert_bytes(&message.identity.cas[1], "zonal");
	assert_int_equal(message.identity.not_after, 255);
}

static void test_agent_key(void **state)
{
	/* Version 1, type 3; field 9 with 32 bytes. */
	uint8_t expected[4 + 4 + NSM_CONTROL_AGENT_KEY_SIZE] = { 1, 0, 3, 0, 9, 0, 32, 0 };
	uint8_t buf[NSM_CONTROL_MAX];
	struct nsm_control_message message;

	memset(expected + 8, 'k', NSM_CONTROL_AGENT_KEY_SIZE);
	assert_int_equal(nsm_control_encode_agent_key(expected + 8, buf, sizeof(buf)),
			 sizeof(expected));
	assert_memory_equal(buf, expected, sizeof(expected));
	assert_int_equal(nsm_control_decode(buf, sizeof(expected), &message), 0);
	assert_int_equal(message.type, NSM_CONTROL_AGENT_KEY);
	assert_memory_equal(message.agent_key, expected + 8, NSM_CONTROL_AGENT_KEY_SIZE);
	for (size_t len = 0; len < sizeof(expected); len++)
		assert_int_equal(nsm_control_decode(buf, len, &message), -EPROTO);
	buf[4] = 5;		/* a key of another kind */
	assert_int_equal(nsm_control_decode(buf, sizeof(expected), &message), -EPROTO);
	assert_int_equal(nsm_control_encode_agent_key(expected, buf, sizeof(expected) - 1),
			 -EMSGSIZE);
}

static void test_session(void **state)
{
	/* Version 1, type 4; line, nonce, service and options. */
	static const uint8_t expected[] = {
		1, 0, 4, 0,  10, 0, 4, 0, 3, 0, 0, 0,
		11, 0, 16, 0, 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n',
		'n', 'n',  12, 0, 3, 0, 'g', 'd', 'b',  13, 0, 2, 0, 'a', '~',
	};
	struct session_request request = { .line = 3, .service = "gdb", .options = "a~" };
	struct nsm_control_message message;
	uint8_t buf[NSM_CONTROL_MAX];

	memset(request.nonce, 'n', sizeof(request.nonce));
	assert_int_equal(nsm_control_encode_session(&request, buf, sizeof(buf)),
			 sizeof(expected));
	assert_memory_equal(buf, expected, sizeof(expected));
	assert_int_equal(nsm_control_decode(buf, sizeof(expected), &message), 0);
	assert_int_equal(message.type, NSM_CONTROL_SESSION);
	assert_memory_equal(&message.session, &request, sizeof(request));
	for (size_t len = 0; len < sizeof(expected); len++)
		assert_int_equal(nsm_control_decode(buf, len, &message), -EPROTO);
	buf[8] = SESSION_LINES;
	assert_int_equal(nsm_control_decode(buf, sizeof(expected), &message), -EPROTO);
	buf[8] = 0;
	buf[sizeof(expected) - 1] = 0x7f;	/* not printable */
	assert_int_equal(nsm_control_decode(buf, sizeof(expected), &message), -EPROTO);
	request.line = SESSION_LINES;
	assert_int_equal(nsm_control_encode_session(&request, buf, sizeof(buf)), -EINVAL);
	request = (struct session_request){ .options = "x" };
	assert_int_equal(nsm_control_encode_session(&request, buf, sizeof(buf)), -EINVAL);
}

static void test_faults(void **state)
{
	/* Version 1, type 5; field 14 with a text. */
	uint8_t expected[8 + 11] = "\x01\x00\x05\x00\x0e\x00\x0b\x00" "nsm-hang=o";
	struct nsm_control_message message;
	uint8_t buf[NSM_CONTROL_MAX];
	ssize_t len;

	(void)state;
	expected[18] = 'n';
	assert_int_equal(nsm_control_decode(expected, sizeof(expected), &message), 0);
	assert_int_equal(message.type, NSM_CONTROL_FAULTS);
	assert_true(message.faults.faults[FAULT_NSM_HANG].set);
	len = nsm_control_encode_faults(&message.faults, buf, sizeof(buf));
	assert_int_equal(len, sizeof(expected));
	assert_memory_equal(buf, expected, sizeof(expected));
	for (len = 0; len < (ssize_t)sizeof(expected); len++)
		assert_int_equal(nsm_control_decode(expected, len, &message), -EPROTO);
	assert_int_equal(nsm_control_encode_faults(&message.faults, buf, sizeof(expected) - 1),
			 -EMSGSIZE);
	expected[18] = 'x';		/* not a value */
	assert_int_equal(nsm_control_decode(expected, sizeof(expected), &message), -EPROTO);
	/* No faults: an empty text. */
	len = nsm_control_encode_faults(&(struct fault_settings){ 0 }, buf, sizeof(buf));
	assert_int_equal(len, 8);
	assert_int_equal(nsm_control_decode(buf, len, &message), 0);
	assert_false(fault_settings_any(&message.faults));
}

static void test_largest(void **state)
{
	static uint8_t bytes[NSM_CONTROL_CERT_MAX];
	struct nsm_bytes most = { .data = bytes, .len = sizeof(bytes) };
	struct nsm_identity identity = {
		.key = { .data = bytes, .len = NSM_CONTROL_KEY_MAX },
		.certificate = most,
		.cas = { most, most, most, most, most, most },
		.nr_cas = NSM_CONTROL_CAS_MAX,
	};
	struct nsm_control_message message;
	uint8_t buf[NSM_CONTROL_MAX];
	ssize_t len;

	(void)state;
	len = nsm_control_encode_identity(&identity, buf, sizeof(buf));
	assert_true(len > 0);
	assert_int_equal(nsm_control_decode(buf, len, &message), 0);
	assert_int_equal(message.identity.nr_cas, NSM_CONTROL_CAS_MAX);
	assert_int_equal(nsm_control_encode_identity(&identity, buf, len - 1), -EMSGSIZE);
}

static void test_beyond_limits(void **state)
{
	static const uint8_t bytes[NSM_CONTROL_CERT_MAX + 1];
	struct nsm_settings settings = { .pcrs_given = 0x10000 };
	struct nsm_identity identity = example();
	uint8_t buf[NSM_CONTROL_MAX];

	(void)state;
	assert_int_equal(nsm_control_encode_settings(&settings, buf, sizeof(buf)), -EINVAL);
	settings = (struct nsm_settings){ .flaws = NSM_FLAW_BIT(NR_NSM_FLAWS) };
	assert_int_equal(nsm_control_encode_settings(&settings, buf, sizeof(buf)), -EINVAL);

	identity.key.len = 0;
	assert_int_equal(nsm_control_encode_identity(&identity, buf, sizeof(buf)), -EINVAL);
	identity.key = (struct nsm_bytes){ bytes, NSM_CONTROL_KEY_MAX + 1 };
	assert_int_equal(nsm_control_encode_identity(&identity, buf, sizeof(buf)), -EINVAL);
	identity = example();
	identity.certificate = (struct nsm_bytes){ bytes, sizeof(bytes) };
	assert_int_equal(nsm_control_encode_identity(&identity, buf, sizeof(buf)), -EINVAL);
	identity = example();
	identity.cas[1] = (struct nsm_bytes){ bytes, sizeof(bytes) };
	assert_int_equal(nsm_control_encode_identity(&identity, buf, sizeof(buf)), -EINVAL);
	identity = example();
	identity.nr_cas = NSM_CONTROL_CAS_MAX + 1;
	assert_int_equal(nsm_control_encode_identity(&identity, buf, sizeof(buf)), -EINVAL);
}

static void assert_truncated(const uint8_t *bytes, size_t size)
{
	struct nsm_control_message message;

	for (size_t len = 0; len < size; len++)
		assert_int_equal(decode(bytes, len, &message), -EPROTO);
	assert_int_equal(decode(bytes, size, &message), 0);
}

static void test_truncated(void **state)
{
	(void)state;
	assert_truncated(settings_bytes, sizeof(settings_bytes));
	assert_truncated(identity_bytes, sizeof(identity_bytes));
}

/* Decode a valid message with one byte changed. */
static void assert_changed(const uint8_t *bytes, size_t size, size_t at, uint8_t to, int expected)
{
	struct nsm_control_message message;
	uint8_t changed[64];

	memcpy(changed, bytes, size);
	changed[at] = to;
	assert_int_equal(decode(changed, size, &message), expected);
}

static void test_changed(void **state)
{
	const size_t s = sizeof(settings_bytes), i = sizeof(identity_bytes);

	(void)state;
	assert_changed(settings_bytes, s, 0, 2, -EPROTONOSUPPORT);
	assert_changed(settings_bytes, s, 2, 99, -ENOMSG);
	assert_changed(settings_bytes, s, 2, 2, -EPROTO);	/* fields of the other type */
	assert_changed(settings_bytes, s, 4, 1, -EPROTO);	/* a PCR of four bytes */
	assert_changed(settings_bytes, s, 4, 3, -EPROTO);	/* the clock of four bytes */
	assert_changed(settings_bytes, s, 4, 99, -EPROTO);
	assert_changed(settings_bytes, s, 8, 8, -EPROTO);	/* unknown flag */
	assert_changed(settings_bytes, s, 24, 3, -EPROTO);	/* the clock twice */
	assert_changed(settings_bytes, s, s - 1, 1, -EPROTO);	/* unknown flaw */
	assert_changed(identity_bytes, i, 6, 0xff, -EPROTO);	/* longer than the message */
	assert_changed(identity_bytes, i, 4, 7, -EPROTO);	/* no key */
	assert_changed(identity_bytes, i, 11, 7, -EPROTO);	/* no certificate */
	assert_changed(identity_bytes, i, 19, 5, -EPROTO);	/* two keys */
}

static void test_bad_pcrs(void **state)
{
	uint8_t bytes[sizeof(settings_bytes) + 2 * 53];
	uint8_t *pcr = bytes + sizeof(settings_bytes);
	struct nsm_control_message message;

	(void)state;
	memcpy(bytes, settings_bytes, sizeof(settings_bytes));
	for (int i = 0; i < 2; i++) {
		memcpy(pcr + i * 53, "\x01\x00\x31\x00", 4);
		memset(pcr + i * 53 + 4, 3 + i, 49);
	}
	assert_int_equal(decode(bytes, sizeof(bytes), &message), 0);
	assert_int_equal(message.settings.pcrs_given, 0x18);
	pcr[4] = 4;	/* the same index twice */
	assert_int_equal(decode(bytes, sizeof(bytes), &message), -EPROTO);
	pcr[4] = NSM_CONTROL_PCRS;
	assert_int_equal(decode(bytes, sizeof(bytes), &message), -EPROTO);
}

static void test_too_many_cas(void **state)
{
	uint8_t bytes[sizeof(identity_bytes) + 5 * 5];
	struct nsm_control_message message;

	(void)state;
	memcpy(bytes, identity_bytes, sizeof(identity_bytes));
	for (int i = 0; i < 5; i++)
		memcpy(bytes + sizeof(identity_bytes) + i * 5, "\x07\x00\x01\x00x", 5);
	assert_int_equal(decode(bytes, sizeof(bytes) - 5, &message), 0);
	assert_int_equal(message.identity.nr_cas, NSM_CONTROL_CAS_MAX);
	assert_int_equal(decode(bytes, sizeof(bytes), &message), -EPROTO);
}

static void test_flaw_names(void **state)
{
	uint64_t flaws;

	(void)state;
	for (int i = 0; i < NR_NSM_FLAWS; i++) {
		assert_non_null(nsm_flaw_name(i));
		assert_int_equal(nsm_flaws_parse(nsm_flaw_name(i), &flaws), 0);
		assert_int_equal(flaws, NSM_FLAW_BIT(i));
	}
	assert_int_equal(nsm_flaws_parse("", &flaws), 0);
	assert_int_equal(flaws, 0);
	assert_int_equal(nsm_flaws_parse("none", &flaws), 0);
	assert_int_equal(flaws, 0);
	assert_int_equal(nsm_flaws_parse("nonce,no-nonce,signature", &flaws), 0);
	assert_int_equal(flaws, NSM_FLAW_BIT(NSM_FLAW_NONCE) | NSM_FLAW_BIT(NSM_FLAW_NO_NONCE) |
			 NSM_FLAW_BIT(NSM_FLAW_SIGNATURE));
	assert_int_equal(nsm_flaws_parse("sign", &flaws), -EINVAL);
	assert_int_equal(nsm_flaws_parse("signature,", &flaws), -EINVAL);
	assert_int_equal(nsm_flaws_parse(",signature", &flaws), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings_bytes),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_agent_key),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_beyond_limits),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_bad_pcrs),
		cmocka_unit_test(test_too_many_cas),
		cmocka_unit_test(test_flaw_names),
	};

	return cmocka_run_group_tests_name("nsm_control", tests, NULL, NULL);
}
