// SPDX-License-Identifier: Apache-2.0
/* Linux's 64-bit boot protocol on x86 (Documentation/arch/x86/boot.rst). */

#include "common/util.h"
#include "vmm/arch/arch.h"
#include "vmm/arch/x86/layout.h"
#include "vmm/arch/x86/mptable.h"
#include "vmm/arch/x86/regs.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#define HEADER_OFFSET		offsetof(struct boot_params, hdr)
#define HEADER_MAGIC		0x53726448	/* "HdrS" */
#define BOOT_FLAG		0xaa55
#define PROTOCOL_MIN		0x020c		/* first with xloadflags */
#define SECTOR_SIZE		512
#define SETUP_SECTS_DEFAULT	4		/* the meaning of 0, for old boot loaders */
#define LOADER_UNDEFINED	0xff
#define VID_MODE_NORMAL		0xffff

const unsigned int arch_max_vcpus = MPTABLE_MAX_VCPUS;

_Static_assert(sizeof(struct setup_header) <= KERNEL_HEADER_SIZE,
	       "the setup header must fit into struct kernel_image");

static int check_format(const struct setup_header *hdr, struct error *error)
{
	if (hdr->boot_flag != BOOT_FLAG || hdr->header != HEADER_MAGIC)
		return error_set(error, -EBADMSG, "the kernel is not a bzImage");
	if (hdr->version < PROTOCOL_MIN)
		return error_set(error, -EBADMSG,
				 "the kernel's boot protocol %u.%02u is older than 2.12",
				 hdr->version >> 8, hdr->version & 0xff);
	if (!(hdr->loadflags & LOADED_HIGH))
		return error_set(error, -EBADMSG,
				 "the kernel is a zImage, which is loaded below 1 MiB");
	if (!(hdr->xloadflags & XLF_KERNEL_64))
		return error_set(error, -EBADMSG, "the kernel has no 64-bit entry point");
	return 0;
}

/* At the address the kernel was built for, or above if that is not aligned. */
static int choose_address(const struct setup_header *hdr, struct kernel_image *kernel,
			  struct error *error)
{
	uint64_t address = MAX(hdr->pref_address, HIGH_RAM_START);
	uint64_t align = hdr->kernel_alignment;

	if (address >= MEMORY_HOLE_START)
		return error_set(error, -EBADMSG,
				 "the kernel's address %#llx is not below the memory hole",
				 (unsigned long long)hdr->pref_address);
	if (!hdr->relocatable_kernel) {
		if (hdr->pref_address != address)
			return error_set(error, -EBADMSG,
					 "the kernel must be at %#llx and cannot be moved",
					 (unsigned long long)hdr->pref_address);
		kernel->address = address;
		kernel->align = 0;
		return 0;
	}
	if (!align || (align & (align - 1)))
		return error_set(error, -EBADMSG,
				 "the kernel's alignment %#llx is not a power of two",
				 (unsigned long long)align);
	kernel->address = (address + align - 1) & ~(align - 1);
	kernel->align = align;
	return 0;
}

/* The jump at the start gives the length of the header; older headers are shorter. */
static void boot_read_header(const uint8_t *data, struct setup_header *hdr)
{
	size_t end;

	memcpy(hdr, data + HEADER_OFFSET, sizeof(*hdr));
	end = offsetof(struct setup_header, header) + (hdr->jump >> 8);
	if (end < sizeof(*hdr))
		memset((uint8_t *)hdr + end, 0, sizeof(*hdr) - end);
}

int arch_probe_kernel(const uint8_t *data, uint64_t size, struct kernel_image *kernel,
		      struct error *error)
{
	struct setup_header hdr;
	char magic[4] = { 0 };
	uint64_t setup_size;
	int err;

	memcpy(magic, data, MIN(size, sizeof(magic)));
	if (!memcmp(magic, "\177ELF", sizeof(magic)))
		return error_set(error, -EBADMSG,
				 "the kernel is an ELF file (vmlinux); a bzImage is needed");
	if (size < HEADER_OFFSET + sizeof(hdr))
		return error_set(error, -EBADMSG,
				 "the kernel is too short for a bzImage: %llu bytes",
				 (unsigned long long)size);
	boot_read_header(data, &hdr);
	err = check_format(&hdr, error);
	if (err)
		return err;

