/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation documents as enclaves get them, with certificates of the CA. */

#ifndef NE_EMU_TESTS_UNIT_SAMPLE_DOCUMENT_H
#define NE_EMU_TESTS_UNIT_SAMPLE_DOCUMENT_H

#include "cbor_fields.h"

#include "ca/issuer.h"
#include "ca/root.h"
#include "common/cbor.h"
#include "nsm/nsm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2026-03-01 12:00:00.250 UTC */
#define SAMPLE_NOW		1772366400LL
#define SAMPLE_NOW_MS		1772366400250ULL
#define SAMPLE_ENCLAVE_ID	0x019caa9b9200cfbfULL
#define SAMPLE_MODULE_ID	"i-1234567890abcdef0-enc019caa9b9200cfbf"

/**
 * struct sample - properties of a module and its documents; zeroes make valid ones
 * @now_ms: the clock; 0: SAMPLE_NOW_MS
 * @nonce, @user_data, @public_key: in the request if they have data
 */
struct sample {
	uint64_t now_ms;
	uint32_t ca_flaws;
	uint64_t nsm_flaws;
	bool debug;
	bool definite_map;
	bool all_pcrs;		/* LockPCRs 32 first */
	struct nsm_bytes nonce;
	struct nsm_bytes user_data;
	struct nsm_bytes public_key;
};

struct sample_document {
	uint8_t bytes[NSM_RESPONSE_MAX];
	size_t len;
};

#define SAMPLE_BUG(what) do { \
	fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, what); \
	abort(); \
} while (0)

static inline uint64_t sample_clock_ms(void *arg)
{
	const struct sample *sample = arg;

	return sample->now_ms ? sample->now_ms : SAMPLE_NOW_MS;
}

static inline struct nsm_bytes sample_der(const struct ca_der *der)
{
	return (struct nsm_bytes){ .data = der->data, .len = der->len };
}

static inline void sample_identify(struct nsm *nsm, const struct sample *sample,
				   const struct ca_signer *root)
{
	struct ca_place place = {
		.region = "us-east-1", .instance_id = "i-1234567890abcdef0",
		.flaws = sample->ca_flaws,
	};
	int64_t now = sample_clock_ms((void *)sample) / 1000;
	struct nsm_identity identity = { 0 };
	struct ca_identity made;
	struct ca_issuer issuer;
	struct error error;

	ca_issuer_init(&issuer, &place);
	if (ca_issuer_renew(&issuer, root, now, &error) ||
	    ca_issuer_leaf(&issuer, SAMPLE_ENCLAVE_ID, now, &made, &error))
		SAMPLE_BUG(error.text);
	identity.key = sample_der(&made.key);
	identity.certificate = sample_der(&made.leaf);
	identity.not_after = made.not_after;
	for (identity.nr_cas = 0; identity.nr_cas < made.nr_bundle; identity.nr_cas++)
		identity.cas[identity.nr_cas] = sample_der(&made.bundle[identity.nr_cas]);
	if (nsm_set_identity(nsm, &identity))
		SAMPLE_BUG("the module refuses an identity");
	ca_identity_wipe(&made);
	ca_issuer_clear(&issuer);
}

/*
 * Make the module of a running enclave: PCR 0, 1, 2 and 8 are 48 bytes 0xa0, 0xa1, 0xa2 and
 * 0xa8; PCR 3 and 4 are set to 0xb3 and 0xb4. @sample must outlive it.
 */
static inline struct nsm *sample_module(const struct sample *sample,
					const struct ca_signer *root)
{
	const struct nsm_config config = {
		.module_id = SAMPLE_MODULE_ID, .debug = sample->debug,
		.entropy = nsm_entropy_system, .clock_ms = sample_clock_ms,
		.hook_arg = (void *)sample,
	};
	struct nsm_settings settings = {
		.flaws = sample->nsm_flaws, .definite_map = sample->definite_map,
		.pcrs_given = 1U << 3 | 1U << 4,
	};
	struct nsm_measurements measured;
	struct nsm *nsm;

	memset(measured.pcr0, 0xa0, sizeof(measured.pcr0));
	memset(measured.pcr1, 0xa1, sizeof(measured.pcr1));
	memset(measured.pcr2, 0xa2, sizeof(measured.pcr2));
	memset(measured.pcr8, 0xa8, sizeof(measured.pcr8));
	memset(settings.pcrs[3], 0xb3, sizeof(settings.pcrs[3]));
	memset(settings.pcrs[4], 0xb4, sizeof(settings.pcrs[4]));
	if (nsm_create(&config, &nsm))
		SAMPLE_BUG("no module");
	nsm_configure(nsm, &settings);
	sample_identify(nsm, sample, root);
	nsm_start(nsm, &measured);
	return nsm;
}

/* Make a request and check only that it does not fail. */
static inline void sample_do(struct nsm *nsm, const void *request, size_t len)
{
	uint8_t response[NSM_RESPONSE_MAX];
	size_t n = nsm_request(nsm, request, len, response, sizeof(response));

	if (!n || !memcmp(response, "\xa1\x65" "Error", 7))
		SAMPLE_BUG("the module refuses a request");
}

static inline void sample_attest(struct nsm *nsm, const struct sample *sample,
				 struct sample_document *ret)
{
	uint8_t request[NSM_REQUEST_MAX], response[NSM_RESPONSE_MAX];
	struct emu_cbor_writer writer = { .buf = request, .size = sizeof(request) };
	struct emu_cbor_reader reader = { .data = response };
	struct emu_cbor_item item;

	emu_cbor_put_map(&writer, 1);
	emu_cbor_put_text(&writer, "Attestation");
	emu_cbor_put_map(&writer, 3);
	put_bytes(&writer, "user_data", &sample->user_data);
	put_bytes(&writer, "nonce", &sample->nonce);
	put_bytes(&writer, "public_key", &sample->public_key);
	reader.left = nsm_request(nsm, request, writer.used, response, sizeof(response));
	/* {"Attestation": {"document": bytes}} */
	for (int i = 0; i < 5; i++)
		item = emu_cbor_read(&reader);
	if (item.kind != EMU_CBOR_BYTES || item.value > sizeof(ret->bytes))
		SAMPLE_BUG("the module makes no document");
	memcpy(ret->bytes, item.data, item.value);
	ret->len = item.value;
}

static inline void sample_make(const struct sample *sample, const struct ca_signer *root,
			       struct sample_document *ret)
{
	static const char lock_all[] = "\xa1\x68" "LockPCRs\xa1\x65" "range\x18\x20";
	struct nsm *nsm = sample_module(sample, root);

	if (sample->all_pcrs)
		sample_do(nsm, lock_all, sizeof(lock_all) - 1);
	sample_attest(nsm, sample, ret);
	nsm_destroy(nsm);
}

#endif
