// SPDX-License-Identifier: Apache-2.0
/*
 * Container images in a directory or an archive: "docker save" writes manifest.json, and
 * index.json belongs to the OCI image layout. New archives of "docker save" have both.
 */

#include "pack/store.h"

#include "common/util.h"
#include "pack/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JSON_SIZE_MAX	(4 * MIB)
#define LAYERS_MAX	1024
#define INDEX_DEPTH_MAX	4
#define HASH_SIZE	32
#define HASH_PREFIX	"sha256:"
#define READ_SIZE	(256 * KIB)

/** struct search - state of a search for an image */
struct search {
	struct store *store;
	const char *arch;
	const char *tag;
	struct error *error;
};

static int read_json(struct search *search, const struct tree_node *node, const char *name,
		     json_t **ret)
{
	__cleanup_free char *text = NULL;
	json_error_t why;
	json_t *json;
	size_t size;
	int err;

	err = tree_read(&search->store->tree, node, JSON_SIZE_MAX, &text, &size);
	if (err)
		return error_set(search->error, err, "%s: %s", name, strerror(-err));
	json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		return error_set(search->error, -EBADMSG, "%s: line %d: %s", name, why.line,
				 why.text);
	*ret = json;
	return 0;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}

static int hash_file(const struct tree *tree, const struct tree_file *file, char ret[65])
{
	__cleanup_free uint8_t *buf = malloc(READ_SIZE);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t hash[HASH_SIZE];
	uint64_t done = 0;
	int err = -EIO;

	if (!buf || !ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		goto out;
	while (done < file->size) {
		ssize_t n = pread(tree->fd, buf, MIN(file->size - done, READ_SIZE),
				  file->offset + done);

		if (n <= 0 || !EVP_DigestUpdate(ctx, buf, n))
			goto out;
		done += n;
	}
	if (EVP_DigestFinal_ex(ctx, hash, NULL)) {
		hex_encode(hash, HASH_SIZE, ret);
		err = 0;
	}
out:
	EVP_MD_CTX_free(ctx);
	return err;
}

/* A list may contain the same layer many times, of which one check is enough. */
static bool is_layer(const struct store *store, const struct tree_file *file)
{
	for (size_t i = 0; i < store->nr_layers; i++)
		if (store->layers[i] == file)
			return true;
	return false;
}

/* Find the file of a descriptor, and check that its hash is its name. */
static int find_blob(struct search *search, const json_t *descriptor,
		     const struct tree_node **ret)
{
	const char *digest = text_of(descriptor, "digest");
	struct tree *tree = &search->store->tree;
	struct tree_node *node;
	char path[100], hash[65];
	int err;

	if (strncmp(digest, HASH_PREFIX, strlen(HASH_PREFIX)) ||
	    strlen(digest) != strlen(HASH_PREFIX) + 2 * HASH_SIZE)
		return error_set(search->error, -EBADMSG, "digest \"%.100s\" is not SHA-256",
				 digest);
	snprintf(path, sizeof(path), "blobs/sha256/%s", digest + strlen(HASH_PREFIX));
	node = tree_find(tree, path, true);
	if (!node || !node->file)
		return error_set(search->error, -ENOENT, "%s is missing", path);
	*ret = node;
	if (is_layer(search->store, node->file))
		return 0;
	err = hash_file(tree, node->file, hash);
	if (err)
		return err;
	if (strcmp(hash, digest + strlen(HASH_PREFIX)))
		return error_set(search->error, -EBADMSG, "%s: its contents have the hash %s", path,
				 hash);
	return 0;
}

static int add_layer(struct search *search, const struct tree_node *node)
{
	struct store *store = search->store;
	const struct tree_file **layers;

	if (store->nr_layers == LAYERS_MAX)
		return error_set(search->error, -E2BIG, "more than %d layers", LAYERS_MAX);
	layers = reallocarray(store->layers, store->nr_layers + 1, sizeof(*layers));
	if (!layers)
		return -ENOMEM;
	store->layers = layers;
	layers[store->nr_layers++] = node->file;
	return 0;
}

/* The configuration has the architecture of the image. */
static int store_take_config(struct search *search, const struct tree_node *node, const char *name)
{
	struct store *store = search->store;
	const char *arch;
	int err;

	err = read_json(search, node, name, &store->config);
	if (!err)
		err = hash_file(&store->tree, node->file, store->config_id);
	if (err)
		return err;
	arch = text_of(store->config, "architecture");
	if (*arch && strcmp(arch, search->arch))
		return error_set(search->error, -EINVAL,
				 "the image is for %.40s, the kernel for %s", arch, search->arch);
	return 0;
}

static int take_manifest(struct search *search, const json_t *manifest)
{
	const struct tree_node *node;
	const json_t *layer;
	size_t i;
	int err;

	err = find_blob(search, json_object_get(manifest, "config"), &node);
	if (!err)
		err = store_take_config(search, node, "the image's configuration");
	json_array_foreach(json_object_get(manifest, "layers"), i, layer) {
		if (!err)
			err = find_blob(search, layer, &node);
		if (!err)
			err = add_layer(search, node);
	}
	return err;
}

static bool fits_platform(struct search *search, const json_t *descriptor)
{
	const json_t *platform = json_object_get(descriptor, "platform");

	/* Without a platform, the configuration is checked later. */
	return !platform || (!strcmp(text_of(platform, "os"), "linux") &&
			     !strcmp(text_of(platform, "architecture"), search->arch));
}

static const char *name_of(const json_t *descriptor)
{
	const json_t *annotations = json_object_get(descriptor, "annotations");
	const char *name = text_of(annotations, "io.containerd.image.name");

	return *name ? name : text_of(annotations, "org.opencontainers.image.ref.name");
}

/* The image "registry/app:1" also matches "app:1" and "1". */
static bool is_tagged(const char *name, const char *tag)
{
	size_t len = strlen(name), tag_len = strlen(tag);

	return len >= tag_len && !strcmp(name + len - tag_len, tag) &&
		(len == tag_len || strchr("/:", name[len - tag_len - 1]));
}

/* An index may contain further indexes, for several architectures. */
static int take_index(struct search *search, const json_t *index, unsigned int depth)
{
	const json_t *descriptor, *found = NULL;
	const struct tree_node *node;
	json_t *json;
	size_t i;
	int err;

	json_array_foreach(json_object_get(index, "manifests"), i, descriptor) {
		if (!fits_platform(search, descriptor) ||
		    (!depth && search->tag && !is_tagged(name_of(descriptor), search->tag)))
			continue;
		/* One image may have several names. */
		if (found && strcmp(text_of(found, "digest"), text_of(descriptor, "digest")))
			return error_set(search->error, -EINVAL,
					 "there are several images for %s: choose one with --tag",
					 search->arch);
		found = found ?: descriptor;
	}
	if (!found || depth == INDEX_DEPTH_MAX)
		return error_set(search->error, -ENOENT, "there is no image %sfor linux/%s",
				 search->tag ? "of that name " : "", search->arch);
	if (!search->store->name && *name_of(found)) {
		search->store->name = strdup(name_of(found));
		if (!search->store->name)
			return -ENOMEM;
	}
	err = find_blob(search, found, &node);
	if (!err)
		err = read_json(search, node, "manifest", &json);
	if (err)
		return err;
	err = json_object_get(json, "manifests") ? take_index(search, json, depth + 1) :
		take_manifest(search, json);
	json_decref(json);
	return err;
}

static bool has_tag(const json_t *image, const char *tag)
{
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(image, "RepoTags"), i, name)
		if (is_tagged(json_string_value(name) ?: "", tag))
			return true;
	return false;
}

