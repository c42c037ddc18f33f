// SPDX-License-Identifier: Apache-2.0
/* The key of an image in the cache. */

#include "cli/image/key.h"

#include "cli/eif/copies.h"
#include "cli/eif/guest_part.h"
#include "cli/image/walk.h"

#include <errno.h>
#include <string.h>

#define BUILDER	"/proc/self/exe"

/** struct key - a key that is being computed */
struct key {
	const struct image_cache *cache;
	struct sha256 digest;
	struct error *error;
	int err;
};

static void add_file(struct key *key, const char *path)
{
	char hash[SHA256_TEXT_SIZE];

	if (key->err)
		return;
	sha256_add_text(&key->digest, path ? "file" : NULL);
	if (!path)
		return;
	key->err = image_cache_hash(key->cache, path, hash);
	if (key->err)
		(void)error_set(key->error, key->err, "%s: %s", path, strerror(-key->err));
	else
		sha256_add_text(&key->digest, hash);
}

static void add_strings(struct key *key, const struct opt_strings *strings)
{
	sha256_add_u64(&key->digest, strings->count);
	for (size_t i = 0; i < strings->count; i++)
		sha256_add_text(&key->digest, strings->list[i]);
}

/* Files that are copied into the image count with what they contain now. */
static void add_copies(struct key *key, const struct build *build)
{
	add_strings(key, &build->copies);
	for (size_t i = 0; !key->err && i < build->copies.count; i++) {
		char hash[SHA256_TEXT_SIZE];
		char *path = copies_source(build->copies.list[i]);

		key->err = path ? walk_digest(path, hash, key->error) :
			error_set(key->error, -ENOMEM, "%s", strerror(ENOMEM));
		if (!key->err)
			sha256_add_text(&key->digest, hash);
		free(path);
	}
}

static void add_build(struct key *key, const struct build *build)
{
	struct sha256 *digest = &key->digest;

	sha256_add_text(digest, build->cmdline);
	add_file(key, build->cmdline_file);
	sha256_add_text(digest, build->tag);
	sha256_add_u64(digest, build->max_size);
	sha256_add_u64(digest, build->max_files);
	sha256_add_text(digest, build->entrypoint);
	sha256_add_u64(digest, build->nr_args);
	for (size_t i = 0; i < build->nr_args; i++)
		sha256_add_text(digest, build->args[i]);
	add_strings(key, &build->env);
	add_copies(key, build);
	sha256_add_text(digest, build->workdir);
	sha256_add_text(digest, build->user);
	sha256_add_text(digest, build->arch);
	sha256_add_text(digest, getenv("SOURCE_DATE_EPOCH"));
	sha256_add_text(digest, build->like);
}

static void add_guest(struct key *key, const struct build *build)
{
	const char *kernel = build->kernel, *init = build->init;

	if (!key->err && !kernel)
		key->err = guest_kernel(build->arch, &kernel, key->error);
	if (!key->err && !init)
		key->err = guest_init(&init, key->error);
	add_file(key, kernel);
	add_file(key, init);
}

int image_key(const struct image_cache *cache, const struct source *source,
	      const struct build *build, char ret[SHA256_TEXT_SIZE], struct error *error)
{
	struct key key = { .cache = cache, .error = error };
	int err;

	sha256_begin(&key.digest);
	add_file(&key, BUILDER);
	sha256_add_u64(&key.digest, source->kind);
	sha256_add_text(&key.digest, source->digest);
	/* The image is named after the directory. */
	sha256_add_text(&key.digest, source->kind == SOURCE_ROOTFS ? source->name : NULL);
	add_guest(&key, build);
	add_build(&key, build);
	err = sha256_end(&key.digest, ret);
	if (!key.err && err)
		return error_set(error, err, "%s", strerror(-err));
	return key.err;
}
