/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation documents: signed statements of the NSM about its enclave. */

#ifndef NE_EMU_NSM_ATTESTATION_H
#define NE_EMU_NSM_ATTESTATION_H

#include "nsm/flaws.h"
#include "nsm/identity.h"
#include "nsm/nsm.h"
#include "nsm/pcr.h"
#include "nsm/request.h"

#include <stddef.h>
#include <stdint.h>

/** struct attestation - contents of a document; borrowed */
struct attestation {
	const char *module_id;
	const struct pcr_bank *pcrs;
	const struct identity *identity;
	const struct nsm_settings *settings;
	const struct nsm_request *request;
	uint64_t now_ms;
};

/** struct attestation_scratch - work space of one document */
struct attestation_scratch {
	uint8_t payload[NSM_RESPONSE_MAX];
	struct flaw_scratch flaws;
};

/**
 * attestation_encode() - make and sign a document
 * @ret_len: receives its length in bytes
 *
 * Return: 0, -EMSGSIZE (no room), -ENOMEM or -EIO (cryptography failed).
 */
int attestation_encode(const struct attestation *attestation,
		       struct attestation_scratch *scratch, uint8_t *buf, size_t size,
		       size_t *ret_len);

#endif
