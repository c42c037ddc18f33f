// SPDX-License-Identifier: Apache-2.0
/*
 * Choose one image of an index. In index.json, entries are images; below it, an index has the
 * same image for several platforms.
 *
 * Of variants of the architecture (amd64/v2, arm64/v9), the lowest is chosen: which CPU will
 * run the enclave is not known here. Of equal ones it is the first, as the specification of
 * the OCI says.
 */

#include "pack/store_search.h"

#include "common/util.h"
#include "pack/digest.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define INDEX_DEPTH_MAX	4
#define VARIANT_UNKNOWN	UINT_MAX

/**
 * struct choice - state of a choice
 * @exact: an image has the whole name that is wanted, so parts of others do not count
 * @top: entry of index.json that is being looked at
 * @best: descriptor of the best image so far; owned
 * @best_top: entry of index.json that led to it
 * @best_rank: rank of its variant, lower is better
 * @several: other images would do as well
 * @names: names of the images that would do, or with a wrong name, of all
 * @platforms: platforms of images that do not fit
 * @why: why the last manifest does not fit, for other reasons
 */
struct choice {
	struct search *search;
	bool exact;
	const json_t *top;
	json_t *best;
	const json_t *best_top;
	unsigned int best_rank;
	bool several;
	struct search_list names;
	struct search_list platforms;
	struct error why;
};

bool search_is_tagged(const char *name, const char *tag)
{
	size_t len = strlen(name), tag_len = strlen(tag);

	return len >= tag_len && !strcmp(name + len - tag_len, tag) &&
		(len == tag_len || strchr("/:", name[len - tag_len - 1]));
}

void search_add(struct search_list *list, const char *text)
{
	size_t used = strlen(list->text), len = strlen(text);
	const char *at = list->text;

	if (!len || strstr(list->text, ", ..."))
		return;
	while ((at = strstr(at, text))) {
		if ((at == list->text || at[-1] == ' ') && (!at[len] || at[len] == ','))
			return;
		at++;
	}
	if (used + len + 8 < sizeof(list->text))
		sprintf(list->text + used, "%s%s", used ? ", " : "", text);
	else
		strcpy(list->text + used, used ? ", ..." : "...");
}

void search_platform(const json_t *platform, char *ret, size_t size)
{
	const char *os = search_text(platform, "os"), *arch = search_text(platform, "architecture");
	const char *variant = search_text(platform, "variant");

	snprintf(ret, size, "%.30s/%.30s%s%.20s", *os ? os : "linux", *arch ? arch : "?",
		 *variant ? "/" : "", variant);
}

/* No feature of Linux is named in the specification, so one that is needed is not there. */
bool search_is_platform(const struct search *search, const json_t *platform)
{
	const char *os = search_text(platform, "os"), *arch = search_text(platform, "architecture");

	return (!*os || !strcmp(os, "linux")) && (!*arch || !strcmp(arch, search->arch)) &&
		!json_array_size(json_object_get(platform, "os.features"));
}

/* "v2" ranks before "v3"; without variant, amd64 is v1 and arm64 is v8. */
static unsigned int variant_rank(const json_t *platform)
{
	const char *text = search_text(platform, "variant");
	unsigned int base = strcmp(search_text(platform, "architecture"), "arm64") ? 100 : 800;
	unsigned int major, minor = 0;
	char end;
	int n;

	if (!*text)
		return base;
	n = sscanf(text, "v%3u.%2u%c", &major, &minor, &end);
	return n == 2 || (n == 1 && !strchr(text, '.')) ? 100 * major + minor : VARIANT_UNKNOWN;
}

static const char *const name_keys[] = {
	"io.containerd.image.name", "org.opencontainers.image.ref.name",
};

static const char *name_of(const json_t *descriptor)
{
	const json_t *annotations = json_object_get(descriptor, "annotations");
	const char *name = search_text(annotations, name_keys[0]);

	return *name ? name : search_text(annotations, name_keys[1]);
}

static const char *label_of(const json_t *descriptor)
{
	const char *name = name_of(descriptor);

	return *name ? name : search_text(descriptor, "digest");
}

