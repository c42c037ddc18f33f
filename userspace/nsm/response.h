/* SPDX-License-Identifier: Apache-2.0 */
/* Responses of the NSM as CBOR, with the form and order of AWS's. */

#ifndef NE_EMU_NSM_RESPONSE_H
#define NE_EMU_NSM_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Errors, with the numbers of AWS's library. */
enum nsm_error {
	NSM_ERROR_INVALID_ARGUMENT	= 1,
	NSM_ERROR_INVALID_INDEX		= 2,
	NSM_ERROR_INVALID_RESPONSE	= 3,	/* only on request */
	NSM_ERROR_READ_ONLY_INDEX	= 4,
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

/* The functions below return the number of bytes written, or 0 if they do not fit. */
size_t nsm_encode_error(enum nsm_error error, void *rsp, size_t rsp_cap);
/** nsm_encode_name() - response without data, to an operation that has succeeded */
size_t nsm_encode_name(const char *name, void *rsp, size_t rsp_cap);
size_t nsm_encode_description(const struct nsm_description *description, void *rsp,
			      size_t rsp_cap);
/** nsm_encode_pcr() - response to DescribePCR; @value: NSM_PCR_SIZE bytes */
size_t nsm_encode_pcr(bool locked, const uint8_t *value, void *rsp, size_t rsp_cap);
/** nsm_encode_extended() - response to ExtendPCR */
size_t nsm_encode_extended(const uint8_t *value, void *rsp, size_t rsp_cap);
/** nsm_encode_document() - response to Attestation */
size_t nsm_encode_document(const void *document, size_t len, void *rsp, size_t rsp_cap);
/** nsm_encode_agent_key() - response to NeEmuAgentKey; @key: NSM_AGENT_KEY_SIZE bytes */
size_t nsm_encode_agent_key(const uint8_t *key, void *rsp, size_t rsp_cap);
/** nsm_encode_random() - response to GetRandom; the caller fills @len bytes at @ret_random */
size_t nsm_encode_random(size_t len, void *rsp, size_t rsp_cap, uint8_t **ret_random);

#endif
