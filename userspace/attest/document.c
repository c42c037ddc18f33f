// SPDX-License-Identifier: Apache-2.0
/* Parser of attestation documents: COSE_Sign1 around a CBOR map. */

#include "attest/document.h"

#include "common/cbor.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char *const field_names[NR_ATTEST_FIELDS] = {
	[ATTEST_MODULE_ID] = "module_id",
	[ATTEST_DIGEST] = "digest",
	[ATTEST_TIMESTAMP] = "timestamp",
	[ATTEST_PCRS] = "pcrs",
	[ATTEST_CERTIFICATE] = "certificate",
	[ATTEST_CABUNDLE] = "cabundle",
	[ATTEST_PUBLIC_KEY] = "public_key",
	[ATTEST_USER_DATA] = "user_data",
	[ATTEST_NONCE] = "nonce",
};

/* State of one attest_parse() call. */
struct parser {
	struct attest_document *document;
	struct error *error;
};

static struct nsm_bytes item_bytes(const struct emu_cbor_item *item)
{
	return (struct nsm_bytes){ .data = item->data, .len = item->value };
}

static int document_read_bytes(const struct parser *parser, struct emu_cbor_reader *reader,
			       const char *what, struct nsm_bytes *ret)
{
	struct emu_cbor_item item = emu_cbor_read(reader);

	if (item.kind != EMU_CBOR_BYTES)
		return error_set(parser->error, -EBADMSG, "%s is not a byte string", what);
	*ret = item_bytes(&item);
	return 0;
}

/*
 * Return: whether a map or an array begins; @ret_left: its number of pairs or items, for
 * next_item().
 */
static bool opens(const struct emu_cbor_item *item, enum emu_cbor_kind kind,
		  enum emu_cbor_kind open_kind, uint64_t *ret_left)
{
	/* No document is that long, so the value is free to mean an indefinite length. */
	*ret_left = item->kind == open_kind ? EMU_CBOR_INDEFINITE :
		    MIN(item->value, EMU_CBOR_INDEFINITE - 1);
	return item->kind == kind || item->kind == open_kind;
}

static bool opens_map(const struct emu_cbor_item *item, uint64_t *ret_left)
{
	return opens(item, EMU_CBOR_MAP, EMU_CBOR_OPEN_MAP, ret_left);
}

/*
 * Advance in an array or map. Return: 1 (@ret is the head of the next item), 0 (the end)
 * or -1 (malformed).
 */
static int next_item(struct emu_cbor_reader *reader, uint64_t *left, struct emu_cbor_item *ret)
{
	if (*left != EMU_CBOR_INDEFINITE && !(*left)--)
		return 0;
	*ret = emu_cbor_read(reader);
	if (ret->kind == EMU_CBOR_BREAK)
		return *left == EMU_CBOR_INDEFINITE ? 0 : -1;
	return ret->kind == EMU_CBOR_INVALID ? -1 : 1;
}

static int parse_pcrs(const struct parser *parser, struct emu_cbor_reader *reader)
{
	struct attest_document *document = parser->document;
	struct emu_cbor_item item = emu_cbor_read(reader);
	uint64_t left;
	int more;

	if (!opens_map(&item, &left))
		return error_set(parser->error, -EBADMSG, "pcrs is not a map");
	while ((more = next_item(reader, &left, &item)) > 0) {
		struct attest_pcr pcr = { .index = item.value };

		if (item.kind != EMU_CBOR_UINT)
			return error_set(parser->error, -EBADMSG, "a key of pcrs is not a number");
		if (attest_find_pcr(document, pcr.index))
			return error_set(parser->error, -EBADMSG,
					 "PCR%" PRIu64 " occurs twice", pcr.index);
		if (document->nr_pcrs == ATTEST_PCRS_MAX)
			return error_set(parser->error, -EBADMSG,
					 "more than %d PCRs", ATTEST_PCRS_MAX);
		if (document_read_bytes(parser, reader, "a value of pcrs", &pcr.value))
			return -EBADMSG;
		document->pcrs[document->nr_pcrs++] = pcr;
	}
	return more ? error_set(parser->error, -EBADMSG, "pcrs is malformed") : 0;
}

static int parse_cabundle(const struct parser *parser, struct emu_cbor_reader *reader)
{
	struct attest_document *document = parser->document;
	struct emu_cbor_item item = emu_cbor_read(reader);
	uint64_t left;
	int more;

	if (!opens(&item, EMU_CBOR_ARRAY, EMU_CBOR_OPEN_ARRAY, &left))
		return error_set(parser->error, -EBADMSG, "cabundle is not an array");
	while ((more = next_item(reader, &left, &item)) > 0) {
		if (item.kind != EMU_CBOR_BYTES)
			return error_set(parser->error, -EBADMSG,
					 "an entry of cabundle is not a byte string");
		if (document->nr_cabundle == ATTEST_CAS_MAX)
			return error_set(parser->error, -EBADMSG,
					 "more than %d entries in cabundle", ATTEST_CAS_MAX);
		document->cabundle[document->nr_cabundle++] = item_bytes(&item);
	}
	return more ? error_set(parser->error, -EBADMSG, "cabundle is malformed") : 0;
}

static int document_parse_text(const struct parser *parser, struct emu_cbor_reader *reader,
			       const char *what, struct nsm_bytes *ret)
{
	struct emu_cbor_item item = emu_cbor_read(reader);

	if (item.kind != EMU_CBOR_TEXT || !emu_cbor_utf8(item.data, item.value))
		return error_set(parser->error, -EBADMSG, "%s is not text", what);
	*ret = item_bytes(&item);
	return 0;
}

