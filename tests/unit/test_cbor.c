// SPDX-License-Identifier: Apache-2.0
/* The CBOR reader, with the examples of RFC 8949, appendices A and F. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/cbor.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>

#define ROW_SIZE	64

/* A data item in hexadecimal, and the expected head. */
struct row {
	const char *hex;
	enum emu_cbor_kind kind;
	uint64_t value;
};

#define OPEN	EMU_CBOR_INDEFINITE

static const struct row well_formed[] = {
	{ "00", EMU_CBOR_UINT, 0 },
	{ "17", EMU_CBOR_UINT, 23 },
	{ "1818", EMU_CBOR_UINT, 24 },
	{ "1903e8", EMU_CBOR_UINT, 1000 },
	{ "1a000f4240", EMU_CBOR_UINT, 1000000 },
	{ "1b000000e8d4a51000", EMU_CBOR_UINT, 1000000000000 },
	{ "1bffffffffffffffff", EMU_CBOR_UINT, UINT64_MAX },
	{ "20", EMU_CBOR_NEGATIVE, 0 },
	{ "3863", EMU_CBOR_NEGATIVE, 99 },
	{ "3903e7", EMU_CBOR_NEGATIVE, 999 },
	{ "3bffffffffffffffff", EMU_CBOR_NEGATIVE, UINT64_MAX },
	{ "f90000", EMU_CBOR_OTHER, 0 },
	{ "fa47c35000", EMU_CBOR_OTHER, 0 },
	{ "fbc010666666666666", EMU_CBOR_OTHER, 0 },
	{ "f4", EMU_CBOR_OTHER, 0 },
	{ "f5", EMU_CBOR_OTHER, 0 },
	{ "f6", EMU_CBOR_NULL, 0 },
	{ "f7", EMU_CBOR_UNDEFINED, 0 },
	{ "c074323031332d30332d32315432303a30343a30305a", EMU_CBOR_TAG, 0 },
	{ "c11a514b67b0", EMU_CBOR_TAG, 1 },
	{ "c249010000000000000000", EMU_CBOR_TAG, 2 },
	{ "d74401020304", EMU_CBOR_TAG, 23 },
	{ "d818456449455446", EMU_CBOR_TAG, 24 },
	{ "d82076687474703a2f2f7777772e6578616d706c652e636f6d", EMU_CBOR_TAG, 32 },
	{ "40", EMU_CBOR_BYTES, 0 },
	{ "4401020304", EMU_CBOR_BYTES, 4 },
	{ "60", EMU_CBOR_TEXT, 0 },
	{ "6449455446", EMU_CBOR_TEXT, 4 },
	{ "62c3bc", EMU_CBOR_TEXT, 2 },
	{ "63e6b0b4", EMU_CBOR_TEXT, 3 },
	{ "64f0908591", EMU_CBOR_TEXT, 4 },
	{ "80", EMU_CBOR_ARRAY, 0 },
	{ "8301820203820405", EMU_CBOR_ARRAY, 3 },
	{ "98190102030405060708090a0b0c0d0e0f101112131415161718181819", EMU_CBOR_ARRAY, 25 },
	{ "a0", EMU_CBOR_MAP, 0 },
	{ "a201020304", EMU_CBOR_MAP, 2 },
	{ "a26161016162820203", EMU_CBOR_MAP, 2 },
	{ "5f42010243030405ff", EMU_CBOR_BYTE_CHUNKS, 0 },
	{ "7f657374726561646d696e67ff", EMU_CBOR_TEXT_CHUNKS, 0 },
	{ "9fff", EMU_CBOR_OPEN_ARRAY, OPEN },
	{ "9f018202039f0405ffff", EMU_CBOR_OPEN_ARRAY, OPEN },
	{ "83018202039f0405ff", EMU_CBOR_ARRAY, 3 },
	{ "bf61610161629f0203ffff", EMU_CBOR_OPEN_MAP, OPEN },
	/* Not the shortest form, but well-formed according to section 4. */
	{ "1800", EMU_CBOR_UINT, 0 },
	{ "1b0000000000000000", EMU_CBOR_UINT, 0 },
	{ "580101", EMU_CBOR_BYTES, 1 },
	{ "9a0000000101", EMU_CBOR_ARRAY, 1 },
	{ "da0000001800", EMU_CBOR_TAG, 24 },
	/* Tags that were unassigned when libcbor listed them; the second is a COSE tag. */
	{ "c600", EMU_CBOR_TAG, 6 },
	{ "d280", EMU_CBOR_TAG, 18 },
	{ "dbffffffffffffffff00", EMU_CBOR_TAG, UINT64_MAX },
};

