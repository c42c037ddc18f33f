/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the NSM: from CBOR, in all the forms that AWS's decoder takes. */

#ifndef NE_EMU_NSM_REQUEST_H
#define NE_EMU_NSM_REQUEST_H

#include "common/nsm_control.h"
#include "nsm/nsm.h"

#include <stddef.h>
#include <stdint.h>

/* By the numbers of AWS's enumeration, which may stand for the names. */
enum nsm_operation {
	NSM_OP_DESCRIBE_PCR	= 0,
	NSM_OP_EXTEND_PCR	= 1,
	NSM_OP_LOCK_PCR		= 2,
	NSM_OP_LOCK_PCRS	= 3,
	NSM_OP_DESCRIBE_NSM	= 4,
	NSM_OP_ATTESTATION	= 5,
	NSM_OP_GET_RANDOM	= 6,
};

/**
 * struct nsm_request - a decoded request; which members count depends on @operation
 * @index: of a PCR; for LockPCRs, one more than the last
 * @data: what to extend with
 * @user_data, @nonce, @public_key: data NULL if null or missing
 * @scratch: strings that the request holds in pieces; bytes point here or into it
 */
struct nsm_request {
	enum nsm_operation operation;
	uint16_t index;
	struct nsm_bytes data;
	struct nsm_bytes user_data;
	struct nsm_bytes nonce;
	struct nsm_bytes public_key;
	uint8_t scratch[NSM_REQUEST_MAX];
	size_t scratch_used;
};

/**
 * nsm_request_decode() - what does a client want?
 * @len: NSM_REQUEST_MAX at most
 * @ret: of no use on failure
 *
 * Return: 0 or -EBADMSG.
 */
int nsm_request_decode(const void *bytes, size_t len, struct nsm_request *ret);

#endif
