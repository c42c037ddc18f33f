// SPDX-License-Identifier: Apache-2.0
/*
 * Decodes requests to the NSM with our decoder, as peers/nsm-api does with AWS's.
 *
 * Each input line is a request in hexadecimal digits. Prints for each "reject" or the
 * request in its plain form.
 */

#include "cbor_fields.h"

#include "common/cbor.h"
#include "common/util.h"
#include "nsm/request.h"

#include <string.h>

/* Fields are printed in this order. */
struct form {
	const char *name;
	const char *number;	/* name of the field that "index" is, or NULL */
	bool data;
	bool optional;		/* user_data, nonce, public_key */
};

static const struct form forms[] = {
	[NSM_OP_DESCRIBE_PCR] = { "DescribePCR", "index", false, false },
	[NSM_OP_EXTEND_PCR] = { "ExtendPCR", "index", true, false },
	[NSM_OP_LOCK_PCR] = { "LockPCR", "index", false, false },
	[NSM_OP_LOCK_PCRS] = { "LockPCRs", "range", false, false },
	[NSM_OP_DESCRIBE_NSM] = { "DescribeNSM", NULL, false, false },
	[NSM_OP_ATTESTATION] = { "Attestation", NULL, false, true },
	[NSM_OP_GET_RANDOM] = { "GetRandom", NULL, false, false },
};

static size_t write_plain(const struct nsm_request *request, uint8_t *buf, size_t size)
{
	const struct form *form = &forms[request->operation];
	struct emu_cbor_writer writer = { .buf = buf, .size = size };
	size_t fields = !!form->number + form->data + 3 * form->optional;

	if (fields)
		emu_cbor_put_map(&writer, 1);
	emu_cbor_put_text(&writer, form->name);
	if (fields)
		emu_cbor_put_map(&writer, fields);
	if (form->number) {
		emu_cbor_put_text(&writer, form->number);
		emu_cbor_put_uint(&writer, request->index);
	}
	if (form->data)
		put_bytes(&writer, "data", &request->data);
	if (form->optional) {
		put_bytes(&writer, "user_data", &request->user_data);
		put_bytes(&writer, "nonce", &request->nonce);
		put_bytes(&writer, "public_key", &request->public_key);
	}
	return writer.used;
}

static void decode(const char *line)
{
	uint8_t bytes[NSM_REQUEST_MAX], plain[2 * NSM_REQUEST_MAX];
	char text[2 * sizeof(plain) + 1];
	struct nsm_request request;
	uint8_t *exact;
	size_t len;

	if (hex_decode(line, bytes, sizeof(bytes), &len))
		abort();
	/* A copy of the exact size, so that the sanitizer finds over-reads. */
	exact = malloc(len ? len : 1);
	memcpy(exact, bytes, len);
	/* AWS's library does not know these requests. */
	if (nsm_request_decode(exact, len, &request) || request.operation >= NSM_OP_EXIT) {
		puts("reject");
	} else {
		hex_encode(plain, write_plain(&request, plain, sizeof(plain)), text);
		puts(text);
	}
	free(exact);
}

int main(void)
{
	char line[2 * NSM_REQUEST_MAX + 2];

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		decode(line);
	}
	return EXIT_SUCCESS;
}
