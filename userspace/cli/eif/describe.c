// SPDX-License-Identifier: Apache-2.0
/* ne-emu eif describe: check an image and print its parts. */

#include "cli/eif/commands.h"
#include "cli/eif/show.h"

#include "common/text.h"
#include "common/util.h"
#include "eif/build.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

/* Limit on the bytes of a section that are printed as text. */
#define PRINT_MAX	(64 * KIB)

/**
 * struct description - an image and its signature
 * @path: name of the file
 * @file: the image
 * @is_signed: @signature and @verdict are valid
 * @signature: its signature
 * @verdict: whether the signature is good
 */
struct description {
	const char *path;
	struct eif_file file;
	bool is_signed;
	struct eif_signature signature;
	enum eif_verdict verdict;
};

/* Images are untrusted, so escape what the terminal would act on. */
static void print_bytes(const char *label, const struct eif_blob *blob)
{
	uint64_t size = MIN(blob->size, PRINT_MAX);

	printf("%s: ", label);
	text_print(stdout, (const char *)blob->data, size, "");
	printf("%s\n", size < blob->size ? "..." : "");
}

static void describe_text(const struct description *d)
{
	const struct eif *eif = &d->file.eif;
	unsigned int warnings = eif->warnings;
	const char *text;

	printf("%s: EIF version %u, %s, %" PRIu64 " bytes, CRC-32 %08" PRIx32 " %s\n\n",
	       d->path, eif->version, eif_show_arch(eif->flags), eif->size, eif->crc,
	       eif->warnings & EIF_WARN_CRC ? "DOES NOT MATCH" : "matches");
	printf("%-10s %12s %12s\n", "SECTION", "OFFSET", "SIZE");
	for (size_t i = 0; i < eif->nr_sections; i++)
		printf("%-10s %12" PRIu64 " %12" PRIu64 "\n",
		       eif_section_name(eif->sections[i].type), eif->sections[i].offset,
		       eif->sections[i].size);
	putchar('\n');
	print_bytes("cmdline", &eif->cmdline);
	if (eif->metadata.data)
		print_bytes("metadata", &eif->metadata);
	putchar('\n');
	if (d->is_signed) {
		eif_print_certificate(&d->signature);
		printf("verdict:  %s\n\n", eif_verdict_text(d->verdict));
	} else {
		printf("not signed\n\n");
	}
	eif_show_pcrs(stdout, &d->file.pcrs);
	while ((text = eif_show_warning(&warnings)))
		term_error("warning: %s", text);
	if (eif->warnings & EIF_WARN_SIGNED_TWICE)
		term_error("%s", EIF_SHOW_SIGNED_TWICE);
	if (d->signature.private_key)
		term_error("%s", EIF_SHOW_PRIVATE_KEY);
}

/* Add the member "Details", which nitro-cli does not have. */
static void add_details(struct json_out *out, const struct description *d)
{
	const struct eif *eif = &d->file.eif;
	unsigned int warnings = eif->warnings;
	const char *text;
	char crc[9];

	snprintf(crc, sizeof(crc), "%08" PRIx32, eif->crc);
	json_out_object(out, "Details");
	json_out_str(out, "Architecture", eif_show_arch(eif->flags));
	json_out_u64(out, "Size", eif->size);
	json_out_str(out, "Crc32", crc);
	json_out_array(out, "Sections");
	for (size_t i = 0; i < eif->nr_sections; i++) {
		json_out_object(out, NULL);
		json_out_str(out, "Type", eif_section_name(eif->sections[i].type));
		json_out_u64(out, "Offset", eif->sections[i].offset);
		json_out_u64(out, "Size", eif->sections[i].size);
		json_out_end(out);
	}
	json_out_end(out);
	json_out_array(out, "Warnings");
	while ((text = eif_show_warning(&warnings)))
		json_out_str(out, NULL, text);
	if (d->signature.private_key)
		json_out_str(out, NULL, EIF_SHOW_PRIVATE_KEY);
	json_out_end(out);
	json_out_end(out);
}

