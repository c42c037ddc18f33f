// SPDX-License-Identifier: Apache-2.0
/* Platform configuration registers: 32 values that can only be extended by hashing. */

#include "nsm/pcr.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

int pcr_extended(const uint8_t *value, const struct nsm_bytes *data, uint8_t *ret_value)
{
	uint8_t both[NSM_PCR_SIZE + NSM_REQUEST_MAX];

	memcpy(both, value, NSM_PCR_SIZE);
	if (data->len)
		memcpy(both + NSM_PCR_SIZE, data->data, data->len);
	return EVP_Digest(both, NSM_PCR_SIZE + data->len, ret_value, NULL, EVP_sha384(), NULL) ?
	       0 : -EIO;
}
