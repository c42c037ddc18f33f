// SPDX-License-Identifier: Apache-2.0
/* NSM protocol: requests as clients send them, responses byte for byte. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "nsm_fixture.h"

#include <errno.h>

#define DESCRIBE_NSM	"6b44657363726962654e534d"
#define GET_RANDOM	"6947657452616e646f6d"
#define DESCRIBE_PCR	"a16b4465736372696265504352a165696e646578"	/* followed by the index */
#define EXTEND_PCR	"a169457874656e64504352a265696e646578"		/* and index, data */
#define LOCK_PCR	"a1674c6f636b504352a165696e646578"		/* followed by the index */
#define LOCK_PCRS	"a1684c6f636b50435273a16572616e6765"		/* followed by the range */

#define LOCKED		"674c6f636b504352"
#define LOCKED_RANGE	"684c6f636b50435273"
#define VALUE_LOCKED	"a16b4465736372696265504352a2646c6f636bf564646174615830"
#define VALUE_UNLOCKED	"a16b4465736372696265504352a2646c6f636bf464646174615830"
#define VALUE_EXTENDED	"a169457874656e64504352a164646174615830"

#define EXIT_NAME	"4e65456d7545786974"
#define EXIT		"a169" EXIT_NAME "a166737461747573"

#define INVALID_ARGUMENT "a1654572726f726f496e76616c6964417267756d656e74"
#define INVALID_INDEX	"a1654572726f726c496e76616c6964496e646578"
#define READ_ONLY	"a1654572726f726d526561644f6e6c79496e646578"
#define INVALID_OP	"a1654572726f7270496e76616c69644f7065726174696f6e"
#define TOO_SMALL	"a1654572726f726e427566666572546f6f536d616c6c"
#define TOO_LARGE	"a1654572726f726d496e707574546f6f4c61726765"
#define INTERNAL	"a1654572726f726d496e7465726e616c4572726f72"

#define ZERO \
	"000000000000000000000000000000000000000000000000" \
	"000000000000000000000000000000000000000000000000"

/* A zero register extended with nothing; with 010203; then with 0405. */
#define EMPTY \
	"8f0d145c0368ad6b70be22e41c400eea91b971d96ba220fe" \
	"c9fae25a58dffdaaf72dbe8f6783d55128c9df4efaf6f8a7"
#define ONCE \
	"cb178fcd3f328244c05c6248723fd068b3a1dda878e1ab8b" \
	"e911098f199958add55d0c27f04826d27b44d949a650694e"
#define TWICE \
	"884515f855e3187a1bd36e152737f7c90fcece99308e65b8" \
	"93449966626f5a66439cf97736f59dda4faeadb09dbce685"

static void test_describe_nsm(void **state)
{
	static const char expected[] =
		"\xa1\x6b" "DescribeNSM" "\xa7"
		"\x6d" "version_major" "\x01"
		"\x6d" "version_minor" "\x00"
		"\x6d" "version_patch" "\x00"
		"\x69" "module_id" "\x78\x27" MODULE_ID
		"\x68" "max_pcrs" "\x18\x20"
		"\x6b" "locked_pcrs" "\x90"
		"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
		"\x66" "digest" "\x66" "SHA384";

	assert_int_equal(sizeof(expected) - 1, 164);
	ask(*state, DESCRIBE_NSM);
	assert_response(*state, expected, sizeof(expected) - 1);
}

static void test_get_random(void **state)
{
	static const char prefix[] = "\xa1\x69" "GetRandom" "\xa1\x66" "random" "\x59\x01\x00";
	struct fixture *f = *state;

	ask(f, GET_RANDOM);
	assert_int_equal(f->len, 278);
	assert_memory_equal(f->rsp, prefix, sizeof(prefix) - 1);
	for (size_t i = 0; i < 256; i++)
		assert_int_equal(f->rsp[sizeof(prefix) - 1 + i], (uint8_t)i);

	f->next = 7;
	ask(f, GET_RANDOM);
	assert_int_equal(f->len, 278);
	assert_int_equal(f->rsp[sizeof(prefix) - 1], 7);
}

static void test_entropy_failure(void **state)
{
	struct fixture *f = *state;

	f->entropy_err = -EIO;
	assert_answer(f, GET_RANDOM, INTERNAL);
}

