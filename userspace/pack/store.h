/* SPDX-License-Identifier: Apache-2.0 */
/* Container images in a directory or an archive, before they are unpacked. */

#ifndef NE_EMU_PACK_STORE_H
#define NE_EMU_PACK_STORE_H

#include "pack/tree.h"

struct json_t;

/**
 * struct store_layer - a layer of an image
 * @file: its contents, a file of the store's tree
 * @digest: digest that @file was found to have; NULL if nothing names one; owned
 * @diff_id: digest that it has to have without compression; NULL: unknown
 */
struct store_layer {
	const struct tree_file *file;
	char *digest;
	const char *diff_id;
};

/**
 * struct store - the parts of one image
 * @tree: files of the directory or archive
 * @config: the image's configuration; owned
 * @config_id: hash of the configuration, hexadecimal digits
 * @layers: layers in the order in which they are applied
 * @name: "repository:tag" or another name; NULL if it has none
 */
struct store {
	struct tree tree;
	struct json_t *config;
	char config_id[65];
	struct store_layer *layers;
	size_t nr_layers;
	char *name;
};

/**
 * store_open() - find an image; other arguments as for application_read_image()
 * @limits: limits for the files of the directory or archive
 *
 * Return: 0 or a negative errno, with or without a text; call store_close() in any case.
 */
int store_open(struct store *store, const char *path, const char *arch, const char *tag,
	       const struct tree_limits *limits, struct error *error);
void store_close(struct store *store);

#endif
