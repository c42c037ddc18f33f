// SPDX-License-Identifier: Apache-2.0
/* ne-emu eif verify: make the checks of EC2 and its tools, with a finding for each. */

#include "cli/eif/commands.h"
#include "cli/eif/show.h"
#include "cli/finding.h"

#include "common/util.h"
#include "eif/build.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#define FINDINGS_MAX	16

struct finding {
	const char *check;
	enum finding_status status;
	struct error reason;
};

struct verification {
	struct finding findings[FINDINGS_MAX];
	size_t count;
	bool allow_expired;
	bool need_signature;
	bool json;
};

__attribute__((format(printf, 4, 5)))
static void found(struct verification *v, const char *check, enum finding_status status,
		  const char *fmt, ...)
{
	struct finding *finding = &v->findings[v->count];
	va_list args;

	if (v->count == FINDINGS_MAX)
		return;
	finding->check = check;
	finding->status = status;
	va_start(args, fmt);
	(void)error_vset(&finding->reason, 0, fmt, args);
	va_end(args);
	v->count++;
}

static void check_contents(struct verification *v, const struct eif *eif)
{
	struct eif_kernel_info kernel;
	struct error cause;

	if (eif->warnings & EIF_WARN_CRC)
		found(v, "CRC", FINDING_ERROR, "header says %08x, contents give %08x", eif->crc,
		      eif->contents_crc);
	else
		found(v, "CRC", FINDING_OK, "%08x matches", eif->crc);
	if (eif_kernel_inspect(eif->kernel.data, eif->kernel.size, &kernel))
		found(v, "kernel", FINDING_ERROR, "neither an x86 bzImage nor an arm64 Image");
	else if (kernel.flags != (eif->flags & EIF_FLAG_ARM64))
		found(v, "kernel", FINDING_ERROR, "the kernel is for %s, the image for %s",
		      eif_show_arch(kernel.flags), eif_show_arch(eif->flags));
	else if (kernel.unplaced)
		found(v, "kernel", FINDING_WARNING, "text_offset is 0, so it will not boot on EC2");
	else
		found(v, "kernel", FINDING_OK, "%s", eif_show_arch(kernel.flags));
	if (!eif->metadata.data)
		return;
	if (eif_metadata_check((const char *)eif->metadata.data, eif->metadata.size,
			       &cause))
		found(v, "metadata", FINDING_WARNING, "nitro-cli cannot describe it: %s",
		      cause.text);
	else
		found(v, "metadata", FINDING_OK, "complete");
}

static void check_oddities(struct verification *v, const struct eif *eif)
{
	unsigned int warnings = eif->warnings;
	const char *text;

	while ((text = eif_show_warning(&warnings)))
		found(v, "structure", FINDING_WARNING, "%s", text);
}

static void check_dates(struct verification *v, const struct eif_signature *signature)
{
	enum eif_verdict verdict = eif_signature_dates(signature, time(NULL));
	bool allowed = verdict == EIF_VERDICT_EXPIRED && v->allow_expired;

	if (verdict == EIF_VERDICT_GOOD)
		found(v, "certificate", FINDING_OK, "valid now");
	else
		found(v, "certificate", allowed ? FINDING_WARNING : FINDING_ERROR, "%s",
		      eif_verdict_text(verdict));
}

static int check_signature(struct verification *v, const struct eif_file *file)
{
	const struct eif_blob *section = &file->eif.signature;
	struct eif_signature signature;
	struct error cause;
	enum eif_verdict verdict;
	int err;

	if (!section->data) {
		found(v, "signature", v->need_signature ? FINDING_ERROR : FINDING_OK, "the image is not signed");
		return 0;
	}
	err = eif_signature_open(section->data, section->size, &signature, &cause);
	if (err == -EBADMSG) {
		found(v, "signature", FINDING_ERROR, "section at offset %td: %s",
		      section->data - file->eif.base, cause.text);
		return 0;
	}
	if (err)
		return err;
	err = eif_signature_verify(&signature, file->pcrs.pcr0, time(NULL), &verdict);
	if (!err && (verdict == EIF_VERDICT_EARLY || verdict == EIF_VERDICT_EXPIRED ||
		     verdict == EIF_VERDICT_GOOD))
		found(v, "signature", FINDING_OK, "made for this image by the certificate's key");
	else if (!err)
		found(v, "signature", FINDING_ERROR, "%s", eif_verdict_text(verdict));
	if (!err)
		check_dates(v, &signature);
	if (signature.private_key)
		found(v, "private-key", FINDING_ERROR, "%s", EIF_SHOW_PRIVATE_KEY);
	eif_signature_close(&signature);
	return err;
}

static bool is_good(const struct verification *v)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->findings[i].status == FINDING_ERROR)
			return false;
	return true;
}

static void show_text(const struct verification *v)
{
	for (size_t i = 0; i < v->count; i++)
		finding_print(v->findings[i].status, v->findings[i].check,
			      v->findings[i].reason.text);
}

static int show_json(const struct verification *v)
{
	struct json_out out = {};

	json_out_document(&out);
	json_out_bool(&out, "Valid", is_good(v));
	json_out_array(&out, "Findings");
	for (size_t i = 0; i < v->count; i++) {
		finding_begin_json(&out, v->findings[i].status, v->findings[i].check,
				   v->findings[i].reason.text);
		json_out_end(&out);
	}
	return json_out_print(&out, stdout, 2);
}

static int verify_file(struct verification *v, const char *path)
{
	struct error error = {};
	struct eif_file file;
	int err;

	err = eif_file_open(path, EIF_PARSE_TOLERANT, &file, &error);
	if (err == -EBADMSG) {
		found(v, "structure", FINDING_ERROR, "%s", error.text);
		return 0;
	}
	if (err) {
		term_error("%s", error.text);
		return err;
	}
	if (file.eif.warnings & EIF_WARN_SIGNED_TWICE)
		found(v, "structure", FINDING_ERROR, "%s", EIF_SHOW_SIGNED_TWICE);
	else
		found(v, "structure", FINDING_OK, "version %u, %u sections", file.eif.version,
		      file.eif.nr_sections);
	check_oddities(v, &file.eif);
	check_contents(v, &file.eif);
	err = check_signature(v, &file);
	if (err)
		term_error("%s: %s", path, strerror(-err));
	eif_file_unmap(&file);
	return err;
}

static const struct opt options[] = {
	OPT_FLAG("signed", struct verification, need_signature,
		 "require a signature"),
	OPT_FLAG("allow-expired", struct verification, allow_expired,
		 "only warn about an expired certificate"),
	OPT_FLAG("json", struct verification, json, "print one JSON object"),
	{}
};

static int eif_verify_run(const struct command_call *call)
{
	struct verification *v = call->options;
	int err = verify_file(v, call->args[0]);

	if (err)
		return COMMAND_FAILED;
	if (v->json)
		err = show_json(v);
	else
		show_text(v);
	return err || !is_good(v) ? COMMAND_FAILED : COMMAND_OK;
}

const struct command cmd_eif_verify = {
	.name = "verify",
	.summary = "make the checks that EC2 makes, and print each finding",
	.args = "IMAGE",
	.about = "Check structure, CRC, kernel, metadata, signature and certificate.\n"
		 "The exit code is 1 if a finding is an error",
	.options = options,
	.values = { VALUES_IMAGES },
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct verification),
	.run = eif_verify_run,
};
