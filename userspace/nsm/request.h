/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the NSM: CBOR, in all forms that AWS's decoder accepts. */

#ifndef NE_EMU_NSM_REQUEST_H
#define NE_EMU_NSM_REQUEST_H

#include "common/nsm_control.h"
#include "nsm/nsm.h"

#include <stddef.h>
#include <stdint.h>

/* Numbers of AWS's enumeration, which requests may have instead of the names. */
enum nsm_operation {
	NSM_OP_DESCRIBE_PCR	= 0,
	NSM_OP_EXTEND_PCR	= 1,
	NSM_OP_LOCK_PCR		= 2,
	NSM_OP_LOCK_PCRS	= 3,
	NSM_OP_DESCRIBE_NSM	= 4,
	NSM_OP_ATTESTATION	= 5,
	NSM_OP_GET_RANDOM	= 6,
	/* Of the emulator, with a name but no number: the end of the enclave's program. */
	NSM_OP_EXIT,
	/* The same: the key of the enclave's agent. */
	NSM_OP_AGENT_KEY,
};

/**
 * struct nsm_request - a decoded request; @operation determines which members are used
 * @index: index of a PCR; for LockPCRs, one more than the last; for NeEmuExit, the status
 * @data: data to extend the PCR with
 * @user_data, @nonce, @public_key: data is NULL if null or absent
 * @scratch: strings that are in pieces in the request; pointers above lead here or into the
 *	request
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

/** nsm_operation_name() - "DescribePCR" */
const char *nsm_operation_name(enum nsm_operation operation);

/**
 * nsm_request_decode() - decode a request
 * @len: at most NSM_REQUEST_MAX
 * @ret: undefined on failure
 *
 * Return: 0 or -EBADMSG.
 */
int nsm_request_decode(const void *bytes, size_t len, struct nsm_request *ret);

#endif
