/* SPDX-License-Identifier: Apache-2.0 */
/* What "ne-emu run" is given: an enclave image, or what one can be built from. */

#ifndef NE_EMU_CLI_IMAGE_SOURCE_H
#define NE_EMU_CLI_IMAGE_SOURCE_H

#include "cli/image/cache.h"

enum source_kind {
	SOURCE_EIF,		/* an enclave image */
	SOURCE_IMAGE,		/* a container image: a directory or an archive */
	SOURCE_ROOTFS,		/* a root file system */
	SOURCE_REFERENCE,	/* a container image that skopeo has to copy */
};

/**
 * struct source - where an enclave comes from
 * @kind: kind of the source
 * @name: what the user gave
 * @path: file or directory to read; for SOURCE_REFERENCE set by source_fetch()
 * @fd: SOURCE_EIF: the image; archives from standard input: a copy, which @path refers to
 * @digest: identifies the contents; empty for SOURCE_EIF, and maybe without a cache
 * @reference: SOURCE_REFERENCE: name with a transport
 * @temp_dir: directory that source_close() removes, or NULL
 */
struct source {
	enum source_kind kind;
	const char *name;
	char *path;
	int fd;
	char digest[SHA256_TEXT_SIZE];
	char *reference;
	char *temp_dir;
};

/**
 * source_open() - find out what @name is, and identify its contents
 * @source: filled; the caller calls source_close(), also on failure
 * @name: a file or directory, "-" for standard input, or the name of a container image
 * @rootfs: @name is a directory with a root file system
 * @cache: remembers hashes of files
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int source_open(struct source *source, const char *name, bool rootfs,
		const struct image_cache *cache, struct error *error);

/** source_fetch() - make the contents readable at @source->path; @arch: "amd64" or "arm64" */
int source_fetch(struct source *source, const char *arch, struct error *error);

void source_close(struct source *source);

#endif
