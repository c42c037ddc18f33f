// SPDX-License-Identifier: Apache-2.0
/* ne-emu attest root: print the root certificate of this host. */

#include "cli/attest/commands.h"
#include "cli/attest/input.h"

#include "ca/export.h"

struct root_options {
	const char *format;
	const char *root;
};

static const struct root_options defaults = { .format = "pem" };

static const struct opt options[] = {
	OPT_STRING("format", struct root_options, format, "FORMAT",
		   CA_EXPORT_FORMATS ";\ndefault: pem",
		   .manual = CA_EXPORT_MANUAL, .values = { OPT_COMPLETE_WORDS, CA_EXPORT_WORDS }),
	OPT_STRING("root", struct root_options, root, "FILE",
		   "print this certificate instead", .values = VALUES_FILES),
	{}
};

static int attest_root_run(const struct command_call *call)
{
	const struct root_options *wanted = call->options;
	int err, format = ca_export_format(wanted->format);
	X509 *root = NULL;

	if (format < 0)
		return command_usage_error(call, "--format: \"%s\" is not " CA_EXPORT_FORMATS,
					   wanted->format);
	if (attest_read_root(wanted->root, &root))
		return COMMAND_FAILED;
	err = ca_export(root, format, stdout);
	X509_free(root);
	if (err)
		term_error("cannot write the certificate");
	return err ? COMMAND_FAILED : COMMAND_OK;
}

const struct command cmd_attest_root = {
	.name = "root",
	.summary = "print the root certificate of this host",
	.about = "Print the root certificate of this host's emulated enclaves, for verifiers",
	.options = options,
	.size = sizeof(struct root_options),
	.defaults = &defaults,
	.run = attest_root_run,
};
