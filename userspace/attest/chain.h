/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a document's certificates and of its signature, with OpenSSL. */

#ifndef NE_EMU_ATTEST_CHAIN_H
#define NE_EMU_ATTEST_CHAIN_H

#include "attest/document.h"

#include <openssl/types.h>

#define ATTEST_CHAIN_MAX	(1 + ATTEST_CAS_MAX)
/* Maximum size of a certificate by AWS's documentation, bytes. */
#define ATTEST_CERT_MAX		1024

/** struct attest_chain - @certs: the leaf first, the root last; owned */
struct attest_chain {
	X509 *certs[ATTEST_CHAIN_MAX];
	size_t count;
};

/*
 * The functions below return 0, or -EBADMSG or -ENOMEM with @error. Call attest_chain_load()
 * first and, even if it fails, attest_chain_clear() last: it releases the result, and clears
 * OpenSSL's error queue.
 */

/** attest_chain_load() - check that each is one certificate of at most ATTEST_CERT_MAX bytes */
int attest_chain_load(const struct attest_document *document, struct attest_chain *chain,
		      struct error *error);
void attest_chain_clear(struct attest_chain *chain);

/** attest_chain_links() - check that each is signed by the next (ES384), the last by itself */
int attest_chain_links(const struct attest_chain *chain, struct error *error);

/** attest_chain_validity() - check that all are valid at @now, seconds since 1970 */
int attest_chain_validity(const struct attest_chain *chain, int64_t now, struct error *error);

/** attest_chain_constraints() - check that all but the leaf are CAs with enough path length */
int attest_chain_constraints(const struct attest_chain *chain, struct error *error);

/** attest_chain_usage() - check that CAs may sign certificates, and that the leaf may sign */
int attest_chain_usage(const struct attest_chain *chain, struct error *error);

/** attest_chain_curve() - check that all keys are on P-384 */
int attest_chain_curve(const struct attest_chain *chain, struct error *error);

/** attest_chain_path() - verify the chain with OpenSSL, with @root as the only trust anchor */
int attest_chain_path(const struct attest_chain *chain, const struct nsm_bytes *root,
		      int64_t now, struct error *error);

/** attest_chain_covers() - check that the leaf is valid at @time, seconds since 1970 */
int attest_chain_covers(const struct attest_chain *chain, int64_t time, struct error *error);

/** attest_chain_signature() - check that the document is signed with the leaf's key */
int attest_chain_signature(const struct attest_chain *chain,
			   const struct attest_document *document, struct error *error);

/** struct attest_cert_text - description of a certificate; times are RFC 3339 */
struct attest_cert_text {
	char subject[256];
	char serial[64];
	char not_before[32];
	char not_after[32];
	uint8_t sha256[32];
};

/** attest_cert_describe() - describe the one certificate in @der; Return: 0 or -1 */
int attest_cert_describe(const struct nsm_bytes *der, struct attest_cert_text *ret);

#endif
