// SPDX-License-Identifier: Apache-2.0
/*
 * Container images in a directory or an archive:
 *
 *	index.json	OCI image layout
 *	manifest.json	a list: "docker save". New archives of it have an index.json, too
 *			an object: manifest or index, of "skopeo copy ... dir:" and
 *			"podman save --format docker-dir", with blobs beside it
 */

#include "pack/store.h"

#include "common/util.h"
#include "pack/store_search.h"
#include "pack/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_stdin(struct store *store, struct error *error)
{
	if (isatty(STDIN_FILENO))
		return error_set(error, -EINVAL, "standard input is a terminal, not an archive");
	return unpack_archive(&store->tree, STDIN_FILENO, error);
}

static int read_files(struct store *store, const char *path, struct error *error)
{
	__cleanup_fd int fd = -1;
	struct stat st;

	if (!strcmp(path, "-"))
		return read_stdin(store, error);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return error_set(error, -errno, "%s", strerror(errno));
	return S_ISDIR(st.st_mode) ? unpack_layout(&store->tree, path, error) :
		unpack_archive(&store->tree, fd, error);
}

/* The file manifest.json of a flat directory. */
static int take_flat(struct search *search, const json_t *json)
{
	search->flat = true;
	return json_object_get(json, "manifests") ? search_take_index(search, json) :
		search_take_manifest(search, json);
}

static int find_image(struct search *search)
{
	struct tree *tree = &search->store->tree;
	const struct tree_node *docker = tree_find(tree, "manifest.json", true);
	const struct tree_node *oci = tree_find(tree, "index.json", true);
	json_t *json = NULL;
	int err = 0;

	if (!docker && !oci && tree_find(tree, "repositories", true))
		return error_set(search->error, -EBADMSG, "an archive of Docker before 1.10, "
				 "without manifest.json: load it into an engine that knows it, and "
				 "save it again");
	if (!docker && !oci)
		return error_set(search->error, -EBADMSG, "neither index.json nor manifest.json: "
				 "not an OCI image layout, nor output of \"docker save\"");
	if (docker)
		err = search_read_json(search, docker, "manifest.json", &json);
	/* An index is better than a list without images, or than the manifest of something. */
	if (!err && oci && (!docker || !json_array_size(json))) {
		json_decref(json);
		json = NULL;
		err = search_read_json(search, oci, "index.json", &json);
		if (!err)
			err = search_take_index(search, json);
	} else if (!err) {
		err = json_is_object(json) ? take_flat(search, json) :
			search_take_docker(search, json);
	}
	json_decref(json);
	return err;
}

int store_open(struct store *store, const char *path, const char *arch, const char *tag,
	       const struct tree_limits *limits, struct error *error)
{
	struct search search = { .store = store, .arch = arch, .tag = tag, .error = error };
	int err;

	*store = (struct store){};
	err = tree_init(&store->tree);
	store->tree.limits = *limits;
	if (!err)
		err = read_files(store, path, error);
	return err ? err : find_image(&search);
}

void store_close(struct store *store)
{
	tree_exit(&store->tree);
	json_decref(store->config);
	for (size_t i = 0; i < store->nr_layers; i++)
		free(store->layers[i].digest);
	free(store->layers);
	free(store->name);
}
