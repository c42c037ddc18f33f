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
	NSM_CBOR_BYTES,		/* data, value: length */
	NSM_CBOR_TEXT,		/* data, value: length; not checked for UTF-8 */
	NSM_CBOR_ARRAY,		/* value: items that follow */
	NSM_CBOR_MAP,		/* value: pairs that follow */
	NSM_CBOR_TAG,		/* value; the item follows */
	NSM_CBOR_NULL,
	NSM_CBOR_OTHER,		/* well-formed; of no use in a request */
};

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
 * struct nsm_cbor_writer - shortest form, definite lengths
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
void nsm_cbor_put_text(struct nsm_cbor_writer *writer, const char *text);
void nsm_cbor_put_array(struct nsm_cbor_writer *writer, size_t items);
void nsm_cbor_put_map(struct nsm_cbor_writer *writer, size_t pairs);
/** nsm_cbor_put_bytes() - byte string to be filled in by the caller; NULL: no room */
uint8_t *nsm_cbor_put_bytes(struct nsm_cbor_writer *writer, size_t len);

#endif
