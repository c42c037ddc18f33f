// SPDX-License-Identifier: Apache-2.0
/* ne-emu images: list and remove the images that "ne-emu run" has built. */

#include "cli/commands.h"
#include "cli/host/json_in.h"
#include "cli/image/cache.h"

#include "common/clock.h"
#include "common/json_out.h"
#include "common/text.h"
#include "common/util.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define SHORT_KEY	12
#define NAME_WIDTH	32
#define AGE_SIZE	32
#define DAY_S		INT64_C(86400)

struct images_options {
	bool json;
	bool prune;
	uint64_t unused;	/* days */
};

/** struct images - the cache and what is in it */
struct images {
	struct image_cache cache;
	struct image_entry *list;
	size_t count;
};

static int64_t unused_seconds(const struct image_entry *entry)
{
	int64_t age = (clock_ns(CLOCK_REALTIME) - timespec_ns(entry->used)) / NSEC_PER_SEC;

	return MAX(age, 0);
}

static const char *age_text(const struct image_entry *entry, char *buf)
{
	int64_t s = unused_seconds(entry);

	if (s < 3600)
		snprintf(buf, AGE_SIZE, "%" PRId64 " min ago", s / 60);
	else if (s < DAY_S)
		snprintf(buf, AGE_SIZE, "%" PRId64 " h ago", s / 3600);
	else
		snprintf(buf, AGE_SIZE, "%" PRId64 " days ago", s / DAY_S);
	return buf;
}

static void print_table(const struct images *images)
{
	const char *bold = term_colour(STDOUT_FILENO, TERM_BOLD);

	printf("%s%-*s %-*s %9s  %-12s %s%s\n", bold, SHORT_KEY, "ID", NAME_WIDTH, "SOURCE", "SIZE",
	       "USED", "PCR0", term_colour(STDOUT_FILENO, TERM_PLAIN));
	for (size_t i = 0; i < images->count; i++) {
		const struct image_entry *entry = &images->list[i];
		const char *source = json_in_str(entry->record, "Source");
		const json_t *pcrs = json_object_get(entry->record, "Measurements");
		char name[NAME_WIDTH + 1], age[AGE_SIZE];

		printf("%.*s %-*s %5llu MiB  %-12s %.12s...\n", SHORT_KEY, entry->key, NAME_WIDTH,
		       text_clean(name, sizeof(name), source, strlen(source)),
		       (json_in_u64(entry->record, "Bytes") + MIB - 1) / MIB,
		       age_text(entry, age), json_in_str(pcrs, "PCR0"));
	}
}

static int print_json(const struct images *images)
{
	struct json_out out = {};

	json_out_array(&out, NULL);
	for (size_t i = 0; i < images->count; i++) {
		const struct image_entry *entry = &images->list[i];

		json_out_document(&out);
		json_out_str(&out, "ID", entry->key);
		json_out_str(&out, "Source", json_in_str(entry->record, "Source"));
		json_out_str(&out, "ImageName", json_in_str(entry->record, "ImageName"));
		json_out_u64(&out, "Bytes", json_in_u64(entry->record, "Bytes"));
		json_out_u64(&out, "UnusedSeconds", unused_seconds(entry));
		json_out_json(&out, "Measurements",
			      json_object_get(entry->record, "Measurements"));
		json_out_end(&out);
	}
	return json_out_print(&out, stdout, 2) ? COMMAND_FAILED : COMMAND_OK;
}

static int remove_image(const struct images *images, const struct image_entry *entry)
{
	int err = image_cache_remove(&images->cache, entry->key);

	if (err)
		term_error("cannot remove image %.*s: %s", SHORT_KEY, entry->key, strerror(-err));
	return err ? COMMAND_FAILED : COMMAND_OK;
}

static int prune(const struct images *images, int64_t unused_s)
{
	uint64_t bytes = 0, count = 0;
	int code = COMMAND_OK;

	for (size_t i = 0; i < images->count; i++) {
		const struct image_entry *entry = &images->list[i];

		if (unused_seconds(entry) < unused_s)
			continue;
		if (remove_image(images, entry)) {
			code = COMMAND_FAILED;
			continue;
		}
		bytes += json_in_u64(entry->record, "Bytes");
		count++;
	}
	image_cache_forget_hashes(&images->cache);
	printf("%" PRIu64 " images removed, %llu MiB\n", count, bytes / MIB);
	return code;
}

static const struct opt options[] = {
	OPT_FLAG("json", struct images_options, json, "print a JSON array"),
	OPT_FLAG("prune", struct images_options, prune, "remove the images from the cache",
		 .manual = "Remove the images from the cache. Enclaves that run are not affected."),
	OPT_NUMBER("unused", struct images_options, unused, "DAYS", 1, 36500,
		   "with --prune: only those not used for so long",
		   .manual = "With *--prune*: remove only images that were not used for so many "
			     "days."),
	{}
};

static int images_run(const struct command_call *call)
{
	const struct images_options *wanted = call->options;
	struct images images = {};
	struct error error = {};
	int err, code = COMMAND_OK;

	if (wanted->unused && !wanted->prune)
		return command_usage_error(call, "--unused requires --prune");
	if (wanted->json && wanted->prune)
		return command_usage_error(call, "--json cannot be combined with --prune");
	err = image_cache_open(&images.cache, &error);
	if (err)
		return term_result(err, &error);
	err = image_cache_list(&images.cache, &images.list, &images.count);
	if (err) {
		term_error("%s: %s", images.cache.path, strerror(-err));
		return COMMAND_FAILED;
	}
	if (wanted->prune)
		code = prune(&images, wanted->unused * DAY_S);
	else if (wanted->json)
		code = print_json(&images);
	else
		print_table(&images);
	image_entries_free(images.list, images.count);
	return code;
}

const struct command cmd_images = {
	.name = "images",
	.summary = "list or remove the images that \"run\" has built",
	.about = "List the images that \"ne-emu run\" has built from container images and\n"
		 "directories and keeps for the next start, the last used one first",
	.options = options,
	.size = sizeof(struct images_options),
	.run = images_run,
};
