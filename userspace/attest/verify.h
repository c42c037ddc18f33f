/* SPDX-License-Identifier: Apache-2.0 */
/* Verification of attestation documents; each check has a name. */

#ifndef NE_EMU_ATTEST_VERIFY_H
#define NE_EMU_ATTEST_VERIFY_H

#include "attest/document.h"

#define ATTEST_CHECKS_MAX	64
#define ATTEST_PCR_SIZE		48

/** struct attest_check - one check; @name is stable, @error is the reason of a failure */
struct attest_check {
	char name[16];
	bool passed;
	struct error error;
};

/**
 * struct attest_report - all checks that were made
 * @checks: the checks in the order in which they were made
 * @count: number of @checks
 *
 * Checks that depend on one that failed are not made.
 */
struct attest_report {
	struct attest_check checks[ATTEST_CHECKS_MAX];
	size_t count;
};

/**
 * struct attest_policy - requirements for a document
 * @root: trusted certificate, DER
 * @now_ms: time of verification, milliseconds since 1970
 * @use_timestamp: use the timestamp of the document as the time of verification
 * @max_age_ms: maximum age of the document; 0: as old as its certificates allow
 * @strict: require EC2's form, and the limits of AWS's documentation
 * @allow_debug: accept a document of a debug enclave
 * @pcrs_wanted: bit n: PCR n has to be @pcrs[n]
 * @pcrs: expected values of PCRs, 48 bytes each
 * @nonce: if it has data, the document has to contain the same; the caller's memory
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
 * attest_verify() - verify a document
 * @bytes: the document, a COSE_Sign1 structure
 * @len: its length in bytes
 * @policy: requirements for it
 * @ret_document: receives the parts of the document if the check "format" passes
 * @ret: receives every check that was made, and its result
 *
 * Return: true if all checks passed.
 */
bool attest_verify(const void *bytes, size_t len, const struct attest_policy *policy,
		   struct attest_document *ret_document, struct attest_report *ret);

/** attest_find_check() - Return: the check of that name, or NULL */
const struct attest_check *attest_find_check(const struct attest_report *report,
					     const char *name);

#endif
