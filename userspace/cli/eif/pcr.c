// SPDX-License-Identifier: Apache-2.0
/* ne-emu eif pcr: compute registers of images, files, certificates, roles and instances. */

#include "cli/eif/commands.h"
#include "cli/eif/show.h"
#include "command/file.h"
#include "command/progress.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define CERTIFICATE_SIZE_MAX	MIB

/** struct request - the command line; @out: takes the results, NULL: standard output */
struct request {
	const char *image;
	const char *input;
	const char *certificate;
	const char *role;
	const char *instance;
	bool json;
	struct json_out *out;
};

static void put(const struct request *request, const char *name, const uint8_t *pcr)
{
	if (request->out)
		json_out_hex(request->out, name, pcr, EIF_PCR_SIZE);
	else
		eif_show_pcr(stdout, name, pcr);
}

static int put_image(const struct request *request, struct error *error)
{
	struct eif_file file;
	int err = eif_file_open(request->image, 0, &file, error);

	if (err)
		return err;
	for (size_t i = 0; i < eif_registers(&file.pcrs); i++)
		put(request, eif_register_name(i), eif_register(&file.pcrs, i));
	eif_file_unmap(&file);
	return 0;
}

static int measure_file(int fd, uint8_t *ret_pcr)
{
	struct stat st;
	void *data;
	int err;

	if (fstat(fd, &st))
		return -errno;
	if (!st.st_size)
		return eif_pcr_of_data("", 0, ret_pcr);
	data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	progress_begin("measuring");
	err = eif_pcr_of_data(data, st.st_size, ret_pcr);
	progress_end();
	(void)munmap(data, st.st_size);
	return err;
}

static int put_input(const struct request *request, struct error *error)
{
	__cleanup_fd int fd = open(request->input, O_RDONLY | O_CLOEXEC);
	uint8_t pcr[EIF_PCR_SIZE];
	int err = fd < 0 ? -errno : measure_file(fd, pcr);

	if (err)
		return error_set(error, err, "%s: %s", request->input, strerror(-err));
	put(request, "PCR", pcr);
	return 0;
}

static int put_certificate(const struct request *request, struct error *error)
{
	__cleanup_free char *pem = NULL;
	uint8_t pcr[EIF_PCR_SIZE];
	X509 *certificate;
	size_t size;
	int err;

	err = file_read(request->certificate, CERTIFICATE_SIZE_MAX, &pem, &size);
	if (err)
		return error_set(error, err, "%s: %s", request->certificate, strerror(-err));
	err = eif_certificate_read((uint8_t *)pem, size, &certificate, pcr);
	if (err)
		return error_set(error, err, "%s does not hold a PEM certificate",
				 request->certificate);
	X509_free(certificate);
	put(request, "PCR8", pcr);
	return 0;
}

static int put_text(const struct request *request, const char *name, const char *text,
		    struct error *error)
{
	uint8_t pcr[EIF_PCR_SIZE];
	int err = eif_pcr_of_text(text, pcr);

	if (err)
		return error_set(error, err, "cannot compute %s: %s", name, strerror(-err));
	put(request, name, pcr);
	return 0;
}

static int put_all(const struct request *request, struct error *error)
{
	int err = 0;

	if (request->image)
		err = put_image(request, error);
	if (!err && request->input)
		err = put_input(request, error);
	if (!err && request->role)
		err = put_text(request, "PCR3", request->role, error);
	if (!err && request->instance)
		err = put_text(request, "PCR4", request->instance, error);
	if (!err && request->certificate)
		err = put_certificate(request, error);
	return err;
}

static const struct opt options[] = {
	OPT_STRING("input", struct request, input, "FILE",
		   "\"PCR\": a register that measures only this file",
		   .manual = "\"PCR\", a register that measures only this file, like *nitro-cli "
			     "pcr --input*.",
		   .values = VALUES_FILES),
	OPT_STRING("signing-certificate", struct request, certificate, "FILE",
		   "PCR8 of an image signed with this certificate (PEM)", .values = VALUES_FILES),
	OPT_STRING("role", struct request, role, "ARN", "PCR3 of a parent with this IAM role"),
	OPT_STRING("instance", struct request, instance, "ID",
		   "PCR4 of a parent with this instance ID"),
	OPT_FLAG("json", struct request, json, "print one JSON object"),
	{}
};

static int eif_pcr_run(const struct command_call *call)
{
	struct request *request = call->options;
	struct error error = {};
	struct json_out out = {};
	int err;

	request->image = call->count ? call->args[0] : NULL;
	if (!request->image && !request->input && !request->certificate && !request->role &&
	    !request->instance)
		return command_usage_error(call, "nothing to compute: specify an image or an "
					   "option");
	if (request->json) {
		request->out = &out;
		json_out_document(&out);
	}
	err = put_all(request, &error);
	if (!err && request->json)
		err = json_out_print(&out, stdout, 2);
	json_out_free(&out);
	return term_result(err, &error);
}

const struct command cmd_eif_pcr = {
	.name = "pcr",
	.summary = "compute platform configuration registers",
	.args = "[IMAGE]",
	.about = "Compute registers: 0, 1, 2 and 8 of an image, and those that options select",
	.options = options,
	.values = { VALUES_IMAGES },
	.max_args = 1,
	.size = sizeof(struct request),
	.run = eif_pcr_run,
};
