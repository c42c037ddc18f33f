// SPDX-License-Identifier: Apache-2.0
/* From an image at 8 MiB to a machine that can be started: parts, boot data. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boot_fixture.h"

#define ZERO_PAGE	0x7000

static void test_parts(void **state)
{
	static const char *const ramdisks[] = { "12345", "abcdefgh", "xyz", NULL };
	struct fixture *f = *state;
	uint8_t *initrd;

	write_image(f, "console=ttyS0", ramdisks);
	assert_int_equal(load(f), 0);
	assert_string_equal(f->image.cmdline, "console=ttyS0" EXTRA);
	assert_int_equal(f->image.kernel.address, 16 * MIB);
	assert_memory_equal(f->memory.base + 16 * MIB, f->kernel + 1024, CODE_SIZE);

	/* One after the other at multiples of four, at the top of memory. */
	assert_int_equal(f->image.initrd_size, 19);
	assert_int_equal(f->image.initrd, 64 * MIB - 4096);
	initrd = f->memory.base + f->image.initrd;
	assert_memory_equal(initrd, "12345\0\0\0" "abcdefgh" "xyz", 19);
}

static void test_empty_ramdisks(void **state)
{
	static const char *const ramdisks[] = { "", "data", "", NULL };
	static const char *const empty[] = { "", "", NULL };
	static const char *const none[] = { NULL };
	struct fixture *f = *state;

	write_image(f, "a", ramdisks);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->image.initrd_size, 4);
	assert_memory_equal(f->memory.base + f->image.initrd, "data", 4);
	loaded_image_free(&f->image);

	write_image(f, "a", empty);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->image.initrd_size, 0);
	assert_int_equal(f->image.initrd, 0);
	loaded_image_free(&f->image);

	write_image(f, "a", none);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->image.initrd_size, 0);
}

static void test_initrd_limit(void **state)
{
	struct fixture *f = *state;

	f->hdr->xloadflags = XLF_KERNEL_64;
	f->hdr->initrd_addr_max = 32 * MIB - 1;
	write_image(f, "a", one_ramdisk);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->image.initrd, 32 * MIB - 4096);
}

static void test_kernel_address(void **state)
{
	struct fixture *f = *state;

	f->hdr->pref_address = 17 * MIB;
	write_image(f, "a", one_ramdisk);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->image.kernel.address, 18 * MIB);
	loaded_image_free(&f->image);

	/* One that cannot be moved is put where it wants to be, over the image. */
	f->hdr->relocatable_kernel = 0;
	f->hdr->pref_address = 8 * MIB + 64 * KIB;
	write_image(f, "a", one_ramdisk);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->image.kernel.address, 8 * MIB + 64 * KIB);
	assert_memory_equal(f->memory.base + f->image.kernel.address, f->kernel + 1024,
			    CODE_SIZE);
	assert_memory_equal(f->memory.base + f->image.initrd, "ramdisk one", 11);
}

static void test_cmdline_limit(void **state)
{
	struct fixture *f = *state;
	char cmdline[200];

	f->hdr->cmdline_size = 100;
	memset(cmdline, 'x', sizeof(cmdline));
	cmdline[100 - strlen(EXTRA)] = '\0';
	write_image(f, cmdline, one_ramdisk);
	assert_int_equal(load(f), 0);
	assert_int_equal(strlen(f->image.cmdline), 100);
	loaded_image_free(&f->image);

	cmdline[100 - strlen(EXTRA)] = 'x';
	cmdline[101 - strlen(EXTRA)] = '\0';
	write_image(f, cmdline, one_ramdisk);
	assert_int_equal(load(f), -EBADMSG);
	assert_non_null(strstr(f->error.text, "the kernel takes 100"));
}

static void test_memory_sizes(void **state)
{
	struct fixture *f = *state;

	/* Kernel at 16 MiB needs 2 MiB, and the ramdisk a page. */
	create_memory(f, 18 * MIB);
	assert_refused(f, "needs 19 MiB");
	create_memory(f, 17 * MIB);
	assert_refused(f, "needs 19 MiB");
	create_memory(f, 19 * MIB);
	write_image(f, "a", one_ramdisk);
	assert_int_equal(load(f), 0);
}

static void test_init_size_overflow(void **state)
{
	struct fixture *f = *state;

	f->hdr->init_size = UINT32_MAX;
	assert_refused(f, "MiB of memory");
}

static void test_no_image(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f), -EBADMSG);
	assert_true(f->error.text[0]);
	create_memory(f, 8 * MIB);
	assert_int_equal(load(f), -EBADMSG);
	assert_non_null(strstr(f->error.text, "no memory"));
}

