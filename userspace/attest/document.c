// SPDX-License-Identifier: Apache-2.0
/* Attestation documents taken apart: COSE_Sign1 around a CBOR map. */

#include "attest/document.h"

#include "common/util.h"
#include "nsm/cbor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TAG_COSE_SIGN1	18	/* RFC 9052 */
#define HEADER_ALG	1	/* RFC 9052, 3.1 */
#define ALG_ES384	34	/* -35, as CBOR counts below zero (RFC 9053, 2.1) */

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

/* @reason: the caller's */
struct parser {
	struct attest_document *document;
	char *reason;
};

__attribute__((format(printf, 2, 3)))
static int fail(const struct parser *parser, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(parser->reason, ATTEST_REASON_SIZE, fmt, args);
	va_end(args);
	return -EBADMSG;
}

static struct nsm_bytes item_bytes(const struct nsm_cbor_item *item)
{
	return (struct nsm_bytes){ .data = item->data, .len = item->value };
}

static int read_bytes(const struct parser *parser, struct nsm_cbor_reader *reader,
		      const char *what, struct nsm_bytes *ret)
{
	struct nsm_cbor_item item = nsm_cbor_read(reader);

	if (item.kind != NSM_CBOR_BYTES)
		return fail(parser, "%s is no byte string", what);
	*ret = item_bytes(&item);
	return 0;
}

/* Does a map or array begin? @ret_left: pairs or items, for next_item(). */
static bool opens(const struct nsm_cbor_item *item, enum nsm_cbor_kind kind,
		  enum nsm_cbor_kind open_kind, uint64_t *ret_left)
{
	/* No document is that long, so this length stands for itself. */
	*ret_left = item->kind == open_kind ? NSM_CBOR_INDEFINITE :
		    MIN(item->value, NSM_CBOR_INDEFINITE - 1);
	return item->kind == kind || item->kind == open_kind;
}

static bool opens_map(const struct nsm_cbor_item *item, uint64_t *ret_left)
{
	return opens(item, NSM_CBOR_MAP, NSM_CBOR_OPEN_MAP, ret_left);
}

/*
 * Count down an array or map. Return: 1 (@ret is the head of the next item), 0 (the
 * end) or -1 (malformed).
 */
static int next_item(struct nsm_cbor_reader *reader, uint64_t *left, struct nsm_cbor_item *ret)
{
	if (*left != NSM_CBOR_INDEFINITE && !(*left)--)
		return 0;
	*ret = nsm_cbor_read(reader);
	if (ret->kind == NSM_CBOR_BREAK)
		return *left == NSM_CBOR_INDEFINITE ? 0 : -1;
	return ret->kind == NSM_CBOR_INVALID ? -1 : 1;
}

static void parse_protected(struct attest_document *document)
{
	struct nsm_cbor_reader reader = {
		.data = document->protected.data, .left = document->protected.len,
	};
	struct nsm_cbor_item map = nsm_cbor_read(&reader);
	struct nsm_cbor_item key = nsm_cbor_read(&reader);
	struct nsm_cbor_item value = nsm_cbor_read(&reader);

	document->es384 = map.kind == NSM_CBOR_MAP && map.value == 1 &&
			  key.kind == NSM_CBOR_UINT && key.value == HEADER_ALG &&
			  value.kind == NSM_CBOR_NEGATIVE && value.value == ALG_ES384 &&
			  !reader.left;
}

static int parse_unprotected(const struct parser *parser, struct nsm_cbor_reader *reader)
{
	struct nsm_cbor_item map = nsm_cbor_read(reader);
	uint64_t count;

	if (!opens_map(&map, &count))
		return fail(parser, "the unprotected header is no map");
	parser->document->unprotected = count;
	return nsm_cbor_skip(reader, &map) ?
	       fail(parser, "the unprotected header is malformed") : 0;
}

static int parse_pcrs(const struct parser *parser, struct nsm_cbor_reader *reader)
{
	struct attest_document *document = parser->document;
	struct nsm_cbor_item item = nsm_cbor_read(reader);
	uint64_t left;
	int more;

	if (!opens_map(&item, &left))
		return fail(parser, "pcrs is no map");
	while ((more = next_item(reader, &left, &item)) > 0) {
		struct attest_pcr pcr = { .index = item.value };

		if (item.kind != NSM_CBOR_UINT)
			return fail(parser, "a key of pcrs is no number");
		if (attest_find_pcr(document, pcr.index))
			return fail(parser, "PCR%" PRIu64 " is there twice", pcr.index);
		if (document->nr_pcrs == ATTEST_PCRS_MAX)
			return fail(parser, "more than %d PCRs", ATTEST_PCRS_MAX);
		if (read_bytes(parser, reader, "a value of pcrs", &pcr.value))
			return -EBADMSG;
		document->pcrs[document->nr_pcrs++] = pcr;
	}
	return more ? fail(parser, "pcrs is malformed") : 0;
}

static int parse_cabundle(const struct parser *parser, struct nsm_cbor_reader *reader)
{
	struct attest_document *document = parser->document;
	struct nsm_cbor_item item = nsm_cbor_read(reader);
	uint64_t left;
	int more;

	if (!opens(&item, NSM_CBOR_ARRAY, NSM_CBOR_OPEN_ARRAY, &left))
		return fail(parser, "cabundle is no array");
	while ((more = next_item(reader, &left, &item)) > 0) {
		if (item.kind != NSM_CBOR_BYTES)
			return fail(parser, "an entry of cabundle is no byte string");
		if (document->nr_cabundle == ATTEST_CAS_MAX)
			return fail(parser, "more than %d entries in cabundle", ATTEST_CAS_MAX);
		document->cabundle[document->nr_cabundle++] = item_bytes(&item);
	}
	return more ? fail(parser, "cabundle is malformed") : 0;
}

