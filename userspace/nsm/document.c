// SPDX-License-Identifier: Apache-2.0
/* Payload of an attestation document, as CBOR. */

#include "nsm/document.h"

#include "common/cbor.h"

void document_set_fields(struct document *document)
{
	for (size_t i = 0; i < NR_DOCUMENT_FIELDS; i++)
		document->fields[i] = i;
	document->nr_fields = NR_DOCUMENT_FIELDS;
}

static void put_optional(struct emu_cbor_writer *writer, const struct nsm_bytes *bytes)
{
	if (bytes->data)
		emu_cbor_put_data(writer, bytes->data, bytes->len);
	else
		emu_cbor_put_null(writer);
}

static void put_pcrs(struct emu_cbor_writer *writer, const struct document *document)
{
	emu_cbor_put_map(writer, document->nr_pcrs);
	for (size_t i = 0; i < document->nr_pcrs; i++) {
		const struct document_pcr *pcr = &document->pcrs[i];

		emu_cbor_put_uint(writer, pcr->index);
		emu_cbor_put_data(writer, pcr->value.data, pcr->value.len);
	}
}

static void put_cabundle(struct emu_cbor_writer *writer, const struct document *document)
{
	emu_cbor_put_array(writer, document->nr_cas);
	for (size_t i = 0; i < document->nr_cas; i++)
		emu_cbor_put_data(writer, document->cas[i].data, document->cas[i].len);
}

static void document_put_field(struct emu_cbor_writer *writer, const struct document *document,
			       enum document_field field)
{
	static const char *const names[] = {
		[DOCUMENT_MODULE_ID] = "module_id",
		[DOCUMENT_DIGEST] = "digest",
		[DOCUMENT_TIMESTAMP] = "timestamp",
		[DOCUMENT_PCRS] = "pcrs",
		[DOCUMENT_CERTIFICATE] = "certificate",
		[DOCUMENT_CABUNDLE] = "cabundle",
		[DOCUMENT_PUBLIC_KEY] = "public_key",
		[DOCUMENT_USER_DATA] = "user_data",
		[DOCUMENT_NONCE] = "nonce",
		[DOCUMENT_PADDING] = "padding",
	};

	emu_cbor_put_text(writer, names[field]);
	switch (field) {
	case DOCUMENT_MODULE_ID:
		emu_cbor_put_text(writer, document->module_id);
		break;
	case DOCUMENT_DIGEST:
		emu_cbor_put_text(writer, document->digest);
		break;
	case DOCUMENT_TIMESTAMP:
		emu_cbor_put_uint(writer, document->timestamp_ms);
		break;
	case DOCUMENT_PCRS:
		put_pcrs(writer, document);
		break;
	case DOCUMENT_CERTIFICATE:
		emu_cbor_put_data(writer, document->certificate.data, document->certificate.len);
		break;
	case DOCUMENT_CABUNDLE:
		put_cabundle(writer, document);
		break;
	case DOCUMENT_PUBLIC_KEY:
		put_optional(writer, &document->public_key);
		break;
	case DOCUMENT_USER_DATA:
		put_optional(writer, &document->user_data);
		break;
	case DOCUMENT_NONCE:
		put_optional(writer, &document->nonce);
		break;
	case DOCUMENT_PADDING:
		emu_cbor_put_data(writer, document->padding.data, document->padding.len);
		break;
	}
}

size_t document_encode(const struct document *document, uint8_t *buf, size_t size)
{
	struct emu_cbor_writer writer = { .buf = buf, .size = size };

	if (document->definite)
		emu_cbor_put_map(&writer, document->nr_fields);
	else
		emu_cbor_put_open_map(&writer);
	for (size_t i = 0; i < document->nr_fields; i++)
		document_put_field(&writer, document, document->fields[i]);
	if (!document->definite)
		emu_cbor_put_break(&writer);
	return writer.overflow ? 0 : writer.used;
}
