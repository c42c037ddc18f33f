/* SPDX-License-Identifier: Apache-2.0 */
/* Write fields of requests to the NSM. */

#ifndef NE_EMU_TESTS_UNIT_CBOR_FIELDS_H
#define NE_EMU_TESTS_UNIT_CBOR_FIELDS_H

#include "common/cbor.h"
#include "nsm/request.h"

/* Write a field that holds these bytes, or null if there are none. */
static inline void put_bytes(struct emu_cbor_writer *writer, const char *name,
			     const struct nsm_bytes *bytes)
{
	emu_cbor_put_text(writer, name);
	if (bytes->data)
		emu_cbor_put_data(writer, bytes->data, bytes->len);
	else
		emu_cbor_put_null(writer);
}

#endif
