/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation documents written by hand: any payload, and an invalid signature. */

#ifndef NE_EMU_TESTS_UNIT_HAND_DOCUMENT_H
#define NE_EMU_TESTS_UNIT_HAND_DOCUMENT_H

#include "common/cbor.h"

#include <stdio.h>
#include <stdlib.h>

#define HAND_SIZE	8192

/** struct hand_document - the test writes @payload; @bytes is the document around it */
struct hand_document {
	uint8_t payload_bytes[HAND_SIZE];
	struct emu_cbor_writer payload;
	uint8_t bytes[HAND_SIZE + 200];
	size_t len;
};

static inline void hand_begin(struct hand_document *hand, size_t fields)
{
	hand->payload = (struct emu_cbor_writer){
		.buf = hand->payload_bytes, .size = sizeof(hand->payload_bytes),
	};
	emu_cbor_put_map(&hand->payload, fields);
}

static inline void hand_end(struct hand_document *hand)
{
	static const uint8_t signature[96];
	struct emu_cbor_writer writer = { .buf = hand->bytes, .size = sizeof(hand->bytes) };

	emu_cbor_put_array(&writer, 4);
	emu_cbor_put_data(&writer, "\xa1\x01\x38\x22", 4);
	emu_cbor_put_map(&writer, 0);
	emu_cbor_put_data(&writer, hand->payload_bytes, hand->payload.used);
	emu_cbor_put_data(&writer, signature, sizeof(signature));
	if (hand->payload.overflow || writer.overflow) {
		fprintf(stderr, "the document has no room\n");
		abort();
	}
	hand->len = writer.used;
}

#endif
