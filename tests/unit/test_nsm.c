// SPDX-License-Identifier: Apache-2.0
/* NSM protocol: requests as clients send them, responses byte for byte. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "nsm/nsm.h"

#include <errno.h>
#include <string.h>

#define MODULE_ID	"i-0123456789abcdef0-enc0123456789abcdef"

static const char error_invalid_operation[] = "\xa1\x65" "Error" "\x70" "InvalidOperation";
static const char error_input_too_large[] = "\xa1\x65" "Error" "\x6d" "InputTooLarge";
static const char error_buffer_too_small[] = "\xa1\x65" "Error" "\x6e" "BufferTooSmall";
static const char error_internal[] = "\xa1\x65" "Error" "\x6d" "InternalError";

/* Entropy for tests: counts up, or fails. */
struct counter {
	uint8_t next;
	int err;
};

static int count_up(void *arg, void *buf, size_t len)
{
	struct counter *counter = arg;

	if (counter->err)
		return counter->err;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = counter->next++;
	return 0;
}

struct fixture {
	struct counter counter;
	struct nsm *nsm;
	uint8_t rsp[NSM_RESPONSE_MAX];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct nsm_config config = {
		.module_id = MODULE_ID, .entropy = count_up, .entropy_arg = &f->counter,
	};

	assert_int_equal(nsm_create(&config, &f->nsm), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	nsm_destroy(f->nsm);
	free(f);
	return 0;
}

/* The request in memory of its own size, so that reading past it is found. */
static size_t request(struct fixture *f, const void *req, size_t len)
{
	void *exact = malloc(len ? len : 1);
	size_t n;

	memcpy(exact, req, len);
	n = nsm_request(f->nsm, exact, len, f->rsp, sizeof(f->rsp));
	free(exact);
	return n;
}

static void assert_response(struct fixture *f, const void *req, size_t len, const char *expected,
			    size_t expected_len)
{
	size_t n = request(f, req, len);

	assert_int_equal(n, expected_len);
	assert_memory_equal(f->rsp, expected, expected_len);
}

#define ASSERT_RESPONSE(f, req, expected) \
	assert_response(f, req, sizeof(req) - 1, expected, sizeof(expected) - 1)

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
	ASSERT_RESPONSE(*state, "\x6b" "DescribeNSM", expected);
}

static void test_get_random(void **state)
{
	static const char prefix[] = "\xa1\x69" "GetRandom" "\xa1\x66" "random" "\x59\x01\x00";
	struct fixture *f = *state;
	uint8_t first[256];
	size_t n;

	n = request(f, "\x69" "GetRandom", 10);
	assert_int_equal(n, 278);
	assert_memory_equal(f->rsp, prefix, sizeof(prefix) - 1);
	for (size_t i = 0; i < sizeof(first); i++)
		assert_int_equal(f->rsp[sizeof(prefix) - 1 + i], (uint8_t)i);

	f->counter.next = 7;
	n = request(f, "\x69" "GetRandom", 10);
	assert_int_equal(n, 278);
	assert_int_equal(f->rsp[sizeof(prefix) - 1], 7);
}

static void test_entropy_failure(void **state)
{
	struct fixture *f = *state;

	f->counter.err = -EIO;
	ASSERT_RESPONSE(f, "\x69" "GetRandom", error_internal);
}

