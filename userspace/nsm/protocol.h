/* SPDX-License-Identifier: Apache-2.0 */
/* The NSM's requests and responses as CBOR. */

#ifndef NE_EMU_NSM_PROTOCOL_H
#define NE_EMU_NSM_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

enum nsm_operation {
	NSM_OP_UNKNOWN,		/* undecodable, or not offered by this module */
	NSM_OP_DESCRIBE_NSM,
	NSM_OP_GET_RANDOM,
};

/* Errors, by the numbers that AWS's library gives them. */
enum nsm_error {
	NSM_ERROR_INVALID_OPERATION	= 5,
	NSM_ERROR_BUFFER_TOO_SMALL	= 6,
	NSM_ERROR_INPUT_TOO_LARGE	= 7,
	NSM_ERROR_INTERNAL		= 8,
};

/** struct nsm_description - response to DescribeNSM; bit n of @locked_pcrs is PCR n */
struct nsm_description {
	const char *module_id;
	uint16_t max_pcrs;
	uint32_t locked_pcrs;
};

/** nsm_decode() - which request is it? */
enum nsm_operation nsm_decode(const void *req, size_t req_len);

/* Each returns the bytes written, or 0 if they do not fit. */
size_t nsm_encode_error(enum nsm_error error, void *rsp, size_t rsp_cap);
size_t nsm_encode_description(const struct nsm_description *description, void *rsp,
			      size_t rsp_cap);
/** nsm_encode_random() - @ret_random: where the caller puts @len random bytes */
size_t nsm_encode_random(size_t len, void *rsp, size_t rsp_cap, uint8_t **ret_random);

#endif
