// SPDX-License-Identifier: Apache-2.0
/* Attestation documents: signed statements of the NSM about its enclave. */

#include "nsm/attestation.h"

#include "cose/sign1.h"
#include "nsm/document.h"

#include <errno.h>
#include <string.h>

/* Registers that can still change are not attested. */
static void add_locked_pcrs(const struct pcr_bank *bank, struct document *document)
{
	for (unsigned int i = 0; i < NSM_PCRS; i++)
		if (pcr_locked(bank, i))
			document->pcrs[document->nr_pcrs++] = (struct document_pcr){
				.index = i, .value = { bank->values[i], NSM_PCR_SIZE },
			};
}

static void fill_in(const struct attestation *attestation, struct document *document)
{
	const struct identity *identity = attestation->identity;

	*document = (struct document){
		.definite = attestation->settings->definite_map,
		.module_id = attestation->module_id,
		.digest = NSM_DIGEST,
		.timestamp_ms = attestation->now_ms,
		.certificate = identity->certificate,
		.nr_cas = identity->nr_cas,
		.public_key = attestation->request->public_key,
		.user_data = attestation->request->user_data,
		.nonce = attestation->request->nonce,
	};
	memcpy(document->cas, identity->cas, sizeof(document->cas));
	document_set_fields(document);
	add_locked_pcrs(attestation->pcrs, document);
}

int attestation_encode(const struct attestation *attestation,
		       struct attestation_scratch *scratch, uint8_t *buf, size_t size,
		       size_t *ret_len)
{
	struct cose_sign1 message = { .algorithm = COSE_ALG_ES384 };
	struct cose_signer *signer = attestation->identity->signer;
	uint64_t flaws = attestation->settings->flaws;
	struct document document;
	size_t len;
	int err;

	fill_in(attestation, &document);
	flaws_apply(flaws, &document, &scratch->flaws);
	len = document_encode(&document, scratch->payload, sizeof(scratch->payload));
	if (!len)
		return -EMSGSIZE;
	message.payload = (struct nsm_bytes){ scratch->payload, len };
	flaws_before_signing(flaws, &message, scratch->payload);
	err = cose_sign1_encode(&message, signer, buf, size, &len);
	if (!err)
		err = flaws_after_signing(flaws, &message, cose_signer_size(signer), buf, size,
					  &len);
	if (err)
		return err;
	*ret_len = len;
	return 0;
}
