/* SPDX-License-Identifier: Apache-2.0 */
/* The image that "ne-emu run" starts: one that exists, or one that it builds or has built. */

#ifndef NE_EMU_CLI_IMAGE_IMAGE_H
#define NE_EMU_CLI_IMAGE_IMAGE_H

#include "cli/eif/build_options.h"
#include "common/error.h"

#include <jansson.h>

/**
 * struct image_options - what the user gave
 * @name: see source_open()
 * @rootfs: @name is a directory with a root file system
 * @no_cache: neither look for the image in the cache nor keep it there
 * @build: how to build an enclave image; the sources are filled in here
 */
struct image_options {
	const char *name;
	bool rootfs;
	bool no_cache;
	struct build build;
};

/**
 * struct image - an enclave image
 * @fd: open for reading, at its start
 * @size: its size in bytes
 * @record: of a built image: see image_record in image.c; otherwise NULL
 * @cached: it was in the cache
 * @took_ms: time that building took
 */
struct image {
	int fd;
	uint64_t size;
	json_t *record;
	bool cached;
	int64_t took_ms;
};

/**
 * image_open() - open or build the image
 * @options: what the user gave; @options->build is changed
 * @image: the caller calls image_close(), also on failure
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int image_open(struct image_options *options, struct image *image, struct error *error);
void image_close(struct image *image);

/** image_print() - print where a built image comes from, and its measurements */
void image_print(const struct image *image, FILE *to);

#endif