static int take_docker_file(struct search *search, const char *path,
			    const struct tree_node **ret)
{
	const struct tree_node *node = tree_find(&search->store->tree, path, true);

	if (!*path || !node || !node->file)
		return error_set(search->error, -ENOENT, "\"%.200s\" is missing", path);
	*ret = node;
	return 0;
}

/* An image of "docker save" refers to files by their names, without hashes. */
static int take_docker_image(struct search *search, const json_t *image)
{
	const char *name = json_string_value(json_array_get(json_object_get(image, "RepoTags"), 0));
	const struct tree_node *node;
	const json_t *layer;
	size_t i;
	int err;

	err = take_docker_file(search, text_of(image, "Config"), &node);
	if (!err)
		err = store_take_config(search, node, text_of(image, "Config"));
	json_array_foreach(json_object_get(image, "Layers"), i, layer) {
		if (!err)
			err = take_docker_file(search, json_string_value(layer) ?: "", &node);
		if (!err)
			err = add_layer(search, node);
	}
	if (!err && name) {
		search->store->name = strdup(name);
		if (!search->store->name)
			err = -ENOMEM;
	}
	return err;
}

static int take_docker_list(struct search *search, const json_t *list)
{
	const json_t *image, *found = NULL;
	size_t i;

	json_array_foreach(list, i, image) {
		if (search->tag && !has_tag(image, search->tag))
			continue;
		if (found)
			return error_set(search->error, -EINVAL,
					 "there are several images: choose one with --tag");
		found = image;
	}
	if (!found)
		return error_set(search->error, -ENOENT, "there is no image%s",
				 search->tag ? " of that name" : "");
	return take_docker_image(search, found);
}

static int read_files(struct store *store, const char *path, struct error *error)
{
	__cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return error_set(error, -errno, "%s", strerror(errno));
	return S_ISDIR(st.st_mode) ? unpack_folder(&store->tree, path, error) :
		unpack_archive(&store->tree, fd, error);
}

static int find_image(struct search *search)
{
	struct tree *tree = &search->store->tree;
	const struct tree_node *docker = tree_find(tree, "manifest.json", true);
	const struct tree_node *oci = tree_find(tree, "index.json", true);
	json_t *json;
	int err;

	if (!docker && !oci)
		return error_set(search->error, -EBADMSG, "neither index.json nor manifest.json: "
				 "not an OCI image layout, nor output of \"docker save\"");
	err = read_json(search, docker ?: oci, docker ? "manifest.json" : "index.json", &json);
	if (err)
		return err;
	err = docker ? take_docker_list(search, json) : take_index(search, json, 0);
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
	free(store->layers);
	free(store->name);
}
