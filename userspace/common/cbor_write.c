// SPDX-License-Identifier: Apache-2.0
/* Write CBOR item by item, based on libcbor. */

#include "common/cbor.h"

#include <cbor.h>
#include <string.h>

/* The encoders of libcbor return 0 if the item does not fit. */
static void advance(struct emu_cbor_writer *writer, size_t written)
{
	writer->used += written;
	if (!written)
		writer->overflow = true;
}

static uint8_t *room(struct emu_cbor_writer *writer, size_t *ret_left)
{
	*ret_left = writer->overflow ? 0 : writer->size - writer->used;
	return writer->buf + writer->used;
}

void emu_cbor_put_uint(struct emu_cbor_writer *writer, uint64_t value)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_uint(value, at, left));
}

void emu_cbor_put_negative(struct emu_cbor_writer *writer, uint64_t value)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_negint(value, at, left));
}

void emu_cbor_put_array(struct emu_cbor_writer *writer, size_t items)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_array_start(items, at, left));
}

void emu_cbor_put_map(struct emu_cbor_writer *writer, size_t pairs)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_map_start(pairs, at, left));
}

void emu_cbor_put_bool(struct emu_cbor_writer *writer, bool value)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_bool(value, at, left));
}

void emu_cbor_put_null(struct emu_cbor_writer *writer)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_null(at, left));
}

void emu_cbor_put_tag(struct emu_cbor_writer *writer, uint64_t tag)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_tag(tag, at, left));
}

void emu_cbor_put_open_map(struct emu_cbor_writer *writer)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_indef_map_start(at, left));
}

void emu_cbor_put_break(struct emu_cbor_writer *writer)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_break(at, left));
}

/* Make room for the contents of a string. Return: NULL if they do not fit. */
static uint8_t *put_content(struct emu_cbor_writer *writer, size_t len)
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

void emu_cbor_put_text(struct emu_cbor_writer *writer, const char *text)
{
	size_t len = strlen(text);
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_string_start(len, at, left));
	at = put_content(writer, len);
	if (at)
		memcpy(at, text, len);
}

void emu_cbor_put_bytes_head(struct emu_cbor_writer *writer, size_t len)
{
	size_t left;
	uint8_t *at = room(writer, &left);

	advance(writer, cbor_encode_bytestring_start(len, at, left));
}

uint8_t *emu_cbor_put_bytes(struct emu_cbor_writer *writer, size_t len)
{
	emu_cbor_put_bytes_head(writer, len);
	return put_content(writer, len);
}

void emu_cbor_put_data(struct emu_cbor_writer *writer, const void *data, size_t len)
{
	uint8_t *at = emu_cbor_put_bytes(writer, len);

	if (at && len)
		memcpy(at, data, len);
}
