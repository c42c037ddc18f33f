// SPDX-License-Identifier: Apache-2.0
/*
 * Requests to the NSM. AWS's library has a generic decoder, which also accepts other forms
 * than the usual one: numbers or byte strings for names, arrays for maps, text or arrays
 * of numbers for byte strings, strings in pieces, indefinite lengths.
 */

#include "nsm/request.h"

#include "common/cbor.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>

#define TAG_SELF_DESCRIBED	55799	/* RFC 8949, 3.4.6 */
/* A request with name and fields always begins with this head. */
#define HEAD_MAP_OF_ONE		0xa1

#define FIELDS_MAX		3

enum field_type {
	FIELD_U16,
	FIELD_BYTES,
	FIELD_OPTIONAL,		/* bytes or null; may be absent */
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset;		/* in struct nsm_request */
};

struct operation {
	const char *name;
	size_t nr_fields;	/* 0: only the name */
	struct field fields[FIELDS_MAX];
};

#define F(member)	offsetof(struct nsm_request, member)

static const struct operation operations[] = {
	[NSM_OP_DESCRIBE_PCR] = { "DescribePCR", 1, { { "index", FIELD_U16, F(index) } } },
	[NSM_OP_EXTEND_PCR] = { "ExtendPCR", 2, { { "index", FIELD_U16, F(index) },
						  { "data", FIELD_BYTES, F(data) } } },
	[NSM_OP_LOCK_PCR] = { "LockPCR", 1, { { "index", FIELD_U16, F(index) } } },
	[NSM_OP_LOCK_PCRS] = { "LockPCRs", 1, { { "range", FIELD_U16, F(index) } } },
	[NSM_OP_DESCRIBE_NSM] = { "DescribeNSM", 0, { { 0 } } },
	[NSM_OP_ATTESTATION] = { "Attestation", 3, {
		{ "user_data", FIELD_OPTIONAL, F(user_data) },
		{ "nonce", FIELD_OPTIONAL, F(nonce) },
		{ "public_key", FIELD_OPTIONAL, F(public_key) } } },
	[NSM_OP_GET_RANDOM] = { "GetRandom", 0, { { 0 } } },
	[NSM_OP_EXIT] = { "NeEmuExit", 1, { { "status", FIELD_U16, F(index) } } },
	[NSM_OP_AGENT_KEY] = { "NeEmuAgentKey", 0, { { 0 } } },
};

const char *nsm_operation_name(enum nsm_operation operation)
{
	return operations[operation].name;
}

struct decoder {
	struct emu_cbor_reader reader;
	struct nsm_request *request;
};

/* Read an item; tags inside a request have no meaning. */
static struct emu_cbor_item read_item(struct decoder *decoder)
{
	struct emu_cbor_item item;

	do
		item = emu_cbor_read(&decoder->reader);
	while (item.kind == EMU_CBOR_TAG);
	return item;
}

/* Append to @scratch, which has room: the pieces are never longer than the request. */
static int add_piece(struct nsm_request *request, const void *data, size_t len)
{
	if (len > sizeof(request->scratch) - request->scratch_used)
		return -EBADMSG;
	memcpy(request->scratch + request->scratch_used, data, len);
	request->scratch_used += len;
	return 0;
}

static int read_chunks(struct decoder *decoder, enum emu_cbor_kind kind, struct nsm_bytes *ret)
{
	struct nsm_request *request = decoder->request;
	size_t start = request->scratch_used;

	for (;;) {
		struct emu_cbor_item item = emu_cbor_read(&decoder->reader);

		if (item.kind == EMU_CBOR_BREAK)
			break;
		if (item.kind != kind || add_piece(request, item.data, item.value))
			return -EBADMSG;
	}
	*ret = (struct nsm_bytes){
		.data = request->scratch + start, .len = request->scratch_used - start,
	};
	return 0;
}

/* Read bytes or text, in one piece or in several; refuse other items. */
static int read_string(struct decoder *decoder, const struct emu_cbor_item *head,
		       struct nsm_bytes *ret)
{
	bool text = head->kind == EMU_CBOR_TEXT || head->kind == EMU_CBOR_TEXT_CHUNKS;
	int err = 0;

	switch (head->kind) {
	case EMU_CBOR_BYTES:
	case EMU_CBOR_TEXT:
		*ret = (struct nsm_bytes){ .data = head->data, .len = head->value };
		break;
	case EMU_CBOR_BYTE_CHUNKS:
		err = read_chunks(decoder, EMU_CBOR_BYTES, ret);
		break;
	case EMU_CBOR_TEXT_CHUNKS:
		err = read_chunks(decoder, EMU_CBOR_TEXT, ret);
		break;
	default:
		return -EBADMSG;
	}
	if (err || (text && !emu_cbor_utf8(ret->data, ret->len)))
		return -EBADMSG;
	return 0;
}