static int describe_json(const struct description *d)
{
	const struct eif *eif = &d->file.eif;
	struct json_out out = {};

	json_out_document(&out);
	json_out_u64(&out, "EifVersion", eif->version);
	eif_show_measurements(&out, &d->file.pcrs);
	json_out_bool(&out, "IsSigned", eif->signature.data);
	if (d->is_signed)
		eif_show_certificate(&out, &d->signature);
	json_out_bool(&out, "CheckCRC", !(eif->warnings & EIF_WARN_CRC));
	if (eif->signature.data)
		json_out_bool(&out, "SignatureCheck",
			      d->is_signed && (d->verdict == EIF_VERDICT_GOOD ||
					       d->verdict == EIF_VERDICT_EARLY ||
					       d->verdict == EIF_VERDICT_EXPIRED));
	if (eif->metadata.data)
		eif_metadata_show(&out, (const char *)eif->metadata.data, eif->metadata.size);
	add_details(&out, d);
	return json_out_print(&out, stdout, 2);
}

static int describe_refused(const char *reason, bool json)
{
	struct json_out out = {};

	if (json) {
		json_out_document(&out);
		json_out_str(&out, "Error", reason);
		(void)json_out_print(&out, stdout, 2);	/* the command fails anyway */
	}
	term_error("%s", reason);
	return COMMAND_FAILED;
}

static int read_signature(struct description *d)
{
	const struct eif_blob *section = &d->file.eif.signature;
	int err;

	if (!section->data)
		return 0;
	err = eif_signature_open(section->data, section->size, &d->signature, NULL);
	if (err)
		return err == -EBADMSG ? 0 : err;
	d->is_signed = true;
	return eif_signature_verify(&d->signature, d->file.pcrs.pcr0, time(NULL), &d->verdict);
}

static bool is_bad(const struct description *d)
{
	return d->file.eif.warnings & (EIF_WARN_CRC | EIF_WARN_SIGNATURE |
					EIF_WARN_SIGNED_TWICE) ||
		d->signature.private_key || (d->is_signed && d->verdict != EIF_VERDICT_GOOD);
}

struct describe_options {
	bool json;
	bool strict;
};

static const struct opt options[] = {
	OPT_FLAG("json", struct describe_options, json,
		 "print one JSON object, like \"nitro-cli describe-eif\"",
		 .manual = "Print the JSON object of *nitro-cli describe-eif*, with an additional "
			   "member Details."),
	OPT_FLAG("strict", struct describe_options, strict, "treat warnings as errors"),
	{}
};

static int describe(struct description *d, bool json)
{
	int err = read_signature(d);

	if (!err && json)
		err = describe_json(d);
	else if (!err)
		describe_text(d);
	if (err)
		term_error("%s: %s", d->path, strerror(-err));
	else if (is_bad(d) && !json)
		term_error("%s is not good; see \"ne-emu eif verify\"", d->path);
	return err || is_bad(d) ? COMMAND_FAILED : COMMAND_OK;
}

static int eif_describe_run(const struct command_call *call)
{
	const struct describe_options *wanted = call->options;
	struct description d = { .path = call->args[0] };
	struct error error = {};
	int err;

	err = eif_file_open(d.path, EIF_PARSE_TOLERANT | (wanted->strict ? EIF_PARSE_STRICT : 0),
			    &d.file, &error);
	if (err)
		return describe_refused(error.text, wanted->json);
	err = describe(&d, wanted->json);
	eif_signature_close(&d.signature);
	eif_file_unmap(&d.file);
	return err;
}

const struct command cmd_eif_describe = {
	.name = "describe",
	.summary = "check an image and print its parts and measurements",
	.args = "FILE",
	.about = "Check an enclave image and print its parts and measurements.\n"
		 "The exit code is 1 if the file is not an image, if its CRC or signature is not\n"
		 "good, or if it holds a private key",
	.options = options,
	.values = { VALUES_IMAGES },
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct describe_options),
	.run = eif_describe_run,
};
