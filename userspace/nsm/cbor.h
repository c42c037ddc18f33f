/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR item by item, over libcbor; allocates nothing and does not recurse. */

#ifndef NE_EMU_NSM_CBOR_H
#define NE_EMU_NSM_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nsm_cbor_kind {
	NSM_CBOR_INVALID,	/* truncated or malformed */
	NSM_CBOR_UINT,		/* value */
	NSM_CBOR_NEGATIVE,
	NSM_CBOR_BYTES,		/* data, value: length */
	NSM_CBOR_TEXT,		/* data, value: length; not checked for UTF-8 */
	NSM_CBOR_BYTE_CHUNKS,	/* byte strings and a break follow */
	NSM_CBOR_TEXT_CHUNKS,	/* text strings and a break follow */
	NSM_CBOR_ARRAY,		/* value: items that follow */
	NSM_CBOR_MAP,		/* value: pairs that follow */
	NSM_CBOR_OPEN_ARRAY,	/* value: NSM_CBOR_INDEFINITE */
	NSM_CBOR_OPEN_MAP,	/* the same */
	NSM_CBOR_TAG,		/* value; the item follows */
	NSM_CBOR_NULL,
	NSM_CBOR_UNDEFINED,
	NSM_CBOR_BREAK,
	NSM_CBOR_OTHER,		/* well-formed; of no use in a request */
};

/* Number of items or pairs when a break ends them. */
#define NSM_CBOR_INDEFINITE	UINT64_MAX

/* Arrays, maps and chunked strings around an item that is skipped: as serde_cbor. */
#define NSM_CBOR_DEPTH		125

/** struct nsm_cbor_item - one data item head; @data points into the request */
struct nsm_cbor_item {
	enum nsm_cbor_kind kind;
	uint64_t value;
	const uint8_t *data;
};

/** struct nsm_cbor_reader - bytes not read yet */
struct nsm_cbor_reader {
	const uint8_t *data;
	size_t left;
};

/** nsm_cbor_read() - next item head; nothing is consumed if it is invalid */
struct nsm_cbor_item nsm_cbor_read(struct nsm_cbor_reader *reader);

/**
 * nsm_cbor_skip() - the rest of an item whose head was read, with all that is in it
 *
 * Return: 0 or -EBADMSG (malformed, text that is not UTF-8, too deep).
 */
int nsm_cbor_skip(struct nsm_cbor_reader *reader, const struct nsm_cbor_item *head);

/** nsm_cbor_utf8() - are these bytes UTF-8? */
bool nsm_cbor_utf8(const uint8_t *data, size_t len);

/**
 * struct nsm_cbor_writer - shortest form, definite lengths unless said otherwise
 * @used: bytes written
 * @overflow: something did not fit; the output is useless
 */
struct nsm_cbor_writer {
	uint8_t *buf;
	size_t size;
	size_t used;
	bool overflow;
};

void nsm_cbor_put_uint(struct nsm_cbor_writer *writer, uint64_t value);
/** nsm_cbor_put_negative() - -1 - @value */
void nsm_cbor_put_negative(struct nsm_cbor_writer *writer, uint64_t value);
void nsm_cbor_put_text(struct nsm_cbor_writer *writer, const char *text);
void nsm_cbor_put_array(struct nsm_cbor_writer *writer, size_t items);
void nsm_cbor_put_map(struct nsm_cbor_writer *writer, size_t pairs);
void nsm_cbor_put_bool(struct nsm_cbor_writer *writer, bool value);
void nsm_cbor_put_null(struct nsm_cbor_writer *writer);
void nsm_cbor_put_tag(struct nsm_cbor_writer *writer, uint64_t tag);
/** nsm_cbor_put_open_map() - a map that nsm_cbor_put_break() ends */
void nsm_cbor_put_open_map(struct nsm_cbor_writer *writer);
void nsm_cbor_put_break(struct nsm_cbor_writer *writer);
/** nsm_cbor_put_bytes_head() - what stands in front of @len bytes that are elsewhere */
void nsm_cbor_put_bytes_head(struct nsm_cbor_writer *writer, size_t len);
/** nsm_cbor_put_bytes() - byte string to be filled in by the caller; NULL: no room */
uint8_t *nsm_cbor_put_bytes(struct nsm_cbor_writer *writer, size_t len);
/** nsm_cbor_put_data() - byte string with these bytes */
void nsm_cbor_put_data(struct nsm_cbor_writer *writer, const void *data, size_t len);

#endif
