// SPDX-License-Identifier: Apache-2.0
/* The identity of an NSM: the key that signs documents, and its certificates. */

#include "nsm/identity.h"

#include "common/util.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

static void cleanup_pkcs8(PKCS8_PRIV_KEY_INFO **info)
{
	PKCS8_PRIV_KEY_INFO_free(*info);	/* wipes the key */
}

static EVP_PKEY *identity_read_key(const struct nsm_bytes *der)
{
	__cleanup(cleanup_pkcs8) PKCS8_PRIV_KEY_INFO *info = NULL;
	const uint8_t *at = der->data;

	info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, der->len);
	if (!info || at != der->data + der->len)
		return NULL;
	return EVP_PKCS82PKEY(info);
}

/* SHA-384 on any curve: another curve is one of the faults that verifiers must find. */
static int make_signer(const struct nsm_bytes *der, struct cose_signer **ret)
{
	EVP_PKEY *key = identity_read_key(der);
	int err = key ? cose_signer_create(key, EVP_sha384(), ret) : -EBADMSG;

	EVP_PKEY_free(key);
	return err;
}

/* Return: the end of the copy. */
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
	err = make_signer(&from->key, &identity->signer);
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
	cose_signer_destroy(identity->signer);
	free(identity);
}