static int parse_timestamp(const struct parser *parser, struct emu_cbor_reader *reader)
{
	struct emu_cbor_item item = emu_cbor_read(reader);

	if (item.kind != EMU_CBOR_UINT)
		return error_set(parser->error, -EBADMSG, "timestamp is not a number");
	parser->document->timestamp = item.value;
	return 0;
}

static int parse_optional(const struct parser *parser, struct emu_cbor_reader *reader,
			  const char *what, struct nsm_bytes *ret)
{
	struct emu_cbor_item item = emu_cbor_read(reader);

	if (item.kind == EMU_CBOR_NULL)
		return 0;
	if (item.kind != EMU_CBOR_BYTES)
		return error_set(parser->error, -EBADMSG,
				 "%s is neither null nor a byte string", what);
	*ret = item_bytes(&item);
	return 0;
}

static int parse_field(const struct parser *parser, enum attest_field field,
		       struct emu_cbor_reader *reader)
{
	struct attest_document *document = parser->document;
	const char *name = field_names[field];

	switch (field) {
	case ATTEST_MODULE_ID:
		return document_parse_text(parser, reader, name, &document->module_id);
	case ATTEST_DIGEST:
		return document_parse_text(parser, reader, name, &document->digest);
	case ATTEST_TIMESTAMP:
		return parse_timestamp(parser, reader);
	case ATTEST_PCRS:
		return parse_pcrs(parser, reader);
	case ATTEST_CERTIFICATE:
		return document_read_bytes(parser, reader, name, &document->certificate);
	case ATTEST_CABUNDLE:
		return parse_cabundle(parser, reader);
	case ATTEST_PUBLIC_KEY:
		return parse_optional(parser, reader, name, &document->public_key);
	case ATTEST_USER_DATA:
		return parse_optional(parser, reader, name, &document->user_data);
	case ATTEST_NONCE:
		return parse_optional(parser, reader, name, &document->nonce);
	case NR_ATTEST_FIELDS:
		break;
	}
	return -EBADMSG;
}

static int skip_field(const struct parser *parser, struct emu_cbor_reader *reader)
{
	struct emu_cbor_item item = emu_cbor_read(reader);

	parser->document->unknown++;
	return emu_cbor_skip(reader, &item) ? error_set(parser->error, -EBADMSG,
							"an unknown field is malformed") : 0;
}

static int find_field(const struct emu_cbor_item *key)
{
	for (int field = 0; field < NR_ATTEST_FIELDS; field++)
		if (key->value == strlen(field_names[field]) &&
		    !memcmp(key->data, field_names[field], key->value))
			return field;
	return -1;
}

static int parse_pair(const struct parser *parser, const struct emu_cbor_item *key,
		      struct emu_cbor_reader *reader)
{
	struct attest_document *document = parser->document;
	int field;

	if (key->kind != EMU_CBOR_TEXT || !emu_cbor_utf8(key->data, key->value))
		return error_set(parser->error, -EBADMSG, "the name of a field is not text");
	field = find_field(key);
	if (field < 0)
		return skip_field(parser, reader);
	if (document->fields & ATTEST_FIELD_BIT(field))
		return error_set(parser->error, -EBADMSG, "%s occurs twice", field_names[field]);
	if (document->fields >> field)
		document->in_order = false;
	document->fields |= ATTEST_FIELD_BIT(field);
	return parse_field(parser, field, reader);
}

static int parse_payload(const struct parser *parser)
{
	struct attest_document *document = parser->document;
	struct emu_cbor_reader reader = {
		.data = document->message.payload.data, .left = document->message.payload.len,
	};
	struct emu_cbor_item item = emu_cbor_read(&reader);
	int err = 0, more = 0;
	uint64_t left;

	if (!opens_map(&item, &left))
		return error_set(parser->error, -EBADMSG, "the payload is not a map");
	document->open_map = left == EMU_CBOR_INDEFINITE;
	document->in_order = true;
	while (!err && (more = next_item(&reader, &left, &item)) > 0)
		err = parse_pair(parser, &item, &reader);
	if (err)
		return err;
	if (more)
		return error_set(parser->error, -EBADMSG, "the payload is malformed or cut off");
	return reader.left ? error_set(parser->error, -EBADMSG,
				       "%zu bytes follow the payload's map", reader.left) : 0;
}

int attest_parse(const void *bytes, size_t len, struct attest_document *ret,
		 struct error *error)
{
	const struct parser parser = { .document = ret, .error = error };
	const char *trouble;

	*ret = (struct attest_document){ 0 };
	if (len > ATTEST_DOCUMENT_MAX)
		return error_set(error, -EBADMSG, "longer than %d bytes", ATTEST_DOCUMENT_MAX);
	trouble = cose_sign1_decode(bytes, len, &ret->message);
	return trouble ? error_set(error, -EBADMSG, "%s", trouble) : parse_payload(&parser);
}

const char *attest_field_name(enum attest_field field)
{
	return field_names[field];
}

const struct attest_pcr *attest_find_pcr(const struct attest_document *document,
					 uint64_t index)
{
	for (size_t i = 0; i < document->nr_pcrs; i++)
		if (document->pcrs[i].index == index)
			return &document->pcrs[i];
	return NULL;
}

static bool is_zero(const struct nsm_bytes *bytes)
{
	for (size_t i = 0; i < bytes->len; i++)
		if (bytes->data[i])
			return false;
	return true;
}

bool attest_is_debug(const struct attest_document *document)
{
	for (uint64_t index = 0; index < 3; index++) {
		const struct attest_pcr *pcr = attest_find_pcr(document, index);

		if (!pcr || !is_zero(&pcr->value))
			return false;
	}
	return true;
}
