/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's memory with an enclave image in it; cmocka.h comes first. */

#ifndef NE_EMU_TEST_BOOT_FIXTURE_H
#define NE_EMU_TEST_BOOT_FIXTURE_H

#include "common/util.h"
#include "eif/eif.h"
#include "vmm/arch/arch.h"
#include "vmm/loader.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define IMAGE_OFFSET	(8 * MIB)
#define EXTRA		" extra=1"
#define CODE_SIZE	10000
#define KERNEL_SIZE	(1024 + CODE_SIZE)
#define INIT_SIZE	(2 * MIB)

struct fixture {
	struct guest_memory memory;
	uint8_t kernel[KERNEL_SIZE];
	struct setup_header *hdr;
	struct loaded_image image;
	struct error error;
};

static inline void create_memory(struct fixture *f, uint64_t size)
{
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_true(base != MAP_FAILED);
	if (f->memory.base)
		assert_int_equal(munmap(f->memory.base, f->memory.size), 0);
	memory_init(&f->memory, base, size);
}

/* Make a bzImage that its loader accepts. */
static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	create_memory(f, 64 * MIB);
	for (size_t i = 0; i < CODE_SIZE; i++)
		f->kernel[1024 + i] = i * 7 + i / 256;
	f->hdr = (struct setup_header *)(f->kernel + 0x1f1);
	*f->hdr = (struct setup_header){
		.setup_sects = 1,
		.boot_flag = 0xaa55,
		.jump = 0x6aeb,
		.header = 0x53726448,
		.version = 0x20f,
		.loadflags = LOADED_HIGH,
		.initrd_addr_max = 0x7fffffff,
		.kernel_alignment = 2 * MIB,
		.relocatable_kernel = 1,
		.xloadflags = XLF_KERNEL_64 | XLF_CAN_BE_LOADED_ABOVE_4G,
		.cmdline_size = 2047,
		.pref_address = 16 * MIB,
		.init_size = INIT_SIZE,
	};
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	loaded_image_free(&f->image);
	assert_int_equal(munmap(f->memory.base, f->memory.size), 0);
	free(f);
	return 0;
}

/* Write an image of kernel, command line and ramdisks (NULL-terminated) to @offset. */
static inline void write_image_to(struct fixture *f, uint64_t offset, const char *cmdline,
				  const char *const *ramdisks)
{
	int fd = memfd_create("eif", MFD_CLOEXEC);
	struct eif_writer writer;
	ssize_t size;

	eif_writer_init(&writer, fd, 4, 0);
	assert_int_equal(eif_writer_add(&writer, EIF_SECTION_KERNEL, f->kernel, KERNEL_SIZE), 0);
	assert_int_equal(eif_writer_add(&writer, EIF_SECTION_CMDLINE, cmdline,
					strlen(cmdline)), 0);
	assert_int_equal(eif_writer_add(&writer, EIF_SECTION_METADATA, "{}", 2), 0);
	for (; *ramdisks; ramdisks++)
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_RAMDISK, *ramdisks,
						strlen(*ramdisks)), 0);
	assert_int_equal(eif_writer_finish(&writer), 0);
	size = lseek(fd, 0, SEEK_END);
	assert_int_equal(pread(fd, f->memory.base + offset, size, 0), size);
	assert_int_equal(close(fd), 0);
}

static inline void write_image(struct fixture *f, const char *cmdline, const char *const *ramdisks)
{
	write_image_to(f, IMAGE_OFFSET, cmdline, ramdisks);
}

__attribute__((unused)) static const char *const one_ramdisk[] = { "ramdisk one", NULL };

static inline int load(struct fixture *f)
{
	return loader_load(&f->memory, IMAGE_OFFSET, EXTRA, &f->image, &f->error);
}

static inline void assert_refused(struct fixture *f, const char *why)
{
	write_image(f, "a", one_ramdisk);
	assert_int_equal(load(f), -EBADMSG);
	if (!strstr(f->error.text, why))
		fail_msg("\"%s\" does not say \"%s\"", f->error.text, why);
}

#endif