static void test_describe_pcr(void **state)
{
	struct nsm_measurements measured;

	memset(&measured, 0xaa, sizeof(measured));
	nsm_start(((struct fixture *)*state)->nsm, &measured);
	assert_answer(*state, DESCRIBE_PCR "00", VALUE_LOCKED
		      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	assert_answer(*state, DESCRIBE_PCR "190000", VALUE_LOCKED
		      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	assert_answer(*state, DESCRIBE_PCR "0f", VALUE_LOCKED ZERO);
	assert_answer(*state, DESCRIBE_PCR "10", VALUE_UNLOCKED ZERO);
	assert_int_equal(((struct fixture *)*state)->len, 75);
	assert_answer(*state, DESCRIBE_PCR "181f", VALUE_UNLOCKED ZERO);
}

static void test_bad_index(void **state)
{
	static const char *const beyond[] = { "1820", "190100", "19ffff" };
	static const char *const no_u16[] = { "1a00010000", "20", "f90000", "6130" };

	for (size_t i = 0; i < ARRAY_SIZE(beyond); i++) {
		char request[100];

		snprintf(request, sizeof(request), "%s%s", DESCRIBE_PCR, beyond[i]);
		assert_answer(*state, request, INVALID_INDEX);
		snprintf(request, sizeof(request), "%s%s", LOCK_PCR, beyond[i]);
		assert_answer(*state, request, INVALID_INDEX);
		snprintf(request, sizeof(request), "%s%s646461746140", EXTEND_PCR, beyond[i]);
		assert_answer(*state, request, INVALID_INDEX);
	}
	for (size_t i = 0; i < ARRAY_SIZE(no_u16); i++) {
		char request[100];

		snprintf(request, sizeof(request), "%s%s", DESCRIBE_PCR, no_u16[i]);
		assert_answer(*state, request, INVALID_OP);
	}
}

static void test_extend_pcr(void **state)
{
	assert_answer(*state, EXTEND_PCR "10646461746143010203", VALUE_EXTENDED ONCE);
	assert_answer(*state, DESCRIBE_PCR "10", VALUE_UNLOCKED ONCE);
	assert_answer(*state, EXTEND_PCR "106464617461420405", VALUE_EXTENDED TWICE);
	assert_answer(*state, EXTEND_PCR "11646461746140", VALUE_EXTENDED EMPTY);
	assert_answer(*state, DESCRIBE_PCR "10", VALUE_UNLOCKED TWICE);
	assert_answer(*state, DESCRIBE_PCR "12", VALUE_UNLOCKED ZERO);
}

static void test_extend_locked(void **state)
{
	assert_answer(*state, EXTEND_PCR "00646461746143010203", READ_ONLY);
	assert_answer(*state, EXTEND_PCR "0f646461746143010203", READ_ONLY);
	assert_answer(*state, DESCRIBE_PCR "00", VALUE_LOCKED ZERO);
	assert_answer(*state, DESCRIBE_PCR "0f", VALUE_LOCKED ZERO);
}

/*
 * SHA-384 of 48 zero bytes and 4000 bytes 0x5a:
 * (head -c 48 /dev/zero; head -c 4000 /dev/zero | tr '\0' Z) | sha384sum
 */
static void test_extend_much(void **state)
{
	uint8_t req[NSM_REQUEST_MAX];
	size_t len = from_hex(EXTEND_PCR "10" "6464617461" "590fa0", req, sizeof(req));
	uint8_t expected[67];
	struct fixture *f = *state;

	memset(req + len, 0x5a, 4000);
	ask_bytes(f, req, len + 4000);
	from_hex(VALUE_EXTENDED
		 "524a2ab59249c345c2332e21323472462e742fd4dbc72253"
		 "705732294c7a4daac17baab98a437a0285657decbaaf2b77",
		 expected, sizeof(expected));
	assert_response(f, expected, sizeof(expected));
}

static void test_lock_pcr(void **state)
{
	assert_answer(*state, EXTEND_PCR "10646461746143010203", VALUE_EXTENDED ONCE);
	assert_answer(*state, LOCK_PCR "10", LOCKED);
	assert_answer(*state, EXTEND_PCR "106464617461420405", READ_ONLY);
	assert_answer(*state, DESCRIBE_PCR "10", VALUE_LOCKED ONCE);
	assert_answer(*state, LOCK_PCR "10", READ_ONLY);
	assert_answer(*state, LOCK_PCR "00", READ_ONLY);
	assert_answer(*state, LOCK_PCR "0f", READ_ONLY);
	assert_answer(*state, DESCRIBE_PCR "11", VALUE_UNLOCKED ZERO);
}

/* The value of "locked_pcrs", 133 bytes into the response. */
static void assert_locked(struct fixture *f, const char *hex)
{
	uint8_t expected[80];
	size_t len = from_hex(hex, expected, sizeof(expected));

	ask(f, DESCRIBE_NSM);
	assert_true(f->len >= 133 + len);
	assert_memory_equal(f->rsp + 133, expected, len);
}

static void test_lock_pcrs(void **state)
{
	assert_locked(*state, "90000102030405060708090a0b0c0d0e0f");
	assert_answer(*state, LOCK_PCRS "00", LOCKED_RANGE);
	assert_answer(*state, LOCK_PCRS "10", LOCKED_RANGE);
	assert_locked(*state, "90000102030405060708090a0b0c0d0e0f");
	assert_answer(*state, LOCK_PCRS "14", LOCKED_RANGE);
	assert_locked(*state, "94000102030405060708090a0b0c0d0e0f10111213");
	/* A shorter range unlocks nothing; nor does an empty one. */
	assert_answer(*state, LOCK_PCRS "11", LOCKED_RANGE);
	assert_locked(*state, "94000102030405060708090a0b0c0d0e0f10111213");
	assert_answer(*state, LOCK_PCRS "00", LOCKED_RANGE);
	assert_locked(*state, "94000102030405060708090a0b0c0d0e0f10111213");
	assert_answer(*state, LOCK_PCR "1818", LOCKED);
	assert_locked(*state, "95000102030405060708090a0b0c0d0e0f101112131818");
	assert_answer(*state, LOCK_PCRS "1821", INVALID_INDEX);
	assert_locked(*state, "95000102030405060708090a0b0c0d0e0f101112131818");
	assert_answer(*state, LOCK_PCRS "1820", LOCKED_RANGE);
	assert_answer(*state, LOCK_PCRS "1820", LOCKED_RANGE);
	assert_locked(*state, "9820000102030405060708090a0b0c0d0e0f1011121314151617"
		      "18181819181a181b181c181d181e181f");
}

static void test_exit(void **state)
{
	static const struct {
		const char *request;
		uint16_t status;
	} good[] = {
		{ EXIT "190700", 7 << 8 },
		{ EXIT "00", 0 },
		{ EXIT "190000", 0 },
		{ EXIT "09", 9 },
		{ EXIT "188b", 0x8b },	/* killed, with a core dump */
		{ EXIT "19ff00", 0xff00 },
	};
	/* Stopped, continued, both exited and killed. */
	static const char *const not_ended[] = {
		EXIT "187f", EXIT "19137f", EXIT "19ffff", EXIT "190709", EXIT "1880",
	};
	static const char *const bad[] = {
		EXIT "1a00010000", EXIT "20", EXIT "f6", EXIT "4100", EXIT "6137", EXIT,
		"69" EXIT_NAME, "a169" EXIT_NAME "f6", "a169" EXIT_NAME "a0",
		"a169" EXIT_NAME "07", "a169" EXIT_NAME "a164636f646507",
		/* It has no number, unlike AWS's requests. */
		"07", "a107a16673746174757300", "a10781190700",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_answer(f, good[i].request, "69" EXIT_NAME);
		assert_int_equal(f->exits, i + 1);
		assert_int_equal(f->exit_status, good[i].status);
	}
	for (size_t i = 0; i < ARRAY_SIZE(not_ended); i++)
		assert_answer(f, not_ended[i], INVALID_ARGUMENT);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_answer(f, bad[i], INVALID_OP);
	assert_int_equal(f->exits, ARRAY_SIZE(good));
}

#define AGENT_KEY_NAME	"6d4e65456d754167656e744b6579"
#define AGENT_KEY_HEX	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* Once, in debug mode only, and never another one. */
static void test_agent_key(void **state)
{
	struct fixture *f = *state;
	uint8_t key[NSM_AGENT_KEY_SIZE];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = i;
	nsm_set_agent_key(f->nsm, key);
	assert_answer(f, AGENT_KEY_NAME, INVALID_OP);
	nsm_destroy(f->nsm);
	fixture_create(f, true);
	assert_answer(f, AGENT_KEY_NAME, INVALID_OP);
	nsm_set_agent_key(f->nsm, key);
	memset(key, 0xff, sizeof(key));
	nsm_set_agent_key(f->nsm, key);
	/* It has no number. */
	assert_answer(f, "08", INVALID_OP);
	assert_answer(f, AGENT_KEY_NAME, "a1" AGENT_KEY_NAME "a1636b65795820" AGENT_KEY_HEX);
	assert_answer(f, AGENT_KEY_NAME, INVALID_OP);
}

static void test_undecodable(void **state)
{
	static const char *const requests[] = {
		"", "00", "f6", "80", "a0", "ff", "60", "63466f6f",
		"6967657472616e646f6d",		/* getrandom */
		DESCRIBE_NSM "00",		/* trailing byte */
		"d2" DESCRIBE_PCR "00", "c0" DESCRIBE_PCR "00",
		"9bffffffffffffffff", "bb7fffffffffffffff", "7bffffffffffffffff",
		"fb7ff0000000000000",
	};

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		assert_answer(*state, requests[i], INVALID_OP);
}

static void test_truncated(void **state)
{
	uint8_t req[64], expected[64];
	size_t len = from_hex(EXTEND_PCR "10646461746143010203", req, sizeof(req));
	size_t expected_len = from_hex(INVALID_OP, expected, sizeof(expected));

	for (size_t i = 0; i < len; i++) {
		ask_bytes(*state, req, i);
		assert_response(*state, expected, expected_len);
	}
}

static void test_deep_nesting(void **state)
{
	uint8_t req[4000], expected[64];
	size_t expected_len = from_hex(INVALID_OP, expected, sizeof(expected));

	memset(req, 0x81, sizeof(req));
	ask_bytes(*state, req, sizeof(req));
	assert_response(*state, expected, expected_len);
}

static void test_request_size(void **state)
{
	uint8_t req[NSM_REQUEST_MAX + 1] = { 0 }, expected[64];
	size_t expected_len = from_hex(INVALID_OP, expected, sizeof(expected));

	ask_bytes(*state, req, NSM_REQUEST_MAX);
	assert_response(*state, expected, expected_len);
	expected_len = from_hex(TOO_LARGE, expected, sizeof(expected));
	ask_bytes(*state, req, NSM_REQUEST_MAX + 1);
	assert_response(*state, expected, expected_len);
}

/*
 * With too little room for a response, nothing is written past it, and the request
 * changes nothing.
 */
static void test_response_room(void **state)
{
	static const struct {
		const char *request;
		size_t len;
	} cases[] = {
		{ GET_RANDOM, 278 },
		{ DESCRIBE_NSM, 164 },
		{ DESCRIBE_PCR "10", 75 },
		{ EXTEND_PCR "10646461746143010203", 67 },
		{ LOCK_PCR "10", 8 },
		{ LOCK_PCRS "1820", 9 },
		{ EXIT "190700", 10 },
	};
	uint8_t too_small[64], req[64], state_before[75];
	size_t error_len = from_hex(TOO_SMALL, too_small, sizeof(too_small));
	struct fixture *f = *state;

	ask(f, DESCRIBE_PCR "10");
	memcpy(state_before, f->rsp, sizeof(state_before));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t len = from_hex(cases[i].request, req, sizeof(req));

		for (size_t cap = 0; cap < cases[i].len; cap++) {
			uint8_t *rsp = malloc(cap ? cap : 1);
			size_t n = nsm_request(f->nsm, req, len, rsp, cap);

			assert_int_equal(n, cap < error_len ? 0 : error_len);
			assert_memory_equal(rsp, too_small, n);
			free(rsp);
		}
		ask(f, DESCRIBE_PCR "10");
		assert_response(f, state_before, sizeof(state_before));
	}
}

static void test_debug(void **state)
{
	struct fixture f = { 0 };
	struct nsm_measurements measured;

	(void)state;
	memset(&measured, 0x11, sizeof(measured));
	fixture_create(&f, true);
	nsm_configure(f.nsm, &(struct nsm_settings){ .pcrs_given = 1U << 4 });
	nsm_start(f.nsm, &measured);
	assert_answer(&f, DESCRIBE_PCR "00", VALUE_LOCKED ZERO);
	assert_answer(&f, DESCRIBE_PCR "01", VALUE_LOCKED ZERO);
	assert_answer(&f, DESCRIBE_PCR "02", VALUE_LOCKED ZERO);
	assert_answer(&f, DESCRIBE_PCR "08", VALUE_LOCKED ZERO);
	nsm_destroy(f.nsm);
}

#define ONES \
	"111111111111111111111111111111111111111111111111" \
	"111111111111111111111111111111111111111111111111"
#define TWOS \
	"222222222222222222222222222222222222222222222222" \
	"222222222222222222222222222222222222222222222222"

/* In debug mode, PCRs of role and instance and given PCRs keep their values. */
static void test_given_pcrs(void **state)
{
	struct nsm_settings settings = { .pcrs_given = 1U << 1 | 1U << 3 | 1U << 15 };
	struct fixture f = { 0 };
	struct nsm_measurements measured;

	(void)state;
	memset(&measured, 0x11, sizeof(measured));
	memset(settings.pcrs, 0x22, sizeof(settings.pcrs));
	for (int debug = 0; debug < 2; debug++) {
		fixture_create(&f, debug);
		nsm_configure(f.nsm, &settings);
		nsm_start(f.nsm, &measured);
		assert_answer(&f, DESCRIBE_PCR "00", debug ? VALUE_LOCKED ZERO :
			      VALUE_LOCKED ONES);
		assert_answer(&f, DESCRIBE_PCR "01", VALUE_LOCKED TWOS);
		assert_answer(&f, DESCRIBE_PCR "03", VALUE_LOCKED TWOS);
		assert_answer(&f, DESCRIBE_PCR "04", VALUE_LOCKED ZERO);
		assert_answer(&f, DESCRIBE_PCR "0f", VALUE_LOCKED TWOS);
		/* Settings that arrive while the enclave runs do not change registers. */
		nsm_configure(f.nsm, &(struct nsm_settings){ .pcrs_given = 0xffff });
		assert_answer(&f, DESCRIBE_PCR "03", VALUE_LOCKED TWOS);
		nsm_destroy(f.nsm);
	}
}

static void test_real_debug_pcrs(void **state)
{
	struct fixture f = { 0 };
	struct nsm_measurements measured;

	(void)state;
	memset(&measured, 0x11, sizeof(measured));
	fixture_create(&f, true);
	nsm_configure(f.nsm, &(struct nsm_settings){ .real_debug_pcrs = true });
	nsm_start(f.nsm, &measured);
	assert_answer(&f, DESCRIBE_PCR "00", VALUE_LOCKED ONES);
	assert_answer(&f, DESCRIBE_PCR "08", VALUE_LOCKED ONES);
	nsm_destroy(f.nsm);
}

static void test_module_id(void **state)
{
	char id[NSM_MODULE_ID_MAX + 2];
	struct nsm_config config = { .module_id = id, .entropy = nsm_entropy_system };
	struct nsm *nsm;

	(void)state;
	id[0] = '\0';
	assert_int_equal(nsm_create(&config, &nsm), -EINVAL);
	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	assert_int_equal(nsm_create(&config, &nsm), -EINVAL);
	id[sizeof(id) - 2] = '\0';
	assert_int_equal(nsm_create(&config, &nsm), 0);
	nsm_destroy(nsm);
}

static void test_system_entropy(void **state)
{
	uint8_t a[64], b[64];

	(void)state;
	assert_int_equal(nsm_entropy_system(NULL, a, sizeof(a)), 0);
	assert_int_equal(nsm_entropy_system(NULL, b, sizeof(b)), 0);
	assert_memory_not_equal(a, b, sizeof(a));
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_describe_nsm),
		T(test_get_random),
		T(test_entropy_failure),
		T(test_describe_pcr),
		T(test_bad_index),
		T(test_extend_pcr),
		T(test_extend_locked),
		T(test_extend_much),
		T(test_lock_pcr),
		T(test_lock_pcrs),
		T(test_exit),
		T(test_agent_key),
		T(test_undecodable),
		T(test_truncated),
		T(test_deep_nesting),
		T(test_request_size),
		T(test_response_room),
		cmocka_unit_test(test_debug),
		cmocka_unit_test(test_given_pcrs),
		cmocka_unit_test(test_real_debug_pcrs),
		cmocka_unit_test(test_module_id),
		cmocka_unit_test(test_system_entropy),
	};

	return cmocka_run_group_tests_name("nsm", tests, NULL, NULL);
}
