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

	/* Ramdisks lie one after the other at multiples of four, at the top of memory. */
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

/* initrd_addr_max is the last byte that may be used. */
static void test_initrd_up_to_the_limit(void **state)
{
	static char page[4096 + 1];
	static const char *const ramdisks[] = { page, NULL };
	struct fixture *f = *state;

	memset(page, 'x', sizeof(page) - 1);
	f->hdr->xloadflags = XLF_KERNEL_64;
	f->hdr->initrd_addr_max = 32 * MIB - 1;
	write_image(f, "a", ramdisks);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->image.initrd_size, 4096);
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

	/* A kernel that is not relocatable is loaded at its address, over the image. */
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

	/* The kernel at 16 MiB needs 2 MiB, and the ramdisk a page. */
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

/* A truncated kernel is never read past its end. */
static void test_short_kernels(void **state)
{
	const size_t header_end = 0x1f1 + sizeof(struct setup_header);
	struct fixture *f = *state;
	struct kernel_image kernel;

	for (size_t size = 0; size <= header_end; size++) {
		uint8_t *data = malloc(size);
		const char *why = size < header_end ? "too short for a bzImage" :
			"within its setup code";

		assert_true(data || !size);
		if (size)
			memcpy(data, f->kernel, size);
		assert_int_equal(arch_probe_kernel(data, size, &kernel, &f->error), -EBADMSG);
		if (!strstr(f->error.text, why))
			fail_msg("%zu bytes: %s", size, f->error.text);
		free(data);
	}
	/* A kernel needs at least one byte of code. */
	assert_int_equal(arch_probe_kernel(f->kernel, 1024, &kernel, &f->error), -EBADMSG);
	assert_int_equal(arch_probe_kernel(f->kernel, 1025, &kernel, &f->error), 0);
	assert_int_equal(kernel.code_size, 1);
}

/* setup_sects 0 means four sectors, plus the boot sector; sizes have limits. */
static void test_odd_headers(void **state)
{
	struct fixture *f = *state;
	struct kernel_image kernel;

	f->hdr->setup_sects = 0;
	assert_int_equal(arch_probe_kernel(f->kernel, KERNEL_SIZE, &kernel, &f->error), 0);
	assert_int_equal(kernel.code_offset, 5 * 512);
	assert_int_equal(kernel.code_size, KERNEL_SIZE - 5 * 512);
	f->hdr->cmdline_size = 65534;
	assert_int_equal(arch_probe_kernel(f->kernel, KERNEL_SIZE, &kernel, &f->error), 0);
	assert_int_equal(kernel.cmdline_max, 65534);
	f->hdr->cmdline_size = UINT32_MAX;
	assert_int_equal(arch_probe_kernel(f->kernel, KERNEL_SIZE, &kernel, &f->error), 0);
	assert_int_equal(kernel.cmdline_max, 65535);
}

/* init_size is smaller than the code. */
static void test_init_size_below_code(void **state)
{
	struct fixture *f = *state;

	f->hdr->init_size = 0;
	f->hdr->relocatable_kernel = 0;
	f->hdr->pref_address = 64 * MIB - 16 * KIB;
	write_image(f, "a", one_ramdisk);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->image.kernel.address, 64 * MIB - 16 * KIB);
	assert_int_equal(f->image.kernel.run_size, CODE_SIZE);
	assert_memory_equal(f->memory.base + f->image.kernel.address, f->kernel + 1024, CODE_SIZE);
	loaded_image_free(&f->image);
	f->hdr->pref_address = 64 * MIB - CODE_SIZE + 1;
	assert_refused(f, "needs 65 MiB");
}