static bool is_named(const json_t *descriptor, const char *tag, bool exact)
{
	const json_t *annotations = json_object_get(descriptor, "annotations");

	for (size_t i = 0; i < ARRAY_SIZE(name_keys); i++) {
		const char *name = search_text(annotations, name_keys[i]);

		if (exact ? !strcmp(name, tag) : search_is_tagged(name, tag))
			return true;
	}
	return false;
}

static bool is_digest(const json_t *descriptor, const char *tag)
{
	return !strcmp(search_text(descriptor, "digest"), tag);
}

static bool has_exact_name(const json_t *index, const char *tag)
{
	const json_t *descriptor;
	size_t i;

	json_array_foreach(json_object_get(index, "manifests"), i, descriptor)
		if (is_named(descriptor, tag, true))
			return true;
	return false;
}

/* Something about an image, such as its provenance, and not an image. */
static bool is_attachment(const json_t *descriptor)
{
	const json_t *annotations = json_object_get(descriptor, "annotations");
	const json_t *platform = json_object_get(descriptor, "platform");
	const char *artifact = search_text(descriptor, "artifactType");

	return *search_text(annotations, "vnd.docker.reference.type") ||
		!strcmp(search_text(platform, "os"), "unknown") ||
		(*artifact && strcmp(artifact, "application/vnd.oci.image.config.v1+json"));
}

/* An image that fits: is it better than the best one so far? */
static void consider(struct choice *choice, const json_t *descriptor, const json_t *platform)
{
	unsigned int rank = variant_rank(platform);
	const char *name = name_of(choice->top);

	search_add(&choice->names, label_of(choice->top));
	/* One image may have several names. */
	if (choice->best && is_digest(choice->best, search_text(descriptor, "digest")))
		return;
	if (choice->best && choice->top != choice->best_top) {
		if (strcmp(name, name_of(choice->best_top)))
			choice->several = true;
		else if (!*name && rank == choice->best_rank)
			choice->several = true;
	}
	if (choice->best && rank >= choice->best_rank)
		return;
	json_decref(choice->best);
	choice->best = json_incref((json_t *)descriptor);
	choice->best_top = choice->top;
	choice->best_rank = rank;
}

static void reject_platform(struct choice *choice, const json_t *platform)
{
	char text[100];

	search_platform(platform, text, sizeof(text));
	search_add(&choice->platforms, text);
}

static int visit_index(struct choice *choice, const json_t *index, unsigned int depth,
		       bool wanted);

/* A manifest whose platform is in its configuration. */
static int visit_manifest(struct choice *choice, const json_t *descriptor, const json_t *manifest)
{
	struct search *search = choice->search;
	const struct tree_node *node;
	json_t *config;
	int err;

	err = search_config(search, manifest, &node);
	if (!err)
		err = search_read_json(search, node, "the image's configuration", &config);
	if (err)
		return err;
	if (search_is_platform(search, config))
		consider(choice, descriptor, config);
	else
		reject_platform(choice, config);
	json_decref(config);
	return 0;
}

static int visit_blob(struct choice *choice, const json_t *descriptor, unsigned int depth,
		      bool wanted)
{
	struct search *search = choice->search;
	const json_t *platform = json_object_get(descriptor, "platform");
	const struct tree_node *node;
	json_t *json;
	int err;

	err = search_blob(search, descriptor, "manifest", ".manifest.json", &node);
	if (!err)
		err = search_read_json(search, node, "manifest", &json);
	if (err)
		return err;
	if (json_object_get(json, "manifests")) {
		err = visit_index(choice, json, depth + 1, wanted);
	} else if (wanted && platform) {
		err = search_check_manifest(search, json);
		if (!err)
			consider(choice, descriptor, platform);
	} else if (wanted) {
		err = visit_manifest(choice, descriptor, json);
	}
	json_decref(json);
	return err;
}

