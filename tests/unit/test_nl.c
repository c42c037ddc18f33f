// SPDX-License-Identifier: Apache-2.0
/* Messages of the netlink family: valid ones, and those that must be refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/nl.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MAX	(64 * 1024)
#define VCPUS_MANY	5000

/* Attributes as the kernel lays them out: header, payload, padding. */
struct message {
	size_t len;
	uint8_t bytes[MESSAGE_MAX] __attribute__((aligned(NLA_ALIGNTO)));
};

static void put(struct message *msg, int type, const void *data, size_t len)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + len, .nla_type = type };

	assert_true(msg->len + NLA_ALIGN(attr.nla_len) <= MESSAGE_MAX);
	memcpy(msg->bytes + msg->len, &attr, sizeof(attr));
	memset(msg->bytes + msg->len + NLA_HDRLEN, 0, NLA_ALIGN(len));
	if (len)
		memcpy(msg->bytes + msg->len + NLA_HDRLEN, data, len);
	msg->len += NLA_ALIGN(attr.nla_len);
}

static void put_u32(struct message *msg, int type, uint32_t value)
{
	put(msg, type, &value, sizeof(value));
}

static void put_u64(struct message *msg, int type, uint64_t value)
{
	put(msg, type, &value, sizeof(value));
}

static void put_all(struct message *msg)
{
	put(msg, NE_EMU_A_ENCLAVE_PAD, NULL, 0);
	put_u64(msg, NE_EMU_A_ENCLAVE_SLOT_UID, 0x0123456789abcdef);
	put_u32(msg, NE_EMU_A_ENCLAVE_CID, 16);
	put_u32(msg, NE_EMU_A_ENCLAVE_STATE, NE_EMU_ENCLAVE_STATE_STOPPED);
	put_u64(msg, NE_EMU_A_ENCLAVE_FLAGS, 1);
	put_u64(msg, NE_EMU_A_ENCLAVE_MEM_SIZE, 512 * MIB);
	put_u64(msg, NE_EMU_A_ENCLAVE_IMAGE_OFFSET, 8 * MIB);
	put_u32(msg, NE_EMU_A_ENCLAVE_VCPU, 3);
	put_u32(msg, NE_EMU_A_ENCLAVE_EXIT_REASON, NE_EMU_EXIT_REASON_BAD_IMAGE);
	put(msg, NE_EMU_A_ENCLAVE_EXIT_TEXT, "no magic", sizeof("no magic"));
	put_u32(msg, NE_EMU_A_ENCLAVE_VCPU, 2);
	put_u32(msg, NE_EMU_A_ENCLAVE_OWNER_PID, 77);
	put_u32(msg, NE_EMU_A_ENCLAVE_OWNER_UID, 1000);
	put_u64(msg, NE_EMU_A_ENCLAVE_STARTED_NS, 5000000000ULL);
}

static void test_all_attributes(void **state)
{
	struct message msg = { 0 };
	struct ne_nl_enclave e;

	put_all(&msg);
	assert_int_equal(ne_nl_parse(msg.bytes, msg.len, &e), 0);
	assert_int_equal(e.slot_uid, 0x0123456789abcdef);
	assert_int_equal(e.cid, 16);
	assert_int_equal(e.state, NE_EMU_ENCLAVE_STATE_STOPPED);
	assert_int_equal(e.flags, 1);
	assert_int_equal(e.mem_size, 512 * MIB);
	assert_int_equal(e.image_offset, 8 * MIB);
	assert_int_equal(e.nr_vcpus, 2);
	assert_int_equal(e.vcpus[0], 3);
	assert_int_equal(e.vcpus[1], 2);
	assert_int_equal(e.exit_reason, NE_EMU_EXIT_REASON_BAD_IMAGE);
	assert_string_equal(e.exit_text, "no magic");
	assert_int_equal(e.guest_status, 0);
	assert_int_equal(e.owner_pid, 77);
	assert_int_equal(e.owner_uid, 1000);
	assert_int_equal(e.started_ns, 5000000000ULL);
	assert_int_equal(e.backend_fd, -1);
	ne_nl_enclave_done(&e);
}