static int parse_text(const struct parser *parser, struct nsm_cbor_reader *reader,
		      const char *what, struct nsm_bytes *ret)
{
	struct nsm_cbor_item item = nsm_cbor_read(reader);

	if (item.kind != NSM_CBOR_TEXT || !nsm_cbor_utf8(item.data, item.value))
		return fail(parser, "%s is no text", what);
	*ret = item_bytes(&item);
	return 0;
}

static int parse_timestamp(const struct parser *parser, struct nsm_cbor_reader *reader)
{
	struct nsm_cbor_item item = nsm_cbor_read(reader);

	if (item.kind != NSM_CBOR_UINT)
		return fail(parser, "timestamp is no number");
	parser->document->timestamp = item.value;
	return 0;
}

static int parse_optional(const struct parser *parser, struct nsm_cbor_reader *reader,
			  const char *what, struct nsm_bytes *ret)
{
	struct nsm_cbor_item item = nsm_cbor_read(reader);

	if (item.kind == NSM_CBOR_NULL)
		return 0;
	if (item.kind != NSM_CBOR_BYTES)
		return fail(parser, "%s is neither null nor a byte string", what);
	*ret = item_bytes(&item);
	return 0;
}

static int parse_field(const struct parser *parser, enum attest_field field,
		       struct nsm_cbor_reader *reader)
{
	struct attest_document *document = parser->document;
	const char *name = field_names[field];

	switch (field) {
	case ATTEST_MODULE_ID:
		return parse_text(parser, reader, name, &document->module_id);
	case ATTEST_DIGEST:
		return parse_text(parser, reader, name, &document->digest);
	case ATTEST_TIMESTAMP:
		return parse_timestamp(parser, reader);
	case ATTEST_PCRS:
		return parse_pcrs(parser, reader);
	case ATTEST_CERTIFICATE:
		return read_bytes(parser, reader, name, &document->certificate);
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

static int skip_field(const struct parser *parser, struct nsm_cbor_reader *reader)
{
	struct nsm_cbor_item item = nsm_cbor_read(reader);

	parser->document->unknown++;
	return nsm_cbor_skip(reader, &item) ? fail(parser, "an unknown field is malformed") : 0;
}

static int find_field(const struct nsm_cbor_item *key)
{
	for (int field = 0; field < NR_ATTEST_FIELDS; field++)
		if (key->value == strlen(field_names[field]) &&
		    !memcmp(key->data, field_names[field], key->value))
			return field;
	return -1;
}

static int parse_pair(const struct parser *parser, const struct nsm_cbor_item *key,
		      struct nsm_cbor_reader *reader)
{
	struct attest_document *document = parser->document;
	int field;

	if (key->kind != NSM_CBOR_TEXT || !nsm_cbor_utf8(key->data, key->value))
		return fail(parser, "the name of a field is no text");
	field = find_field(key);
	if (field < 0)
		return skip_field(parser, reader);
	if (document->fields & ATTEST_FIELD_BIT(field))
		return fail(parser, "%s is there twice", field_names[field]);
	if (document->fields >> field)
		document->in_order = false;
	document->fields |= ATTEST_FIELD_BIT(field);
	return parse_field(parser, field, reader);
}

static int parse_payload(const struct parser *parser)
{
	struct attest_document *document = parser->document;
	struct nsm_cbor_reader reader = {
		.data = document->payload.data, .left = document->payload.len,
	};
	struct nsm_cbor_item item = nsm_cbor_read(&reader);
	int err = 0, more = 0;
	uint64_t left;

	if (!opens_map(&item, &left))
		return fail(parser, "the payload is no map");
	document->open_map = left == NSM_CBOR_INDEFINITE;
	document->in_order = true;
	while (!err && (more = next_item(&reader, &left, &item)) > 0)
		err = parse_pair(parser, &item, &reader);
	if (err)
		return err;
	if (more)
		return fail(parser, "the payload is malformed or cut off");
	return reader.left ? fail(parser, "%zu bytes follow the payload's map", reader.left) : 0;
}

int attest_parse(const void *bytes, size_t len, struct attest_document *ret,
		 char reason[ATTEST_REASON_SIZE])
{
	const struct parser parser = { .document = ret, .reason = reason };
	struct nsm_cbor_reader reader = { .data = bytes, .left = len };
	struct nsm_cbor_item item;

	*ret = (struct attest_document){ 0 };
	if (len > ATTEST_DOCUMENT_MAX)
		return fail(&parser, "longer than %d bytes", ATTEST_DOCUMENT_MAX);
	item = nsm_cbor_read(&reader);
	ret->tagged = item.kind == NSM_CBOR_TAG && item.value == TAG_COSE_SIGN1;
	if (ret->tagged)
		item = nsm_cbor_read(&reader);
	if (item.kind != NSM_CBOR_ARRAY || item.value != 4)
		return fail(&parser, "it is no COSE_Sign1: not an array of four");
	if (read_bytes(&parser, &reader, "the protected header", &ret->protected) ||
	    parse_unprotected(&parser, &reader) ||
	    read_bytes(&parser, &reader, "the payload", &ret->payload) ||
	    read_bytes(&parser, &reader, "the signature", &ret->signature))
		return -EBADMSG;
	if (reader.left)
		return fail(&parser, "%zu bytes follow the document", reader.left);
	parse_protected(ret);
	return parse_payload(&parser);
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