	setup_size = ((hdr.setup_sects ?: SETUP_SECTS_DEFAULT) + 1) * SECTOR_SIZE;
	if (size <= setup_size)
		return error_set(error, -EBADMSG, "the kernel ends within its setup code");
	err = choose_address(&hdr, kernel, error);
	if (err)
		return err;

	kernel->code_offset = setup_size;
	kernel->code_size = size - setup_size;
	kernel->run_size = MAX(hdr.init_size, kernel->code_size);
	/* With this flag, the limit applies only to loaders in 32-bit mode. */
	kernel->initrd_max = hdr.xloadflags & XLF_CAN_BE_LOADED_ABOVE_4G ?
		MEMORY_HOLE_START : (uint64_t)hdr.initrd_addr_max + 1;
	kernel->initrd_high = hdr.xloadflags & XLF_CAN_BE_LOADED_ABOVE_4G;
	kernel->cmdline_max = MIN(hdr.cmdline_size, BOOT_CMDLINE_SIZE - 1);
	memcpy(kernel->header, &hdr, sizeof(hdr));
	return 0;
}

static void add_e820(struct boot_params *params, uint64_t start, uint64_t end, uint32_t type)
{
	struct boot_e820_entry *entry = &params->e820_table[params->e820_entries];

	if (start >= end)
		return;
	entry->addr = start;
	entry->size = end - start;
	entry->type = type;
	params->e820_entries++;
}

static void add_memory_map(struct boot_params *params, const struct guest_memory *memory)
{
	enum { RAM = 1, RESERVED = 2 };

	add_e820(params, 0, LOW_RAM_END, RAM);
	add_e820(params, LOW_RAM_END, HIGH_RAM_START, RESERVED);
	add_e820(params, HIGH_RAM_START, memory->low_size, RAM);
	add_e820(params, MEMORY_HOLE_END, MEMORY_HOLE_END + memory->size - memory->low_size, RAM);
}

static int write_zero_page(const struct guest_memory *memory, const struct loaded_image *image)
{
	struct boot_params *params = memory_at(memory, BOOT_ZERO_PAGE, sizeof(*params));
	struct setup_header *hdr;

	if (!params)
		return -EFAULT;
	hdr = &params->hdr;
	memcpy(hdr, image->kernel.header, sizeof(*hdr));
	hdr->type_of_loader = LOADER_UNDEFINED;
	hdr->vid_mode = VID_MODE_NORMAL;
	hdr->cmd_line_ptr = BOOT_CMDLINE;
	hdr->ramdisk_image = image->initrd;
	hdr->ramdisk_size = image->initrd_size;
	params->ext_ramdisk_image = image->initrd >> 32;
	params->ext_ramdisk_size = image->initrd_size >> 32;
	hdr->setup_data = 0;
	add_memory_map(params, memory);
	return 0;
}

static int write_cmdline(const struct guest_memory *memory, const char *cmdline)
{
	size_t size = strlen(cmdline) + 1;
	void *at = memory_at(memory, BOOT_CMDLINE, size);

	if (!at || size > BOOT_CMDLINE_SIZE)
		return -EFAULT;
	memcpy(at, cmdline, size);
	return 0;
}

int arch_boot(const struct guest_memory *memory, const struct loaded_image *image,
	      unsigned int nr_vcpus, struct error *error)
{
	uint8_t *low = memory_at(memory, 0, HIGH_RAM_START);

	if (!low)
		return error_set(error, -EFAULT, "no memory below 1 MiB");
	/*
	 * The parts of the image are above. The kernel could mistake leftovers of the client
	 * for firmware tables, for which it searches this memory.
	 */
	memset(low, 0, HIGH_RAM_START);
	if (write_zero_page(memory, image) || write_cmdline(memory, image->cmdline) ||
	    regs_write_tables(memory))
		return error_set(error, -EFAULT, "boot data does not fit below 1 MiB");
	if (mptable_build(low + BIOS_START, BIOS_END - BIOS_START, BIOS_START, nr_vcpus) < 0)
		return error_set(error, -EINVAL, "%u vCPUs do not fit into the MP table",
				 nr_vcpus);
	return 0;
}
