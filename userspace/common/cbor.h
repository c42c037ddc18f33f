/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read and write CBOR item by item, based on libcbor. The functions do not allocate memory
 * and do not recurse.
 */

#ifndef NE_EMU_EMU_CBOR_H
#define NE_EMU_EMU_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum emu_cbor_kind {
	EMU_CBOR_INVALID,	/* truncated or malformed */
	EMU_CBOR_UINT,		/* @value is the number */
	EMU_CBOR_NEGATIVE,	/* the number is -1 - @value */
	EMU_CBOR_BYTES,		/* @data; @value is its length */
	EMU_CBOR_TEXT,		/* @data; @value is its length; may be invalid UTF-8 */
	EMU_CBOR_BYTE_CHUNKS,	/* byte strings and a break follow */
	EMU_CBOR_TEXT_CHUNKS,	/* text strings and a break follow */
	EMU_CBOR_ARRAY,		/* @value items follow */
	EMU_CBOR_MAP,		/* @value pairs follow */
	EMU_CBOR_OPEN_ARRAY,	/* @value is EMU_CBOR_INDEFINITE; items and a break follow */
	EMU_CBOR_OPEN_MAP,	/* @value is EMU_CBOR_INDEFINITE; pairs and a break follow */
	EMU_CBOR_TAG,		/* @value is the tag; the item follows */
	EMU_CBOR_NULL,
	EMU_CBOR_UNDEFINED,
	EMU_CBOR_BREAK,
	EMU_CBOR_OTHER,		/* well-formed, but not used by any request */
};

/* Number of items or pairs that a break ends. */
#define EMU_CBOR_INDEFINITE	UINT64_MAX

/* Limit on nested arrays, maps and chunked strings that are skipped; that of serde_cbor. */
#define EMU_CBOR_DEPTH		125

/**
 * struct emu_cbor_item - the head of a data item
 * @kind: what it is
 * @value: number, length or count, see enum emu_cbor_kind
 * @data: contents of a string; points into the buffer that is read
 */
struct emu_cbor_item {
	enum emu_cbor_kind kind;
	uint64_t value;
	const uint8_t *data;
};

/** struct emu_cbor_reader - @left bytes at @data have not been read yet */
struct emu_cbor_reader {
	const uint8_t *data;
	size_t left;
};

/** emu_cbor_read() - read the next item head; does not advance if it is invalid */
struct emu_cbor_item emu_cbor_read(struct emu_cbor_reader *reader);

/**
 * emu_cbor_skip() - skip the rest of an item whose head was read, with its contents
 * @reader: at the end of @head; afterwards at the end of the whole item
 * @head: the last result of emu_cbor_read()
 *
 * Return: 0 or -EBADMSG (malformed, text that is not UTF-8, too deep).
 */
int emu_cbor_skip(struct emu_cbor_reader *reader, const struct emu_cbor_item *head);

/** emu_cbor_utf8() - are @len bytes at @data valid UTF-8? */
bool emu_cbor_utf8(const uint8_t *data, size_t len);

/**
 * struct emu_cbor_writer - output of the functions below
 * @buf: buffer of the caller
 * @size: size of @buf in bytes
 * @used: bytes written
 * @overflow: an item did not fit, so the output is invalid
 *
 * Items have the shortest form. Lengths are definite, except with emu_cbor_put_open_map().
 */
struct emu_cbor_writer {
	uint8_t *buf;
	size_t size;
	size_t used;
	bool overflow;
};

/** emu_cbor_put_uint() - write a number that is not negative */
void emu_cbor_put_uint(struct emu_cbor_writer *writer, uint64_t value);
/** emu_cbor_put_negative() - write the number -1 - @value */
void emu_cbor_put_negative(struct emu_cbor_writer *writer, uint64_t value);
/** emu_cbor_put_text() - write a text string, which the caller has checked for UTF-8 */
void emu_cbor_put_text(struct emu_cbor_writer *writer, const char *text);
/** emu_cbor_put_array() - write the head of an array; the caller writes its items */
void emu_cbor_put_array(struct emu_cbor_writer *writer, size_t items);
/** emu_cbor_put_map() - write the head of a map; the caller writes its pairs */
void emu_cbor_put_map(struct emu_cbor_writer *writer, size_t pairs);
/** emu_cbor_put_bool() - write true or false */
void emu_cbor_put_bool(struct emu_cbor_writer *writer, bool value);
/** emu_cbor_put_null() - write null */
void emu_cbor_put_null(struct emu_cbor_writer *writer);
/** emu_cbor_put_tag() - write a tag; the caller writes the item */
void emu_cbor_put_tag(struct emu_cbor_writer *writer, uint64_t tag);
/** emu_cbor_put_open_map() - begin a map that emu_cbor_put_break() ends */
void emu_cbor_put_open_map(struct emu_cbor_writer *writer);
/** emu_cbor_put_break() - end a map that emu_cbor_put_open_map() began */
void emu_cbor_put_break(struct emu_cbor_writer *writer);
/** emu_cbor_put_bytes_head() - write only the head of a byte string of @len bytes */
void emu_cbor_put_bytes_head(struct emu_cbor_writer *writer, size_t len);
/** emu_cbor_put_bytes() - write a byte string that the caller fills in; NULL: no room */
uint8_t *emu_cbor_put_bytes(struct emu_cbor_writer *writer, size_t len);
/** emu_cbor_put_data() - write a byte string with @len bytes of @data */
void emu_cbor_put_data(struct emu_cbor_writer *writer, const void *data, size_t len);

#endif
