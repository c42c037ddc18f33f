// SPDX-License-Identifier: Apache-2.0
/* Verification of attestation documents by the procedure that AWS has published. */

#include "attest/verify.h"

#include "attest/chain.h"
#include "common/clock.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* How far the clock of a verifier may lag behind. */
#define SKEW_MS		(5 * 60 * MSEC_PER_SEC)
#define PCR_INDEX_MAX	31
/* Maximum sizes of optional fields by AWS's documentation, bytes. */
#define PUBLIC_KEY_MAX	1024
#define USER_DATA_MAX	512
#define NONCE_MAX	512

#define FIELDS_NEEDED	(ATTEST_FIELD_BIT(ATTEST_PUBLIC_KEY) - 1)
#define FIELDS_ALL	(ATTEST_FIELD_BIT(NR_ATTEST_FIELDS) - 1)

/* State of one verification. */
struct verifier {
	const struct attest_policy *policy;
	const struct attest_document *document;
	struct attest_chain chain;
	struct attest_report *report;
	uint64_t now_ms;
};

/* Add a check, which passes unless check_fail() is called. */
static struct attest_check *check_add(struct attest_report *report, const char *name)
{
	struct attest_check *check = &report->checks[report->count++];

	*check = (struct attest_check){ .passed = true };
	snprintf(check->name, sizeof(check->name), "%s", name);
	return check;
}

__attribute__((format(printf, 2, 3)))
static void check_fail(struct attest_check *check, const char *fmt, ...)
{
	va_list args;

	check->passed = false;
	va_start(args, fmt);
	(void)error_vset(&check->error, 0, fmt, args);
	va_end(args);
}

static bool bytes_equal(const struct nsm_bytes *a, const struct nsm_bytes *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

static bool check_fields(struct verifier *v)
{
	const struct attest_document *document = v->document;
	struct attest_check *check = check_add(v->report, "fields");

	for (enum attest_field field = 0; field < NR_ATTEST_FIELDS; field++)
		if (FIELDS_NEEDED & ~document->fields & ATTEST_FIELD_BIT(field))
			check_fail(check, "there is no %s", attest_field_name(field));
	if (check->passed && !document->module_id.len)
		check_fail(check, "module_id is empty");
	if (check->passed && (document->digest.len != 6 ||
			      memcmp(document->digest.data, "SHA384", 6)))
		check_fail(check, "digest is not SHA384");
	return check->passed;
}

static void check_pcrs(struct verifier *v)
{
	const struct attest_document *document = v->document;
	struct attest_check *check = check_add(v->report, "pcrs");

	if (!document->nr_pcrs || document->nr_pcrs > PCR_INDEX_MAX + 1)
		check_fail(check, "%zu PCRs, not 1 to %d", document->nr_pcrs, PCR_INDEX_MAX + 1);
	for (size_t i = 0; check->passed && i < document->nr_pcrs; i++) {
		const struct attest_pcr *pcr = &document->pcrs[i];

		if (pcr->index > PCR_INDEX_MAX)
			check_fail(check, "there is no PCR%" PRIu64, pcr->index);
		else if (pcr->value.len != ATTEST_PCR_SIZE)
			check_fail(check, "PCR%" PRIu64 " has %zu bytes, not %d", pcr->index,
				   pcr->value.len, ATTEST_PCR_SIZE);
	}
}

static bool size_within(const struct nsm_bytes *bytes, size_t min, size_t max)
{
	return !bytes->data || (bytes->len >= min && bytes->len <= max);
}

/* Check for forms that EC2's documents never have. */
static void check_form(struct verifier *v)
{
	const struct attest_document *document = v->document;
	struct attest_check *check;

	if (!v->policy->strict)
		return;
	check = check_add(v->report, "form");
	if (document->message.tagged)
		check_fail(check, "the document begins with a tag");
	else if (document->message.unprotected)
		check_fail(check, "the unprotected header is not empty");
	else if (document->fields != FIELDS_ALL || document->unknown)
		check_fail(check, "the fields are not those of EC2's documents");
	else if (!document->in_order)
		check_fail(check, "the fields are not in the order of EC2's documents");
	else if (!size_within(&document->public_key, 1, PUBLIC_KEY_MAX))
		check_fail(check, "public_key has %zu bytes, not 1 to %d", document->public_key.len,
			   PUBLIC_KEY_MAX);
	else if (!size_within(&document->user_data, 0, USER_DATA_MAX))
		check_fail(check, "user_data has %zu bytes, more than %d", document->user_data.len,
			   USER_DATA_MAX);
	else if (!size_within(&document->nonce, 0, NONCE_MAX))
		check_fail(check, "nonce has %zu bytes, more than %d", document->nonce.len,
			   NONCE_MAX);
}

static void check_root(struct verifier *v)
{
	const struct attest_document *document = v->document;
	struct attest_check *check = check_add(v->report, "root");

	if (!document->nr_cabundle)
		check_fail(check, "cabundle is empty");
	else if (!bytes_equal(&document->cabundle[0], &v->policy->root))
		check_fail(check, "cabundle[0] is not the trusted root");
}

/* The leaf must be valid at the timestamp, which must not be after the verification. */
static void check_timestamp(struct verifier *v)
{
	struct attest_check *check = check_add(v->report, "timestamp");
	uint64_t ms = v->document->timestamp;

	if (!ms || ms > INT64_MAX)
		check_fail(check, "%" PRIu64 " is not a time", ms);
	else if (ms > v->now_ms && ms - v->now_ms > SKEW_MS)
		check_fail(check, "it is later than the time of verification");
	else if (attest_chain_covers(&v->chain, ms / MSEC_PER_SEC, &check->error))
		check->passed = false;
}

static void check_age(struct verifier *v)
{
	struct attest_check *check;
	uint64_t age_ms = v->now_ms - MIN(v->document->timestamp, v->now_ms);

	if (!v->policy->max_age_ms)
		return;
	check = check_add(v->report, "age");
	if (age_ms > v->policy->max_age_ms)
		check_fail(check, "the document is %" PRIu64 " s old", age_ms / MSEC_PER_SEC);
}

static void check_chain(struct verifier *v)
{
	static const struct {
		const char *name;
		int (*make)(const struct attest_chain *chain, struct error *error);
	} checks[] = {
		{ "chain", attest_chain_links },
		{ "constraints", attest_chain_constraints },
		{ "key-usage", attest_chain_usage },
		{ "curve", attest_chain_curve },
	};
	int64_t now = v->now_ms / MSEC_PER_SEC;
	struct attest_check *check;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		check = check_add(v->report, checks[i].name);
		check->passed = !checks[i].make(&v->chain, &check->error);
	}
	check = check_add(v->report, "validity");
	check->passed = !attest_chain_validity(&v->chain, now, &check->error);
	check = check_add(v->report, "path");
	check->passed = !attest_chain_path(&v->chain, &v->policy->root, now, &check->error);
	check = check_add(v->report, "signature");
	check->passed = !attest_chain_signature(&v->chain, v->document, &check->error);
	check_timestamp(v);
}