/* What AWS's decoder takes besides the plain form. */
static void test_tolerated_forms(void **state)
{
	static const struct {
		const char *req;
		size_t len;
		size_t rsp_len;
	} forms[] = {
		{ "\xd9\xd9\xf7\x69" "GetRandom", 13, 278 },
		{ "\xa1\x69" "GetRandom" "\xf6", 12, 278 },
		{ "\x81\x69" "GetRandom", 11, 278 },
		{ "\x06", 1, 278 },
		{ "\x18\x06", 2, 278 },
		{ "\xa1\x06\xf6", 3, 278 },
		{ "\x04", 1, 164 },
		{ "\x78\x0b" "DescribeNSM", 13, 164 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		assert_int_equal(request(*state, forms[i].req, forms[i].len), forms[i].rsp_len);
}

static void test_undecodable(void **state)
{
	static const struct {
		const char *req;
		size_t len;
	} cases[] = {
		{ "", 0 },
		{ "\x00", 1 },
		{ "\xf6", 1 },
		{ "\x80", 1 },
		{ "\xa0", 1 },
		{ "\xff", 1 },
		{ "\x60", 1 },
		{ "\x63" "Foo", 4 },
		{ "\x69" "getrandom", 10 },
		{ "\x6b" "DescribeNSM" "\x00", 13 },	/* trailing byte */
		{ "\xa1\x69" "GetRandom" "\xa0", 12 },	/* {"GetRandom": {}} */
		{ "\xa1\x69" "GetRandom", 11 },		/* value is missing */
		{ "\xa2\x69" "GetRandom" "\xf6\x69" "GetRandom" "\xf6", 23 },
		{ "\x82\x69" "GetRandom" "\xf6", 12 },
		{ "\xd2\x69" "GetRandom", 11 },		/* tag 18 */
		{ "\xc0\x69" "GetRandom", 11 },		/* tag 0 */
		{ "\xbf\x69" "GetRandom" "\xf6\xff", 13 },
		{ "\x9b\xff\xff\xff\xff\xff\xff\xff\xff", 9 },
		{ "\xbb\x7f\xff\xff\xff\xff\xff\xff\xff", 9 },
		{ "\x7b\xff\xff\xff\xff\xff\xff\xff\xff", 9 },
		{ "\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00", 9 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_response(*state, cases[i].req, cases[i].len, error_invalid_operation,
				sizeof(error_invalid_operation) - 1);
}

static void test_truncated(void **state)
{
	for (size_t len = 0; len < 12; len++)
		assert_response(*state, "\x6b" "DescribeNSM", len, error_invalid_operation,
				sizeof(error_invalid_operation) - 1);
}

static void test_deep_nesting(void **state)
{
	uint8_t req[4000];

	memset(req, 0x81, sizeof(req));
	assert_response(*state, req, sizeof(req), error_invalid_operation,
			sizeof(error_invalid_operation) - 1);
}

static void test_request_size(void **state)
{
	uint8_t req[NSM_REQUEST_MAX + 1] = { 0 };

	assert_response(*state, req, NSM_REQUEST_MAX, error_invalid_operation,
			sizeof(error_invalid_operation) - 1);
	assert_response(*state, req, NSM_REQUEST_MAX + 1, error_input_too_large,
			sizeof(error_input_too_large) - 1);
}

/* However little room there is, nothing is written behind it. */
static void test_response_room(void **state)
{
	struct fixture *f = *state;

	for (size_t cap = 0; cap < 300; cap++) {
		uint8_t *rsp = malloc(cap ? cap : 1);
		size_t n = nsm_request(f->nsm, "\x69" "GetRandom", 10, rsp, cap);

		if (cap >= 278) {
			assert_int_equal(n, 278);
		} else if (cap >= sizeof(error_buffer_too_small) - 1) {
			assert_int_equal(n, sizeof(error_buffer_too_small) - 1);
			assert_memory_equal(rsp, error_buffer_too_small, n);
		} else {
			assert_int_equal(n, 0);
		}
		free(rsp);
	}
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

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_describe_nsm),
		T(test_get_random),
		T(test_entropy_failure),
		T(test_tolerated_forms),
		T(test_undecodable),
		T(test_truncated),
		T(test_deep_nesting),
		T(test_request_size),
		T(test_response_room),
		cmocka_unit_test(test_module_id),
		cmocka_unit_test(test_system_entropy),
	};

	return cmocka_run_group_tests_name("nsm", tests, NULL, NULL);
}
