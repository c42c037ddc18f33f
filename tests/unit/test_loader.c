// SPDX-License-Identifier: Apache-2.0
/* Where the loader puts the parts of an image, from any place in memory. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boot_fixture.h"
#include "eif/signature.h"
#include "vmm/reserved.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static void assert_initrd(struct fixture *f, uint64_t address, const char *data)
{
	const void *at = memory_at(&f->memory, address, strlen(data));

	assert_int_equal(f->image.initrd, address);
	assert_int_equal(f->image.initrd_size, strlen(data));
	assert_non_null(at);
	assert_memory_equal(at, data, strlen(data));
}

static void assert_kernel(struct fixture *f, uint64_t address)
{
	assert_int_equal(f->image.kernel.address, address);
	assert_memory_equal(f->memory.base + address, f->kernel + 1024, CODE_SIZE);
}

/* The ramdisks in the image lie across the hole, after it and before it. */
static void test_image_across_the_hole(void **state)
{
	static const char *const ramdisks[] = { "ramdisk one.", "ramdisk two", NULL };
	struct fixture *f = *state;
	uint64_t offset;

	create_memory(f, 3 * GIB + 64 * MIB);
	for (offset = 3 * GIB - 12000; offset < 3 * GIB + 100; offset += 10) {
		write_image_to(f, offset, "a", ramdisks);
		assert_int_equal(loader_load(&f->memory, offset, EXTRA, &f->image, &f->error), 0);
		assert_kernel(f, 16 * MIB);
		assert_initrd(f, 3 * GIB - 4096, "ramdisk one.ramdisk two");
		loaded_image_free(&f->image);
	}
}

/* An initrd too large for the space below the hole goes above it, if the kernel can. */
static void test_initrd_behind_the_hole(void **state)
{
	static const char *const ramdisks[] = { "ramdisk one.", "ramdisk two", NULL };
	struct fixture *f = *state;

	create_memory(f, 3 * GIB + 64 * MIB);
	write_image(f, "memmap=3000M$18M", ramdisks);
	assert_int_equal(load(f), 0);
	assert_initrd(f, 3 * GIB - 4096, "ramdisk one.ramdisk two");
	loaded_image_free(&f->image);

	write_image(f, "memmap=3054M$18M", ramdisks);
	assert_int_equal(load(f), 0);
	assert_initrd(f, 4 * GIB + 64 * MIB - 4096, "ramdisk one.ramdisk two");
	loaded_image_free(&f->image);

	f->hdr->xloadflags = XLF_KERNEL_64;
	f->hdr->initrd_addr_max = UINT32_MAX;
	write_image(f, "memmap=3054M$18M", ramdisks);
	assert_int_equal(load(f), -EBADMSG);
	assert_non_null(strstr(f->error.text, "no room for 23 bytes of ramdisks"));
}

/* The kernel gets its address in two halves. */
static void test_high_initrd_in_zero_page(void **state)
{
	const struct boot_params *params;
	struct fixture *f = *state;

	create_memory(f, 3 * GIB + 64 * MIB);
	write_image(f, "memmap=3054M$18M", one_ramdisk);
	assert_int_equal(load(f), 0);
	assert_int_equal(arch_boot(&f->memory, &f->image, 1, &f->error), 0);
	params = (struct boot_params *)(f->memory.base + 0x7000);
	assert_int_equal(params->ext_ramdisk_image, 1);
	assert_int_equal(params->hdr.ramdisk_image, 64 * MIB - 4096);
	assert_int_equal(params->ext_ramdisk_size, 0);
	assert_int_equal(params->hdr.ramdisk_size, 11);
}

/* The destination of the initrd may be before its source, and may overlap it. */
static void test_every_offset(void **state)
{
	static const char *const ramdisks[] = {
		"a ramdisk of some length....", "b", "", "another one, less long", NULL
	};
	static const char all[] = "a ramdisk of some length....b\0\0\0another one, less long";
	struct fixture *f = *state;
	uint64_t offset;

	f->hdr->xloadflags = XLF_KERNEL_64;
	f->hdr->initrd_addr_max = 32 * MIB - 1;
	for (offset = 16 * MIB - 20000; offset < 16 * MIB + 20000; offset += 97) {
		write_image_to(f, offset, "a", ramdisks);
		assert_int_equal(loader_load(&f->memory, offset, EXTRA, &f->image, &f->error), 0);
		assert_kernel(f, 16 * MIB);
		assert_int_equal(f->image.initrd, 32 * MIB - 4096);
		assert_memory_equal(f->memory.base + f->image.initrd, all, sizeof(all) - 1);
		loaded_image_free(&f->image);
	}
	for (offset = 32 * MIB - 20000; offset < 32 * MIB + 20000; offset += 7) {
		write_image_to(f, offset, "a", ramdisks);
		assert_int_equal(loader_load(&f->memory, offset, EXTRA, &f->image, &f->error), 0);
		assert_kernel(f, 16 * MIB);
		assert_int_equal(f->image.initrd_size, sizeof(all) - 1);
		assert_memory_equal(f->memory.base + f->image.initrd, all, sizeof(all) - 1);
		loaded_image_free(&f->image);
	}
}

