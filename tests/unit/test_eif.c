// SPDX-License-Identifier: Apache-2.0
/* Image reader, writer and measurements against reference images. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "eif/eif.h"

#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#define IMAGE_MAX	4096
#define MUTATIONS	10000

struct image {
	size_t size;
	uint8_t bytes[IMAGE_MAX];
};

/* One section: its type, and its data as text. */
struct part {
	enum eif_section_type type;
	const char *data;
};

#define K	{ EIF_SECTION_KERNEL, "KERNEL" }
#define C	{ EIF_SECTION_CMDLINE, "CMDLINE" }
#define M	{ EIF_SECTION_METADATA, "{}" }
#define R1	{ EIF_SECTION_RAMDISK, "RAMDISK1" }
#define R2	{ EIF_SECTION_RAMDISK, "RAMDISK2" }
#define R3	{ EIF_SECTION_RAMDISK, "RAMDISK3" }
#define R0	{ EIF_SECTION_RAMDISK, "" }
#define S	{ EIF_SECTION_SIGNATURE, "\x81" }
#define END	{ 0, NULL }

static const struct part parts_k_c_r1[] = { K, C, R1, END };
static const struct part parts_t4[] = { K, C, M, R1, END };
static const struct part parts_t4b[] = { K, C, M, R1, R2, END };

#define V1 "c78c83caf24416fe2792e29feb5b999516b98ba31b7981e4d3515b113e7a1c1a" \
	   "c93fe463573ad47fb2bb05cec6fab25c"
#define V2 "21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c" \
	   "10edb30948c90ba67310f7b964fc500a"
#define V3 "f2eb05317df6c83fdeb63b4987e1728fdcd427bcac5e5c8a33cccdff9b2bdfdd" \
	   "cc2e931d506f904dd9e9d576418272a5"
#define V4 "c3c20bf6bf31a7dce4ba1aa496ab51e33a66cbd49e0d51a19832b80d6f3ee317" \
	   "138f8642296d02626ccfefa38ce64284"
#define V5 "20417462a73988da4381c75905c22f4e8c01db05e485b0acead08c0e4b6fede5" \
	   "bc5f260c81b27d18591ec1612936dcb7"
#define V6 "1f1e72eee89d237af71a4b5aeec91e19df17ff47b60d2de4869058fe5f1ea545" \
	   "dd26e2a8df1fb8fec0cc7762082ec57e"
#define V7 "2ebd0d4867246a94247ca596bf408d1063406b31b8b99a62dc632543de78707a" \
	   "c32521ae59fa7746da378b7836553d61"
/* Computed by Python's hashlib. */
#define V8 "5f41633d2d18dd03a896673fc9647f07b04010575f5e05ac9cd418d5ec71868d" \
	   "7868c43cd3e24f343128cc4f2ef571a2"
#define V9 "97497a647019e55e1802283fb2b7a7793d63908f36b9edbf20545af7ee7f7e3a" \
	   "9ce95b2da7c76a42ced86ccce14e02bf"

static void put(struct image *image, size_t offset, uint64_t value, unsigned int width)
{
	value = htobe64(value);
	assert_true(offset + width <= sizeof(image->bytes));
	memcpy(image->bytes + offset, (uint8_t *)&value + 8 - width, width);
}

static uint64_t get(const struct image *image, size_t offset, unsigned int width)
{
	uint64_t value = 0;

	memcpy((uint8_t *)&value + 8 - width, image->bytes + offset, width);
	return be64toh(value);
}

static void build_version(struct image *image, uint16_t version, uint16_t flags,
			  const struct part *parts)
{
	__cleanup_fd int fd = memfd_create("image", MFD_CLOEXEC);
	struct eif_writer writer;

	assert_true(fd >= 0);
	eif_writer_init(&writer, fd, version, flags);
	for (; parts->data; parts++)
		assert_int_equal(eif_writer_add(&writer, parts->type, parts->data,
						strlen(parts->data)), 0);
	assert_int_equal(eif_writer_finish(&writer), 0);
	memset(image, 0, sizeof(*image));
	image->size = lseek(fd, 0, SEEK_END);
	assert_true(image->size <= sizeof(image->bytes));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(read_full(fd, image->bytes, image->size), image->size);
}

