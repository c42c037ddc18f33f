// SPDX-License-Identifier: Apache-2.0
/*
 * Measures how many requests the NSM answers per second of processor time, and prints "NAME
 * RATE" lines. Documents are complete, with a chain of four certificates.
 */

#include "common/log.h"
#include "common/util.h"
#include "nsm/nsm.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#define SECONDS		3
#define BATCH		64
/* Sizes of EC2's certificates. */
#define LEAF_SIZE	640
#define CA_SIZE		700
#define NR_CAS		4

static double cpu_seconds(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void measure(struct nsm *nsm, const char *name, const char *request, size_t len)
{
	static uint8_t response[NSM_RESPONSE_MAX];
	double start = cpu_seconds(), took;
	unsigned long count = 0;

	do {
		for (int i = 0; i < BATCH; i++)
			if (nsm_request(nsm, request, len, response, sizeof(response)) < 48)
				exit(EXIT_FAILURE);	/* an error, which would be fast */
		count += BATCH;
		took = cpu_seconds() - start;
	} while (took < SECONDS);
	printf("%s %.1f\n", name, count / took);
}

static void set_identity(struct nsm *nsm)
{
	static const uint8_t certificates[MAX(LEAF_SIZE, CA_SIZE)];
	EVP_PKEY *key = EVP_EC_gen("P-384");
	PKCS8_PRIV_KEY_INFO *info = key ? EVP_PKEY2PKCS8(key) : NULL;
	struct nsm_identity identity = {
		.certificate = { certificates, LEAF_SIZE },
		.nr_cas = NR_CAS,
		.not_after = INT64_MAX,
	};
	uint8_t *der = NULL;
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;

	for (int i = 0; i < NR_CAS; i++)
		identity.cas[i] = (struct nsm_bytes){ certificates, CA_SIZE };
	identity.key = (struct nsm_bytes){ der, len };
	if (len <= 0 || nsm_set_identity(nsm, &identity))
		exit(EXIT_FAILURE);
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_free(key);
}

#define MEASURE(nsm, name, request) measure(nsm, name, request, sizeof(request) - 1)

int main(void)
{
	const struct nsm_config config = {
		.module_id = "i-0123456789abcdef0-enc0123456789abcdef",
		.entropy = nsm_entropy_system,
		.clock_ms = nsm_clock_system,
	};
	struct nsm *nsm;

	log_init(LOG_ERR, NULL);
	if (nsm_create(&config, &nsm))
		return EXIT_FAILURE;
	set_identity(nsm);
	MEASURE(nsm, "documents", "\xa1\x6b" "Attestation" "\xa1\x65" "nonce" "\x44" "1234");
	MEASURE(nsm, "GetRandom", "\x69" "GetRandom");
	MEASURE(nsm, "DescribePCR", "\xa1\x6b" "DescribePCR" "\xa1\x65" "index" "\x10");
	nsm_destroy(nsm);
	return EXIT_SUCCESS;
}
