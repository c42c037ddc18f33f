/* SPDX-License-Identifier: Apache-2.0 */
/* Payload of an attestation document: what is signed, as CBOR. */

#ifndef NE_EMU_NSM_DOCUMENT_H
#define NE_EMU_NSM_DOCUMENT_H

#include "common/nsm_control.h"
#include "nsm/nsm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of AWS. */
enum document_field {
	DOCUMENT_MODULE_ID,
	DOCUMENT_DIGEST,
	DOCUMENT_TIMESTAMP,
	DOCUMENT_PCRS,
	DOCUMENT_CERTIFICATE,
	DOCUMENT_CABUNDLE,
	DOCUMENT_PUBLIC_KEY,
	DOCUMENT_USER_DATA,
	DOCUMENT_NONCE,
	NR_DOCUMENT_FIELDS,
	/* Not of AWS: for documents that are to be refused. */
	DOCUMENT_PADDING = NR_DOCUMENT_FIELDS,
};

/* All fields, one of them twice, and padding. */
#define DOCUMENT_FIELDS_MAX	(NR_DOCUMENT_FIELDS + 2)

struct document_pcr {
	uint16_t index;
	struct nsm_bytes value;
};

/**
 * struct document - borrows all that it points to
 * @definite: the map's length stands in front of it; otherwise a break ends it
 * @fields: those present, in order
 * @timestamp_ms: since 1970
 * @pcrs: ascending; one more than there are, for documents that are to be refused
 * @public_key, @user_data, @nonce: data NULL: null
 */
struct document {
	bool definite;
	enum document_field fields[DOCUMENT_FIELDS_MAX];
	size_t nr_fields;
	const char *module_id;
	const char *digest;
	uint64_t timestamp_ms;
	struct document_pcr pcrs[NSM_PCRS + 1];
	size_t nr_pcrs;
	struct nsm_bytes certificate;
	struct nsm_bytes cas[NSM_CONTROL_CAS_MAX];
	size_t nr_cas;
	struct nsm_bytes public_key;
	struct nsm_bytes user_data;
	struct nsm_bytes nonce;
	struct nsm_bytes padding;
};

/** document_set_fields() - all nine, in order */
void document_set_fields(struct document *document);

/** document_encode() - bytes written, or 0 if they do not fit */
size_t document_encode(const struct document *document, uint8_t *buf, size_t size);

#endif
