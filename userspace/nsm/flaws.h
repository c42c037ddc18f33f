/* SPDX-License-Identifier: Apache-2.0 */
/* Deliberate faults in documents, to check that verifiers refuse them. */

#ifndef NE_EMU_NSM_FLAWS_H
#define NE_EMU_NSM_FLAWS_H

#include "common/nsm_control.h"
#include "cose/sign1.h"
#include "nsm/document.h"
#include "nsm/nsm.h"

#include <stddef.h>
#include <stdint.h>

/* One byte more than AWS's documentation allows for a certificate of the bundle. */
#define FLAW_CA_SIZE		1025

/** struct flaw_scratch - values to which the document points afterwards */
struct flaw_scratch {
	uint8_t pcr0[NSM_PCR_SIZE];
	uint8_t nonce[NSM_REQUEST_MAX];
	uint8_t ca[FLAW_CA_SIZE];
};

/**
 * flaws_apply() - apply flaws to the payload before it is encoded
 * @flaws: NSM_FLAW_BIT()s; those of other stages are ignored
 */
void flaws_apply(uint64_t flaws, struct document *document, struct flaw_scratch *scratch);

/** flaws_before_signing() - apply flaws to the encoded payload and the message around it */
void flaws_before_signing(uint64_t flaws, struct cose_sign1 *message, uint8_t *payload);

/**
 * flaws_after_signing() - apply flaws to the finished document
 * @message: the signed message
 * @size: room at @buf
 * @len: length of the document, which may grow
 *
 * Return: 0 or -EMSGSIZE (no room).
 */
int flaws_after_signing(uint64_t flaws, const struct cose_sign1 *message,
			size_t signature_size, uint8_t *buf, size_t size, size_t *len);

#endif
