// SPDX-License-Identifier: Apache-2.0
/* ne-emu eif diff: compare the sections and registers of two images. */

#include "cli/eif/commands.h"
#include "cli/eif/show.h"

#include "common/util.h"

#include <inttypes.h>
#include <string.h>

/* Exit codes, as of diff(1). */
#define EXIT_DIFFERENT	1
#define EXIT_TROUBLE	2

/* A section of either image; the data of a blob is NULL if that image does not have it. */
struct item {
	char name[32];
	struct eif_blob blobs[2];
};

struct comparison {
	struct eif_file files[2];
	struct item items[EIF_MAX_SECTIONS + 4];
	size_t count;
	bool differ;
};

static bool same_blob(const struct item *item)
{
	const struct eif_blob *a = &item->blobs[0], *b = &item->blobs[1];

	if (!a->data || !b->data)
		return a->data == b->data;
	return a->size == b->size && !memcmp(a->data, b->data, a->size);
}

static void add_item(struct comparison *c, const char *name, const struct eif_blob *a,
		     const struct eif_blob *b)
{
	struct item *item = &c->items[c->count];

	if (!a->data && !b->data)
		return;
	snprintf(item->name, sizeof(item->name), "%s", name);
	item->blobs[0] = *a;
	item->blobs[1] = *b;
	c->count++;
	if (!same_blob(item))
		c->differ = true;
}

static void compare_sections(struct comparison *c)
{
	const struct eif *a = &c->files[0].eif, *b = &c->files[1].eif;
	char name[32];

	add_item(c, "kernel", &a->kernel, &b->kernel);
	add_item(c, "cmdline", &a->cmdline, &b->cmdline);
	for (unsigned int i = 0; i < MAX(a->nr_ramdisks, b->nr_ramdisks); i++) {
		snprintf(name, sizeof(name), "ramdisk%u", i);
		/* Entries that an image does not use are zero. */
		add_item(c, name, &a->ramdisks[i], &b->ramdisks[i]);
	}
	add_item(c, "metadata", &a->metadata, &b->metadata);
	add_item(c, "signature", &a->signature, &b->signature);
	if (a->version != b->version || a->flags != b->flags)
		c->differ = true;
}

static bool same_register(const struct comparison *c, size_t i)
{
	return !memcmp(eif_register(&c->files[0].pcrs, i), eif_register(&c->files[1].pcrs, i),
		       EIF_PCR_SIZE);
}

/* Offset of the first difference; the shorter size if one is a prefix of the other. */
static uint64_t first_difference(const struct item *item)
{
	uint64_t size = MIN(item->blobs[0].size, item->blobs[1].size), i = 0;

	while (i < size && item->blobs[0].data[i] == item->blobs[1].data[i])
		i++;
	return i;
}

static void show_size(const struct eif_blob *blob)
{
	if (blob->data)
		printf(" %12" PRIu64, blob->size);
	else
		printf(" %12s", "-");
}

static void show_text(const struct comparison *c)
{
	const struct eif *a = &c->files[0].eif, *b = &c->files[1].eif;

	if (a->version != b->version)
		printf("version %u, version %u\n", a->version, b->version);
	if (a->flags != b->flags)
		printf("%s, %s\n", eif_show_arch(a->flags), eif_show_arch(b->flags));
	printf("%-10s %12s %12s\n", "SECTION", "SIZE", "SIZE");
	for (size_t i = 0; i < c->count; i++) {
		const struct item *item = &c->items[i];

		printf("%-10s", item->name);
		show_size(&item->blobs[0]);
		show_size(&item->blobs[1]);
		if (same_blob(item))
			puts("  same");
		else if (item->blobs[0].data && item->blobs[1].data)
			printf("  differs from byte %" PRIu64 " on\n", first_difference(item));
		else
			puts("  only in one");
	}
	putchar('\n');
	for (size_t i = 0; i < EIF_REGISTERS; i++)
		printf("%s  %s\n", eif_register_name(i), same_register(c, i) ? "same" : "differs");
}

static void add_size(struct json_out *out, const char *key, const struct eif_blob *blob)
{
	if (blob->data)
		json_out_u64(out, key, blob->size);
	else
		json_out_null(out, key);
}

static int show_json(const struct comparison *c)
{
	struct json_out out = {};

	json_out_document(&out);
	json_out_bool(&out, "Same", !c->differ);
	json_out_array(&out, "Sections");
	for (size_t i = 0; i < c->count; i++) {
		json_out_object(&out, NULL);
		json_out_str(&out, "Section", c->items[i].name);
		json_out_bool(&out, "Same", same_blob(&c->items[i]));
		add_size(&out, "SizeA", &c->items[i].blobs[0]);
		add_size(&out, "SizeB", &c->items[i].blobs[1]);
		json_out_end(&out);
	}
	json_out_end(&out);
	json_out_object(&out, "Measurements");
	for (size_t i = 0; i < EIF_REGISTERS; i++)
		json_out_bool(&out, eif_register_name(i), same_register(c, i));
	return json_out_print(&out, stdout, 2);
}

struct diff_options {
	bool json;
};

static const struct opt options[] = {
	OPT_FLAG("json", struct diff_options, json, "print one JSON object"),
	{}
};

static int eif_diff_run(const struct command_call *call)
{
	const struct diff_options *wanted = call->options;
	struct comparison c = {};
	struct error error = {};
	int err = 0;

	for (size_t i = 0; i < 2 && err >= 0; i++)
		err = eif_file_open(call->args[i], EIF_PARSE_TOLERANT, &c.files[i], &error);
	if (err >= 0) {
		compare_sections(&c);
		if (wanted->json)
			err = show_json(&c);
		else
			show_text(&c);
	} else {
		term_error("%s", error.text);
	}
	eif_file_unmap(&c.files[0]);
	eif_file_unmap(&c.files[1]);
	return err < 0 ? EXIT_TROUBLE : c.differ ? EXIT_DIFFERENT : COMMAND_OK;
}

const struct command cmd_eif_diff = {
	.name = "diff",
	.summary = "list the sections and measurements in which two images differ",
	.args = "IMAGE IMAGE",
	.about = "List the sections and registers in which two images differ.\n"
		 "Exit codes: 0 they are the same, 1 they differ, 2 an image cannot be read",
	.options = options,
	.values = { VALUES_IMAGES },
	.min_args = 2,
	.max_args = 2,
	.size = sizeof(struct diff_options),
	.run = eif_diff_run,
};