static const char *const malformed[] = {
	/* End of input in a head, or with data or items missing. */
	"", "18", "19", "1a", "1b", "1901", "1a0102", "1b01020304050607", "38", "58", "78", "98",
	"9a01ff00", "b8", "d8", "f8", "f900", "fa0000", "fb000000", "41", "61", "5affffffff00",
	"5bffffffffffffffff010203", "7affffffff00", "7b7fffffffffffffff010203", "81",
	"818181818181818181", "8200", "a1", "a20102", "a100", "a2000000", "c0",
	"5f4100", "7f6100", "9f", "9f0102", "bf", "bf01020102", "819f", "9f8000", "9f9f9f9f9fffffffff",
	"9f819f819f9fffffff",
	/* Reserved values of the number's size. */
	"1c", "1d", "1e", "3c", "3d", "3e", "5c", "5d", "5e", "7c", "7d", "7e", "9c", "9d", "9e",
	"bc", "bd", "be", "dc", "dd", "de", "fc", "fd", "fe",
	/* Reserved simple values. */
	"f800", "f801", "f818", "f81f",
	/* Chunks of strings that are not definite-length strings of that type. */
	"5f00ff", "5f21ff", "5f6100ff", "5f80ff", "5fa0ff", "5fc000ff", "5fe0ff", "7f4100ff",
	"5f5f4100ffff", "7f7f6100ffff",
	/* A break outside an indefinite-length item, or in the middle of a pair. */
	"ff", "81ff", "8200ff", "a1ff", "a1ff00", "a100ff", "a20000ff", "9f81ff", "9f829f819f9fffffffff",
	"bf00ff", "bf000000ff", "c0ff",
	/* Types that cannot have an indefinite length. */
	"1f", "3f", "df",
	/* Text that is not UTF-8: truncated, overlong, a surrogate, an invalid byte. */
	"61c3", "62c080", "63eda080", "61ff", "7f61c3ff",
};

static size_t bytes_of(const char *hex, uint8_t *bytes)
{
	size_t len;

	assert_int_equal(hex_decode(hex, bytes, ROW_SIZE, &len), 0);
	return len;
}

static void test_well_formed(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(well_formed); i++) {
		const struct row *row = &well_formed[i];
		uint8_t bytes[ROW_SIZE];
		struct emu_cbor_reader reader = {
			.data = bytes, .left = bytes_of(row->hex, bytes),
		};
		struct emu_cbor_item item = emu_cbor_read(&reader);

		if (item.kind != row->kind || item.value != row->value)
			fail_msg("%s: kind %d, value %llu", row->hex, item.kind,
				 (unsigned long long)item.value);
		if (emu_cbor_skip(&reader, &item) || reader.left)
			fail_msg("%s: %zu bytes left", row->hex, reader.left);
	}
}

/* Each item is refused if its last byte is missing. */
static void test_cut_off(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(well_formed); i++) {
		__cleanup_free uint8_t *exact = NULL;
		uint8_t bytes[ROW_SIZE];
		size_t len = bytes_of(well_formed[i].hex, bytes) - 1;
		struct emu_cbor_reader reader = { .left = len };
		struct emu_cbor_item item;

		/* A copy of the exact size, so that the sanitizer finds over-reads. */
		exact = malloc(len + !len);
		assert_non_null(exact);
		reader.data = memcpy(exact, bytes, len);
		item = emu_cbor_read(&reader);
		if (item.kind != EMU_CBOR_INVALID && !emu_cbor_skip(&reader, &item))
			fail_msg("%s without its last byte was taken", well_formed[i].hex);
	}
}

static void test_malformed(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
		uint8_t bytes[ROW_SIZE];
		struct emu_cbor_reader reader = {
			.data = bytes, .left = bytes_of(malformed[i], bytes),
		};
		const struct emu_cbor_reader before = reader;
		struct emu_cbor_item item = emu_cbor_read(&reader);

		if (item.kind == EMU_CBOR_INVALID)
			assert_memory_equal(&reader, &before, sizeof(reader));
		else if (emu_cbor_skip(&reader, &item) != -EBADMSG)
			fail_msg("\"%s\" was taken", malformed[i]);
	}
}

/* An item nested as deep as allowed, and one level deeper. */
static void test_depth(void **state)
{
	uint8_t bytes[EMU_CBOR_DEPTH + 2];

	for (size_t levels = EMU_CBOR_DEPTH; levels <= EMU_CBOR_DEPTH + 1; levels++) {
		struct emu_cbor_reader reader = { .data = bytes, .left = levels + 1 };
		struct emu_cbor_item item;

		memset(bytes, 0x81, levels);
		bytes[levels] = 0;
		item = emu_cbor_read(&reader);
		assert_int_equal(item.kind, EMU_CBOR_ARRAY);
		assert_int_equal(emu_cbor_skip(&reader, &item),
				 levels > EMU_CBOR_DEPTH ? -EBADMSG : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_well_formed),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests_name("cbor", tests, NULL, NULL);
}