static void test_guest_status(void **state)
{
	static const struct {
		uint32_t sent;
		uint32_t known;
	} cases[] = {
		{ 0, 0x10000 }, { 0x0700, 0x10700 }, { 9, 0x10009 }, { 0x8b, 0x1008b },
		/* Not the end of a process, or not 16 bits. */
		{ 0x7f, 0 }, { 0xffff, 0 }, { 0x10700, 0 }, { UINT32_MAX, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct message msg = { 0 };
		struct ne_nl_enclave e;

		put_u64(&msg, NE_EMU_A_ENCLAVE_SLOT_UID, 1);
		put_u32(&msg, NE_EMU_A_ENCLAVE_EXIT_STATUS, cases[i].sent);
		assert_int_equal(ne_nl_parse(msg.bytes, msg.len, &e), 0);
		assert_int_equal(e.guest_status, cases[i].known);
		ne_nl_enclave_done(&e);
	}
}

/* A message for strangers: a missing owner must not become root or process 0. */
static void test_nothing_of_the_owner(void **state)
{
	struct message msg = { 0 };
	struct ne_nl_enclave e;

	put_u64(&msg, NE_EMU_A_ENCLAVE_SLOT_UID, 1);
	assert_int_equal(ne_nl_parse(msg.bytes, msg.len, &e), 0);
	assert_int_equal(e.owner_uid, NE_NL_NO_OWNER);
	assert_int_equal(e.owner_pid, 0);
	assert_string_equal(e.exit_text, "");
	ne_nl_enclave_done(&e);
}

/* The VMM, a panic message or an image chooses the text: it is clean, cut at a character. */
static void test_exit_text_is_clean(void **state)
{
	char text[NE_NL_TEXT_SIZE + 2] = "\33[31mred\n\xff";
	struct message msg = { 0 };
	struct ne_nl_enclave e;

	put_u64(&msg, NE_EMU_A_ENCLAVE_SLOT_UID, 1);
	put(&msg, NE_EMU_A_ENCLAVE_EXIT_TEXT, text, strlen(text) + 1);
	assert_int_equal(ne_nl_parse(msg.bytes, msg.len, &e), 0);
	assert_string_equal(e.exit_text, "\\x1b[31mred\\x0a\\xff");
	assert_int_equal(e.owner_uid, NE_NL_NO_OWNER);
	ne_nl_enclave_done(&e);

	/* Its last character would use the byte of the NUL. */
	memset(text, 'x', sizeof(text));
	memcpy(text + NE_NL_TEXT_SIZE - 2, "é", sizeof("é"));
	msg.len = 0;
	put_u64(&msg, NE_EMU_A_ENCLAVE_SLOT_UID, 1);
	put(&msg, NE_EMU_A_ENCLAVE_EXIT_TEXT, text, strlen(text) + 1);
	assert_int_equal(ne_nl_parse(msg.bytes, msg.len, &e), 0);
	assert_int_equal(strlen(e.exit_text), NE_NL_TEXT_SIZE - 2);
	ne_nl_enclave_done(&e);
}

static void test_pool(void **state)
{
	struct message msg = { 0 };
	struct ne_nl_pool pool;

	put_u32(&msg, NE_EMU_A_POOL_CPU, 2);
	put_u32(&msg, NE_EMU_A_POOL_CPU, 3);
	put_u32(&msg, NE_EMU_A_POOL_CPU, 65535);
	put_u32(&msg, NE_EMU_A_POOL_CLAIMED, 3);
	put_u32(&msg, NE_EMU_A_POOL_NODE, 1);
	put_u32(&msg, NE_EMU_A_POOL_MAX + 1, 9);
	assert_int_equal(ne_nl_parse_pool(msg.bytes, msg.len, &pool), 0);
	assert_int_equal(pool.nr_cpus, 3);
	assert_int_equal(pool.cpus[0], 2);
	assert_int_equal(pool.cpus[1], 3);
	assert_int_equal(pool.cpus[2], 65535);
	assert_int_equal(pool.nr_claimed, 1);
	assert_int_equal(pool.claimed[0], 3);
	assert_int_equal(pool.node, 1);
	ne_nl_pool_done(&pool);

	assert_int_equal(ne_nl_parse_pool(msg.bytes, 0, &pool), 0);
	assert_int_equal(pool.nr_cpus, 0);
	assert_null(pool.cpus);
	assert_int_equal(pool.node, -1);
}

static void test_bad_pool(void **state)
{
	struct message msg = { 0 };
	struct ne_nl_pool pool;

	put_u32(&msg, NE_EMU_A_POOL_CPU, 2);
	put(&msg, NE_EMU_A_POOL_CLAIMED, "abc", 3);
	assert_int_equal(ne_nl_parse_pool(msg.bytes, msg.len, &pool), -EBADMSG);
	for (size_t len = 1; len < NLA_HDRLEN + 4; len++)
		assert_int_equal(ne_nl_parse_pool(msg.bytes, len, &pool), -EBADMSG);
}

static void test_absent_attributes_are_zero(void **state)
{
	struct message msg = { 0 };
	struct ne_nl_enclave e;

	put_u64(&msg, NE_EMU_A_ENCLAVE_SLOT_UID, 7);
	assert_int_equal(ne_nl_parse(msg.bytes, msg.len, &e), 0);
	assert_int_equal(e.cid, 0);
	assert_int_equal(e.started_ns, 0);
	assert_int_equal(e.nr_vcpus, 0);
	assert_null(e.vcpus);
	assert_string_equal(e.exit_text, "");
	assert_int_equal(e.backend_fd, -1);
	ne_nl_enclave_done(&e);
}

static void test_unknown_attributes_are_passed_over(void **state)
{
	struct message msg = { 0 };
	struct ne_nl_enclave e;

	put(&msg, NE_EMU_A_ENCLAVE_MAX + 1, "new", 3);
	put_u64(&msg, NE_EMU_A_ENCLAVE_SLOT_UID, 7);
	put(&msg, 0x3fff, NULL, 0);
	assert_int_equal(ne_nl_parse(msg.bytes, msg.len, &e), 0);
	assert_int_equal(e.slot_uid, 7);
	ne_nl_enclave_done(&e);
}

static void test_slot_uid_is_needed(void **state)
{
	struct message msg = { 0 };
	struct ne_nl_enclave e;

	assert_int_equal(ne_nl_parse(msg.bytes, 0, &e), -EBADMSG);
	put_u32(&msg, NE_EMU_A_ENCLAVE_CID, 16);
	assert_int_equal(ne_nl_parse(msg.bytes, msg.len, &e), -EBADMSG);
}

static void test_many_vcpus(void **state)
{
	struct message msg = { 0 };
	struct ne_nl_enclave e;

	put_u64(&msg, NE_EMU_A_ENCLAVE_SLOT_UID, 7);
	for (uint32_t i = 0; i < VCPUS_MANY; i++)
		put_u32(&msg, NE_EMU_A_ENCLAVE_VCPU, VCPUS_MANY - i);
	assert_int_equal(ne_nl_parse(msg.bytes, msg.len, &e), 0);
	assert_int_equal(e.nr_vcpus, VCPUS_MANY);
	for (uint32_t i = 0; i < VCPUS_MANY; i++)
		assert_int_equal(e.vcpus[i], VCPUS_MANY - i);
	ne_nl_enclave_done(&e);
}

static void test_wrong_sizes(void **state)
{
	static const struct {
		int type;
		size_t size;
	} attrs[] = {
		{ NE_EMU_A_ENCLAVE_SLOT_UID, 8 }, { NE_EMU_A_ENCLAVE_CID, 4 },
		{ NE_EMU_A_ENCLAVE_STATE, 4 }, { NE_EMU_A_ENCLAVE_FLAGS, 8 },
		{ NE_EMU_A_ENCLAVE_MEM_SIZE, 8 }, { NE_EMU_A_ENCLAVE_IMAGE_OFFSET, 8 },
		{ NE_EMU_A_ENCLAVE_VCPU, 4 }, { NE_EMU_A_ENCLAVE_BACKEND_FD, 4 },
		{ NE_EMU_A_ENCLAVE_EXIT_REASON, 4 }, { NE_EMU_A_ENCLAVE_OWNER_PID, 4 },
		{ NE_EMU_A_ENCLAVE_OWNER_UID, 4 }, { NE_EMU_A_ENCLAVE_STARTED_NS, 8 },
	};
	static const uint8_t ones[16] = { [0 ... 15] = 0xff };
	struct ne_nl_enclave e;

	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		for (size_t len = 0; len <= sizeof(ones); len++) {
			struct message msg = { 0 };

			if (len == attrs[i].size)
				continue;
			put_u64(&msg, NE_EMU_A_ENCLAVE_SLOT_UID, 7);
			put(&msg, attrs[i].type, ones, len);
			assert_int_equal(ne_nl_parse(msg.bytes, msg.len, &e), -EBADMSG);
		}
	}
}