static void build(struct image *image, const struct part *parts)
{
	build_version(image, 4, 0, parts);
}

/* Set the CRC of a file without gaps, which covers all of it except the CRC field. */
static void fix_crc(struct image *image)
{
	uLong crc = crc32(0, image->bytes, EIF_CRC_OFFSET);

	crc = crc32(crc, image->bytes + EIF_HEADER_SIZE, image->size - EIF_HEADER_SIZE);
	put(image, EIF_CRC_OFFSET, crc, 4);
}

/* Parse a copy of the exact size, so that the sanitizer finds over-reads. */
static int parse(const struct image *image, unsigned int flags, struct eif *eif,
		 struct error *error)
{
	uint8_t *copy = malloc(image->size ? image->size : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, image->bytes, image->size);
	r = eif_parse(copy, image->size, flags, eif, NULL, error);
	free(copy);
	return r;
}

static void accept(const struct image *image, unsigned int flags, struct eif *eif)
{
	struct error error = {};

	if (parse(image, flags, eif, &error))
		fail_msg("refused: %s", error.text);
}

static void refuse(const struct image *image, unsigned int flags, const char *text)
{
	struct error error = {};
	struct eif eif;

	assert_int_equal(parse(image, flags, &eif, &error), -EBADMSG);
	if (!strstr(error.text, text))
		fail_msg("refused with \"%s\", expected \"%s\"", error.text, text);
}

static void assert_hex(const uint8_t *bytes, size_t size, const char *hex)
{
	char text[2 * EIF_PCR_SIZE + 1];

	assert_true(size <= EIF_PCR_SIZE);
	hex_encode(bytes, size, text);
	assert_string_equal(text, hex);
}

static void assert_pcrs(const struct image *image, const char *pcr0, const char *pcr1,
			const char *pcr2)
{
	struct error error = {};
	struct eif_pcrs pcrs, threaded;
	struct eif eif;

	assert_int_equal(eif_parse(image->bytes, image->size, EIF_PARSE_STRICT, &eif, &pcrs,
				   &error), 0);
	/* A second thread computes the same. */
	assert_int_equal(eif_parse(image->bytes, image->size, EIF_PARSE_STRICT | EIF_PARSE_THREADS,
				   &eif, &threaded, NULL), 0);
	assert_memory_equal(&threaded, &pcrs, sizeof(pcrs));
	assert_false(pcrs.has_pcr8);
	assert_hex(pcrs.pcr0, sizeof(pcrs.pcr0), pcr0);
	assert_hex(pcrs.pcr1, sizeof(pcrs.pcr1), pcr1);
	assert_hex(pcrs.pcr2, sizeof(pcrs.pcr2), pcr2);
}

static void test_reference_images(void **state)
{
	static const struct {
		uint16_t version, flags;
		const struct part *parts;
		size_t size;
		uint32_t crc;
		const char *sha256;
	} cases[] = {
		{ 2, 0, parts_k_c_r1, 605, 0x2c2671a1,
		  "efa5d3c23a5fef50684323e444672bf49038fbcb71e7203663a669bfabb0e2bf" },
		{ 3, 0, parts_k_c_r1, 605, 0x5a0cb11b,
		  "03a5ec74d5c94c062f7acf593ab82f396e93c99e3e28bd3621f7ea46989371dc" },
		{ 4, 0, parts_t4, 619, 0x1393eddd,
		  "4292d52129ce31e5fc98f41ae049de0d4c6f7da8197bdb3656de1e732a24fc8d" },
		{ 4, 0, parts_t4b, 639, 0x49eb4db1,
		  "897053e1c547e2a554b34dfca6c4481719421b5a69fb3cd01f8de89fbd3acc69" },
		{ 4, EIF_FLAG_ARM64, parts_t4, 619, 0xf725596e, NULL },
	};
	struct image image;
	uint8_t digest[32];
	struct eif eif;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		build_version(&image, cases[i].version, cases[i].flags, cases[i].parts);
		assert_int_equal(image.size, cases[i].size);
		assert_int_equal(get(&image, EIF_CRC_OFFSET, 4), cases[i].crc);
		accept(&image, EIF_PARSE_STRICT, &eif);
		assert_int_equal(eif.version, cases[i].version);
		assert_int_equal(eif.flags, cases[i].flags);
		assert_int_equal(eif.size, cases[i].size);
		assert_int_equal(eif.crc, cases[i].crc);
		assert_int_equal(eif.default_mem, GIB);
		assert_int_equal(eif.default_cpus, 2);
		assert_int_equal(eif.warnings, 0);
		assert_true(EVP_Digest(image.bytes, image.size, digest, NULL, EVP_sha256(), NULL));
		if (cases[i].sha256)
			assert_hex(digest, sizeof(digest), cases[i].sha256);
	}
}

