// SPDX-License-Identifier: Apache-2.0
/* Reading CBOR item by item, over libcbor; allocates nothing and does not recurse. */

#include "common/cbor.h"

#include "common/text.h"
#include "common/util.h"

#include <cbor.h>
#include <errno.h>
#include <string.h>

/* First byte: three bits of type; numbers of up to eight bytes follow. */
#define TYPE_MASK	0xe0
#define TYPE_TAG	0xc0
#define HEAD_MAX	9

static void set_item(void *arg, enum emu_cbor_kind kind, uint64_t value)
{
	struct emu_cbor_item *item = arg;

	item->kind = kind;
	item->value = value;
}

static void on_uint8(void *arg, uint8_t value)
{
	set_item(arg, EMU_CBOR_UINT, value);
}

static void on_uint16(void *arg, uint16_t value)
{
	set_item(arg, EMU_CBOR_UINT, value);
}

static void on_uint32(void *arg, uint32_t value)
{
	set_item(arg, EMU_CBOR_UINT, value);
}

static void on_uint64(void *arg, uint64_t value)
{
	set_item(arg, EMU_CBOR_UINT, value);
}

static void on_negint8(void *arg, uint8_t value)
{
	set_item(arg, EMU_CBOR_NEGATIVE, value);
}

static void on_negint16(void *arg, uint16_t value)
{
	set_item(arg, EMU_CBOR_NEGATIVE, value);
}

static void on_negint32(void *arg, uint32_t value)
{
	set_item(arg, EMU_CBOR_NEGATIVE, value);
}

static void on_negint64(void *arg, uint64_t value)
{
	set_item(arg, EMU_CBOR_NEGATIVE, value);
}

static void on_bytes(void *arg, cbor_data data, size_t len)
{
	set_item(arg, EMU_CBOR_BYTES, len);
	((struct emu_cbor_item *)arg)->data = data;
}

static void on_text(void *arg, cbor_data data, size_t len)
{
	set_item(arg, EMU_CBOR_TEXT, len);
	((struct emu_cbor_item *)arg)->data = data;
}

static void on_byte_chunks(void *arg)
{
	set_item(arg, EMU_CBOR_BYTE_CHUNKS, 0);
}

static void on_text_chunks(void *arg)
{
	set_item(arg, EMU_CBOR_TEXT_CHUNKS, 0);
}

static void on_open_array(void *arg)
{
	set_item(arg, EMU_CBOR_OPEN_ARRAY, EMU_CBOR_INDEFINITE);
}

static void on_open_map(void *arg)
{
	set_item(arg, EMU_CBOR_OPEN_MAP, EMU_CBOR_INDEFINITE);
}

static void on_array(void *arg, size_t items)
{
	set_item(arg, EMU_CBOR_ARRAY, items);
}

static void on_map(void *arg, size_t pairs)
{
	set_item(arg, EMU_CBOR_MAP, pairs);
}

static void on_null(void *arg)
{
	set_item(arg, EMU_CBOR_NULL, 0);
}

static void on_undefined(void *arg)
{
	set_item(arg, EMU_CBOR_UNDEFINED, 0);
}

static void on_break(void *arg)
{
	set_item(arg, EMU_CBOR_BREAK, 0);
}

/*
 * libcbor knows only the tags of an old registry. The head of a tag is that of an
 * unsigned integer but for its type.
 */
static struct emu_cbor_item read_tag(struct emu_cbor_reader *reader)
{
	uint8_t head[HEAD_MAX] = { 0 };
	size_t len = MIN(reader->left, sizeof(head));
	struct emu_cbor_reader as_uint = { .data = head, .left = len };
	struct emu_cbor_item item;

	memcpy(head, reader->data, len);
	head[0] &= ~TYPE_MASK;
	item = emu_cbor_read(&as_uint);
	if (item.kind == EMU_CBOR_INVALID)
		return item;
	item.kind = EMU_CBOR_TAG;
	reader->data += len - as_uint.left;
	reader->left -= len - as_uint.left;
	return item;
}

struct emu_cbor_item emu_cbor_read(struct emu_cbor_reader *reader)
{
	struct cbor_callbacks callbacks = cbor_empty_callbacks;
	struct emu_cbor_item item = { .kind = EMU_CBOR_OTHER };
	struct cbor_decoder_result result;

	callbacks.uint8 = on_uint8;
	callbacks.uint16 = on_uint16;
	callbacks.uint32 = on_uint32;
	callbacks.uint64 = on_uint64;
	callbacks.negint8 = on_negint8;
	callbacks.negint16 = on_negint16;
	callbacks.negint32 = on_negint32;
	callbacks.negint64 = on_negint64;
	callbacks.byte_string = on_bytes;
	callbacks.byte_string_start = on_byte_chunks;
	callbacks.string = on_text;
	callbacks.string_start = on_text_chunks;
	callbacks.array_start = on_array;
	callbacks.indef_array_start = on_open_array;
	callbacks.map_start = on_map;
	callbacks.indef_map_start = on_open_map;
	callbacks.null = on_null;
	callbacks.undefined = on_undefined;
	callbacks.indef_break = on_break;