static void check_certificates(struct verifier *v)
{
	struct attest_check *check = check_add(v->report, "certificates");

	check->passed = !attest_chain_load(v->document, &v->chain, &check->error);
	if (check->passed)
		check_chain(v);
	attest_chain_clear(&v->chain);
}

static void check_debug(struct verifier *v)
{
	struct attest_check *check = check_add(v->report, "debug-mode");

	if (attest_is_debug(v->document) && !v->policy->allow_debug)
		check_fail(check, "PCR0, 1 and 2 are zero: the enclave runs in debug mode");
}

static void check_wanted_pcrs(struct verifier *v)
{
	for (unsigned int index = 0; index <= PCR_INDEX_MAX; index++) {
		const struct nsm_bytes wanted = { v->policy->pcrs[index], ATTEST_PCR_SIZE };
		const struct attest_pcr *pcr = attest_find_pcr(v->document, index);
		struct attest_check *check;
		char name[sizeof(check->name)];

		if (!(v->policy->pcrs_wanted & (1U << index)))
			continue;
		snprintf(name, sizeof(name), "pcr%u", index);
		check = check_add(v->report, name);
		if (!pcr)
			check_fail(check, "the document has no PCR%u", index);
		else if (!bytes_equal(&pcr->value, &wanted))
			check_fail(check, "PCR%u has a different value", index);
	}
}

static void check_wanted(struct verifier *v, const char *name, const struct nsm_bytes *wanted,
			 const struct nsm_bytes *found)
{
	struct attest_check *check;

	if (!wanted->data)
		return;
	check = check_add(v->report, name);
	if (!found->data)
		check_fail(check, "the document has none");
	else if (!bytes_equal(wanted, found))
		check_fail(check, "it has a different value");
}

bool attest_verify(const void *bytes, size_t len, const struct attest_policy *policy,
		   struct attest_document *ret_document, struct attest_report *ret)
{
	struct verifier v = {
		.policy = policy, .document = ret_document, .report = ret,
	};
	struct attest_check *check;
	bool passed = true;

	ret->count = 0;
	check = check_add(ret, "format");
	check->passed = !attest_parse(bytes, len, ret_document, &check->error);
	if (!check->passed)
		return false;
	v.now_ms = policy->use_timestamp ? ret_document->timestamp : policy->now_ms;

	check = check_add(ret, "algorithm");
	if (ret_document->message.algorithm != COSE_ALG_ES384)
		check_fail(check, "the protected header is not {1: -35}, ES384");
	check_form(&v);
	if (check_fields(&v)) {
		check_pcrs(&v);
		check_root(&v);
		check_certificates(&v);
		check_age(&v);
		check_debug(&v);
		check_wanted_pcrs(&v);
		check_wanted(&v, "nonce", &policy->nonce, &ret_document->nonce);
		check_wanted(&v, "user-data", &policy->user_data, &ret_document->user_data);
		check_wanted(&v, "public-key", &policy->public_key, &ret_document->public_key);
	}
	for (size_t i = 0; i < ret->count; i++)
		passed = passed && ret->checks[i].passed;
	return passed;
}

const struct attest_check *attest_find_check(const struct attest_report *report,
					     const char *name)
{
	for (size_t i = 0; i < report->count; i++)
		if (!strcmp(report->checks[i].name, name))
			return &report->checks[i];
	return NULL;
}
