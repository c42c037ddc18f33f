// SPDX-License-Identifier: Apache-2.0
/* Captures of vsock packets: the file format, and which enclave a packet concerns. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/enclave/pcap.h"
#include "common/util.h"

#include <endian.h>
#include <errno.h>
#include <linux/vsockmon.h>
#include <string.h>

#define CID	16
#define CONSOLE	10016

/* Read a word as draft-ietf-opsawg-pcap describes it, without the writer's types. */
static uint32_t word(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static void test_file(void **state)
{
	const struct pcap_packet packet = {
		.time = { .tv_sec = 1700000000, .tv_nsec = 123456789 },
		.data = "abcdefgh",
		.captured = 8,
		.length = 8,
	};
	__cleanup_free char *text = NULL;
	const uint8_t *bytes;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(pcap_write_header(out, 5), 0);
	assert_int_equal(pcap_write_packet(out, &packet, 5), 0);
	assert_int_equal(fclose(out), 0);

	bytes = (const uint8_t *)text;
	assert_int_equal(size, 24 + 16 + 5);
	assert_int_equal(word(bytes), 0xa1b23c4d);
	assert_int_equal(word(bytes + 4), le32toh(4 << 16 | 2));
	assert_int_equal(word(bytes + 8), 0);
	assert_int_equal(word(bytes + 12), 0);
	assert_int_equal(word(bytes + 16), 5);
	assert_int_equal(word(bytes + 20), 271);
	assert_int_equal(word(bytes + 24), 1700000000);
	assert_int_equal(word(bytes + 28), 123456789);
	assert_int_equal(word(bytes + 32), 5);
	assert_int_equal(word(bytes + 36), 8);
	assert_memory_equal(bytes + 40, "abcde", 5);
}

/* A packet cut by the socket stays cut, and the file contains its original length. */
static void test_cut_packet(void **state)
{
	const struct pcap_packet packet = { .data = "abc", .captured = 3, .length = 70000 };
	__cleanup_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(pcap_write_packet(out, &packet, PCAP_SNAPLEN_MAX), 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(size, 16 + 3);
	assert_int_equal(word((uint8_t *)text + 8), 3);
	assert_int_equal(word((uint8_t *)text + 12), 70000);
}

static void test_full_disk(void **state)
{
	const struct pcap_packet packet = { .data = "abc", .captured = 3, .length = 3 };
	__cleanup_file FILE *out = fopen("/dev/full", "w");

	assert_non_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(pcap_write_header(out, 5), -ENOSPC);
	assert_int_equal(pcap_write_packet(out, &packet, 5), -ENOSPC);
}

static bool concerns(uint64_t src_cid, uint32_t src_port, uint64_t dst_cid, uint32_t dst_port,
		     uint32_t cid)
{
	const struct af_vsockmon_hdr hdr = {
		.src_cid = htole64(src_cid),
		.dst_cid = htole64(dst_cid),
		.src_port = htole32(src_port),
		.dst_port = htole32(dst_port),
		/* Not checked. */
		.op = 0xffff,
		.transport = 0xffff,
		.len = 0xffff,
	};
	const struct pcap_packet packet = {
		.data = &hdr, .captured = sizeof(hdr), .length = sizeof(hdr),
	};

	return pcap_concerns(&packet, cid);
}

static void test_whose(void **state)
{
	assert_true(concerns(CID, 1, 3, 2, CID));
	assert_true(concerns(3, 1, CID, 2, CID));
	assert_true(concerns(0, CONSOLE, 3, 2, CID));
	assert_true(concerns(3, 2, 0, CONSOLE, CID));

	assert_false(concerns(17, 1, 3, 2, CID));
	assert_false(concerns(3, 1, 17, 2, CID));
	assert_false(concerns(3, CONSOLE, 17, CONSOLE, CID));
	assert_false(concerns(0, CONSOLE + 1, 3, CONSOLE, CID));
	assert_false(concerns(3, CONSOLE, 0, CONSOLE + 1, CID));
	/* All bits of a CID count. */
	assert_false(concerns(CID | 1ULL << 32, 1, 3, 2, CID));
	assert_false(concerns(1ULL << 32, CONSOLE, 3, 2, CID));
	/* The port of the console wraps. */
	assert_true(concerns(3, 1, 0, 9998, 0xfffffffe));
}

static void test_short_packets(void **state)
{
	/* In heap memory of the exact size, so that the sanitizer finds over-reads. */
	for (size_t len = 0; len < sizeof(struct af_vsockmon_hdr); len++) {
		__cleanup_free uint8_t *data = malloc(len ?: 1);
		struct pcap_packet packet = { .data = data, .captured = len, .length = 1 << 20 };

		assert_non_null(data);
		memset(data, 0, len ?: 1);
		if (len)
			data[0] = CID;
		assert_false(pcap_concerns(&packet, CID));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_cut_packet),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_whose),
		cmocka_unit_test(test_short_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