static void test_parts(void **state)
{
	struct image image;
	struct eif eif;

	build(&image, parts_t4b);
	assert_int_equal(eif_parse(image.bytes, image.size, 0, &eif, NULL, NULL), 0);
	assert_ptr_equal(eif.base, image.bytes);
	assert_int_equal(eif.nr_sections, 5);
	assert_int_equal(eif.sections[0].type, EIF_SECTION_KERNEL);
	assert_int_equal(eif.sections[0].offset, 560);
	assert_int_equal(eif.sections[0].size, 6);
	assert_memory_equal(eif.kernel.data, "KERNEL", eif.kernel.size);
	assert_memory_equal(eif.cmdline.data, "CMDLINE", eif.cmdline.size);
	assert_memory_equal(eif.metadata.data, "{}", eif.metadata.size);
	assert_null(eif.signature.data);
	assert_int_equal(eif.nr_ramdisks, 2);
	assert_memory_equal(eif.ramdisks[0].data, "RAMDISK1", eif.ramdisks[0].size);
	assert_memory_equal(eif.ramdisks[1].data, "RAMDISK2", eif.ramdisks[1].size);
}

static void test_measurements(void **state)
{
	static const struct part three[] = { K, C, R1, R2, R3, END };
	static const struct part swapped[] = { C, K, M, R1, END };
	static const struct part last[] = { K, C, R1, M, END };
	static const struct part empty[] = { K, C, M, R1, R0, END };
	/* A section that PCR1 covers may come after one that it does not. */
	static const struct part behind[] = { K, R1, R2, C, M, END };
	struct image image;

	build_version(&image, 2, 0, parts_k_c_r1);
	assert_pcrs(&image, V1, V1, V2);
	build_version(&image, 3, 0, parts_k_c_r1);
	assert_pcrs(&image, V1, V1, V2);
	build(&image, parts_t4);
	assert_pcrs(&image, V1, V1, V2);
	build(&image, parts_t4b);
	assert_pcrs(&image, V3, V1, V4);
	build_version(&image, 3, 0, three);
	assert_pcrs(&image, V5, V1, V6);
	build(&image, swapped);
	assert_pcrs(&image, V7, V7, V2);
	build(&image, last);
	assert_pcrs(&image, V1, V1, V2);
	assert_int_not_equal(get(&image, EIF_CRC_OFFSET, 4), 0x1393eddd);
	build(&image, empty);
	assert_pcrs(&image, V1, V1, V2);
	build(&image, behind);
	assert_pcrs(&image, V8, V9, V4);
}

/* The image that QEMU makes from -kernel without -append and -initrd. */
static void test_empty_sections(void **state)
{
	static const struct part parts[] = {
		K, { EIF_SECTION_CMDLINE, "" }, R0, M, END
	};
	struct image image;
	struct eif eif;

	build(&image, parts);
	accept(&image, EIF_PARSE_STRICT, &eif);
	assert_non_null(eif.cmdline.data);
	assert_int_equal(eif.cmdline.size, 0);
	assert_int_equal(eif.nr_ramdisks, 1);
	assert_int_equal(eif.ramdisks[0].size, 0);
}

static void test_architecture(void **state)
{
	struct image image;
	struct eif eif;

	build(&image, parts_t4);
	accept(&image, EIF_PARSE_X86_64, &eif);
	accept(&image, EIF_PARSE_X86_64 | EIF_PARSE_ARM64, &eif);
	refuse(&image, EIF_PARSE_ARM64, "architecture at offset 6 is x86_64");
	build_version(&image, 4, EIF_FLAG_ARM64, parts_t4);
	accept(&image, EIF_PARSE_ARM64, &eif);
	accept(&image, 0, &eif);
	refuse(&image, EIF_PARSE_X86_64, "architecture at offset 6 is aarch64");
}