static void test_foreign_kernels(void **state)
{
	struct fixture *f = *state;
	uint8_t *save = malloc(KERNEL_SIZE);

	memcpy(save, f->kernel, KERNEL_SIZE);
#define WITH(change, why) do {					\
		change;						\
		assert_refused(f, why);				\
		memcpy(f->kernel, save, KERNEL_SIZE);		\
	} while (0)
	WITH(memcpy(f->kernel, "\177ELF", 4), "vmlinux");
	WITH(f->hdr->boot_flag = 0, "not a bzImage");
	WITH(f->hdr->header = 0, "not a bzImage");
	WITH(f->hdr->version = 0x20b, "older than 2.12");
	WITH(f->hdr->loadflags = 0, "zImage");
	WITH(f->hdr->xloadflags = 0, "64-bit");
	WITH(f->hdr->setup_sects = 60, "within its setup code");
	WITH(f->hdr->kernel_alignment = 3, "power of two");
	WITH(f->hdr->kernel_alignment = 0, "power of two");
	WITH(f->hdr->pref_address = 3 * GIB, "hole");
	WITH(f->hdr->pref_address = UINT64_MAX, "hole");
	WITH(f->hdr->kernel_alignment = 1U << 31, "MiB of memory");
	WITH((f->hdr->relocatable_kernel = 0, f->hdr->pref_address = 4096), "cannot be moved");
#undef WITH
	free(save);
}

/* The header of an old kernel ends early; what follows is code. */
static void test_short_header(void **state)
{
	struct fixture *f = *state;
	struct setup_header *kept = (struct setup_header *)f->image.kernel.header;

	f->hdr->version = 0x20c;
	f->hdr->jump = 0x62eb;	/* up to and with init_size */
	f->hdr->handover_offset = 0x12345678;
	f->hdr->kernel_info_offset = 0x12345678;
	write_image(f, "a", one_ramdisk);
	assert_int_equal(load(f), 0);
	assert_int_equal(kept->init_size, INIT_SIZE);
	assert_int_equal(kept->handover_offset, 0);
	assert_int_equal(kept->kernel_info_offset, 0);
}

static void test_zero_page(void **state)
{
	struct fixture *f = *state;
	const struct boot_params *params;

	write_image(f, "quiet", one_ramdisk);
	assert_int_equal(load(f), 0);
	memset(f->memory.base, 0xee, MIB);	/* whatever was there */
	assert_int_equal(arch_boot(&f->memory, &f->image, 2, &f->error), 0);

	params = (struct boot_params *)(f->memory.base + ZERO_PAGE);
	assert_int_equal(params->hdr.type_of_loader, 0xff);
	assert_int_equal(params->hdr.header, 0x53726448);
	assert_int_equal(params->hdr.ramdisk_image, f->image.initrd);
	assert_int_equal(params->hdr.ramdisk_size, 11);
	assert_string_equal((char *)f->memory.base + params->hdr.cmd_line_ptr, "quiet" EXTRA);
	assert_int_equal(params->acpi_rsdp_addr, 0);
	assert_int_equal(params->e820_entries, 3);
	assert_int_equal(params->e820_table[0].size, 0x9fc00);
	assert_int_equal(params->e820_table[1].type, 2);
	assert_int_equal(params->e820_table[2].addr, MIB);
	assert_int_equal(params->e820_table[2].size, 63 * MIB);
	assert_memory_equal(f->memory.base + 0xf0000, "_MP_", 4);
}

static void test_memory_map_with_hole(void **state)
{
	struct fixture *f = *state;
	const struct boot_params *params;

	create_memory(f, 5 * GIB);
	write_image(f, "a", one_ramdisk);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->image.initrd, 3 * GIB - 4096);
	assert_int_equal(arch_boot(&f->memory, &f->image, 1, &f->error), 0);
	params = (struct boot_params *)(f->memory.base + ZERO_PAGE);
	assert_int_equal(params->e820_entries, 4);
	assert_int_equal(params->e820_table[2].size, 3 * GIB - MIB);
	assert_int_equal(params->e820_table[3].addr, 4 * GIB);
	assert_int_equal(params->e820_table[3].size, 2 * GIB);
	assert_int_equal(params->e820_table[3].type, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_parts),
		T(test_empty_ramdisks),
		T(test_initrd_limit),
		T(test_kernel_address),
		T(test_cmdline_limit),
		T(test_memory_sizes),
		T(test_init_size_overflow),
		T(test_no_image),
		T(test_foreign_kernels),
		T(test_short_header),
		T(test_zero_page),
		T(test_memory_map_with_hole),
	};

	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
