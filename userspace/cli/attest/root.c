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

static const struct cli_option options[] = {
	OPT_STRING("format", struct root_options, format, "FORMAT", CA_EXPORT_FORMATS " (pem)",
		   .manual = CA_EXPORT_MANUAL, .values = { CLI_WORDS, CA_EXPORT_WORDS }),
	OPT_STRING("root", struct root_options, root, "FILE",
		   "print this certificate instead", .values = VALUES_FILES),
	{}
};

static int attest_root_run(const struct cli_call *call)
{
	const struct root_options *wanted = call->options;
	int r, format = ca_export_format(wanted->format);
	X509 *root = NULL;

	if (format < 0)
		return cli_usage_error(call, "--format: \"%s\" is not " CA_EXPORT_FORMATS,
				       wanted->format);
	if (attest_read_root(wanted->root, &root))
		return CLI_FAILED;
	r = ca_export(root, format, stdout);
	X509_free(root);
	if (r)
		cli_error("cannot write the certificate");
	return r ? CLI_FAILED : CLI_OK;
}

const struct cli_command cmd_attest_root = {
	.name = "root",
	.summary = "print the root certificate of this host",
	.about = "Print the root certificate of this host's emulated enclaves, for verifiers",
	.options = options,
	.size = sizeof(struct root_options),
	.defaults = &defaults,
	.run = attest_root_run,
};