/* T4's section headers and their data sizes: kernel, cmdline, metadata, ramdisk. */
#define T4_KERNEL	548
#define T4_CMDLINE	566
#define T4_METADATA	585
#define OFFSETS		28
#define SIZES		284

/* T4 with one number changed. */
static void test_header_values(void **state)
{
	static const struct {
		size_t offset;
		unsigned int width;
		uint64_t value;
		const char *text;	/* NULL: accepted */
	} cases[] = {
		{ 0, 1, 0x2f, "magic at offset 0 is 2f 65 69 66" },
		{ 4, 2, 0, "version 0 at offset 4" },
		{ 4, 2, 1, "version 1 at offset 4" },
		{ 4, 2, 5, "version 5 at offset 4" },
		{ 26, 2, 33, "section count 33 at offset 26" },
		{ 26, 2, 1, "section count 1 at offset 26" },
		{ 26, 2, 0, "section count 0 at offset 26" },
		{ 26, 2, 0xffff, "section count 65535 at offset 26" },
		{ 26, 2, 32, "section 4: offset 0 lies inside the header" },
		{ OFFSETS + 8, 8, 100, "section 1: offset 100 lies inside the header" },
		{ OFFSETS + 8, 8, UINT64_MAX, "truncated: header of section 1" },
		{ OFFSETS + 8, 8, UINT64_MAX - 11, "truncated: header of section 1" },
		{ OFFSETS + 24, 8, 619 - 11, "truncated: header of section 3 at offset 608" },
		{ OFFSETS + 8, 8, T4_KERNEL, "section 1 at offset 548: overlaps or precedes" },
		{ OFFSETS + 8, 8, T4_CMDLINE - 1, "overlaps or precedes section 0" },
		{ SIZES, 8, 7, "section 0 (kernel) at offset 548: size 6, but 7" },
		{ T4_METADATA + 4, 8, 3, "section 2 (metadata) at offset 585: size 3, but 2" },
		{ T4_METADATA + 4, 8, 1, "section 2 (metadata) at offset 585: size 1" },
		{ T4_CMDLINE, 2, 0, "section 1 at offset 578: unknown type 0" },
		{ T4_CMDLINE, 2, 6, "section 1 at offset 578: unknown type 6" },
		{ T4_CMDLINE, 2, 1, "section 1 (kernel) at offset 578: a second kernel" },
		{ T4_METADATA, 2, 2, "section 2 (cmdline) at offset 597: a second cmdline" },
		{ T4_CMDLINE, 2, 5, "section 2 (metadata) at offset 597: a second metadata" },
		{ T4_KERNEL, 2, 4, "section 3 (ramdisk) at offset 611: comes before the kernel" },
		{ T4_CMDLINE, 2, 3, "no cmdline section among the 4" },
		{ T4_METADATA, 2, 3, "no metadata section among the 4, needed by version 4" },
		{ T4_CMDLINE + 12, 1, 0, "cmdline at offset 578: holds a NUL at offset 578" },
		{ 24, 2, 0xffff, NULL },
		{ 8, 8, UINT64_MAX, NULL },
		{ 540, 4, 0xffffffff, NULL },
		{ 6, 2, 0xfffe, NULL },
	};
	struct image image;
	struct eif eif;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		build(&image, parts_t4);
		put(&image, cases[i].offset, cases[i].value, cases[i].width);
		fix_crc(&image);
		if (cases[i].text)
			refuse(&image, 0, cases[i].text);
		else
			accept(&image, 0, &eif);
	}
}

static void test_huge_size(void **state)
{
	struct image image;

	build(&image, parts_t4);
	put(&image, SIZES, UINT64_MAX, 8);
	put(&image, T4_KERNEL + 4, UINT64_MAX, 8);
	fix_crc(&image);
	refuse(&image, 0, "truncated: section 0 (kernel) at offset 548 has 18446744073709551615");
}