/* What cannot be read does not count, unless there is nothing else: then it is the reason. */
static int visit(struct choice *choice, const json_t *descriptor, unsigned int depth, bool wanted)
{
	struct search *search = choice->search;
	const json_t *platform = json_object_get(descriptor, "platform");
	struct search inner = *search;
	int err;

	if (is_attachment(descriptor))
		return 0;
	if (platform && !search_is_platform(search, platform)) {
		if (wanted)
			reject_platform(choice, platform);
		return 0;
	}
	if (search_media(descriptor) == MEDIA_OTHER) {
		(void)error_set(&choice->why, 0, "%.100s is not an image, but of the type %.150s",
				label_of(descriptor), search_text(descriptor, "mediaType"));
		return 0;
	}
	inner.error = &choice->why;
	choice->search = &inner;
	err = visit_blob(choice, descriptor, depth, wanted);
	choice->search = search;
	search->json_size = inner.json_size;
	return err == -ENOMEM || err == -E2BIG ? error_set(search->error, err, "%s",
							   choice->why.text) : 0;
}

static bool is_wanted(const struct choice *choice, const json_t *descriptor, unsigned int depth)
{
	const char *tag = choice->search->tag;

	return is_digest(descriptor, tag) || (!depth && is_named(descriptor, tag, choice->exact));
}

static int visit_index(struct choice *choice, const json_t *index, unsigned int depth,
		       bool wanted)
{
	const char *tag = choice->search->tag;
	struct digest digest;
	bool in_depth = tag && !digest_parse(tag, &digest, NULL);
	const json_t *descriptor;
	size_t i;
	int err = 0;

	if (depth == INDEX_DEPTH_MAX)
		return error_set(choice->search->error, -EBADMSG, "more than %d nested indexes",
				 INDEX_DEPTH_MAX);
	json_array_foreach(json_object_get(index, "manifests"), i, descriptor) {
		bool here = wanted || is_wanted(choice, descriptor, depth);

		if (!depth)
			choice->top = descriptor;
		if (!depth && !here)
			search_add(&choice->names, label_of(descriptor));
		/* With a digest, also look into what has another name. */
		if (here || in_depth)
			err = visit(choice, descriptor, depth, here);
		if (err)
			return err;
	}
	return 0;
}

static int choice_fail(const struct choice *choice)
{
	struct search *search = choice->search;

	if (choice->several)
		return error_set(search->error, -EINVAL, "there are several images for linux/%s: "
				 "choose one with --tag: %s", search->arch, choice->names.text);
	if (*choice->platforms.text)
		return error_set(search->error, -ENOENT, "there is no image %sfor linux/%s, only "
				 "for %s%s%s", search->tag ? "of that name " : "", search->arch,
				 choice->platforms.text, *choice->why.text ? "; " : "",
				 choice->why.text);
	if (*choice->why.text)
		return error_set(search->error, -EBADMSG, "%s", choice->why.text);
	if (search->tag && *choice->names.text)
		return error_set(search->error, -ENOENT, "there is no image of the name %.100s; "
				 "there are: %s", search->tag, choice->names.text);
	return error_set(search->error, -ENOENT, "there is no image");
}

static int take_best(struct choice *choice)
{
	struct search *search = choice->search;
	const char *name = name_of(choice->best_top);
	const struct tree_node *node;
	json_t *manifest;
	int err;

	if (*name) {
		search->store->name = strdup(name);
		if (!search->store->name)
			return -ENOMEM;
	}
	err = search_blob(search, choice->best, "manifest", ".manifest.json", &node);
	if (!err)
		err = search_read_json(search, node, "manifest", &manifest);
	if (err)
		return err;
	err = search_take_manifest(search, manifest);
	json_decref(manifest);
	return err;
}

int search_take_index(struct search *search, const json_t *index)
{
	struct choice choice = { .search = search };
	int err;

	choice.exact = search->tag && has_exact_name(index, search->tag);
	err = visit_index(&choice, index, 0, !search->tag);
	if (!err)
		err = choice.best && !choice.several ? take_best(&choice) : choice_fail(&choice);
	json_decref(choice.best);
	return err;
}
