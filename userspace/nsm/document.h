/* SPDX-License-Identifier: Apache-2.0 */
/* Payload of an attestation document, as CBOR. */

#ifndef NE_EMU_NSM_DOCUMENT_H
#define NE_EMU_NSM_DOCUMENT_H

#include "common/nsm_control.h"
#include "nsm/nsm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of AWS's documents. */
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
	/* AWS does not have this one: it is for documents that verifiers must refuse. */
	DOCUMENT_PADDING = NR_DOCUMENT_FIELDS,
};

/* Room for all fields, one of them twice, and padding. */
#define DOCUMENT_FIELDS_MAX	(NR_DOCUMENT_FIELDS + 2)

struct document_pcr {
	uint16_t index;
	struct nsm_bytes value;
};

/**
 * struct document - contents of the payload; borrows what it points to
 * @definite: the map has a definite length; otherwise a break ends it
 * @fields: fields that are present, in order
 * @timestamp_ms: milliseconds since 1970
 * @pcrs: registers, ascending; room for one that does not exist, for documents that
 *	verifiers must refuse
 * @public_key, @user_data, @nonce: null if data is NULL
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

/** document_set_fields() - select all nine fields, in order */
void document_set_fields(struct document *document);

/** document_encode() - write the payload; Return: bytes written, or 0 if they do not fit */
size_t document_encode(const struct document *document, uint8_t *buf, size_t size);

#endif