static void test_crc(void **state)
{
	static const size_t flips[] = { T4_KERNEL + 12, 540, T4_KERNEL + 2, 618 };
	struct image image;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flips); i++) {
		build(&image, parts_t4);
		image.bytes[flips[i]] ^= 1;
		refuse(&image, 0, "CRC mismatch: header says 1393eddd");
	}
	build(&image, parts_t4);
	put(&image, EIF_CRC_OFFSET, 0xdded9313, 4);
	refuse(&image, 0, "CRC mismatch: header says dded9313, contents give 1393eddd");
}

/* Sections of all lengths, at any alignment, have the same CRC as with zlib. */
static void test_crc_lengths(void **state)
{
	__cleanup_fd int fd = memfd_create("image", MFD_CLOEXEC);
	struct eif_writer writer;
	uint8_t data[2048];
	struct eif eif;
	size_t size, i;

	srandom(1);
	for (i = 0; i < sizeof(data); i++)
		data[i] = random();
	for (size = 1; size < 1500; size++) {
		struct image image = { 0 };
		uint32_t crc;

		eif_writer_init(&writer, fd, 4, 0);
		i = random() % 500;
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_KERNEL, data + i, size), 0);
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_CMDLINE, "C", 1), 0);
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_METADATA, "{}", 2), 0);
		i = random() % 500;
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_RAMDISK, data + 500, i), 0);
		assert_int_equal(eif_writer_finish(&writer), 0);
		image.size = writer.end;
		assert_int_equal(pread(fd, image.bytes, image.size, 0), image.size);
		accept(&image, 0, &eif);
		crc = get(&image, EIF_CRC_OFFSET, 4);
		fix_crc(&image);
		assert_int_equal(get(&image, EIF_CRC_OFFSET, 4), crc);
	}
}

static void test_file_order(void **state)
{
	struct image image;
	uint64_t offset;

	build(&image, parts_t4);
	offset = get(&image, OFFSETS, 8);
	put(&image, OFFSETS, get(&image, OFFSETS + 8, 8), 8);
	put(&image, OFFSETS + 8, offset, 8);
	put(&image, SIZES, 7, 8);
	put(&image, SIZES + 8, 6, 8);
	fix_crc(&image);
	refuse(&image, 0, "section 1 at offset 548: overlaps or precedes section 0");
}

static void test_missing_parts(void **state)
{
	static const struct part no_kernel[] = { C, M, END };
	static const struct part empty_kernel[] = { { EIF_SECTION_KERNEL, "" }, C, M, R1, END };
	static const struct part early[] = { C, R1, K, M, END };
	static const struct part signatures[] = { K, C, M, R1, S, S, END };
	static const struct part signed_once[] = { K, C, M, R1, S, END };
	static const struct part no_ramdisk[] = { K, C, M, END };
	struct image image;
	struct eif eif;

	build(&image, no_kernel);
	refuse(&image, 0, "no kernel section among the 2");
	build(&image, empty_kernel);
	refuse(&image, 0, "kernel at offset 560: empty");
	build(&image, early);
	refuse(&image, 0, "section 1 (ramdisk) at offset 579: comes before the kernel");
	build(&image, signatures);
	refuse(&image, 0, "section 5 (signature) at offset 644: a second signature section");
	build(&image, signed_once);
	refuse(&image, 0, "signature at offset 631: the list of signatures is cut off");
	accept(&image, EIF_PARSE_STRICT | EIF_PARSE_TOLERANT, &eif);
	assert_int_equal(eif.signature.size, 1);
	assert_int_equal(eif.warnings, EIF_WARN_SIGNATURE);
	/* The file header has another size, as after AWS's library has signed an image twice. */
	put(&image, SIZES + 32, 2, 8);
	fix_crc(&image);
	refuse(&image, 0, "(signed twice by AWS's library? \"ne-emu eif sign\" replaces");
	accept(&image, EIF_PARSE_STRICT | EIF_PARSE_TOLERANT, &eif);
	assert_int_equal(eif.signature.size, 1);
	assert_int_equal(eif.warnings, EIF_WARN_SIGNATURE | EIF_WARN_SIGNED_TWICE);
	build(&image, no_ramdisk);
	accept(&image, 0, &eif);
	assert_int_equal(eif.warnings, EIF_WARN_NO_RAMDISK);
	refuse(&image, EIF_PARSE_STRICT, "no ramdisk section among the 3");
}

