// SPDX-License-Identifier: Apache-2.0
/* ne-emu eif extract: write the sections of an image to files. */

#include "cli/eif/commands.h"
#include "cli/eif/show.h"
#include "command/file.h"
#include "command/progress.h"

#include "common/util.h"
#include "eif/pem.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

struct extraction {
	const char *dir;
	struct json_out *out;
	struct error *error;
};

static int write_file(const struct extraction *e, const char *name, const void *data, size_t size)
{
	__cleanup_free char *path = NULL;
	struct file_new file;
	int err;

	if (asprintf(&path, "%s/%s", e->dir, name) < 0)
		return -ENOMEM;
	err = file_new_open(&file, path, e->error);
	if (!err) {
		err = write_full(file.fd, data, size);
		if (err)
			error_set(e->error, err, "cannot write %s: %s", path, strerror(-err));
	}
	if (!err)
		err = file_new_commit(&file, e->error);
	file_new_abort(&file);
	if (err)
		return err;
	if (!e->out) {
		printf("%s: %zu bytes\n", path, size);
		return 0;
	}
	json_out_document(e->out);
	json_out_str(e->out, "File", path);
	json_out_u64(e->out, "Size", size);
	json_out_end(e->out);
	return 0;
}

/* Write the certificate separately, for tools that read certificates but not the section. */
static int write_certificate(const struct extraction *e, const struct eif_blob *section)
{
	__cleanup_free char *certificates = NULL;
	struct error cause;
	struct eif_signature signature;
	size_t size;
	int err;

	err = eif_signature_open(section->data, section->size, &signature, &cause);
	if (err == -EBADMSG) {
		term_error("warning: no certificate: %s", cause.text);
		return 0;
	}
	if (err)
		return error_set(e->error, err, "cannot read the signature: %s", strerror(-err));
	if (signature.private_key)
		term_error("warning: %s", EIF_SHOW_PRIVATE_KEY);
	err = pem_certificates((const char *)signature.pem, signature.pem_size, &certificates,
			       &size);
	err = err ? error_set(e->error, err, "cannot read the certificate: %s", strerror(-err)) :
		write_file(e, "certificate.pem", certificates, size);
	eif_signature_close(&signature);
	return err;
}

static int write_sections(const struct extraction *e, const struct eif *eif)
{
	unsigned int ramdisks = 0;
	int err = 0;

	progress_begin("writing");
	for (unsigned int i = 0; !err && i < eif->nr_sections; i++) {
		const struct eif_section *section = &eif->sections[i];
		char name[32];

		if (section->type == EIF_SECTION_RAMDISK)
			snprintf(name, sizeof(name), "ramdisk%u", ramdisks++);
		else
			snprintf(name, sizeof(name), "%s%s", eif_section_name(section->type),
				 section->type == EIF_SECTION_METADATA ? ".json" :
				 section->type == EIF_SECTION_SIGNATURE ? ".cbor" : "");
		err = write_file(e, name, eif->base + section->offset, section->size);
	}
	progress_end();
	if (!err && eif->signature.data)
		err = write_certificate(e, &eif->signature);
	return err;
}

struct extract_options {
	bool json;
};

static const struct opt options[] = {
	OPT_FLAG("json", struct extract_options, json, "print the list of files as JSON"),
	{}
};

static int extract(const struct extraction *e, const char *image)
{
	struct eif_file file;
	int err = eif_file_open(image, EIF_PARSE_TOLERANT, &file, e->error);

	if (err)
		return err;
	if (mkdir(e->dir, 0777) && errno != EEXIST)
		err = error_set(e->error, -errno, "%s: %s", e->dir, strerror(errno));
	else
		err = write_sections(e, &file.eif);
	eif_file_unmap(&file);
	return err;
}

static int eif_extract_run(const struct command_call *call)
{
	const struct extract_options *wanted = call->options;
	struct error error = {};
	struct json_out out = {};
	struct extraction e = { .dir = call->args[1], .error = &error };
	int err;

	if (!strcmp(e.dir, "-"))
		return command_usage_error(call, "cannot write several files to standard output; "
					   "name a directory (./- for one called \"-\")");
	if (wanted->json) {
		e.out = &out;
		json_out_array(&out, NULL);
	}
	err = extract(&e, call->args[0]);
	if (!err && wanted->json)
		err = json_out_print(&out, stdout, 2);
	json_out_free(&out);
	return term_result(err, &error);
}

const struct command cmd_eif_extract = {
	.name = "extract",
	.summary = "write the sections of an image to a directory",
	.args = "IMAGE DIR",
	.about = "Write kernel, cmdline, ramdisk0 and so on, metadata.json, signature.cbor and\n"
		 "certificate.pem to a directory, which is created if needed",
	.options = options,
	.values = { VALUES_IMAGES },
	.min_args = 2,
	.max_args = 2,
	.size = sizeof(struct extract_options),
	.run = eif_extract_run,
};
