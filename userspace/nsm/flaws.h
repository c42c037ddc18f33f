/* SPDX-License-Identifier: Apache-2.0 */
/* Faults in documents, made on purpose to see verifiers refuse them. */

#ifndef NE_EMU_NSM_FLAWS_H
#define NE_EMU_NSM_FLAWS_H

#include "common/nsm_control.h"
#include "cose/sign1.h"
#include "nsm/document.h"
#include "nsm/nsm.h"

#include <stddef.h>
#include <stdint.h>

/* AWS's text allows a certificate of the bundle 1024 bytes. */
#define FLAW_CA_SIZE		1025

/** struct flaw_scratch - values that the document then points to */
struct flaw_scratch {
	uint8_t pcr0[NSM_PCR_SIZE];
	uint8_t nonce[NSM_REQUEST_MAX];
	uint8_t ca[FLAW_CA_SIZE];
};

/**
 * flaws_apply() - to the payload, before it is encoded
 * @flaws: NSM_FLAW_BIT()s; those of other stages do nothing here
 */
void flaws_apply(uint64_t flaws, struct document *document, struct flaw_scratch *scratch);

/** flaws_before_signing() - to the encoded payload and the message around it */
void flaws_before_signing(uint64_t flaws, struct cose_sign1 *message, uint8_t *payload);

/**
 * flaws_after_signing() - to the finished document
 * @message: as it was signed
 * @size: room at @buf
 * @len: of the document; may grow
 *
 * Return: 0 or -EMSGSIZE (no room).
 */
int flaws_after_signing(uint64_t flaws, const struct cose_sign1 *message,
			size_t signature_size, uint8_t *buf, size_t size, size_t *len);

#endif