static void test_cmdline_limit(void **state)
{
	static char text[2049];
	static const struct part parts[] = { K, { EIF_SECTION_CMDLINE, text }, M, R1, END };
	struct image image;
	struct eif eif;

	memset(text, 'x', 2048);
	build(&image, parts);
	refuse(&image, 0, "cmdline at offset 578: 2048 bytes exceed the limit of 2047");
	text[2047] = 0;
	build(&image, parts);
	accept(&image, EIF_PARSE_STRICT, &eif);
	assert_int_equal(eif.cmdline.size, 2047);
	strcpy(text, "console=ttyS0\n");
	build(&image, parts);
	accept(&image, EIF_PARSE_STRICT, &eif);
	assert_int_equal(eif.cmdline.size, 14);
}

static void test_signature_limit(void **state)
{
	__cleanup_fd int fd = memfd_create("image", MFD_CLOEXEC);
	__cleanup_free uint8_t *data = calloc(1, EIF_SIGNATURE_MAX + 1);
	struct error error = {};
	size_t excess;

	assert_non_null(data);
	for (excess = 0; excess < 2; excess++) {
		struct eif_writer writer;
		uint8_t *image;
		struct eif eif;
		int r;

		eif_writer_init(&writer, fd, 3, 0);
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_KERNEL, "K", 1), 0);
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_CMDLINE, "C", 1), 0);
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_SIGNATURE, data,
						EIF_SIGNATURE_MAX + excess), 0);
		assert_int_equal(eif_writer_finish(&writer), 0);
		image = mmap(NULL, writer.end, PROT_READ, MAP_PRIVATE, fd, 0);
		assert_ptr_not_equal(image, MAP_FAILED);
		r = eif_parse(image, writer.end, EIF_PARSE_TOLERANT, &eif, NULL, &error);
		munmap(image, writer.end);
		assert_int_equal(r, excess ? -EBADMSG : 0);
	}
	assert_non_null(strstr(error.text, "32769 bytes exceed the limit of 32768"));
}

static void test_section_limit(void **state)
{
	__cleanup_fd int fd = memfd_create("image", MFD_CLOEXEC);
	struct part parts[EIF_MAX_SECTIONS + 1] = { K, C, M };
	struct eif_writer writer;
	struct image image;
	struct eif eif;
	int i;

	for (i = 3; i < EIF_MAX_SECTIONS - 1; i++)
		parts[i] = (struct part)R1;
	parts[i] = (struct part)S;
	build(&image, parts);
	accept(&image, EIF_PARSE_STRICT | EIF_PARSE_TOLERANT, &eif);
	assert_int_equal(eif.nr_ramdisks, 28);

	eif_writer_init(&writer, fd, 4, 0);
	for (i = 0; i < EIF_MAX_SECTIONS; i++)
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_RAMDISK, "", 0), 0);
	assert_int_equal(eif_writer_add(&writer, EIF_SECTION_RAMDISK, "", 0), -E2BIG);
	assert_int_equal(eif_writer_add_fd(&writer, EIF_SECTION_RAMDISK, fd), -E2BIG);
}

static void test_trailing_bytes(void **state)
{
	struct image image;
	struct eif eif;

	build(&image, parts_t4);
	image.size += 5;
	accept(&image, 0, &eif);
	assert_int_equal(eif.warnings, EIF_WARN_TRAILING);
	assert_int_equal(eif.size, 619);
	refuse(&image, EIF_PARSE_STRICT, "5 bytes follow the last section at offset 619");
	image.size += 7;
	refuse(&image, EIF_PARSE_STRICT, "12 bytes follow");
	image.size = IMAGE_MAX;
	memset(image.bytes + 619, 0xff, IMAGE_MAX - 619);
	accept(&image, EIF_PARSE_IN_MEMORY | EIF_PARSE_STRICT, &eif);
	assert_int_equal(eif.warnings, 0);
	assert_int_equal(eif.size, 619);
}

static void test_section_flags(void **state)
{
	struct image image;
	struct eif eif;

	build(&image, parts_t4);
	put(&image, T4_KERNEL + 2, 1, 2);
	fix_crc(&image);
	accept(&image, 0, &eif);
	assert_int_equal(eif.warnings, EIF_WARN_SECTION_FLAGS);
	refuse(&image, EIF_PARSE_STRICT, "reserved flags");
}

