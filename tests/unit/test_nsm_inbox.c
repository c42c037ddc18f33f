// SPDX-License-Identifier: Apache-2.0
/* Messages to the NSM through a socket: valid ones and those to ignore. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/log.h"
#include "nsm_fixture.h"
#include "nsm_key.h"
#include "vmm/nsm_inbox.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ATTESTATION	"a16b4174746573746174696f6ea0"
#define DESCRIBE_PCR3	"a16b4465736372696265504352a165696e64657803"
#define INTERNAL	"a1654572726f726d496e7465726e616c4572726f72"
#define INPUT_TOO_LARGE	"a1654572726f726d496e707574546f6f4c61726765"

struct inbox_fixture {
	struct fixture *f;
	struct loop loop;
	struct nsm_inbox inbox;
	struct faults faults;
	int fds[2];
	uint8_t message[NSM_CONTROL_MAX + 1];
};

static int setup(void **state)
{
	struct inbox_fixture *i = calloc(1, sizeof(*i));

	assert_int_equal(fixture_setup((void **)&i->f), 0);
	assert_int_equal(loop_init(&i->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, i->fds), 0);
	assert_int_equal(nsm_inbox_open(&i->inbox, &i->loop, i->f->nsm, &i->faults, NULL,
					i->fds[0]), 0);
	*state = i;
	return 0;
}

static int teardown(void **state)
{
	struct inbox_fixture *i = *state;

	nsm_inbox_close(&i->inbox);
	loop_exit(&i->loop);
	fd_close(&i->fds[0]);
	fd_close(&i->fds[1]);
	fixture_teardown((void **)&i->f);
	free(i);
	return 0;
}

static void post(struct inbox_fixture *i, ssize_t len)
{
	assert_true(len >= 0);
	assert_int_equal(send(i->fds[1], i->message, len, 0), len);
}

static void post_settings(struct inbox_fixture *i, const struct nsm_settings *settings)
{
	post(i, nsm_control_encode_settings(settings, i->message, sizeof(i->message)));
}

static void post_identity(struct inbox_fixture *i, const struct test_key *key, size_t padding)
{
	static const uint8_t certificates[1024];
	struct nsm_identity identity = {
		.key = { key->der, key->der_len },
		.certificate = { certificates, 600 + padding },
		.cas = { { certificates, 500 } },
		.nr_cas = 1,
		.not_after = 1,
	};

	post(i, nsm_control_encode_identity(&identity, i->message, sizeof(i->message)));
}

static void run_loop(struct inbox_fixture *i)
{
	for (int n = 0; n < 10; n++)
		assert_int_equal(loop_run_once(&i->loop, 0), 0);
}

/* Messages present at the start set registers; later ones do not. */
static void test_settings(void **state)
{
	struct nsm_settings settings = { .pcrs_given = 1U << 3, .strict_limits = true };
	struct inbox_fixture *i = *state;
	uint8_t value;

	memset(settings.pcrs[3], 0x33, sizeof(settings.pcrs[3]));
	post_settings(i, &settings);
	nsm_inbox_drain(&i->inbox);
	nsm_start(i->f->nsm, &(struct nsm_measurements){ 0 });
	ask(i->f, DESCRIBE_PCR3);
	assert_int_equal(i->f->len, 75);
	value = i->f->rsp[74];
	assert_int_equal(value, 0x33);

	memset(settings.pcrs[3], 0x44, sizeof(settings.pcrs[3]));
	post_settings(i, &settings);
	run_loop(i);
	ask(i->f, DESCRIBE_PCR3);
	assert_int_equal(i->f->rsp[74], 0x33);
}

static void test_identity(void **state)
{
	struct inbox_fixture *i = *state;
	struct test_key key, next;
	size_t len;

	test_key_create(&key, "P-384");
	test_key_create(&next, "P-384");
	assert_answer(i->f, ATTESTATION, INTERNAL);
	post_identity(i, &key, 0);
	assert_answer(i->f, ATTESTATION, INTERNAL);
	run_loop(i);
	ask(i->f, ATTESTATION);
	len = i->f->len;
	assert_true(len > 1100);
	post_identity(i, &next, 7);
	run_loop(i);
	ask(i->f, ATTESTATION);
	assert_int_equal(i->f->len, len + 7);
	test_key_free(&key);
	test_key_free(&next);
}

/* Settings may change while the enclave runs. */
static void test_later_settings(void **state)
{
	static const char prefix[] = "a16b4174746573746174696f6ea1656e6f6e6365590201";
	struct inbox_fixture *i = *state;
	uint8_t req[NSM_REQUEST_MAX] = { 0 }, expected[64];
	size_t len = from_hex(prefix, req, sizeof(req));
	size_t expected_len = from_hex(INPUT_TOO_LARGE, expected, sizeof(expected));
	struct test_key key;

	test_key_create(&key, "P-384");
	post_identity(i, &key, 0);
	run_loop(i);
	ask_bytes(i->f, req, len + 513);
	assert_true(i->f->len > 1100);
	post_settings(i, &(struct nsm_settings){ .strict_limits = true });
	run_loop(i);
	ask_bytes(i->f, req, len + 513);
	assert_response(i->f, expected, expected_len);
	test_key_free(&key);
}

