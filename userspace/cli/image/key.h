/* SPDX-License-Identifier: Apache-2.0 */
/* The key of an image in the cache. */

#ifndef NE_EMU_CLI_IMAGE_KEY_H
#define NE_EMU_CLI_IMAGE_KEY_H

#include "cli/eif/build_options.h"
#include "cli/image/source.h"

/**
 * image_key() - hash all that an image is built from
 * @cache: remembers hashes of files
 * @source: opened, so that its digest is known
 * @build: the options
 * @ret: the key
 * @error: set on failure
 *
 * The builder, this program, counts as well: another version may build something else.
 *
 * Return: 0 or a negative errno with a message.
 */
int image_key(const struct image_cache *cache, const struct source *source,
	      const struct build *build, char ret[SHA256_TEXT_SIZE], struct error *error);

#endif