	if (reader->left && (*reader->data & TYPE_MASK) == TYPE_TAG)
		return read_tag(reader);
	result = cbor_stream_decode(reader->data, reader->left, &callbacks, &item);
	if (result.status != CBOR_DECODER_FINISHED || result.read > reader->left) {
		item.kind = EMU_CBOR_INVALID;
		return item;
	}
	reader->data += result.read;
	reader->left -= result.read;
	return item;
}

bool emu_cbor_utf8(const uint8_t *data, size_t len)
{
	while (len) {
		size_t n = text_char((const char *)data, len);

		if (!n)
			return false;
		data += n;
		len -= n;
	}
	return true;
}

/** struct utf8 - the beginning of a character whose rest is in the next piece */
struct utf8 {
	char bytes[4];
	size_t len;
};

/* One byte more at a time: what is not complete after four never will be. */
static bool utf8_add(struct utf8 *utf8, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (utf8->len == sizeof(utf8->bytes))
			return false;
		utf8->bytes[utf8->len++] = data[i];
		if (text_char(utf8->bytes, utf8->len))
			utf8->len = 0;
	}
	return true;
}

/**
 * struct level - an array, map or chunked string around an item
 * @chunk: kind of its pieces if it is a string
 * @open: a break ends it
 * @odd: a map's value is due
 * @left: items still to come unless it is @open
 */
struct level {
	enum emu_cbor_kind chunk;
	bool open;
	bool map;
	bool odd;
	uint64_t left;
};

/** struct levels - @utf8: of the text in pieces that is being read; there is only one */
struct levels {
	struct level level[EMU_CBOR_DEPTH];
	size_t depth;
	struct utf8 utf8;
};

static bool level_of(const struct emu_cbor_item *item, struct level *level)
{
	*level = (struct level){ .open = true };
	switch (item->kind) {
	case EMU_CBOR_BYTE_CHUNKS:
		level->chunk = EMU_CBOR_BYTES;
		return true;
	case EMU_CBOR_TEXT_CHUNKS:
		level->chunk = EMU_CBOR_TEXT;
		return true;
	case EMU_CBOR_OPEN_ARRAY:
		return true;
	case EMU_CBOR_OPEN_MAP:
		level->map = true;
		return true;
	case EMU_CBOR_ARRAY:
		*level = (struct level){ .left = item->value };
		return true;
	case EMU_CBOR_MAP:
		*level = (struct level){ .map = true, .left = 2 * item->value };
		return true;
	default:
		return false;
	}
}

/* An item begins. @bytes_left bounds what it may announce: an item is a byte or more. */
static int begin_item(struct levels *levels, const struct emu_cbor_item *item, bool tagged,
		      size_t bytes_left)
{
	struct level *in = levels->depth ? &levels->level[levels->depth - 1] : NULL;
	struct level level;

	if (in && in->chunk && item->kind != in->chunk)
		return -EBADMSG;
	if (item->kind == EMU_CBOR_TEXT && !(in && in->chunk ?
					     utf8_add(&levels->utf8, item->data, item->value) :
					     emu_cbor_utf8(item->data, item->value)))
		return -EBADMSG;
	if (in && !tagged) {
		in->left--;
		in->odd = !in->odd;
	}
	if (!level_of(item, &level))
		return 0;
	if (levels->depth == EMU_CBOR_DEPTH || (!level.open && item->value > bytes_left))
		return -EBADMSG;
	levels->level[levels->depth++] = level;
	return 0;
}

static int end_level(struct levels *levels, bool tagged)
{
	const struct level *in;

	if (!levels->depth || tagged)
		return -EBADMSG;
	in = &levels->level[levels->depth - 1];
	if (!in->open || (in->map && in->odd) || levels->utf8.len)
		return -EBADMSG;
	levels->depth--;
	return 0;
}

int emu_cbor_skip(struct emu_cbor_reader *reader, const struct emu_cbor_item *head)
{
	struct emu_cbor_item item = *head;
	struct levels levels = { .depth = 0 };
	bool tagged = false;

	for (;;) {
		int err = -EBADMSG;

		if (item.kind == EMU_CBOR_BREAK)
			err = end_level(&levels, tagged);
		else if (item.kind != EMU_CBOR_INVALID)
			err = begin_item(&levels, &item, tagged, reader->left);
		if (err)
			return err;
		tagged = item.kind == EMU_CBOR_TAG;
		while (!tagged && levels.depth && !levels.level[levels.depth - 1].open &&
		       !levels.level[levels.depth - 1].left)
			levels.depth--;
		if (!tagged && !levels.depth)
			return 0;
		item = emu_cbor_read(reader);
	}
}