/* None of these has an effect or stops the messages after it from being read. */
static void test_bad_messages(void **state)
{
	struct inbox_fixture *i = *state;
	struct test_key key;

	test_key_create(&key, "P-384");
	post(i, 0);
	memset(i->message, 0xff, sizeof(i->message));
	post(i, 3);
	post(i, 100);
	memcpy(i->message, "\x01\x00\x63\x00", 4);	/* type 99 */
	post(i, 4);
	memset(i->message, 0, sizeof(i->message));
	memcpy(i->message, "\x01\x00\x01\x00", 4);
	post(i, NSM_CONTROL_MAX + 1);
	key.der[key.der_len / 2] ^= 0xff;
	key.der[5] ^= 0xff;
	post_identity(i, &key, 0);
	nsm_inbox_drain(&i->inbox);
	assert_answer(i->f, ATTESTATION, INTERNAL);
	test_key_free(&key);

	test_key_create(&key, "P-384");
	post_identity(i, &key, 0);
	nsm_inbox_drain(&i->inbox);
	ask(i->f, ATTESTATION);
	assert_true(i->f->len > 1100);
	test_key_free(&key);
}

/* Each message replaces all faults and starts them anew. */
static void test_faults(void **state)
{
	struct fault_settings settings = { 0 };
	const struct fault_event event = { 0 };
	struct inbox_fixture *i = *state;
	uint64_t value;

	assert_int_equal(fault_setting_parse(&settings, FAULT_NSM_ERROR,
					     "InternalError:count=1", NULL), 0);
	for (int round = 0; round < 2; round++) {
		post(i, nsm_control_encode_faults(&settings, i->message, sizeof(i->message)));
		assert_int_equal(i->faults.armed, round ? FAULT_BIT(FAULT_NSM_ERROR) : 0);
		run_loop(i);
		assert_int_equal(i->faults.armed, FAULT_BIT(FAULT_NSM_ERROR));
		assert_true(fault_hits(&i->faults, FAULT_NSM_ERROR, &event, &value));
		assert_int_equal(value, 8);
		assert_false(fault_hits(&i->faults, FAULT_NSM_ERROR, &event, &value));
		assert_false(fault_hits(&i->faults, FAULT_NSM_HANG, &event, &value));
	}
	post(i, nsm_control_encode_faults(&(struct fault_settings){ 0 }, i->message,
					  sizeof(i->message)));
	run_loop(i);
	assert_int_equal(i->faults.armed, 0);
}

static void test_no_socket(void **state)
{
	struct inbox_fixture *i = *state;
	struct nsm_inbox none;

	assert_int_equal(nsm_inbox_open(&none, &i->loop, i->f->nsm, &i->faults, NULL, -1), 0);
	nsm_inbox_drain(&none);
	nsm_inbox_close(&none);
}

static int nr_events(struct inbox_fixture *i)
{
	struct epoll_event event;

	return epoll_wait(i->loop.epoll_fd, &event, 1, 0);
}

/* A socket with a closed peer is not polled for ever; its earlier messages count. */
static void test_closed(void **state)
{
	struct inbox_fixture *i = *state;
	struct test_key key;

	test_key_create(&key, "P-384");
	post_identity(i, &key, 0);
	assert_int_equal(nr_events(i), 1);
	run_loop(i);
	assert_int_equal(nr_events(i), 0);
	post_identity(i, &key, 0);
	fd_close(&i->fds[1]);
	run_loop(i);
	assert_int_equal(nr_events(i), 0);
	/* Nothing can be sent to it any more, and poll() keeps reporting that. */
	assert_int_equal(shutdown(i->fds[0], SHUT_RDWR), 0);
	assert_int_equal(nr_events(i), 1);
	run_loop(i);
	assert_int_equal(nr_events(i), 0);
	assert_int_equal(i->inbox.source.fd, -1);
	nsm_inbox_drain(&i->inbox);
	ask(i->f, ATTESTATION);
	assert_true(i->f->len > 1100);
	test_key_free(&key);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_settings),
		T(test_identity),
		T(test_later_settings),
		T(test_bad_messages),
		T(test_faults),
		T(test_no_socket),
		T(test_closed),
	};

	log_init(LOG_ERR, NULL);	/* the tests send invalid messages on purpose */
	return cmocka_run_group_tests_name("nsm_inbox", tests, NULL, NULL);
}
