/* SPDX-License-Identifier: Apache-2.0 */
/* Enclave image in guest memory: check it, and move its parts to where they run. */

#ifndef NE_EMU_VMM_LOADER_H
#define NE_EMU_VMM_LOADER_H

#include "common/error.h"
#include "eif/eif.h"
#include "vmm/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Size of the part of a kernel image that the boot protocol needs, bytes. */
#define KERNEL_HEADER_SIZE	160

/**
 * struct kernel_image - what a kernel requires of its loader
 * @code_offset: start of the part to copy, bytes from the start of the section
 * @code_size: size of the part to copy, bytes
 * @address: guest address to copy to; the lowest possible one
 * @align: the address may be raised by multiples of this; 0: it is fixed
 * @run_size: bytes that the kernel occupies there until it has set up its memory
 * @initrd_max: the initrd must end at or below this address
 * @initrd_high: the initrd may also be in the RAM above the hole
 * @cmdline_max: maximum length of the command line, without NUL
 * @header: for the architecture; read before anything was moved
 */
struct kernel_image {
	uint64_t code_offset;
	uint64_t code_size;
	uint64_t address;
	uint64_t align;
	uint64_t run_size;
	uint64_t initrd_max;
	bool initrd_high;
	size_t cmdline_max;
	uint8_t header[KERNEL_HEADER_SIZE];
};

/**
 * struct loaded_image - the parts of an enclave image, in their places
 * @initrd: guest address; without an initrd, this and @initrd_size are 0
 * @cmdline: command lines of the image and of the VMM; owned
 * @pcrs: measurements of the original image
 * @measured_ns: when they were known, CLOCK_MONOTONIC
 */
struct loaded_image {
	struct kernel_image kernel;
	uint64_t initrd;
	uint64_t initrd_size;
	char *cmdline;
	struct eif_pcrs pcrs;
	int64_t measured_ns;
};

/**
 * loader_load() - check an image and move its parts within memory
 * @image_offset: offset of the image in the donated memory
 * @cmdline_extra: appended to the image's command line
 *
 * The parts are moved in place, which destroys the image.
 *
 * Return: 0, -EBADMSG (the image is not valid or does not fit, see @error), -ENOMEM or -EIO.
 */
int loader_load(const struct guest_memory *memory, uint64_t image_offset,
		const char *cmdline_extra, struct loaded_image *image,
		struct error *error);
void loaded_image_free(struct loaded_image *image);

#endif
