/* SPDX-License-Identifier: Apache-2.0 */
/* Search for one image among those of a directory or archive; for store*.c only. */

#ifndef NE_EMU_PACK_STORE_SEARCH_H
#define NE_EMU_PACK_STORE_SEARCH_H

#include "pack/store.h"

#include <jansson.h>

#define SEARCH_LIST_SIZE	300

/**
 * struct search - state of the search
 * @store: receives the image
 * @arch: "amd64" or "arm64"
 * @tag: name of the image, or NULL
 * @error: set on failure
 * @flat: blobs are files of one directory, as "skopeo copy ... dir:" writes them
 * @json_size: bytes of JSON read so far
 */
struct search {
	struct store *store;
	const char *arch;
	const char *tag;
	struct error *error;
	bool flat;
	uint64_t json_size;
};

/** struct search_list - texts for a message, each once; "..." if there is no room */
struct search_list {
	char text[SEARCH_LIST_SIZE];
};

/**
 * enum media - what a media type stands for
 * @MEDIA_UNKNOWN: there is no media type
 * @MEDIA_INDEX: index, or manifest list of Docker
 * @MEDIA_MANIFEST: manifest of an image
 * @MEDIA_SCHEMA1: manifest of Docker before 1.10
 * @MEDIA_CONFIG: configuration of a container image
 * @MEDIA_LAYER: layer
 * @MEDIA_ENCRYPTED: encrypted layer
 * @MEDIA_OTHER: none of them
 */
enum media {
	MEDIA_UNKNOWN,
	MEDIA_INDEX,
	MEDIA_MANIFEST,
	MEDIA_SCHEMA1,
	MEDIA_CONFIG,
	MEDIA_LAYER,
	MEDIA_ENCRYPTED,
	MEDIA_OTHER,
};

/** search_media() - Return: what the media type of a descriptor or manifest stands for */
enum media search_media(const json_t *object);

/** search_text() - Return: a member that is a text, or "" */
const char *search_text(const json_t *object, const char *key);

/** search_add() - add a text to a list */
void search_add(struct search_list *list, const char *text);

/** search_is_tagged() - the image "registry/app:1" also has the names "app:1" and "1" */
bool search_is_tagged(const char *name, const char *tag);

/**
 * search_is_platform() - check whether an enclave can run images of a platform
 * @search: has the architecture
 * @platform: a platform, or an image's configuration
 */
bool search_is_platform(const struct search *search, const json_t *platform);

/** search_platform() - write a platform as "linux/arm64/v8" */
void search_platform(const json_t *platform, char *ret, size_t size);

/**
 * search_read_json() - read a file as JSON
 * @name: name of the file, for messages
 *
 * Return: 0 or a negative errno with a text.
 */
int search_read_json(struct search *search, const struct tree_node *node, const char *name,
		     json_t **ret);

/**
 * search_blob() - find the file of a descriptor, and check its size and hash
 * @what: what it is, for messages
 * @suffix: suffix of its name in a flat directory
 *
 * A layer that was checked is not checked again. Contents in the descriptor itself are used
 * if there is no file.
 *
 * Return: 0 or a negative errno with a text; -ENOENT: the file is missing.
 */
int search_blob(struct search *search, const json_t *descriptor, const char *what,
		const char *suffix, const struct tree_node **ret);

/** search_add_layer() - append a layer; @digest may be NULL; 0 or a negative errno */
int search_add_layer(struct search *search, const struct tree_node *node, const char *digest);

/** search_take_config() - read the image's configuration, and check that it fits */
int search_take_config(struct search *search, const struct tree_node *node, const char *name);

/** search_take_diff_ids() - what the configuration says about layers, once both are known */
int search_take_diff_ids(struct search *search);

/** search_check_manifest() - check that a manifest is one of a container image */
int search_check_manifest(struct search *search, const json_t *manifest);

/** search_config() - the same, and find the image's configuration; 0 or a negative errno */
int search_config(struct search *search, const json_t *manifest, const struct tree_node **ret);

/** search_take_manifest() - take the image of a manifest */
int search_take_manifest(struct search *search, const json_t *manifest);

/** search_take_index() - choose one image of an index and take it */
int search_take_index(struct search *search, const json_t *index);

/** search_take_docker() - choose one image of the list of "docker save" and take it */
int search_take_docker(struct search *search, const json_t *list);

#endif
