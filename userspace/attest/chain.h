/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates of a document, and its signature. The verifier's use of OpenSSL. */

#ifndef NE_EMU_ATTEST_CHAIN_H
#define NE_EMU_ATTEST_CHAIN_H

#include "attest/document.h"

#include <openssl/types.h>

#define ATTEST_CHAIN_MAX	(1 + ATTEST_CAS_MAX)
/* Largest certificate by AWS's description, bytes. */
#define ATTEST_CERT_MAX		1024

/** struct attest_chain - @certs: the leaf first, the root last; owned */
struct attest_chain {
	X509 *certs[ATTEST_CHAIN_MAX];
	size_t count;
};

/*
 * All below return 0, or -EBADMSG or -ENOMEM with @error. attest_chain_load() comes
 * first. Whatever it returns, attest_chain_clear() releases its result, and drops what
 * the others left in OpenSSL's error queue.
 */

/** attest_chain_load() - each is one whole certificate of at most ATTEST_CERT_MAX bytes */
int attest_chain_load(const struct attest_document *document, struct attest_chain *chain,
		      struct error *error);
void attest_chain_clear(struct attest_chain *chain);

/** attest_chain_links() - each is signed by the next (ES384), the last by itself */
int attest_chain_links(const struct attest_chain *chain, struct error *error);

/** attest_chain_validity() - all are valid at @now, seconds since 1970 */
int attest_chain_validity(const struct attest_chain *chain, int64_t now, struct error *error);

/** attest_chain_constraints() - CAs are CAs with enough path length, the leaf is none */
int attest_chain_constraints(const struct attest_chain *chain, struct error *error);

/** attest_chain_usage() - CAs may sign certificates, the leaf may sign */
int attest_chain_usage(const struct attest_chain *chain, struct error *error);

/** attest_chain_curve() - all keys are on P-384 */
int attest_chain_curve(const struct attest_chain *chain, struct error *error);

/** attest_chain_path() - OpenSSL's own opinion, with @root as the only anchor */
int attest_chain_path(const struct attest_chain *chain, const struct nsm_bytes *root,
		      int64_t now, struct error *error);

/** attest_chain_covers() - is @time, seconds since 1970, within the leaf's life? */
int attest_chain_covers(const struct attest_chain *chain, int64_t time, struct error *error);

/** attest_chain_signature() - the document is signed with the leaf's key */
int attest_chain_signature(const struct attest_chain *chain,
			   const struct attest_document *document, struct error *error);

/** struct attest_cert_text - a certificate for people; times are RFC 3339 */
struct attest_cert_text {
	char subject[256];
	char serial[64];
	char not_before[32];
	char not_after[32];
	uint8_t sha256[32];
};

/** attest_cert_describe() - @der is one whole certificate; 0 or -1 */
int attest_cert_describe(const struct nsm_bytes *der, struct attest_cert_text *ret);

#endif
