// SPDX-License-Identifier: Apache-2.0
/* ne-emu attest: the tool for attestation documents; and its root command. */

#include "cli/attest/input.h"
#include "cli/commands.h"
#include "command/command.h"

#include "ca/export.h"
#include "common/paths.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

static int cmd_attest_root(int argc, char **argv)
{
	const char *format_name = "pem", *path = NULL;
	const struct cli_opt opts[] = {
		OPT_STRING("format", &format_name, "FORMAT", CA_EXPORT_FORMATS " (pem)"),
		OPT_STRING("root", &path, "FILE", "another certificate than this host's root"),
		{}
	};
	const struct cli_usage usage = {
		"ne-emu attest root", "", "Print the root certificate of this host's emulated "
		"enclaves, for verifiers", opts, 0, 0,
	};
	X509 *root = NULL;
	char **args;
	int r, format;

	r = cli_parse(&usage, argc, argv, &args);
	if (r < 0)
		return cli_exit_code(r);
	format = ca_export_format(format_name);
	if (format < 0)
		return cli_usage_error(&usage, "--format: not " CA_EXPORT_FORMATS);
	if (attest_read_root(path, &root))
		return CLI_FAILED;
	r = ca_export(root, format, stdout);
	X509_free(root);
	if (r)
		cli_error("cannot write the certificate");
	return r ? CLI_FAILED : CLI_OK;
}

static const struct cli_command commands[] = {
	{ "verify", "check a document and say what was checked", cmd_attest_verify },
	{ "show", "print what a document says, checking nothing", cmd_attest_show },
	{ "root", "print the root certificate of this host", cmd_attest_root },
	{}
};

int cmd_attest(int argc, char **argv)
{
	return cli_dispatch("ne-emu attest", commands, argc, argv);
}
