// SPDX-License-Identifier: Apache-2.0
/* The manifest of an image: its configuration and its layers. */

#include "pack/store_search.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>

#define LAYERS_MAX	1024
#define VND		"application/vnd."

enum media search_media(const json_t *object)
{
	static const struct {
		const char *type;
		enum media media;
	} types[] = {
		{ VND "oci.image.index.v1+json", MEDIA_INDEX },
		{ VND "docker.distribution.manifest.list.v2+json", MEDIA_INDEX },
		{ VND "oci.image.manifest.v1+json", MEDIA_MANIFEST },
		{ VND "docker.distribution.manifest.v2+json", MEDIA_MANIFEST },
		{ VND "docker.distribution.manifest.v1+json", MEDIA_SCHEMA1 },
		{ VND "docker.distribution.manifest.v1+prettyjws", MEDIA_SCHEMA1 },
		{ VND "oci.image.config.v1+json", MEDIA_CONFIG },
		{ VND "docker.container.image.v1+json", MEDIA_CONFIG },
		/* Docker 1.10 pushed configurations with this type. */
		{ "application/octet-stream", MEDIA_CONFIG },
	};
	const char *type = search_text(object, "mediaType");
	const char *plus = strrchr(type, '+');

	if (!*type)
		return MEDIA_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(type, types[i].type))
			return types[i].media;
	if (strstr(type, "+encrypted"))
		return MEDIA_ENCRYPTED;
	/* "...layer.v1.tar+zstd", "...rootfs.diff.tar.gzip": the compression shows in the data. */
	if (strstr(type, ".tar") && (!plus || !strstr(plus, "json")))
		return MEDIA_LAYER;
	return MEDIA_OTHER;
}

int search_add_layer(struct search *search, const struct tree_node *node, const char *digest)
{
	struct store *store = search->store;
	struct store_layer *layers;
	char *copy = NULL;

	if (store->nr_layers == LAYERS_MAX)
		return error_set(search->error, -E2BIG, "more than %d layers", LAYERS_MAX);
	layers = reallocarray(store->layers, store->nr_layers + 1, sizeof(*layers));
	if (!layers)
		return -ENOMEM;
	store->layers = layers;
	if (digest) {
		copy = strdup(digest);
		if (!copy)
			return -ENOMEM;
	}
	layers[store->nr_layers++] = (struct store_layer){ .file = node->file, .digest = copy };
	return 0;
}

int search_take_diff_ids(struct search *search)
{
	struct store *store = search->store;
	const json_t *rootfs = json_object_get(store->config, "rootfs");
	const json_t *ids = json_object_get(rootfs, "diff_ids"), *id;
	size_t i;

	if (!json_is_array(ids))
		return 0;
	if (json_array_size(ids) != store->nr_layers)
		return error_set(search->error, -EBADMSG, "the image has %zu layers, but its "
				 "configuration (diff_ids) has %zu", store->nr_layers,
				 json_array_size(ids));
	json_array_foreach(ids, i, id) {
		if (!json_is_string(id))
			return error_set(search->error, -EBADMSG, "diff_ids of the image: item %zu "
					 "is not text", i + 1);
		store->layers[i].diff_id = json_string_value(id);
	}
	return 0;
}

static int check_layer(struct search *search, const json_t *layer, size_t number)
{
	switch (search_media(layer)) {
	case MEDIA_UNKNOWN:
	case MEDIA_LAYER:
		return 0;
	case MEDIA_ENCRYPTED:
		return error_set(search->error, -EBADMSG, "layer %zu is encrypted: decrypt the "
				 "image first, with \"skopeo copy --decryption-key KEY\"", number);
	default:
		return error_set(search->error, -EBADMSG, "layer %zu is of the type %.150s, so it "
				 "is not a layer of a container image", number,
				 search_text(layer, "mediaType"));
	}
}

int search_check_manifest(struct search *search, const json_t *manifest)
{
	const json_t *config = json_object_get(manifest, "config"), *layer;
	enum media media = search_media(config);
	const json_t *version = json_object_get(manifest, "schemaVersion");
	size_t i;
	int err = 0;

	if (json_integer_value(version) == 1 || search_media(manifest) == MEDIA_SCHEMA1)
		return error_set(search->error, -EBADMSG, "a manifest of Docker before 1.10 "
				 "(schema 1): convert the image, for example by pulling and "
				 "pushing it with a newer Docker");
	if (!json_is_object(config))
		return error_set(search->error, -EBADMSG, "a manifest without configuration: not "
				 "of a container image");
	if (media != MEDIA_UNKNOWN && media != MEDIA_CONFIG)
		return error_set(search->error, -EBADMSG, "the manifest is not of a container "
				 "image: its configuration is of the type %.150s",
				 search_text(config, "mediaType"));
	json_array_foreach(json_object_get(manifest, "layers"), i, layer)
		err = err ?: check_layer(search, layer, i + 1);
	return err;
}

static int take_layer(struct search *search, const json_t *layer, size_t number)
{
	const json_t *urls = json_object_get(layer, "urls");
	const char *url = json_string_value(json_array_get(urls, 0));
	const struct tree_node *node;
	char what[40];
	int err;

	snprintf(what, sizeof(what), "layer %zu", number);
	err = search_blob(search, layer, what, "", &node);
	if (err == -ENOENT && url)
		return error_set(search->error, err, "layer %zu is not in the archive, but only at "
				 "%.200s: copy the image with a tool that fetches such layers",
				 number, url);
	return err ? err : search_add_layer(search, node, search_text(layer, "digest"));
}

int search_config(struct search *search, const json_t *manifest, const struct tree_node **ret)
{
	int err = search_check_manifest(search, manifest);

	return err ? err : search_blob(search, json_object_get(manifest, "config"),
				       "configuration", "", ret);
}

int search_take_manifest(struct search *search, const json_t *manifest)
{
	const struct tree_node *node;
	const json_t *layer;
	size_t i;
	int err;

	err = search_config(search, manifest, &node);
	if (!err)
		err = search_take_config(search, node, "the image's configuration");
	json_array_foreach(json_object_get(manifest, "layers"), i, layer)
		if (!err)
			err = take_layer(search, layer, i + 1);
	return err ? err : search_take_diff_ids(search);
}
