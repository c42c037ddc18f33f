/* SPDX-License-Identifier: Apache-2.0 */
/* The identity of an NSM: the key that signs documents, and its certificates. */

#ifndef NE_EMU_NSM_IDENTITY_H
#define NE_EMU_NSM_IDENTITY_H

#include "common/nsm_control.h"
#include "cose/ecdsa.h"

#include <stdbool.h>
#include <stdint.h>

/**
 * struct identity - a copy of what ne-emud sent
 * @not_after: end of the certificate's validity, seconds since 1970
 * @expiry_told: the expiry has been logged
 * @bytes: bytes of all certificates
 */
struct identity {
	struct cose_signer *signer;
	struct nsm_bytes certificate;
	struct nsm_bytes cas[NSM_CONTROL_CAS_MAX];
	size_t nr_cas;
	int64_t not_after;
	bool expiry_told;
	uint8_t bytes[];
};

/** identity_create() - copy an identity; Return: 0, -EBADMSG (not an EC key) or -ENOMEM */
int identity_create(const struct nsm_identity *from, struct identity **ret_identity);
/** identity_destroy() - free an identity and wipe the key; accepts NULL */
void identity_destroy(struct identity *identity);

#endif
