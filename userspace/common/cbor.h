/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR item by item, over libcbor; allocates nothing and does not recurse. */

#ifndef NE_EMU_EMU_CBOR_H
#define NE_EMU_EMU_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum emu_cbor_kind {
	EMU_CBOR_INVALID,	/* truncated or malformed */
	EMU_CBOR_UINT,		/* value */
	EMU_CBOR_NEGATIVE,
	EMU_CBOR_BYTES,		/* data, value: length */
	EMU_CBOR_TEXT,		/* data, value: length; not checked for UTF-8 */
	EMU_CBOR_BYTE_CHUNKS,	/* byte strings and a break follow */
	EMU_CBOR_TEXT_CHUNKS,	/* text strings and a break follow */
	EMU_CBOR_ARRAY,		/* value: items that follow */
	EMU_CBOR_MAP,		/* value: pairs that follow */
	EMU_CBOR_OPEN_ARRAY,	/* value: EMU_CBOR_INDEFINITE */
	EMU_CBOR_OPEN_MAP,	/* the same */
	EMU_CBOR_TAG,		/* value; the item follows */
	EMU_CBOR_NULL,
	EMU_CBOR_UNDEFINED,
	EMU_CBOR_BREAK,
	EMU_CBOR_OTHER,		/* well-formed; of no use in a request */
};

/* Number of items or pairs when a break ends them. */
#define EMU_CBOR_INDEFINITE	UINT64_MAX

/* Arrays, maps and chunked strings around an item that is skipped: as serde_cbor. */
#define EMU_CBOR_DEPTH		125

/** struct emu_cbor_item - one data item head; @data points into the request */
struct emu_cbor_item {
	enum emu_cbor_kind kind;
	uint64_t value;
	const uint8_t *data;
};

/** struct emu_cbor_reader - bytes not read yet */
struct emu_cbor_reader {
	const uint8_t *data;
	size_t left;
};

/** emu_cbor_read() - next item head; nothing is consumed if it is invalid */
struct emu_cbor_item emu_cbor_read(struct emu_cbor_reader *reader);

/**
 * emu_cbor_skip() - the rest of an item whose head was read, with all that is in it
 * @reader: stands behind @head; afterwards behind the whole item
 * @head: what emu_cbor_read() returned last
 *
 * Return: 0 or -EBADMSG (malformed, text that is not UTF-8, too deep).
 */
int emu_cbor_skip(struct emu_cbor_reader *reader, const struct emu_cbor_item *head);

/** emu_cbor_utf8() - are these bytes UTF-8? */
bool emu_cbor_utf8(const uint8_t *data, size_t len);

/**
 * struct emu_cbor_writer - shortest form, definite lengths unless said otherwise
 * @buf: output, the caller's memory
 * @size: room at @buf in bytes
 * @used: bytes written
 * @overflow: something did not fit; the output is useless
 */
struct emu_cbor_writer {
	uint8_t *buf;
	size_t size;
	size_t used;
	bool overflow;
};

void emu_cbor_put_uint(struct emu_cbor_writer *writer, uint64_t value);
/** emu_cbor_put_negative() - -1 - @value */
void emu_cbor_put_negative(struct emu_cbor_writer *writer, uint64_t value);
void emu_cbor_put_text(struct emu_cbor_writer *writer, const char *text);
void emu_cbor_put_array(struct emu_cbor_writer *writer, size_t items);
void emu_cbor_put_map(struct emu_cbor_writer *writer, size_t pairs);
void emu_cbor_put_bool(struct emu_cbor_writer *writer, bool value);
void emu_cbor_put_null(struct emu_cbor_writer *writer);
void emu_cbor_put_tag(struct emu_cbor_writer *writer, uint64_t tag);
/** emu_cbor_put_open_map() - a map that emu_cbor_put_break() ends */
void emu_cbor_put_open_map(struct emu_cbor_writer *writer);
void emu_cbor_put_break(struct emu_cbor_writer *writer);
/** emu_cbor_put_bytes_head() - what stands in front of @len bytes that are elsewhere */
void emu_cbor_put_bytes_head(struct emu_cbor_writer *writer, size_t len);
/** emu_cbor_put_bytes() - byte string to be filled in by the caller; NULL: no room */
uint8_t *emu_cbor_put_bytes(struct emu_cbor_writer *writer, size_t len);
/** emu_cbor_put_data() - byte string with these bytes */
void emu_cbor_put_data(struct emu_cbor_writer *writer, const void *data, size_t len);

#endif
