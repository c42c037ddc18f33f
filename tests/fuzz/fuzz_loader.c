// SPDX-License-Identifier: Apache-2.0
/*
 * The loader: an image with the correct CRC at the start of a small memory. Nothing outside
 * may be touched, and the loaded parts must be in valid places.
 */

#include "fuzz.h"

#include "common/util.h"
#include "eif/eif.h"
#include "vmm/arch/arch.h"
#include "vmm/loader.h"

#include <endian.h>
#include <string.h>
#include <sys/mman.h>

#define MEMORY_SIZE	(24 * MIB)
#define IMAGE_OFFSET	(2 * MIB)
#define IMAGE_MAX	MIB

static uint8_t *get_memory(void)
{
	static uint8_t *base;

	if (base)
		return base;
	/* With unmapped memory on both sides. */
	base = mmap(NULL, MEMORY_SIZE + 2 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(base != MAP_FAILED);
	base += MIB;
	must(!mprotect(base, MEMORY_SIZE, PROT_READ | PROT_WRITE));
	return base;
}

static void fix_crc(uint8_t *image, size_t size)
{
	struct eif eif;
	uint32_t crc;

	if (eif_parse(image, size, EIF_PARSE_TOLERANT, &eif, NULL, NULL))
		return;
	crc = htobe32(eif.contents_crc);
	memcpy(image + EIF_CRC_OFFSET, &crc, sizeof(crc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *image = get_memory() + IMAGE_OFFSET;
	struct loaded_image loaded;
	struct guest_memory memory;
	struct error error = {};

	if (size > IMAGE_MAX)
		return 0;
	memory_init(&memory, get_memory(), MEMORY_SIZE);
	memcpy(image, data, size);
	memset(image + size, 0, IMAGE_MAX - size);
	fix_crc(image, size);
	if (loader_load(&memory, IMAGE_OFFSET, " extra", &loaded, &error)) {
		must(*error.text);
		return 0;
	}
	must(memory_at(&memory, loaded.kernel.address, loaded.kernel.run_size) != NULL);
	must(!loaded.initrd_size ||
	     (loaded.initrd >= loaded.kernel.address + loaded.kernel.run_size &&
	      memory_at(&memory, loaded.initrd, loaded.initrd_size)));
	must(!arch_boot(&memory, &loaded, 2, &error));
	loaded_image_free(&loaded);
	return 0;
}
