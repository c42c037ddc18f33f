// SPDX-License-Identifier: Apache-2.0
/* Make an application from a container image. */

#include "pack/application.h"

#include "pack/store.h"
#include "pack/unpack.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

/* Read a list of texts. Old tools wrote a list with one item as a text. */
static int take_strings(struct strings *strings, const json_t *list, const char *what,
			struct error *error)
{
	const json_t *item;
	size_t i;
	int err = 0;

	if (json_is_string(list))
		return strings_add(strings, json_string_value(list));
	if (list && !json_is_null(list) && !json_is_array(list))
		return error_set(error, -EBADMSG, "%s of the image is not a list", what);
	json_array_foreach(list, i, item) {
		if (!json_is_string(item))
			return error_set(error, -EBADMSG, "%s of the image: item %zu is not text",
					 what, i + 1);
		err = err ?: strings_add(strings, json_string_value(item));
	}
	return err;
}

static int take_text(char **ret, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

/* The keys of "docker image inspect" whose values are in the image itself. */
static char *container_describe(const struct store *store)
{
	json_t *config = json_object_get(store->config, "config");
	json_t *info;
	char id[80];
	char *text;

	snprintf(id, sizeof(id), "sha256:%s", store->config_id);
	info = json_pack("{s:s,s:O?,s:O?,s:O?,s:O?}", "Id", id,
			 "Architecture", json_object_get(store->config, "architecture"),
			 "Created", json_object_get(store->config, "created"),
			 "Os", json_object_get(store->config, "os"), "Config", config);
	text = info ? json_dumps(info, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(info);
	return text;
}

/*
 * The command consists of entry point and arguments, as for a container. nitro-cli takes only
 * the arguments, or only the entry point if there are none.
 */
static int take_command(struct application *app, const json_t *config, struct error *error)
{
	const json_t *point = json_object_get(config, "Entrypoint");
	const json_t *args = json_object_get(config, "Cmd");
	bool has_args = args && !json_is_null(args);
	int err = 0;

	if (!app->as_nitro_cli || !has_args)
		err = take_strings(&app->command, point, "Entrypoint", error);
	app->nr_entrypoint = app->command.count;
	return err ? err : take_strings(&app->command, args, "Cmd", error);
}

static int container_take_config(struct application *app, const struct store *store,
				 struct error *error)
{
	const json_t *config = json_object_get(store->config, "config");
	int err = take_command(app, config, error);

	if (!err)
		err = take_strings(&app->env, json_object_get(config, "Env"), "Env", error);
	if (!err && !app->as_nitro_cli)
		err = take_text(&app->workdir, config, "WorkingDir");
	if (!err && !app->as_nitro_cli)
		err = take_text(&app->user, config, "User");
	if (err)
		return err;
	app->id = strdup(store->config_id);
	app->name = store->name ? strdup(store->name) : NULL;
	app->info = container_describe(store);
	return app->id && app->info && (app->name || !store->name) ? 0 : -ENOMEM;
}

static int unpack_layers(struct application *app, const struct store *store,
			 struct error *error)
{
	int err = 0;

	for (size_t i = 0; !err && i < store->nr_layers; i++) {
		struct error why = {};

		const struct store_layer *layer = &store->layers[i];

		err = unpack_checked_layer(&app->tree, tree_file_fd(&store->tree, layer->file),
					   layer->file->offset, layer->file->size, layer->diff_id,
					   &why);
		if (err)
			(void)error_set(error, err, "layer %zu: %s", i + 1,
					*why.text ? why.text : strerror(-err));
	}
	return err;
}

int application_read_image(struct application *app, const char *path, const char *arch,
			   const char *tag, struct error *error)
{
	struct store store;
	int err;

	err = store_open(&store, path, arch, tag, &app->tree.limits, error);
	if (!err)
		err = unpack_layers(app, &store, error);
	if (!err)
		err = container_take_config(app, &store, error);
	store_close(&store);
	return err;
}
