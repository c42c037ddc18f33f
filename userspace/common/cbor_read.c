// SPDX-License-Identifier: Apache-2.0
/* Read CBOR item by item, based on libcbor. */

#include "common/cbor.h"

#include "common/text.h"
#include "common/util.h"

#include <cbor.h>
#include <errno.h>
#include <string.h>

/* First byte of an item: three bits of type, five that hold the number or its size. */
#define TYPE_SHIFT	5
#define NUMBER_MASK	0x1f
#define NUMBER_OPEN	0x1f	/* no number: a break ends the item, or the item is a break */
#define NULL_HEAD	0xf6
#define UNDEFINED_HEAD	0xf7
#define HEAD_MAX	9

/* The kind of an item, provided that libcbor finds it well-formed. */
static enum emu_cbor_kind kind_of(uint8_t head)
{
	/* Kind with a number, and without one. */
	static const enum emu_cbor_kind kinds[][2] = {
		[CBOR_TYPE_UINT] = { EMU_CBOR_UINT, EMU_CBOR_INVALID },
		[CBOR_TYPE_NEGINT] = { EMU_CBOR_NEGATIVE, EMU_CBOR_INVALID },
		[CBOR_TYPE_BYTESTRING] = { EMU_CBOR_BYTES, EMU_CBOR_BYTE_CHUNKS },
		[CBOR_TYPE_STRING] = { EMU_CBOR_TEXT, EMU_CBOR_TEXT_CHUNKS },
		[CBOR_TYPE_ARRAY] = { EMU_CBOR_ARRAY, EMU_CBOR_OPEN_ARRAY },
		[CBOR_TYPE_MAP] = { EMU_CBOR_MAP, EMU_CBOR_OPEN_MAP },
		[CBOR_TYPE_TAG] = { EMU_CBOR_TAG, EMU_CBOR_INVALID },
		[CBOR_TYPE_FLOAT_CTRL] = { EMU_CBOR_OTHER, EMU_CBOR_BREAK },
	};

	if (head == NULL_HEAD)
		return EMU_CBOR_NULL;
	if (head == UNDEFINED_HEAD)
		return EMU_CBOR_UNDEFINED;
	return kinds[head >> TYPE_SHIFT][(head & NUMBER_MASK) == NUMBER_OPEN];
}

static void on_number64(void *arg, uint64_t value)
{
	((struct emu_cbor_item *)arg)->value = value;
}

static void on_number32(void *arg, uint32_t value)
{
	on_number64(arg, value);
}

static void on_number16(void *arg, uint16_t value)
{
	on_number64(arg, value);
}

static void on_number8(void *arg, uint8_t value)
{
	on_number64(arg, value);
}

static void on_string(void *arg, cbor_data data, uint64_t len)
{
	on_number64(arg, len);
	((struct emu_cbor_item *)arg)->data = data;
}

/* libcbor checks the head and the bounds, and passes number and contents to the callbacks. */
static struct cbor_decoder_result decode(const uint8_t *data, size_t len,
					 struct emu_cbor_item *item)
{
	struct cbor_callbacks callbacks = cbor_empty_callbacks;

	callbacks.uint8 = on_number8;
	callbacks.negint8 = on_number8;
	callbacks.uint16 = on_number16;
	callbacks.negint16 = on_number16;
	callbacks.uint32 = on_number32;
	callbacks.negint32 = on_number32;
	callbacks.uint64 = on_number64;
	callbacks.negint64 = on_number64;
	callbacks.array_start = on_number64;
	callbacks.map_start = on_number64;
	callbacks.byte_string = on_string;
	callbacks.string = on_string;
	return cbor_stream_decode(data, len, &callbacks, item);
}

struct emu_cbor_item emu_cbor_read(struct emu_cbor_reader *reader)
{
	struct emu_cbor_item item = { .kind = EMU_CBOR_INVALID };
	struct cbor_decoder_result result;
	uint8_t head[HEAD_MAX];
	size_t len;

	if (!reader->left)
		return item;
	item.kind = kind_of(*reader->data);
	if (item.kind == EMU_CBOR_TAG) {
		/*
		 * libcbor refuses some tags, which were unassigned when it was written. Decode
		 * the head as an integer (type 0) instead.
		 */
		len = MIN(reader->left, sizeof(head));
		memcpy(head, reader->data, len);
		head[0] &= NUMBER_MASK;
		result = decode(head, len, &item);
	} else {
		result = decode(reader->data, reader->left, &item);
	}
	if (item.kind == EMU_CBOR_OPEN_ARRAY || item.kind == EMU_CBOR_OPEN_MAP)
		item.value = EMU_CBOR_INDEFINITE;
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

/** struct utf8 - start of a character that continues in the next chunk */
struct utf8 {
	char bytes[4];
	size_t len;
};

/* Adds bytes one by one. Four bytes that are not a character are invalid. */
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
 * @chunk: kind of its chunks if it is a string
 * @open: a break ends it
 * @map: it is a map
 * @odd: an odd number of items was read, so a key of a map lacks its value
 * @left: number of items to come, unless it is @open
 */
struct level {
	enum emu_cbor_kind chunk;
	bool open;
	bool map;
	bool odd;
	uint64_t left;
};

/** struct levels - @utf8: state of the innermost chunked text; texts cannot be nested */
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

/* Enter an item. It cannot have more items than @bytes_left, as each has at least a byte. */
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
