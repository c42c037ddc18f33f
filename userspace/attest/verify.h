/* SPDX-License-Identifier: Apache-2.0 */
/* Is an attestation document good? Every answer is named. */

#ifndef NE_EMU_ATTEST_VERIFY_H
#define NE_EMU_ATTEST_VERIFY_H

#include "attest/document.h"

#define ATTEST_CHECKS_MAX	64
#define ATTEST_PCR_SIZE		48

/** struct attest_check - one check; @name is stable, @error says what was wrong */
struct attest_check {
	char name[16];
	bool passed;
	struct error error;
};

/**
 * struct attest_report - all that were made
 * @checks: the first @count are set, in the order they were made
 * @count: checks that were made
 *
 * What depends on a check that failed is not checked any more.
 */
struct attest_report {
	struct attest_check checks[ATTEST_CHECKS_MAX];
	size_t count;
};

/**
 * struct attest_policy - what a document has to be
 * @root: DER of the certificate that is trusted
 * @now_ms: time of verification, milliseconds since 1970
 * @use_timestamp: verify at the time the document names instead
 * @max_age_ms: how old it may be then; 0: as old as its certificates allow
 * @strict: insist on EC2's own form and on the limits of AWS's text
 * @allow_debug: take a document of a debug enclave
 * @pcrs_wanted: bit n: PCR n has to be @pcrs[n]
 * @pcrs: expected values of PCRs, 48 bytes each
 * @nonce: has to be in the document if it has data; the caller's memory
 * @user_data: likewise
 * @public_key: likewise, DER
 */
struct attest_policy {
	struct nsm_bytes root;
	uint64_t now_ms;
	bool use_timestamp;
	uint64_t max_age_ms;
	bool strict;
	bool allow_debug;
	uint32_t pcrs_wanted;
	uint8_t pcrs[32][ATTEST_PCR_SIZE];
	struct nsm_bytes nonce;
	struct nsm_bytes user_data;
	struct nsm_bytes public_key;
};

/**
 * attest_verify() - make all checks
 * @bytes: the document, a COSE_Sign1 structure
 * @len: its length in bytes
 * @policy: what is expected of it
 * @ret_document: the document's parts if check "format" passed
 * @ret: every check that was made, and its result
 *
 * Return: whether all passed.
 */
bool attest_verify(const void *bytes, size_t len, const struct attest_policy *policy,
		   struct attest_document *ret_document, struct attest_report *ret);

/** attest_find_check() - the check of that name or NULL */
const struct attest_check *attest_find_check(const struct attest_report *report,
					     const char *name);

#endif
