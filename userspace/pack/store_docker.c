// SPDX-License-Identifier: Apache-2.0
/*
 * The list of "docker save" and "podman save", manifest.json. It refers to files by their
 * names, without hashes; only the configuration has those of the layers.
 */

#include "pack/store_search.h"

#include <errno.h>
#include <string.h>

static const char *config_of(const json_t *image)
{
	return search_text(image, "Config");
}

/* An image without names is called by its configuration, whose name holds its hash. */
static bool has_tag(const json_t *image, const char *tag, bool exact)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(image, "RepoTags"), i, item) {
		const char *name = json_string_value(item) ?: "";

		if (exact ? !strcmp(name, tag) : search_is_tagged(name, tag))
			return true;
	}
	return !exact && search_is_tagged(config_of(image), tag);
}

static void add_names(struct search_list *list, const json_t *image)
{
	const json_t *names = json_object_get(image, "RepoTags"), *name;
	size_t i;

	json_array_foreach(names, i, name)
		search_add(list, json_string_value(name) ?: "");
	if (!json_array_size(names))
		search_add(list, config_of(image));
}

/* One image may be in the list once for each of its names. */
static bool is_same(const json_t *a, const json_t *b)
{
	return !strcmp(config_of(a), config_of(b)) &&
		json_equal(json_object_get(a, "Layers"), json_object_get(b, "Layers"));
}

static int find_file(struct search *search, const char *path, const struct tree_node **ret)
{
	const struct tree_node *node = tree_find(&search->store->tree, path, true);

	if (!*path || !node || !node->file)
		return error_set(search->error, -ENOENT, "\"%.200s\" is missing", path);
	*ret = node;
	return 0;
}

static int take_image(struct search *search, const json_t *image)
{
	const char *name = json_string_value(json_array_get(json_object_get(image, "RepoTags"), 0));
	const struct tree_node *node;
	const json_t *layer;
	size_t i;
	int err;

	err = find_file(search, config_of(image), &node);
	if (!err)
		err = search_take_config(search, node, config_of(image));
	json_array_foreach(json_object_get(image, "Layers"), i, layer) {
		if (!err)
			err = find_file(search, json_string_value(layer) ?: "", &node);
		if (!err)
			err = search_add_layer(search, node, NULL);
	}
	if (!err && name) {
		search->store->name = strdup(name);
		if (!search->store->name)
			err = -ENOMEM;
	}
	return err ? err : search_take_diff_ids(search);
}

/* Is an image for another platform? One that cannot be read counts, and fails when it is used. */
static bool is_foreign(struct search *search, const json_t *image, struct search_list *platforms)
{
	struct search inner = *search;
	const struct tree_node *node = NULL;
	char text[100];
	json_t *config;
	bool foreign;

	inner.error = NULL;
	if (find_file(&inner, config_of(image), &node) ||
	    search_read_json(&inner, node, "", &config))
		return false;
	search->json_size = inner.json_size;
	foreign = !search_is_platform(search, config);
	search_platform(config, text, sizeof(text));
	if (foreign)
		search_add(platforms, text);
	json_decref(config);
	return foreign;
}

int search_take_docker(struct search *search, const json_t *list)
{
	struct search_list names = {}, all = {}, platforms = {};
	const json_t *image, *found = NULL;
	bool exact = false, several = false;
	size_t i;

	json_array_foreach(list, i, image)
		exact = exact || (search->tag && has_tag(image, search->tag, true));
	json_array_foreach(list, i, image) {
		add_names(&all, image);
		if (search->tag && !has_tag(image, search->tag, exact))
			continue;
		if (json_array_size(list) > 1 && is_foreign(search, image, &platforms))
			continue;
		add_names(&names, image);
		several = several || (found && !is_same(found, image));
		found = found ?: image;
	}
	if (several)
		return error_set(search->error, -EINVAL, "there are several images: choose one "
				 "with --tag: %s", names.text);
	if (found)
		return take_image(search, found);
	if (*platforms.text)
		return error_set(search->error, -ENOENT, "there is no image %sfor linux/%s, only "
				 "for %s", search->tag ? "of that name " : "", search->arch,
				 platforms.text);
	if (search->tag && *all.text)
		return error_set(search->error, -ENOENT, "there is no image of the name %.100s; "
				 "there are: %s", search->tag, all.text);
	return error_set(search->error, -ENOENT, "there is no image");
}
