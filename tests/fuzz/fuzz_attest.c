// SPDX-License-Identifier: Apache-2.0
/* The verifier of attestation documents, strict and not: it must accept none. */

#include "fuzz.h"

#include "attest/chain.h"
#include "attest/verify.h"

/* Cannot be the root of an input, because roots are self-signed. */
static const uint8_t no_root[] = { 0x30, 0x00 };

static void describe(const struct attest_document *document)
{
	struct attest_cert_text text;

	(void)attest_cert_describe(&document->certificate, &text);
	for (size_t i = 0; i < document->nr_cabundle; i++)
		(void)attest_cert_describe(&document->cabundle[i], &text);
}

static void verify(const uint8_t *data, size_t size, bool strict)
{
	static struct attest_document document;
	static struct attest_report report;
	struct attest_policy policy = {
		.root = { no_root, sizeof(no_root) },
		.use_timestamp = true,
		.allow_debug = true,
		.strict = strict,
		.pcrs_wanted = UINT32_MAX,
		.nonce = { no_root, sizeof(no_root) },
	};

	must(!attest_verify(data, size, &policy, &document, &report));
	must(report.count && report.count <= ATTEST_CHECKS_MAX);
	for (size_t i = 0; i < report.count; i++)
		must(report.checks[i].passed || report.checks[i].error.text[0]);
	if (!report.checks[0].passed)
		return;
	/* All fields of a document that passes check "format" are inside the input. */
	must(document.nr_pcrs <= ATTEST_PCRS_MAX && document.nr_cabundle <= ATTEST_CAS_MAX);
	must(document.message.payload.data >= data &&
	     document.message.payload.data + document.message.payload.len <=
	     data + size);
	describe(&document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	verify(data, size, false);
	verify(data, size, true);
	return 0;
}
