// SPDX-License-Identifier: Apache-2.0
/* ne-emu attest verify: verify a document and print the result of each check. */

#include "cli/attest/commands.h"
#include "cli/attest/input.h"
#include "cli/finding.h"

#include "ca/cert.h"
#include "common/clock.h"
#include "common/json_out.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define PCR_MAX		31

/* The command line. */
struct verify_options {
	const char *root;
	struct opt_strings pcrs;
	const char *nonce;
	const char *user_data;
	const char *public_key;
	const char *time;
	uint64_t max_age;
	bool allow_debug;
	bool strict;
	bool json;
};

/* "N=" and 96 hexadecimal digits; each PCR once */
static bool set_pcr(const char *text, struct attest_policy *policy)
{
	const char *equals = strchr(text, '=');
	char index_text[3] = "";
	uint64_t index;
	size_t len;

	if (!equals || equals - text >= (int)sizeof(index_text))
		return false;
	memcpy(index_text, text, equals - text);
	if (parse_u64(index_text, 10, PCR_MAX, &index) ||
	    hex_decode(attest_hex(equals + 1), policy->pcrs[index], ATTEST_PCR_SIZE, &len) ||
	    len != ATTEST_PCR_SIZE || policy->pcrs_wanted & 1U << index)
		return false;
	policy->pcrs_wanted |= 1U << index;
	return true;
}

static bool set_time(const char *text, struct attest_policy *policy)
{
	struct tm tm = { 0 };
	uint64_t seconds;
	const char *end;

	if (!text) {
		policy->now_ms = time(NULL) * MSEC_PER_SEC;
		return true;
	}
	if (!strcmp(text, "document")) {
		policy->use_timestamp = true;
		return true;
	}
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (end && !*end) {
		policy->now_ms = timegm(&tm) * MSEC_PER_SEC;
		return true;
	}
	if (parse_u64(text, 10, INT64_MAX / MSEC_PER_SEC, &seconds))
		return false;
	policy->now_ms = seconds * MSEC_PER_SEC;
	return true;
}

static int set_value(const char *text, struct nsm_bytes *to)
{
	return text ? attest_read_value(text, to) : 0;
}

/* What the arguments say themselves, before any file is opened. */
static int check_usage(const struct command_call *call, struct attest_policy *policy)
{
	const struct verify_options *options = call->options;
	const struct {
		const char *option;
		const char *text;
	} values[] = {
		{ "nonce", options->nonce }, { "user-data", options->user_data },
		{ "public-key", options->public_key },
	};

	policy->max_age_ms = options->max_age * MSEC_PER_SEC;
	policy->allow_debug = options->allow_debug;
	policy->strict = options->strict;
	for (size_t i = 0; i < options->pcrs.count; i++)
		if (!set_pcr(options->pcrs.list[i], policy))
			return command_usage_error(call, "--pcr: \"%s\" is not N=HEX with N from 0 "
						   "to %d, each once, and 96 hexadecimal digits",
						   options->pcrs.list[i], PCR_MAX);
	if (!set_time(options->time, policy))
		return command_usage_error(call, "--time: \"%s\" is not \"document\", a time such "
					   "as 2026-01-31T12:00:00Z, or seconds since 1970",
					   options->time);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (values[i].text && !attest_is_value(values[i].text))
			return command_usage_error(call, "--%s: \"%s\" is neither hexadecimal "
						   "digits nor @FILE", values[i].option,
						   values[i].text);
	return COMMAND_OK;
}

static int set_root(const char *path, struct attest_policy *policy)
{
	X509 *root = NULL;
	uint8_t *der = NULL;
	int err = attest_read_root(path, &root);

	if (err)
		return err;
	err = ca_cert_der(root, &der, &policy->root.len);
	policy->root.data = der;
	X509_free(root);
	return err ? -ENOMEM : 0;
}

static int read_files(const struct verify_options *options, struct attest_policy *policy)
{
	int err = set_root(options->root, policy);

	if (!err)
		err = set_value(options->nonce, &policy->nonce);
	if (!err)
		err = set_value(options->user_data, &policy->user_data);
	if (!err)
		err = set_value(options->public_key, &policy->public_key);
	return err;
}

static void policy_cleanup(struct attest_policy *policy)
{
	ca_der_wipe((uint8_t *)policy->root.data, policy->root.len);
	free((void *)policy->nonce.data);
	free((void *)policy->user_data.data);
	free((void *)policy->public_key.data);
}

static enum finding_status check_status(const struct attest_check *check)
{
	return check->passed ? FINDING_OK : FINDING_ERROR;
}