/* Read an array of numbers, one for each byte. */
static int request_read_numbers(struct decoder *decoder, uint64_t count, struct nsm_bytes *ret)
{
	struct nsm_request *request = decoder->request;
	size_t start = request->scratch_used;

	for (uint64_t i = 0; i < count; i++) {
		struct emu_cbor_item item = emu_cbor_read(&decoder->reader);
		uint8_t byte;

		if (item.kind == EMU_CBOR_BREAK && count == EMU_CBOR_INDEFINITE)
			break;
		if (item.kind == EMU_CBOR_TAG)
			item = read_item(decoder);
		byte = item.value;
		if (item.kind != EMU_CBOR_UINT || item.value > UINT8_MAX ||
		    add_piece(request, &byte, 1))
			return -EBADMSG;
	}
	*ret = (struct nsm_bytes){
		.data = request->scratch + start, .len = request->scratch_used - start,
	};
	return 0;
}

static int request_read_bytes(struct decoder *decoder, const struct emu_cbor_item *head,
			      struct nsm_bytes *ret)
{
	if (head->kind == EMU_CBOR_ARRAY || head->kind == EMU_CBOR_OPEN_ARRAY)
		return request_read_numbers(decoder, head->value, ret);
	return read_string(decoder, head, ret);
}

/* @tagged: with a tag in front, AWS's decoder does not accept null for an absent value. */
static int read_field(struct decoder *decoder, const struct field *field,
		      const struct emu_cbor_item *head, bool tagged)
{
	void *member = (char *)decoder->request + field->offset;
	uint16_t number = head->value;

	switch (field->type) {
	case FIELD_U16:
		if (head->kind != EMU_CBOR_UINT || head->value > UINT16_MAX)
			return -EBADMSG;
		memcpy(member, &number, sizeof(number));
		return 0;
	case FIELD_OPTIONAL:
		if (head->kind == EMU_CBOR_NULL)
			return tagged ? -EBADMSG : 0;
		return request_read_bytes(decoder, head, member);
	case FIELD_BYTES:
		return request_read_bytes(decoder, head, member);
	}
	return -EBADMSG;
}

static int read_value(struct decoder *decoder, const struct field *field)
{
	struct emu_cbor_item item = emu_cbor_read(&decoder->reader);
	bool tagged = item.kind == EMU_CBOR_TAG;

	if (tagged)
		item = read_item(decoder);
	return read_field(decoder, field, &item, tagged);
}

/* Read all fields, in their order, and no more. */
static int read_array(struct decoder *decoder, const struct operation *operation, uint64_t count)
{
	if (count != EMU_CBOR_INDEFINITE && count != operation->nr_fields)
		return -EBADMSG;
	for (size_t i = 0; i < operation->nr_fields; i++)
		if (read_value(decoder, &operation->fields[i]))
			return -EBADMSG;
	if (count == EMU_CBOR_INDEFINITE &&
	    emu_cbor_read(&decoder->reader).kind != EMU_CBOR_BREAK)
		return -EBADMSG;
	return 0;
}

static bool request_is_text(const struct nsm_bytes *bytes, const char *text)
{
	return bytes->len == strlen(text) && !memcmp(bytes->data, text, bytes->len);
}

/* @ret_index: index of the field; nr_fields or more if the key is unknown */
static int request_read_key(struct decoder *decoder, const struct operation *operation,
			    const struct emu_cbor_item *head, uint64_t *ret_index)
{
	struct nsm_bytes name;
	size_t i;

	if (head->kind == EMU_CBOR_UINT) {
		*ret_index = head->value;
		return 0;
	}
	if (read_string(decoder, head, &name))
		return -EBADMSG;
	for (i = 0; i < operation->nr_fields; i++)
		if (request_is_text(&name, operation->fields[i].name))
			break;
	*ret_index = i;
	return 0;
}

static int skip_value(struct decoder *decoder)
{
	struct emu_cbor_item item = emu_cbor_read(&decoder->reader);

	return emu_cbor_skip(&decoder->reader, &item);
}

