// SPDX-License-Identifier: Apache-2.0
/* Kernel image formats, as far as an image builder needs them. */

#include "eif/build.h"
#include "eif/eif.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Linux, Documentation/arch/x86/boot.rst: little-endian fields. */
#define X86_MAGIC_OFFSET	0x202
#define X86_LOADFLAGS_OFFSET	0x211
#define X86_LOADED_HIGH		1		/* a bzImage; no enclave can boot a zImage */
#define X86_VERSION_OFFSET	0x20e		/* field: offset of the text minus 0x200 */
#define X86_VERSION_BASE	0x200
#define X86_HEADER_END		0x260

/* Linux, Documentation/arch/arm64/booting.rst. */
#define ARM64_TEXT_OFFSET	8
#define ARM64_MAGIC_OFFSET	0x38
#define ARM64_HEADER_END	0x40

/* Little-endian 0x200000. */
static const uint8_t arm64_text_offset[8] = { 0, 0, 0x20 };

/* The text is "<release> (<builder>) ..."; only the first word is used. */
static void x86_version(const uint8_t *data, size_t size, char *ret)
{
	size_t at = data[X86_VERSION_OFFSET] | data[X86_VERSION_OFFSET + 1] << 8;
	size_t len = 0;

	if (!at || at + X86_VERSION_BASE >= size)
		return;
	data += at + X86_VERSION_BASE;
	size -= at + X86_VERSION_BASE;
	while (len < size && len < EIF_KERNEL_VERSION_SIZE - 1 && data[len] > ' ' &&
	       data[len] < 0x7f)
		len++;
	if (!len)
		return;
	memcpy(ret, data, len);
	ret[len] = 0;
}

static bool is_bzimage(const uint8_t *data, size_t size)
{
	return size >= X86_HEADER_END && !memcmp(data + X86_MAGIC_OFFSET, "HdrS", 4) &&
		data[X86_LOADFLAGS_OFFSET] & X86_LOADED_HIGH;
}

int eif_kernel_inspect(const uint8_t *data, size_t size, struct eif_kernel_info *ret)
{
	struct eif_kernel_info info = { .version = "unknown" };

	if (is_bzimage(data, size)) {
		x86_version(data, size, info.version);
	} else if (size >= ARM64_HEADER_END &&
		   !memcmp(data + ARM64_MAGIC_OFFSET, "ARM\x64", 4)) {
		info.flags = EIF_FLAG_ARM64;
		info.unplaced = !memcmp(data + ARM64_TEXT_OFFSET, (uint8_t[8]){}, 8);
	} else {
		return -ENOEXEC;
	}
	*ret = info;
	return 0;
}

void eif_kernel_fix(uint8_t *data, size_t size, const struct eif_kernel_info *info)
{
	if (info->flags & EIF_FLAG_ARM64 && size >= ARM64_HEADER_END)
		memcpy(data + ARM64_TEXT_OFFSET, arm64_text_offset, sizeof(arm64_text_offset));
}
