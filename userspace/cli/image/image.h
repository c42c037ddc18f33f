/* SPDX-License-Identifier: Apache-2.0 */
/* The image that "ne-emu run" starts: one that exists, or one that it builds or has built. */

#ifndef NE_EMU_CLI_IMAGE_IMAGE_H
#define NE_EMU_CLI_IMAGE_IMAGE_H

#include "cli/eif/build_options.h"
#include "cli/image/source.h"
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
 * @record: of a built image: see image_record() in image.c; otherwise NULL
 * @cached: it was in the cache
 * @took_ms: time that building took
 * @cache: where built images are kept
 * @source: what it is, or is built from
 */
struct image {
	int fd;
	uint64_t size;
	json_t *record;
	bool cached;
	int64_t took_ms;
	struct image_cache cache;
	struct source source;
};

/* Each function returns 0 or a negative errno with a message. */

/**
 * image_find() - find what the user named
 * @options: what the user gave
 * @image: the caller calls image_close(), also on failure
 * @error: set on failure
 */
int image_find(const struct image_options *options, struct image *image, struct error *error);

/**
 * image_open() - open the image, or build it
 * @options: as for image_find(); @options->build is changed
 * @image: found
 * @error: set on failure
 */
int image_open(struct image_options *options, struct image *image, struct error *error);
void image_close(struct image *image);

/** image_print() - print where a built image comes from, and its measurements */
void image_print(const struct image *image, FILE *to);

#endif
