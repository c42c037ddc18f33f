/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's cache of images that "ne-emu run" has built. An entry consists of an image and a
 * record with its measurements, both named after a key: a hash of everything that the image
 * was built from. Removing an entry never harms an enclave, which has its own copy.
 */

#ifndef NE_EMU_CLI_IMAGE_CACHE_H
#define NE_EMU_CLI_IMAGE_CACHE_H

#include "command/file.h"
#include "common/sha256.h"

#include <jansson.h>
#include <limits.h>
#include <time.h>

/** struct image_cache - @path: its directory; "" if there is no cache */
struct image_cache {
	char path[PATH_MAX - 256];
};

/**
 * struct image_entry - an image in the cache
 * @key: its key
 * @used: when it was last used
 * @record: its record; owned
 */
struct image_entry {
	char key[SHA256_TEXT_SIZE];
	struct timespec used;
	json_t *record;
};

/**
 * image_cache_open() - find the cache, creating its directory
 * @cache: filled; without a cache on failure
 * @error: set on failure
 *
 * It is $XDG_CACHE_HOME/ne-emu/images, ~/.cache/ne-emu/images or, for root without a home,
 * /var/cache/ne-emu/images. A directory that another user can change is not used.
 *
 * Return: 0 or a negative errno with a message.
 */
int image_cache_open(struct image_cache *cache, struct error *error);

/** image_cache_place() - name the directory, which need not exist; 0 or a negative errno */
int image_cache_place(struct image_cache *cache);

/**
 * image_cache_find() - look up an image, and note that it is used
 * @ret_fd: the image, open for reading
 * @ret_record: its record; the caller releases it
 *
 * Return: 0, or -ENOENT if it is not there, or not complete.
 */
int image_cache_find(const struct image_cache *cache, const char *key, int *ret_fd,
		     json_t **ret_record);

/**
 * image_cache_begin() - begin to write an image
 * @file: write to @file->fd; the caller calls file_new_abort() in any case
 */
int image_cache_begin(const struct image_cache *cache, const char *key, struct file_new *file,
		      struct error *error);

/** image_cache_add() - complete an image with its record; 0 or a negative errno */
int image_cache_add(const struct image_cache *cache, const char *key, struct file_new *file,
		    const json_t *record, struct error *error);

/**
 * image_cache_list() - list the images, the last used one first
 * @ret: the caller releases it with image_entries_free()
 * @ret_count: entries of *@ret
 *
 * Return: 0 or a negative errno.
 */
int image_cache_list(const struct image_cache *cache, struct image_entry **ret,
		     size_t *ret_count);
void image_entries_free(struct image_entry *entries, size_t count);

/** image_cache_remove() - remove an image; 0 or a negative errno */
int image_cache_remove(const struct image_cache *cache, const char *key);

/**
 * image_cache_hash() - get the SHA-256 of a file
 * @path: the file
 * @ret: its hash
 *
 * The cache remembers it. A file counts as the same while its inode, size and times of change
 * are the same.
 *
 * Return: 0 or a negative errno.
 */
int image_cache_hash(const struct image_cache *cache, const char *path,
		     char ret[SHA256_TEXT_SIZE]);

/** image_cache_forget_hashes() - remove all hashes that image_cache_hash() has stored */
void image_cache_forget_hashes(const struct image_cache *cache);

#endif
