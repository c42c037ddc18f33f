// SPDX-License-Identifier: Apache-2.0
/* Platform configuration registers: 32 values that only hashing changes. */

#include "nsm/pcr.h"

#include "common/util.h"
#include "nsm/crypto.h"

_Static_assert(SHA384_SIZE == NSM_PCR_SIZE, "a register holds a hash");

int pcr_extended(const uint8_t *value, const struct nsm_bytes *data, uint8_t *ret_value)
{
	const struct nsm_bytes pieces[] = { { .data = value, .len = NSM_PCR_SIZE }, *data };

	return sha384(pieces, ARRAY_SIZE(pieces), ret_value);
}
