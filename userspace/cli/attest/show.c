// SPDX-License-Identifier: Apache-2.0
/* ne-emu attest show: print the contents of a document. */

#include "cli/attest/commands.h"
#include "cli/attest/input.h"

#include "attest/chain.h"
#include "common/clock.h"
#include "common/json_out.h"
#include "common/text.h"
#include "common/util.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define TIME_SIZE	40

static void time_text(uint64_t ms, char text[TIME_SIZE])
{
	time_t seconds = MIN(ms / MSEC_PER_SEC, (uint64_t)INT64_MAX);
	struct tm tm;
	size_t len = 0;

	if (gmtime_r(&seconds, &tm))
		len = strftime(text, TIME_SIZE - 6, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, TIME_SIZE - len, len ? ".%03uZ" : "?",
		 (unsigned int)(ms % MSEC_PER_SEC));
}

/* Documents are untrusted, so escape what the terminal would act on. */
static void print_string(const char *label, const struct nsm_bytes *text)
{
	printf("%-12s ", label);
	text_print(stdout, (const char *)text->data, text->len, "");
	putchar('\n');
}

static void print_hex(const char *label, const struct nsm_bytes *bytes)
{
	printf("%-12s ", label);
	for (size_t i = 0; i < bytes->len; i++)
		printf("%02x", bytes->data[i]);
	puts(bytes->data ? bytes->len ? "" : "(empty)" : "none");
}

static void print_certificate(const char *label, const struct nsm_bytes *der)
{
	struct attest_cert_text text;
	struct nsm_bytes subject;

	if (attest_cert_describe(der, &text)) {
		printf("%-12s %zu bytes that are not a certificate\n", label, der->len);
		return;
	}
	subject = (struct nsm_bytes){ (const uint8_t *)text.subject, strlen(text.subject) };
	print_string(label, &subject);
	printf("%-12s valid from %s to %s, serial %s\n", "", text.not_before, text.not_after,
	       text.serial);
}

static void show_text(const struct attest_document *document)
{
	char text[TIME_SIZE], label[40];

	time_text(document->timestamp, text);
	print_string("module_id", &document->module_id);
	print_string("digest", &document->digest);
	printf("%-12s %s\n", "timestamp", text);
	for (size_t i = 0; i < document->nr_pcrs; i++) {
		snprintf(label, sizeof(label), "PCR%" PRIu64, document->pcrs[i].index);
		print_hex(label, &document->pcrs[i].value);
	}
	for (size_t i = 0; i < document->nr_cabundle; i++) {
		snprintf(label, sizeof(label), "cabundle[%zu]", i);
		print_certificate(label, &document->cabundle[i]);
	}
	print_certificate("certificate", &document->certificate);
	print_hex("public_key", &document->public_key);
	print_hex("user_data", &document->user_data);
	print_hex("nonce", &document->nonce);
	if (attest_is_debug(document))
		puts("\nPCR0, 1 and 2 are zero: the enclave runs in debug mode");
	puts("\nNothing was verified; see \"ne-emu attest verify\".");
}

static void put_bytes(struct json_out *out, const char *key, const struct nsm_bytes *bytes)
{
	if (bytes->data)
		json_out_hex(out, key, bytes->data, bytes->len);
	else
		json_out_null(out, key);
}

static void put_certificate(struct json_out *out, const char *key, const struct nsm_bytes *der)
{
	struct attest_cert_text text;

	json_out_object(out, key);
	if (!attest_cert_describe(der, &text)) {
		json_out_str(out, "Subject", text.subject);
		json_out_str(out, "Serial", text.serial);
		json_out_str(out, "NotBefore", text.not_before);
		json_out_str(out, "NotAfter", text.not_after);
		json_out_hex(out, "Sha256", text.sha256, sizeof(text.sha256));
	}
	put_bytes(out, "Der", der);
	json_out_end(out);
}

static int show_json(const struct attest_document *document)
{
	char text[TIME_SIZE], key[40];
	struct json_out out = {};

	time_text(document->timestamp, text);
	json_out_document(&out);
	json_out_bool(&out, "Verified", false);
	json_out_bool(&out, "Debug", attest_is_debug(document));
	json_out_bool(&out, "Tagged", document->message.tagged);
	json_out_strn(&out, "ModuleId", (const char *)document->module_id.data,
		      document->module_id.len);
	json_out_strn(&out, "Digest", (const char *)document->digest.data, document->digest.len);
	json_out_str(&out, "Time", text);
	json_out_u64(&out, "Timestamp", MIN(document->timestamp, (uint64_t)INT64_MAX));
	json_out_object(&out, "Pcrs");
	for (size_t i = 0; i < document->nr_pcrs; i++) {
		snprintf(key, sizeof(key), "PCR%" PRIu64, document->pcrs[i].index);
		put_bytes(&out, key, &document->pcrs[i].value);
	}
	json_out_end(&out);
	json_out_array(&out, "Cabundle");
	for (size_t i = 0; i < document->nr_cabundle; i++)
		put_certificate(&out, NULL, &document->cabundle[i]);
	json_out_end(&out);
	put_certificate(&out, "Certificate", &document->certificate);
	put_bytes(&out, "PublicKey", &document->public_key);
	put_bytes(&out, "UserData", &document->user_data);
	put_bytes(&out, "Nonce", &document->nonce);
	put_bytes(&out, "Signature", &document->message.signature);
	return json_out_print(&out, stdout, 2);
}

struct show_options {
	bool json;
};

static const struct opt options[] = {
	OPT_FLAG("json", struct show_options, json, "print one JSON object"),
	{}
};

static int attest_show_run(const struct command_call *call)
{
	const struct show_options *wanted = call->options;
	struct attest_document document;
	struct error error;
	__cleanup_free uint8_t *bytes = NULL;
	size_t len;

	if (attest_read_document(call->args[0], &bytes, &len))
		return COMMAND_FAILED;
	if (attest_parse(bytes, len, &document, &error)) {
		term_error("%s is not an attestation document: %s", call->args[0], error.text);
		return ATTEST_REJECTED;
	}
	if (wanted->json)
		return show_json(&document) ? COMMAND_FAILED : COMMAND_OK;
	show_text(&document);
	return COMMAND_OK;
}

const struct command cmd_attest_show = {
	.name = "show",
	.summary = "print the contents of a document without verifying it",
	.args = "FILE",
	.about = "Print the contents of an attestation document (\"-\": standard input). Only its\n"
		 "form is checked",
	.options = options,
	.values = { VALUES_FILES },
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct show_options),
	.run = attest_show_run,
};
