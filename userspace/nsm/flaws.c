// SPDX-License-Identifier: Apache-2.0
/* Deliberate faults in documents, to check that verifiers refuse them. */

#include "nsm/flaws.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>

#define DAY_MS		86400000ULL
#define PADDING_SIZE	4096
#define NONCE_SIZE	8
/* Size of the head of a byte string of 24 to 255 bytes, such as a signature. */
#define SIGNATURE_HEAD	2

static const uint8_t zeros[PADDING_SIZE];

static bool has(uint64_t flaws, enum nsm_flaw flaw)
{
	return flaws & NSM_FLAW_BIT(flaw);
}

static void apply_to_time(uint64_t flaws, struct document *document)
{
	if (has(flaws, NSM_FLAW_STALE))
		document->timestamp_ms -= MIN(document->timestamp_ms, DAY_MS);
	if (has(flaws, NSM_FLAW_FUTURE))
		document->timestamp_ms += DAY_MS;
	if (has(flaws, NSM_FLAW_TIME_ZERO))
		document->timestamp_ms = 0;
}

static void apply_to_pcr_values(uint64_t flaws, struct document *document,
				struct flaw_scratch *scratch)
{
	/* PCR0 to 15 are always present. */
	if (has(flaws, NSM_FLAW_PCRS_ZERO))
		for (size_t i = 0; i < 3; i++)
			document->pcrs[i].value.data = zeros;
	if (has(flaws, NSM_FLAW_PCR0)) {
		memcpy(scratch->pcr0, document->pcrs[0].value.data, NSM_PCR_SIZE);
		scratch->pcr0[0] ^= 1;
		document->pcrs[0].value.data = scratch->pcr0;
	}
}

static void apply_to_pcrs(uint64_t flaws, struct document *document)
{
	struct document_pcr *last = &document->pcrs[document->nr_pcrs - 1];

	if (has(flaws, NSM_FLAW_PCR_INDEX))
		last->index = NSM_PCRS;
	if (has(flaws, NSM_FLAW_PCR_SIZE))
		last->value.len = NSM_PCR_SIZE - 1;
	if (has(flaws, NSM_FLAW_PCRS_33)) {
		for (size_t i = document->nr_pcrs; i <= NSM_PCRS; i++)
			document->pcrs[i] = (struct document_pcr){
				.index = i, .value = { zeros, NSM_PCR_SIZE },
			};
		document->nr_pcrs = NSM_PCRS + 1;
	}
	if (has(flaws, NSM_FLAW_PCRS_EMPTY))
		document->nr_pcrs = 0;
}

static void apply_to_cabundle(uint64_t flaws, struct document *document,
			      struct flaw_scratch *scratch)
{
	if (has(flaws, NSM_FLAW_CABUNDLE_ENTRY) && document->nr_cas) {
		struct nsm_bytes *last = &document->cas[document->nr_cas - 1];

		memset(scratch->ca, 0, sizeof(scratch->ca));
		memcpy(scratch->ca, last->data, MIN(last->len, sizeof(scratch->ca)));
		*last = (struct nsm_bytes){ scratch->ca, sizeof(scratch->ca) };
	}
	if (has(flaws, NSM_FLAW_CABUNDLE_EMPTY))
		document->nr_cas = 0;
}

static void apply_to_nonce(uint64_t flaws, struct document *document,
			   struct flaw_scratch *scratch)
{
	struct nsm_bytes *nonce = &document->nonce;

	if (!has(flaws, NSM_FLAW_NONCE))
		return;
	if (!nonce->len)
		*nonce = (struct nsm_bytes){ zeros, NONCE_SIZE };
	memcpy(scratch->nonce, nonce->data, nonce->len);
	scratch->nonce[0] ^= 1;
	nonce->data = scratch->nonce;
}

static void leave_out_fields(uint64_t flaws, struct document *document)
{
	size_t kept = 0;

	for (size_t i = 0; i < document->nr_fields; i++)
		if (!has(flaws, NSM_FLAW_NO_MODULE_ID + document->fields[i]))
			document->fields[kept++] = document->fields[i];
	document->nr_fields = kept;
}

static void reverse_fields(struct document *document)
{
	size_t n = document->nr_fields;

	for (size_t i = 0; i < n / 2; i++) {
		enum document_field field = document->fields[i];

		document->fields[i] = document->fields[n - 1 - i];
		document->fields[n - 1 - i] = field;
	}
}

static void apply_to_fields(uint64_t flaws, struct document *document)
{
	_Static_assert(NSM_FLAW_NO_NONCE - NSM_FLAW_NO_MODULE_ID == DOCUMENT_NONCE,
		       "the flaws have the order of the fields");
	leave_out_fields(flaws, document);
	if (has(flaws, NSM_FLAW_KEY_ORDER))
		reverse_fields(document);
	if (has(flaws, NSM_FLAW_DUPLICATE))
		document->fields[document->nr_fields++] = DOCUMENT_NONCE;
	if (has(flaws, NSM_FLAW_OVERSIZED)) {
		document->padding = (struct nsm_bytes){ zeros, PADDING_SIZE };
		document->fields[document->nr_fields++] = DOCUMENT_PADDING;
	}
}

void flaws_apply(uint64_t flaws, struct document *document, struct flaw_scratch *scratch)
{
	if (has(flaws, NSM_FLAW_MODULE_ID_EMPTY))
		document->module_id = "";
	if (has(flaws, NSM_FLAW_DIGEST))
		document->digest = "SHA512";
	apply_to_time(flaws, document);
	apply_to_pcr_values(flaws, document, scratch);
	apply_to_pcrs(flaws, document);
	apply_to_cabundle(flaws, document, scratch);
	apply_to_nonce(flaws, document, scratch);
	apply_to_fields(flaws, document);
}

void flaws_before_signing(uint64_t flaws, struct cose_sign1 *message, uint8_t *payload)
{
	if (has(flaws, NSM_FLAW_ALGORITHM))
		message->algorithm = COSE_ALG_ES256;
	if (has(flaws, NSM_FLAW_TAGGED))
		message->tagged = true;
	/* Sign a payload other than the one that is sent, which is itself well-formed. */
	if (has(flaws, NSM_FLAW_PAYLOAD))
		payload[message->payload.len / 2] ^= 1;
}

int flaws_after_signing(uint64_t flaws, const struct cose_sign1 *message,
			size_t signature_size, uint8_t *buf, size_t size, size_t *len)
{
	uint8_t *payload = buf + *len - signature_size - SIGNATURE_HEAD - message->payload.len;

	if (has(flaws, NSM_FLAW_PAYLOAD))
		payload[message->payload.len / 2] ^= 1;
	if (has(flaws, NSM_FLAW_SIGNATURE))
		buf[*len - 1] ^= 1;
	if (has(flaws, NSM_FLAW_TRAILING)) {
		if (*len == size)
			return -EMSGSIZE;
		buf[(*len)++] = 0;
	}
	return 0;
}
