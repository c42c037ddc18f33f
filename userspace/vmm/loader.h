/* SPDX-License-Identifier: Apache-2.0 */
/* Enclave image in guest memory: check it and put its parts where they run. */

#ifndef NE_EMU_VMM_LOADER_H
#define NE_EMU_VMM_LOADER_H

#include "common/error.h"
#include "eif/eif.h"
#include "vmm/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for the part of a kernel image that the boot protocol reads, bytes. */
#define KERNEL_HEADER_SIZE	160

/**
 * struct kernel_image - what a kernel wants of its loader
 * @code_offset: start of what is copied, bytes from the start of the section
 * @code_size: bytes copied
 * @address: guest address to copy to, lowest and best
 * @align: it can be moved up by multiples of this; 0: it cannot be moved
 * @run_size: bytes it occupies there until it has set up its memory
 * @initrd_max: the initrd must end at or below this address
 * @initrd_high: or it may be in the RAM behind the hole
 * @cmdline_max: longest command line, without NUL
 * @header: for the architecture, as read before anything was moved
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
 * struct loaded_image - the parts of an enclave image, in place
 * @initrd: guest address; 0 with @initrd_size 0 without one
 * @cmdline: the image's and the VMM's, owned
 * @pcrs: measurements of the image as it came
 */
struct loaded_image {
	struct kernel_image kernel;
	uint64_t initrd;
	uint64_t initrd_size;
	char *cmdline;
	struct eif_pcrs pcrs;
};

/**
 * loader_load() - take an image apart where it stands
 * @image_offset: of the image in the donated memory
 * @cmdline_extra: appended to the image's command line
 *
 * The image is gone afterwards, its parts are moved, not copied twice.
 *
 * Return: 0, -EBADMSG (the image is to blame, see @error), -ENOMEM or -EIO.
 */
int loader_load(const struct guest_memory *memory, uint64_t image_offset,
		const char *cmdline_extra, struct loaded_image *image,
		struct error *error);
void loaded_image_free(struct loaded_image *image);

#endif
