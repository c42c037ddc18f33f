// SPDX-License-Identifier: Apache-2.0
/* Who signs documents: a key and the certificates that vouch for it. */

#include "nsm/identity.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>

/* Returns what is behind the copy. */
static uint8_t *copy_bytes(uint8_t *to, const struct nsm_bytes *from, struct nsm_bytes *ret)
{
	memcpy(to, from->data, from->len);
	*ret = (struct nsm_bytes){ .data = to, .len = from->len };
	return to + from->len;
}

int identity_create(const struct nsm_identity *from, struct identity **ret_identity)
{
	size_t size = from->certificate.len;
	struct identity *identity;
	uint8_t *to;
	int err;

	for (size_t i = 0; i < from->nr_cas; i++)
		size += from->cas[i].len;
	identity = calloc(1, sizeof(*identity) + size);
	if (!identity)
		return -ENOMEM;
	err = signer_create(&from->key, &identity->signer);
	if (err) {
		free(identity);
		return err;
	}
	to = copy_bytes(identity->bytes, &from->certificate, &identity->certificate);
	for (size_t i = 0; i < from->nr_cas; i++)
		to = copy_bytes(to, &from->cas[i], &identity->cas[i]);
	identity->nr_cas = from->nr_cas;
	identity->not_after = from->not_after;
	*ret_identity = identity;
	return 0;
}

void identity_destroy(struct identity *identity)
{
	if (!identity)
		return;
	signer_destroy(identity->signer);
	free(identity);
}
