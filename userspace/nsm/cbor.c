// SPDX-License-Identifier: Apache-2.0
/* CBOR item by item, over libcbor; allocates nothing and does not recurse. */

#include "nsm/cbor.h"

#include <cbor.h>
#include <string.h>

static void set_item(void *arg, enum nsm_cbor_kind kind, uint64_t value)
{
	struct nsm_cbor_item *item = arg;

	item->kind = kind;
	item->value = value;
}

static void on_uint8(void *arg, uint8_t value)
{
	set_item(arg, NSM_CBOR_UINT, value);
}

static void on_uint16(void *arg, uint16_t value)
{
	set_item(arg, NSM_CBOR_UINT, value);
}

static void on_uint32(void *arg, uint32_t value)
{
	set_item(arg, NSM_CBOR_UINT, value);
}

static void on_uint64(void *arg, uint64_t value)
{
	set_item(arg, NSM_CBOR_UINT, value);
}

static void on_bytes(void *arg, cbor_data data, size_t len)
{
	set_item(arg, NSM_CBOR_BYTES, len);
	((struct nsm_cbor_item *)arg)->data = data;
}

static void on_text(void *arg, cbor_data data, size_t len)
{
	set_item(arg, NSM_CBOR_TEXT, len);
	((struct nsm_cbor_item *)arg)->data = data;
}

static void on_array(void *arg, size_t items)
{
	set_item(arg, NSM_CBOR_ARRAY, items);
}

static void on_map(void *arg, size_t pairs)
{
	set_item(arg, NSM_CBOR_MAP, pairs);
}

static void on_tag(void *arg, uint64_t value)
{
	set_item(arg, NSM_CBOR_TAG, value);
}

static void on_null(void *arg)
{
	set_item(arg, NSM_CBOR_NULL, 0);
}

struct nsm_cbor_item nsm_cbor_read(struct nsm_cbor_reader *reader)
{
	struct cbor_callbacks callbacks = cbor_empty_callbacks;
	struct nsm_cbor_item item = { .kind = NSM_CBOR_OTHER };
	struct cbor_decoder_result result;

	callbacks.uint8 = on_uint8;
	callbacks.uint16 = on_uint16;
	callbacks.uint32 = on_uint32;
	callbacks.uint64 = on_uint64;
	callbacks.byte_string = on_bytes;
	callbacks.string = on_text;
	callbacks.array_start = on_array;
	callbacks.map_start = on_map;
	callbacks.tag = on_tag;
	callbacks.null = on_null;

	result = cbor_stream_decode(reader->data, reader->left, &callbacks, &item);
	if (result.status != CBOR_DECODER_FINISHED || result.read > reader->left) {
		item.kind = NSM_CBOR_INVALID;
		return item;
	}
	reader->data += result.read;
	reader->left -= result.read;
	return item;
}

/* libcbor's encoders return 0 when the item does not fit. */
static void advance(struct nsm_cbor_writer *writer, size_t written)
{
	writer->used += written;
	if (!written)
		writer->overflow = true;
}

static uint8_t *room(struct nsm_cbor_writer *writer, size_t *ret_left)
{
	*ret_left = writer->overflow ? 0 : writer->size - writer->used;
	return writer->buf + writer->used;
}

void nsm_cbor_put_uint(struct nsm_cbor_writer *writer, uint64_t value)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_uint(value, at, left));
}

void nsm_cbor_put_array(struct nsm_cbor_writer *writer, size_t items)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_array_start(items, at, left));
}

void nsm_cbor_put_map(struct nsm_cbor_writer *writer, size_t pairs)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_map_start(pairs, at, left));
}

/* The bytes behind a head; NULL if they do not fit. */
static uint8_t *put_content(struct nsm_cbor_writer *writer, size_t len)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	if (writer->overflow || len > left) {
		writer->overflow = true;
		return NULL;
	}
	writer->used += len;
	return at;
}

void nsm_cbor_put_text(struct nsm_cbor_writer *writer, const char *text)
{
	size_t len = strlen(text);
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_string_start(len, at, left));
	at = put_content(writer, len);
	if (at)
		memcpy(at, text, len);
}

uint8_t *nsm_cbor_put_bytes(struct nsm_cbor_writer *writer, size_t len)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_bytestring_start(len, at, left));
	return put_content(writer, len);
}