static void test_texts(void **state)
{
	char longer[2 * NE_NL_TEXT_SIZE];
	struct message msg = { 0 }, open = { 0 }, empty = { 0 };
	struct ne_nl_enclave e;

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	put_u64(&msg, NE_EMU_A_ENCLAVE_SLOT_UID, 7);
	put(&msg, NE_EMU_A_ENCLAVE_EXIT_TEXT, longer, sizeof(longer));
	assert_int_equal(ne_nl_parse(msg.bytes, msg.len, &e), 0);
	assert_int_equal(strlen(e.exit_text), NE_NL_TEXT_SIZE - 1);
	ne_nl_enclave_done(&e);

	put_u64(&open, NE_EMU_A_ENCLAVE_SLOT_UID, 7);
	put(&open, NE_EMU_A_ENCLAVE_EXIT_TEXT, "abcd", 4);
	assert_int_equal(ne_nl_parse(open.bytes, open.len, &e), -EBADMSG);

	put_u64(&empty, NE_EMU_A_ENCLAVE_SLOT_UID, 7);
	put(&empty, NE_EMU_A_ENCLAVE_EXIT_TEXT, NULL, 0);
	assert_int_equal(ne_nl_parse(empty.bytes, empty.len, &e), -EBADMSG);
}

static void test_cut_messages(void **state)
{
	struct message msg = { 0 };
	struct ne_nl_enclave e;

	put_u64(&msg, NE_EMU_A_ENCLAVE_SLOT_UID, 7);
	put_u64(&msg, NE_EMU_A_ENCLAVE_MEM_SIZE, 1);
	for (size_t len = 0; len < msg.len; len++) {
		/* Truncated attributes are refused; with a copy, ASan finds over-reads. */
		uint8_t *copy = malloc(len ? len : 1);
		bool whole = len == NLA_HDRLEN + sizeof(uint64_t);

		memcpy(copy, msg.bytes, len);
		assert_int_equal(ne_nl_parse(copy, len, &e), whole ? 0 : -EBADMSG);
		if (whole)
			ne_nl_enclave_done(&e);
		free(copy);
	}
	assert_int_equal(ne_nl_parse(msg.bytes, (size_t)INT32_MAX + 1, &e), -EBADMSG);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void test_backend_fd_is_owned(void **state)
{
	struct message msg = { 0 };
	struct ne_nl_enclave e;
	int fd = open("/dev/null", O_RDONLY);

	assert_true(fd >= 0);
	put_u64(&msg, NE_EMU_A_ENCLAVE_SLOT_UID, 7);
	put_u32(&msg, NE_EMU_A_ENCLAVE_BACKEND_FD, fd);
	assert_int_equal(ne_nl_parse(msg.bytes, msg.len, &e), 0);
	assert_int_equal(e.backend_fd, fd);
	assert_true(is_open(fd));
	ne_nl_enclave_done(&e);
	assert_int_equal(e.backend_fd, -1);
	assert_false(is_open(fd));
}

static void test_backend_fd_of_a_bad_message_is_closed(void **state)
{
	struct message msg = { 0 };
	struct ne_nl_enclave e;
	int fd = open("/dev/null", O_RDONLY);

	assert_true(fd >= 0);
	put(&msg, NE_EMU_A_ENCLAVE_CID, "", 1);
	put_u32(&msg, NE_EMU_A_ENCLAVE_BACKEND_FD, fd);
	assert_int_equal(ne_nl_parse(msg.bytes, msg.len, &e), -EBADMSG);
	assert_false(is_open(fd));
}

static void test_names(void **state)
{
	assert_string_equal(ne_nl_state_name(NE_EMU_ENCLAVE_STATE_INIT), "init");
	assert_string_equal(ne_nl_state_name(NE_EMU_ENCLAVE_STATE_FREED), "freed");
	assert_string_equal(ne_nl_state_name(NE_EMU_ENCLAVE_STATE_FREED + 1), "unknown");
	assert_string_equal(ne_nl_exit_reason_name(NE_EMU_EXIT_REASON_NONE), "none");
	assert_string_equal(ne_nl_exit_reason_name(NE_EMU_EXIT_REASON_ADMIN_STOP),
			    "admin-stop");
	assert_string_equal(ne_nl_exit_reason_name(UINT32_MAX), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_attributes),
		cmocka_unit_test(test_nothing_of_the_owner),
		cmocka_unit_test(test_exit_text_is_clean),
		cmocka_unit_test(test_guest_status),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_bad_pool),
		cmocka_unit_test(test_absent_attributes_are_zero),
		cmocka_unit_test(test_unknown_attributes_are_passed_over),
		cmocka_unit_test(test_slot_uid_is_needed),
		cmocka_unit_test(test_many_vcpus),
		cmocka_unit_test(test_wrong_sizes),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_cut_messages),
		cmocka_unit_test(test_backend_fd_is_owned),
		cmocka_unit_test(test_backend_fd_of_a_bad_message_is_closed),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