static void print_text(const char *path, const struct attest_report *report, bool passed)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct attest_check *check = &report->checks[i];

		finding_print(check_status(check), check->name, check->error.text);
	}
	printf("\n%s: %s\n", path, passed ? "verified" : "REJECTED");
}

static int print_json(const struct attest_document *document, const struct attest_report *report,
		      bool passed)
{
	struct json_out out = {};

	json_out_document(&out);
	json_out_bool(&out, "Verified", passed);
	json_out_bool(&out, "Debug", report->checks[0].passed && attest_is_debug(document));
	json_out_array(&out, "Findings");
	for (size_t i = 0; i < report->count; i++) {
		const struct attest_check *check = &report->checks[i];

		finding_begin_json(&out, check_status(check), check->name, check->error.text);
		json_out_end(&out);
	}
	return json_out_print(&out, stdout, 2);
}

static int verify(const char *path, const struct attest_policy *policy, bool json)
{
	struct attest_document document;
	struct attest_report report;
	__cleanup_free uint8_t *bytes = NULL;
	size_t len;
	bool passed;

	if (attest_read_document(path, &bytes, &len))
		return COMMAND_FAILED;
	passed = attest_verify(bytes, len, policy, &document, &report);
	if (!json)
		print_text(path, &report, passed);
	else if (print_json(&document, &report, passed))
		return COMMAND_FAILED;
	return passed ? COMMAND_OK : ATTEST_REJECTED;
}

#define VALUE_MANUAL	"The document must hold exactly this value: hexadecimal digits, perhaps after " \
			"0x, or the bytes of a file."

static const struct opt options[] = {
	OPT_STRING("root", struct verify_options, root, "FILE",
		   "certificate to trust, PEM or DER;\ndefault: the root of this host",
		   .manual = "Certificate to trust, PEM or DER. Default: the root of this host's "
			     "emulated enclaves.",
		   .values = VALUES_FILES),
	OPT_STRINGS("pcr", struct verify_options, pcrs, "N=HEX", "PCR N must have this value",
		    .manual = "PCR _N_ must have this value. May be repeated."),
	OPT_STRING("nonce", struct verify_options, nonce, "HEX|@FILE",
		   "the document must hold this nonce", .manual = VALUE_MANUAL),
	OPT_STRING("user-data", struct verify_options, user_data, "HEX|@FILE",
		   "... this user data", .manual = VALUE_MANUAL),
	OPT_STRING("public-key", struct verify_options, public_key, "HEX|@FILE",
		   "... this public key", .manual = VALUE_MANUAL),
	OPT_STRING("time", struct verify_options, time, "TIME",
		   "verify at this time, or at that of the \"document\"",
		   .manual = "Verify at this time: 2026-01-31T12:00:00Z, or seconds since 1970, or "
			     "*document* for the timestamp of the document. Default: now."),
	OPT_NUMBER("max-age", struct verify_options, max_age, "SECONDS", 1, INT32_MAX,
		   "reject a document that is older",
		   .manual = "Reject the document if it is older at the time of *--time*."),
	OPT_FLAG("allow-debug", struct verify_options, allow_debug,
		 "accept documents of debug enclaves",
		 .manual = "Accept documents of enclaves in debug mode, whose PCR0, 1 and 2 are "
			   "zero."),
	OPT_FLAG("strict", struct verify_options, strict,
		 "require the limits of AWS's specification",
		 .manual = "Require the limits of AWS's specification, and where it allows "
			   "several forms, that of EC2's documents. EC2 itself goes beyond one "
			   "limit: it signs documents with 1024 bytes of user data or nonce, "
			   "where 512 are specified. These are rejected."),
	OPT_FLAG("json", struct verify_options, json, "print one JSON object",
		 .manual = "Print one JSON object: Verified, Debug, and Findings, each with "
			   "Check, Status (ok or error) and Text."),
	{}
};

static int attest_verify_run(const struct command_call *call)
{
	__cleanup(policy_cleanup) struct attest_policy policy = { 0 };
	const struct verify_options *wanted = call->options;
	int code = check_usage(call, &policy);

	if (code)
		return code;
	if (read_files(wanted, &policy))
		return COMMAND_FAILED;
	return verify(call->args[0], &policy, wanted->json);
}

const struct command cmd_attest_verify = {
	.name = "verify",
	.summary = "verify a document and print each check",
	.args = "FILE",
	.about = "Verify an attestation document (\"-\": standard input) and print each check "
		 "with\nits result. The exit code is 3 if the document is rejected",
	.options = options,
	.values = { VALUES_FILES },
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct verify_options),
	.run = attest_verify_run,
};
