// SPDX-License-Identifier: Apache-2.0
/* Files of an image store: JSON, and blobs whose names are their hashes. */

#include "pack/store_search.h"

#include "common/util.h"
#include "pack/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#define JSON_SIZE_MAX	(4 * MIB)
/* Limit of all JSON together, of which each file counts as at least the second number. */
#define JSON_TOTAL_MAX	(64 * MIB)
#define JSON_COST	(4 * KIB)
#define READ_SIZE	(256 * KIB)
/* A descriptor's own contents, in base64; the limit of a JSON file applies before. */
#define DATA_MAX	JSON_SIZE_MAX

const char *search_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}

int search_read_json(struct search *search, const struct tree_node *node, const char *name,
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
	search->json_size += MAX(size, JSON_COST);
	if (search->json_size > JSON_TOTAL_MAX)
		return error_set(search->error, -E2BIG, "%s: with it, there are more than %llu MiB "
				 "of manifests", name, JSON_TOTAL_MAX / MIB);
	json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		return error_set(search->error, -EBADMSG, "%s: line %d: %s", name, why.line,
				 why.text);
	*ret = json;
	return 0;
}

static int hash_file(const struct tree *tree, const struct tree_file *file, const EVP_MD *md,
		     char ret[DIGEST_HEX_SIZE])
{
	__cleanup_free uint8_t *buf = malloc(READ_SIZE);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint64_t done = 0;
	int err = -EIO;

	if (!buf || !ctx || !EVP_DigestInit_ex(ctx, md, NULL))
		goto out;
	while (done < file->size) {
		ssize_t n = pread(tree_file_fd(tree, file), buf, MIN(file->size - done, READ_SIZE),
				  file->offset + done);

		if (n <= 0 || !EVP_DigestUpdate(ctx, buf, n))
			goto out;
		done += n;
	}
	err = digest_finish(ctx, ret);
out:
	EVP_MD_CTX_free(ctx);
	return err;
}

/* A list may contain the same layer many times, of which one check is enough. */
static bool is_checked(const struct store *store, const struct tree_file *file,
		       const char *digest)
{
	for (size_t i = 0; i < store->nr_layers; i++)
		if (store->layers[i].file == file && store->layers[i].digest &&
		    !strcmp(store->layers[i].digest, digest))
			return true;
	return false;
}

/* Put the contents that a descriptor holds itself, in base64, where its file would be. */
static struct tree_node *put_data(struct search *search, const json_t *descriptor,
				  const char *path)
{
	const char *text = search_text(descriptor, "data");
	size_t len = strlen(text);
	__cleanup_free uint8_t *data = malloc(len + 1);
	struct tree *tree = &search->store->tree;
	int n;

	if (!data || !len || len % 4 || len > DATA_MAX)
		return NULL;
	n = EVP_DecodeBlock(data, (const uint8_t *)text, len);
	/* OpenSSL counts the padding as data. */
	for (size_t i = len; n > 0 && i > len - 2 && text[i - 1] == '='; i--)
		n--;
	if (n < 0 || tree_put(tree, path, 0644, data, n))
		return NULL;
	return tree_find(tree, path, true);
}

static void blob_path(const struct search *search, const struct digest *digest,
		      const char *suffix, char *ret, size_t size)
{
	if (search->flat)
		snprintf(ret, size, "%s%s", digest->hex, suffix);
	else
		snprintf(ret, size, "blobs/%s/%s", digest->name, digest->hex);
}

static int check_blob(struct search *search, const json_t *descriptor, const char *path,
		      const struct digest *digest, const struct tree_file *file)
{
	const json_t *size = json_object_get(descriptor, "size");
	char hex[DIGEST_HEX_SIZE];
	int err;

	if (size && (!json_is_integer(size) || json_integer_value(size) < 0 ||
		     (uint64_t)json_integer_value(size) != file->size))
		return error_set(search->error, -EBADMSG, "%s: has %llu bytes, unlike the size in "
				 "its descriptor", path, (unsigned long long)file->size);
	err = hash_file(&search->store->tree, file, digest->md, hex);
	if (err)
		return err;
	if (strcmp(hex, digest->hex))
		return error_set(search->error, -EBADMSG, "%s: its contents have the hash %s", path,
				 hex);
	return 0;
}

int search_blob(struct search *search, const json_t *descriptor, const char *what,
		const char *suffix, const struct tree_node **ret)
{
	const char *text = search_text(descriptor, "digest");
	struct digest digest;
	struct tree_node *node;
	struct error cause;
	char path[200];
	int err;

	err = digest_parse(text, &digest, &cause);
	if (err)
		return error_set(search->error, err, "%s: %s", what, cause.text);
	blob_path(search, &digest, suffix, path, sizeof(path));
	node = tree_find(&search->store->tree, path, true) ?:
		put_data(search, descriptor, path);
	if (!node || !node->file)
		return error_set(search->error, -ENOENT, "%s: %s is missing", what, path);
	*ret = node;
	if (is_checked(search->store, node->file, text))
		return 0;
	return check_blob(search, descriptor, path, &digest, node->file);
}

int search_take_config(struct search *search, const struct tree_node *node, const char *name)
{
	struct store *store = search->store;
	char hex[DIGEST_HEX_SIZE], platform[100];
	int err;

	err = search_read_json(search, node, name, &store->config);
	if (!err)
		err = hash_file(&store->tree, node->file, EVP_sha256(), hex);
	if (err)
		return err;
	memcpy(store->config_id, hex, sizeof(store->config_id));
	if (search_is_platform(search, store->config))
		return 0;
	search_platform(store->config, platform, sizeof(platform));
	return error_set(search->error, -EINVAL, "the image is for %s, the kernel for linux/%s",
			 platform, search->arch);
}