/* The header of an old kernel is shorter and followed by code. */
static void test_short_header(void **state)
{
	struct fixture *f = *state;
	struct setup_header *kept = (struct setup_header *)f->image.kernel.header;

	f->hdr->version = 0x20c;
	f->hdr->jump = 0x62eb;	/* up to and including init_size */
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

	/* Fields that an image must not set. */
	f->hdr->setup_data = 16 * MIB;
	f->hdr->vid_mode = 1;
	f->hdr->cmd_line_ptr = 16 * MIB;
	write_image(f, "quiet", one_ramdisk);
	assert_int_equal(load(f), 0);
	memset(f->memory.base, 0xee, MIB);	/* old content */
	assert_int_equal(arch_boot(&f->memory, &f->image, 2, &f->error), 0);

	params = (struct boot_params *)(f->memory.base + ZERO_PAGE);
	assert_int_equal(params->hdr.type_of_loader, 0xff);
	assert_int_equal(params->hdr.header, 0x53726448);
	assert_int_equal(params->hdr.setup_data, 0);
	assert_int_equal(params->hdr.vid_mode, 0xffff);
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

/* The 64-bit boot protocol requires an identity map of 4 GiB and flat segments. */
static void test_tables(void **state)
{
	struct fixture *f = *state;
	const uint64_t *gdt, *pml4, *pdpt, *pd;

	write_image(f, "quiet", one_ramdisk);
	assert_int_equal(load(f), 0);
	assert_int_equal(arch_boot(&f->memory, &f->image, 1, &f->error), 0);
	pml4 = (uint64_t *)(f->memory.base + 0x9000);
	pdpt = pml4 + 512;
	pd = pdpt + 512;
	assert_int_equal(pml4[0], 0xa003);	/* present, writable */
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(pdpt[i], (0xb000 + i * 0x1000) | 3);
	for (uint64_t i = 0; i < 4 * 512; i++)
		assert_int_equal(pd[i], i * 2 * MIB | 0x83);	/* also 2 MiB */
	gdt = (uint64_t *)(f->memory.base + 0x500);
	assert_int_equal(gdt[0x10 / 8], 0x00af9b000000ffff);	/* __BOOT_CS: 64-bit code */
	assert_int_equal(gdt[0x18 / 8], 0x00cf93000000ffff);	/* __BOOT_DS: data */
}

/* Check memory outside @parts, which is 0xee where it was not written. */
static void assert_clear(const struct fixture *f, const uint64_t (*parts)[2], size_t count)
{
	uint64_t at = 0;

	for (size_t i = 0; i <= count; i++) {
		uint64_t end = i < count ? parts[i][0] : MIB;

		for (; at < end; at++)
			if (f->memory.base[at])
				fail_msg("%#llx holds %#x", (unsigned long long)at,
					 f->memory.base[at]);
		at = i < count ? parts[i][1] : MIB;
	}
}

/* Kernels search low memory for firmware tables; and the image begins right after it. */
static void test_low_memory_is_clear(void **state)
{
	static const uint64_t boot_data[][2] = {
		{ 0x500, 0x520 },		/* GDT */
		{ ZERO_PAGE, 0x8000 },
		{ 0x9000, 0xf000 },		/* page tables */
		{ 0x20000, 0x20000 + strlen("quiet" EXTRA) },
		{ 0xf0000, 0xf0000 + 400 },	/* MP table of two CPUs */
	};
	struct fixture *f = *state;

	f->hdr->pref_address = MIB;
	f->hdr->kernel_alignment = 4096;
	write_image(f, "quiet", one_ramdisk);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->image.kernel.address, MIB);
	memset(f->memory.base, 0xee, MIB);
	assert_int_equal(arch_boot(&f->memory, &f->image, 2, &f->error), 0);
	assert_clear(f, boot_data, ARRAY_SIZE(boot_data));
	assert_memory_equal(f->memory.base + MIB, f->kernel + 1024, CODE_SIZE);
	assert_memory_equal(f->memory.base + f->image.initrd, "ramdisk one", 11);
	/* Includes the place of the EBDA pointer, through which kernels search for ACPI tables. */
	assert_int_equal(*(uint16_t *)(f->memory.base + 0x40e), 0);
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
		T(test_initrd_up_to_the_limit),
		T(test_kernel_address),
		T(test_cmdline_limit),
		T(test_memory_sizes),
		T(test_init_size_overflow),
		T(test_no_image),
		T(test_foreign_kernels),
		T(test_short_kernels),
		T(test_odd_headers),
		T(test_init_size_below_code),
		T(test_short_header),
		T(test_zero_page),
		T(test_tables),
		T(test_low_memory_is_clear),
		T(test_memory_map_with_hole),
	};

	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