/* Sections in any order and with gaps between them, written by hand. */
static void test_section_orders(void **state)
{
	static const uint16_t orders[][6] = {
		{ 1, 2, 5, 3, 3 }, { 2, 1, 3, 5, 3 }, { 5, 2, 1, 3, 3 }, { 1, 3, 2, 3, 5 },
		{ 1, 3, 3, 5, 2 }, { 5, 1, 3, 3, 2 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		int fd = memfd_create("eif", MFD_CLOEXEC);
		const char *ramdisk = "ramdisk one.";
		struct eif_writer writer;

		eif_writer_init(&writer, fd, 4, 0);
		for (const uint16_t *type = orders[i]; *type; type++) {
			const void *data = *type == EIF_SECTION_KERNEL ? (void *)f->kernel :
				*type == EIF_SECTION_CMDLINE ? "quiet" :
				*type == EIF_SECTION_RAMDISK ? ramdisk : "{}";
			size_t size = *type == EIF_SECTION_KERNEL ? KERNEL_SIZE : strlen(data);

			assert_int_equal(eif_writer_add(&writer, *type, data, size), 0);
			if (*type == EIF_SECTION_RAMDISK)
				ramdisk = "ramdisk two";
		}
		assert_int_equal(eif_writer_finish(&writer), 0);
		assert_int_equal(pread(fd, f->memory.base + IMAGE_OFFSET, writer.end, 0),
				 writer.end);
		assert_int_equal(close(fd), 0);
		assert_int_equal(load(f), 0);
		assert_kernel(f, 16 * MIB);
		assert_initrd(f, 64 * MIB - 4096, "ramdisk one.ramdisk two");
		assert_string_equal(f->image.cmdline, "quiet" EXTRA);
		loaded_image_free(&f->image);
	}
}

static void assert_placed(struct fixture *f, const char *cmdline, uint64_t kernel,
			  uint64_t initrd)
{
	write_image(f, cmdline, one_ramdisk);
	if (load(f))
		fail_msg("%s: %s", cmdline, f->error.text);
	assert_kernel(f, kernel);
	assert_initrd(f, initrd, "ramdisk one");
	loaded_image_free(&f->image);
}

static void assert_no_place(struct fixture *f, const char *cmdline, const char *why)
{
	write_image(f, cmdline, one_ramdisk);
	assert_int_equal(load(f), -EBADMSG);
	if (!strstr(f->error.text, why))
		fail_msg("\"%s\" does not say \"%s\"", f->error.text, why);
}

static void test_reservations(void **state)
{
	struct fixture *f = *state;
	const uint64_t usual = 64 * MIB - 4096;

	assert_placed(f, "memmap=1M$63M", 16 * MIB, 63 * MIB - 4096);
	assert_placed(f, "memmap=1M!63M quiet", 16 * MIB, 63 * MIB - 4096);
	assert_placed(f, "memmap=1M#63M", 16 * MIB, 63 * MIB - 4096);
	assert_placed(f, "memmap=1M$62M,1M$63M", 16 * MIB, 62 * MIB - 4096);
	assert_placed(f, "memmap=0x100000$0x3f00000 memmap=1m$62m", 16 * MIB, 62 * MIB - 4096);
	assert_placed(f, "memmap=\"1M$63M\"", 16 * MIB, 63 * MIB - 4096);
	assert_placed(f, "memmap=1$67108863", 16 * MIB, usual - 4096);
	assert_placed(f, "memmap=1G@0", 16 * MIB, usual);
	assert_placed(f, "memmap=40M", 16 * MIB, 40 * MIB - 4096);
	assert_placed(f, "mem=40M", 16 * MIB, 40 * MIB - 4096);
	assert_placed(f, "mem=nopentium memmap= memmap=$ memmap=,,x", 16 * MIB, usual);
	assert_placed(f, "-- memmap=1M$63M", 16 * MIB, usual);
	assert_placed(f, "xmemmap=1M$63M", 16 * MIB, usual);
	assert_placed(f, "memmap=16E$63M", 16 * MIB, usual);	/* wraps to 0 in 64 bits */
	assert_placed(f, "memmap=15E$63M", 16 * MIB, 63 * MIB - 4096);

	/* The kernel takes 2 MiB at 16 MiB, and moves in steps of 2 MiB. */
	assert_placed(f, "memmap=1$16M", 18 * MIB, usual);
	assert_placed(f, "memmap=1$0x11fffff", 18 * MIB, usual);
	assert_placed(f, "memmap=2M$17M", 20 * MIB, usual);
	assert_placed(f, "memmap=16M$8M", 24 * MIB, usual);
	f->hdr->relocatable_kernel = 0;
	assert_no_place(f, "memmap=1$16M", "room for the kernel at 0x1000000, and it cannot");
}

static void test_no_room(void **state)
{
	struct fixture *f = *state;
	char cmdline[2000] = "";

	assert_no_place(f, "mem=17M", "room for the kernel at 0x1000000 or above");
	assert_no_place(f, "memmap=48M$16M", "room for the kernel");
	assert_no_place(f, "memmap=46M$18M", "no room for 11 bytes of ramdisks");
	assert_no_place(f, "mem=18M", "no room for 11 bytes of ramdisks");
	for (int i = 0; i <= RESERVED_MAX; i++)
		strcat(cmdline, "memmap=1$1 ");
	assert_no_place(f, cmdline, "more than 64 ranges");
}

/* Sign the image; @change makes the signature invalid. */
static void sign_image(struct fixture *f, EVP_PKEY *key, int days, uint8_t change)
{
	int fd = memfd_create("eif", MFD_CLOEXEC);
	X509 *certificate = X509_new();
	char pem[4096];
	struct error error = {};
	BIO *bio = BIO_new(BIO_s_mem());
	struct eif_writer writer;
	struct eif_pcrs pcrs;
	uint8_t *section;
	struct eif eif;
	size_t size;

	X509_gmtime_adj(X509_getm_notBefore(certificate), -100000);
	X509_gmtime_adj(X509_getm_notAfter(certificate), days * 86400);
	X509_set_pubkey(certificate, key);
	assert_true(X509_sign(certificate, key, EVP_sha384()));
	assert_true(PEM_write_bio_X509(bio, certificate));
	size = BIO_read(bio, pem, sizeof(pem));
	BIO_free(bio);
	X509_free(certificate);

	write_image(f, "a", one_ramdisk);
	assert_int_equal(eif_parse(f->memory.base + IMAGE_OFFSET, MIB, EIF_PARSE_IN_MEMORY, &eif,
				   &pcrs, NULL), 0);
	pcrs.pcr0[0] ^= change;
	assert_int_equal(eif_signature_make(key, pem, size, pcrs.pcr0, &section, &size, &error), 0);
	eif_writer_init(&writer, fd, 4, 0);
	for (unsigned int i = 0; i < eif.nr_sections; i++)
		assert_int_equal(eif_writer_add(&writer, eif.sections[i].type,
						eif.base + eif.sections[i].offset,
						eif.sections[i].size), 0);
	assert_int_equal(eif_writer_add(&writer, EIF_SECTION_SIGNATURE, section, size), 0);
	free(section);
	assert_int_equal(eif_writer_finish(&writer), 0);
	assert_int_equal(pread(fd, f->memory.base + IMAGE_OFFSET, writer.end, 0), writer.end);
	assert_int_equal(close(fd), 0);
}

static void test_signatures(void **state)
{
	static const uint8_t zero[EIF_PCR_SIZE];
	struct fixture *f = *state;
	EVP_PKEY *key = EVP_EC_gen("P-384");

	write_image(f, "a", one_ramdisk);
	assert_int_equal(load(f), 0);
	assert_false(f->image.pcrs.has_pcr8);
	assert_memory_equal(f->image.pcrs.pcr8, zero, sizeof(zero));
	assert_memory_not_equal(f->image.pcrs.pcr0, zero, sizeof(zero));
	loaded_image_free(&f->image);

	sign_image(f, key, 1, 0);
	assert_int_equal(load(f), 0);
	assert_true(f->image.pcrs.has_pcr8);
	assert_memory_not_equal(f->image.pcrs.pcr8, zero, sizeof(zero));
	loaded_image_free(&f->image);

	sign_image(f, key, -1, 0);
	assert_int_equal(load(f), -EBADMSG);
	assert_non_null(strstr(f->error.text, "certificate has expired"));
	sign_image(f, key, 1, 1);
	assert_int_equal(load(f), -EBADMSG);
	assert_non_null(strstr(f->error.text, "made for another image"));
	EVP_PKEY_free(key);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_image_across_the_hole),
		T(test_initrd_behind_the_hole),
		T(test_high_initrd_in_zero_page),
		T(test_every_offset),
		T(test_section_orders),
		T(test_reservations),
		T(test_no_room),
		T(test_signatures),
	};

	return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
