/* SPDX-License-Identifier: Apache-2.0 */
/* Parser of attestation documents: COSE_Sign1 around a CBOR map. */

#ifndef NE_EMU_ATTEST_DOCUMENT_H
#define NE_EMU_ATTEST_DOCUMENT_H

#include "common/error.h"
#include "cose/sign1.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Maximum size of a document, larger than any response of an NSM. */
#define ATTEST_DOCUMENT_MAX	16384
/* Maximum numbers of entries; documents with more are malformed. */
#define ATTEST_PCRS_MAX		64
#define ATTEST_CAS_MAX		16

/* Fields of the payload, in the order of EC2's documents. */
enum attest_field {
	ATTEST_MODULE_ID,
	ATTEST_DIGEST,
	ATTEST_TIMESTAMP,
	ATTEST_PCRS,
	ATTEST_CERTIFICATE,
	ATTEST_CABUNDLE,
	ATTEST_PUBLIC_KEY,
	ATTEST_USER_DATA,
	ATTEST_NONCE,
	NR_ATTEST_FIELDS,
};

#define ATTEST_FIELD_BIT(field)	(1U << (field))

/** attest_field_name() - Return: the name of a field in the document */
const char *attest_field_name(enum attest_field field);

struct attest_pcr {
	uint64_t index;
	struct nsm_bytes value;
};

/**
 * struct attest_document - the parts of a document, as pointers into its bytes
 * @message: the message around the payload
 * @open_map: the payload is a map of indefinite length, which a break ends
 * @fields: ATTEST_FIELD_BIT()s of the fields that are present
 * @unknown: number of fields with other names
 * @in_order: the fields are in the order of EC2's documents
 * @timestamp: milliseconds since 1970
 *
 * Fields that are absent or null have no data.
 */
struct attest_document {
	struct cose_sign1 message;
	bool open_map;
	uint32_t fields;
	size_t unknown;
	bool in_order;
	struct nsm_bytes module_id;
	struct nsm_bytes digest;
	uint64_t timestamp;
	struct attest_pcr pcrs[ATTEST_PCRS_MAX];
	size_t nr_pcrs;
	struct nsm_bytes certificate;
	struct nsm_bytes cabundle[ATTEST_CAS_MAX];
	size_t nr_cabundle;
	struct nsm_bytes public_key;
	struct nsm_bytes user_data;
	struct nsm_bytes nonce;
};

/**
 * attest_parse() - parse a document
 * @bytes: the document, which has to outlive @ret
 * @error: receives what is wrong with it
 *
 * Accepts all forms that CBOR allows: maps and arrays of definite or indefinite length,
 * with or without the tag. Refuses duplicate fields and PCRs, strings in chunks, types
 * other than those that EC2 uses, and bytes after the document. Does not check values.
 *
 * Return: 0, or -EBADMSG with @error.
 */
int attest_parse(const void *bytes, size_t len, struct attest_document *ret,
		 struct error *error);

/** attest_find_pcr() - Return: a PCR of the document, or NULL */
const struct attest_pcr *attest_find_pcr(const struct attest_document *document,
					 uint64_t index);

/** attest_is_debug() - Return: true if PCR0, 1 and 2 are present and all zero */
bool attest_is_debug(const struct attest_document *document);

#endif
