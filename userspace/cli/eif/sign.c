// SPDX-License-Identifier: Apache-2.0
/* ne-emu eif sign: sign an image so that AWS's tools and EC2 accept it. */

#include "cli/eif/commands.h"
#include "cli/eif/sign.h"

#include "cli/eif/show.h"
#include "command/file.h"
#include "command/progress.h"

#include "common/util.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#define PEM_SIZE_MAX	MIB
/* The first EIF version that has signatures. */
#define SIGNED_VERSION	3

static int make_section(const struct eif_pcrs *pcrs, const char *certificate, const char *key_path,
			uint8_t **ret, size_t *ret_size, struct error *error)
{
	__cleanup_free char *pem = NULL, *key_pem = NULL;
	struct error cause;
	size_t size, key_size;
	EVP_PKEY *key;
	int err;

	if (!strncmp(key_path, "arn:", strlen("arn:")))
		return error_set(error, -ENOTSUP, "%s: keys in AWS KMS are not supported; sign "
				 "with a key in a file", key_path);
	err = file_read(certificate, PEM_SIZE_MAX, &pem, &size);
	if (err)
		return error_set(error, err, "%s: %s", certificate, strerror(-err));
	err = file_read(key_path, PEM_SIZE_MAX, &key_pem, &key_size);
	if (err)
		return error_set(error, err, "%s: %s", key_path, strerror(-err));
	err = eif_key_read(key_pem, key_size, &key);
	explicit_bzero(key_pem, key_size);
	if (err == -EKEYREJECTED)
		return error_set(error, err, "%s is encrypted, and its passphrase is wrong or "
				 "cannot be asked for; decrypt it with \"openssl pkey -in %s -out "
				 "FILE\"", key_path, key_path);
	if (err)
		return error_set(error, err, "%s does not hold a readable PEM private key",
				 key_path);
	err = eif_signature_make(key, pem, size, pcrs->pcr0, ret, ret_size, &cause);
	EVP_PKEY_free(key);
	if (err == -EINVAL)
		return error_set(error, -EINVAL, "%s, %s: %s", certificate, key_path,
				 cause.text);
	return err ? error_set(error, err, "cannot sign: %s", strerror(-err)) : 0;
}

int eif_sign(const struct eif *eif, const struct eif_pcrs *pcrs, const char *certificate,
	     const char *key, int fd, struct error *error)
{
	__cleanup_free uint8_t *section = NULL;
	struct eif_writer writer;
	size_t size;
	int err;

	err = make_section(pcrs, certificate, key, &section, &size, error);
	if (err)
		return err;
	eif_writer_init(&writer, fd, MAX(eif->version, SIGNED_VERSION), eif->flags);
	writer.default_mem = eif->default_mem;
	writer.default_cpus = eif->default_cpus;
	progress_begin("writing");
	for (unsigned int i = 0; !err && i < eif->nr_sections; i++)
		if (eif->sections[i].type != EIF_SECTION_SIGNATURE)
			err = eif_writer_add(&writer, eif->sections[i].type,
					     eif->base + eif->sections[i].offset,
					     eif->sections[i].size);
	progress_end();
	if (!err)
		err = eif_writer_add(&writer, EIF_SECTION_SIGNATURE, section, size);
	if (err == -E2BIG)
		return error_set(error, -E2BIG, "there is no room for a signature: the limit is %d "
				 "sections", EIF_MAX_SECTIONS);
	if (!err)
		err = eif_writer_finish(&writer);
	return err ? error_set(error, err, "cannot write: %s", strerror(-err)) : 0;
}

/* Parse the signed image as a loader does before it gets its name. */
static int check_result(int fd, struct eif_pcrs *ret_pcrs, struct error *error)
{
	struct eif_signature signature;
	enum eif_verdict verdict;
	struct eif_file file;
	int err;

	err = eif_file_map(fd, EIF_PARSE_STRICT, &file, error);
	if (err == -EBADMSG)
		return err;
	if (err)
		return error_set(error, err, "cannot check: %s", strerror(-err));
	err = eif_signature_open(file.eif.signature.data, file.eif.signature.size, &signature,
				 error);
	if (!err) {
		err = eif_signature_verify(&signature, file.pcrs.pcr0, time(NULL), &verdict);
		eif_signature_close(&signature);
	}
	*ret_pcrs = file.pcrs;
	eif_file_unmap(&file);
	if (err)
		return error_set(error, err, "cannot check: %s", strerror(-err));
	if (verdict != EIF_VERDICT_GOOD)
		term_error("warning: no enclave will start from this image: %s",
			   eif_verdict_text(verdict));
	return 0;
}

static int show_result(const char *output, const struct eif_pcrs *pcrs, bool json, FILE *to)
{
	struct json_out out = {};

	if (!json) {
		fprintf(to, "%s: signed\n", output);
		eif_show_pcrs(to, pcrs);
		return 0;
	}
	json_out_document(&out);
	eif_show_measurements(&out, pcrs);
	return json_out_print(&out, to, 2);
}

static int sign_file(const char *input, const char *output, const char *certificate,
		     const char *key, bool json, struct error *error)
{
	struct eif_pcrs pcrs;
	struct eif_file file;
	struct file_new new;
	int err;

	err = eif_file_open(input, EIF_PARSE_STRICT | EIF_PARSE_TOLERANT, &file, error);
	if (err)
		return err;
	if (file.eif.warnings & EIF_WARN_CRC) {
		eif_file_unmap(&file);
		return error_set(error, -EBADMSG, "%s is damaged: its CRC does not match", input);
	}
	err = file_new_open(&new, output, error);
	if (!err)
		err = eif_sign(&file.eif, &file.pcrs, certificate, key, new.fd, error);
	if (!err)
		err = check_result(new.fd, &pcrs, error);
	eif_file_unmap(&file);
	if (!err)
		err = file_new_commit(&new, error);
	if (!err)
		err = show_result(output, &pcrs, json, file_new_report(&new));
	file_new_abort(&new);
	return err;
}

struct sign_options {
	const char *certificate;
	const char *key;
	const char *output;
	bool json;
};

static const struct opt options[] = {
	OPT_STRING("signing-certificate", struct sign_options, certificate, "FILE",
		   "X.509 certificate (PEM); may be self-signed",
		   .required = true, .values = VALUES_FILES),
	OPT_STRING("private-key", struct sign_options, key, "FILE",
		   "key of the certificate (PEM), on P-256, P-384 or P-521",
		   .required = true, .values = VALUES_FILES),
	OPT_STRING("output", struct sign_options, output, "FILE",
		   "signed image to write; \"-\" is standard output;\ndefault: replace IMAGE",
		   .letter = 'o', .values = VALUES_FILES),
	OPT_FLAG("json", struct sign_options, json, "print the measurements as JSON"),
	{}
};

static int eif_sign_run(const struct command_call *call)
{
	const struct sign_options *wanted = call->options;
	const char *image = call->args[0];
	struct error error = {};
	int err;

	err = sign_file(image, wanted->output ? wanted->output : image, wanted->certificate,
			wanted->key, wanted->json, &error);
	return term_result(err, &error);
}

const struct command cmd_eif_sign = {
	.name = "sign",
	.summary = "sign an image with a key and a certificate",
	.args = "IMAGE",
	.about = "Sign an enclave image; an existing signature is replaced",
	.options = options,
	.values = { VALUES_IMAGES },
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct sign_options),
	.run = eif_sign_run,
};
