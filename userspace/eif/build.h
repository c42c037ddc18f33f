/* SPDX-License-Identifier: Apache-2.0 */
/* What an image builder needs besides the format: kernel formats and metadata. */

#ifndef NE_EMU_EIF_BUILD_H
#define NE_EMU_EIF_BUILD_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct json_out;

#define EIF_KERNEL_VERSION_SIZE	64

/**
 * struct eif_kernel_info - properties of a kernel image
 * @flags: EIF_FLAG_ARM64 or 0 (x86_64)
 * @unplaced: an arm64 Image with text_offset 0, as newer kernels have it; EC2's loader
 *	places the kernel by this field and needs another value
 * @version: release, such as "6.12.1-enclave"; "unknown" if the format does not have it
 */
struct eif_kernel_info {
	uint16_t flags;
	bool unplaced;
	char version[EIF_KERNEL_VERSION_SIZE];
};

/**
 * eif_kernel_inspect() - recognise a bzImage or an arm64 Image
 * @data: the kernel image
 * @size: its length in bytes
 * @ret: filled on success only
 *
 * Return: 0, or -ENOEXEC (neither of them, so no enclave can boot it).
 */
int eif_kernel_inspect(const uint8_t *data, size_t size, struct eif_kernel_info *ret);

/**
 * eif_kernel_fix() - set text_offset to the value of AWS's own arm64 kernels
 * @data: the kernel image, which is changed
 * @size: its length in bytes
 * @info: what eif_kernel_inspect() found in it
 *
 * The measurements cover the changed image.
 */
void eif_kernel_fix(uint8_t *data, size_t size, const struct eif_kernel_info *info);

/**
 * struct eif_metadata - contents of the metadata section
 * @image_name: ImageName
 * @image_version: ImageVersion
 * @kernel_version: release of the kernel in the image
 * @kernel_sha256: SHA-256 of the kernel in the image, as hexadecimal digits
 * @build_time: seconds since 1970
 * @docker: JSON text that describes a container image, or NULL
 * @custom: JSON text of an object, or NULL
 * @custom_size: length of @custom in bytes
 */
struct eif_metadata {
	const char *image_name;
	const char *image_version;
	const char *kernel_version;
	const char *kernel_sha256;
	time_t build_time;
	const char *docker;
	const char *custom;
	size_t custom_size;
};

/**
 * eif_metadata_text() - make the section's JSON, on one line
 * @metadata: contents of the section
 * @ret_text: receives the text, which the caller frees
 * @error: set with -EINVAL
 *
 * Return: 0, -EINVAL (what is wrong with @custom) or -ENOMEM.
 */
int eif_metadata_text(const struct eif_metadata *metadata, char **ret_text,
		      struct error *error);

/**
 * eif_metadata_check() - check whether AWS's reader accepts this section
 * @text: data of the section; need not end with a NUL
 * @size: its length in bytes
 * @error: receives what is wrong with it
 *
 * Return: 0 or -EBADMSG.
 */
int eif_metadata_check(const char *text, size_t size, struct error *error);

/**
 * eif_metadata_show() - write ImageName, ImageVersion and Metadata as nitro-cli does
 * @out: object to which the members are added
 * @text: data of the section; need not end with a NUL
 * @size: its length in bytes
 *
 * Nothing is written if the section cannot be read.
 */
void eif_metadata_show(struct json_out *out, const char *text, size_t size);

#endif