/* The ramdisk starts 8 bytes later; the CRC does not cover the gap. */
static void test_gap(void **state)
{
	struct image image;
	struct eif eif;
	uLong crc;

	build(&image, parts_t4);
	memmove(image.bytes + 599 + 8, image.bytes + 599, 20);
	memset(image.bytes + 599, 0xaa, 8);
	image.size += 8;
	put(&image, OFFSETS + 24, 599 + 8, 8);
	crc = crc32(0, image.bytes, EIF_CRC_OFFSET);
	crc = crc32(crc, image.bytes + EIF_HEADER_SIZE, 599 - EIF_HEADER_SIZE);
	crc = crc32(crc, image.bytes + 599 + 8, 20);
	put(&image, EIF_CRC_OFFSET, crc, 4);
	accept(&image, 0, &eif);
	assert_int_equal(eif.warnings, EIF_WARN_GAP);
	refuse(&image, EIF_PARSE_STRICT, "between sections");
}

static void test_every_truncation(void **state)
{
	struct image image;
	size_t size;

	build(&image, parts_t4b);
	size = image.size;
	for (image.size = 0; image.size < size; image.size++)
		refuse(&image, 0, "truncated: ");
}

/* Only images with a correct CRC may pass. */
static void test_mutations(void **state)
{
	struct image good, image;
	struct eif_pcrs pcrs;
	struct eif eif;
	int i, n;

	build(&good, parts_t4b);
	srandom(0xe1f);
	for (i = 0; i < MUTATIONS; i++) {
		image = good;
		for (n = random() % 4; n >= 0; n--)
			image.bytes[random() % image.size] = random();
		if (i % 2)
			fix_crc(&image);
		if (eif_parse(image.bytes, image.size, 0, &eif, &pcrs, NULL))
			continue;
		if (i % 2 == 0 && memcmp(image.bytes, good.bytes, good.size))
			fail_msg("mutation %d passed the CRC", i);
	}
}

/* The writer produces the same bytes from a descriptor as from memory. */
static void test_writer_from_fd(void **state)
{
	__cleanup_fd int src = memfd_create("ramdisk", MFD_CLOEXEC);
	__cleanup_fd int fd = memfd_create("image", MFD_CLOEXEC);
	__cleanup_free uint8_t *data = calloc(1, MIB + 1);
	uint8_t *bytes[2] = {};
	struct eif_writer writer;
	size_t i;

	assert_non_null(data);
	for (i = 0; i <= MIB; i++)
		data[i] = i * 31;
	assert_int_equal(write_full(src, data, MIB + 1), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(lseek(src, 0, SEEK_SET), 0);
		eif_writer_init(&writer, fd, 3, 0);
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_KERNEL, "K", 1), 0);
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_CMDLINE, "C", 1), 0);
		assert_int_equal(i ? eif_writer_add(&writer, EIF_SECTION_RAMDISK, data, MIB + 1) :
				 eif_writer_add_fd(&writer, EIF_SECTION_RAMDISK, src), 0);
		assert_int_equal(eif_writer_finish(&writer), 0);
		bytes[i] = malloc(writer.end);
		assert_non_null(bytes[i]);
		assert_int_equal(pread(fd, bytes[i], writer.end, 0), writer.end);
	}
	assert_memory_equal(bytes[0], bytes[1], writer.end);
	free(bytes[0]);
	free(bytes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference_images),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_measurements),
		cmocka_unit_test(test_empty_sections),
		cmocka_unit_test(test_architecture),
		cmocka_unit_test(test_header_values),
		cmocka_unit_test(test_huge_size),
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_crc_lengths),
		cmocka_unit_test(test_file_order),
		cmocka_unit_test(test_missing_parts),
		cmocka_unit_test(test_cmdline_limit),
		cmocka_unit_test(test_signature_limit),
		cmocka_unit_test(test_section_limit),
		cmocka_unit_test(test_trailing_bytes),
		cmocka_unit_test(test_section_flags),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_writer_from_fd),
	};

	return cmocka_run_group_tests_name("eif", tests, NULL, NULL);
}