static int read_pair(struct decoder *decoder, const struct operation *operation,
		     const struct emu_cbor_item *key, unsigned int *seen)
{
	uint64_t index;

	if (request_read_key(decoder, operation, key, &index))
		return -EBADMSG;
	if (index >= operation->nr_fields)
		return skip_value(decoder);
	if (*seen & (1U << index))
		return -EBADMSG;
	*seen |= 1U << index;
	return read_value(decoder, &operation->fields[index]);
}

static int read_map(struct decoder *decoder, const struct operation *operation, uint64_t count)
{
	unsigned int seen = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct emu_cbor_item key = emu_cbor_read(&decoder->reader);

		if (key.kind == EMU_CBOR_BREAK && count == EMU_CBOR_INDEFINITE)
			break;
		if (key.kind == EMU_CBOR_TAG)
			key = read_item(decoder);
		if (read_pair(decoder, operation, &key, &seen))
			return -EBADMSG;
	}
	for (size_t i = 0; i < operation->nr_fields; i++)
		if (operation->fields[i].type != FIELD_OPTIONAL && !(seen & (1U << i)))
			return -EBADMSG;
	return 0;
}

/* Read what follows a name: the fields, or null if there are none. */
static int read_body(struct decoder *decoder, const struct operation *operation)
{
	struct emu_cbor_item item = read_item(decoder);

	switch (item.kind) {
	case EMU_CBOR_MAP:
	case EMU_CBOR_OPEN_MAP:
		return operation->nr_fields ? read_map(decoder, operation, item.value) : -EBADMSG;
	case EMU_CBOR_ARRAY:
	case EMU_CBOR_OPEN_ARRAY:
		return operation->nr_fields ? read_array(decoder, operation, item.value) :
					      -EBADMSG;
	case EMU_CBOR_NULL:
	case EMU_CBOR_UNDEFINED:
		return operation->nr_fields ? -EBADMSG : 0;
	default:
		return -EBADMSG;
	}
}

static const struct operation *read_name(struct decoder *decoder,
					 const struct emu_cbor_item *head)
{
	const struct operation *operation = NULL;
	struct nsm_bytes name;

	if (head->kind == EMU_CBOR_UINT) {
		if (head->value <= NSM_OP_GET_RANDOM)
			operation = &operations[head->value];
	} else if (!read_string(decoder, head, &name)) {
		for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
			if (request_is_text(&name, operations[i].name))
				operation = &operations[i];
	}
	if (operation)
		decoder->request->operation = operation - operations;
	return operation;
}

/* Read {name: body} or [name, body]; @count as for an array. */
static int read_full_form(struct decoder *decoder, uint64_t count)
{
	struct emu_cbor_item name = read_item(decoder);
	const struct operation *operation = read_name(decoder, &name);

	if (!operation || read_body(decoder, operation))
		return -EBADMSG;
	if (count == EMU_CBOR_INDEFINITE &&
	    emu_cbor_read(&decoder->reader).kind != EMU_CBOR_BREAK)
		return -EBADMSG;
	return 0;
}

static int request_read(struct decoder *decoder)
{
	const uint8_t *head = decoder->reader.data;
	struct emu_cbor_item item = emu_cbor_read(&decoder->reader);
	const struct operation *operation;

	if (item.kind == EMU_CBOR_TAG && item.value == TAG_SELF_DESCRIBED) {
		head = decoder->reader.data;
		item = emu_cbor_read(&decoder->reader);
	}
	switch (item.kind) {
	case EMU_CBOR_MAP:
		return *head == HEAD_MAP_OF_ONE ? read_full_form(decoder, 2) : -EBADMSG;
	case EMU_CBOR_ARRAY:
		return item.value == 2 ? read_full_form(decoder, item.value) : -EBADMSG;
	case EMU_CBOR_OPEN_ARRAY:
		return read_full_form(decoder, item.value);
	case EMU_CBOR_TAG:	/* allowed only in front of a name without fields */
		item = read_item(decoder);
		/* fall through */
	default:
		operation = read_name(decoder, &item);
		return operation && !operation->nr_fields ? 0 : -EBADMSG;
	}
}

int nsm_request_decode(const void *bytes, size_t len, struct nsm_request *ret)
{
	struct decoder decoder = { .reader = { .data = bytes, .left = len }, .request = ret };

	ret->index = 0;
	ret->data = (struct nsm_bytes){ 0 };
	ret->user_data = (struct nsm_bytes){ 0 };
	ret->nonce = (struct nsm_bytes){ 0 };
	ret->public_key = (struct nsm_bytes){ 0 };
	ret->scratch_used = 0;
	if (len > NSM_REQUEST_MAX || request_read(&decoder) || decoder.reader.left)
		return -EBADMSG;
	return 0;
}
