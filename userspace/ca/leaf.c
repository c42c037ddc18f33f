// SPDX-License-Identifier: Apache-2.0
/* Issue the identity of an enclave: a leaf and the bundle above it. */

#include "ca/issuer.h"
#include "ca/names.h"
#include "ca/store.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <string.h>

#define HOUR		3600LL
#define LEAF_SERIAL	16

void ca_identity_wipe(struct ca_identity *identity)
{
	ca_der_wipe(identity->key.data, identity->key.len);
	ca_der_wipe(identity->leaf.data, identity->leaf.len);
	for (size_t i = 0; i < identity->nr_bundle; i++)
		ca_der_wipe(identity->bundle[i].data, identity->bundle[i].len);
	*identity = (struct ca_identity){ 0 };
}

static void put_be(uint8_t *to, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = value >> (8 * (bytes - 1 - i));
}

/* As on EC2: enclave id, zeros, time of issue in seconds. */
static void leaf_serial(uint8_t serial[LEAF_SERIAL], uint64_t enclave_id, int64_t now)
{
	put_be(serial, enclave_id, 8);
	put_be(serial + 8, 0, 4);
	put_be(serial + 12, now, 4);
}

static void leaf_dates(const struct ca_issuer *issuer, int64_t now, struct ca_cert_spec *spec)
{
	int64_t life = issuer->place.leaf_life ? issuer->place.leaf_life : CA_LEAF_LIFE;

	spec->not_before = now - CA_LEAF_BACKDATE;
	spec->not_after = MIN(now + life, CA_ROOT_NOT_AFTER);
	if (ca_issuer_has(issuer, CA_FLAW_EXPIRED)) {
		spec->not_before = now - 4 * HOUR;
		spec->not_after = now - HOUR;
	} else if (ca_issuer_has(issuer, CA_FLAW_NOT_YET_VALID)) {
		spec->not_before = now + HOUR;
		spec->not_after = now + HOUR + life;
	}
}

/* The signature is at the end of a certificate. */
static void flip_last_bit(struct ca_der *der)
{
	der->data[der->len - 1] ^= 1;
}

static int leaf_encode(X509 *cert, EVP_PKEY *key, struct ca_identity *ret)
{
	if (ca_key_der(key, &ret->key.data, &ret->key.len) ||
	    ca_cert_der(cert, &ret->leaf.data, &ret->leaf.len))
		return -1;
	return 0;
}

/* Sign as the instance, or with a key outside the chain if that flaw is set. */
static int leaf_issuer(const struct ca_issuer *issuer, struct ca_signer *ret)
{
	*ret = issuer->levels[CA_INSTANCE];
	X509_up_ref(ret->cert);
	if (ca_issuer_has(issuer, CA_FLAW_WRONG_ISSUER))
		ret->key = ca_key_generate(CA_CURVE);
	else
		EVP_PKEY_up_ref(ret->key);
	return ret->key ? 0 : -1;
}

static int leaf_make(const struct ca_issuer *issuer, uint64_t enclave_id, int64_t now,
		     struct ca_identity *ret)
{
	__cleanup(ca_signer_clear) struct ca_signer parent = { 0 };
	__cleanup(ca_signer_clear) struct ca_signer leaf = { 0 };
	uint8_t serial[LEAF_SERIAL];
	char cn[CA_CN_MAX + 1];
	const struct ca_rdn subject[] = {
		{ NID_countryName, CA_NAME_COUNTRY },
		{ NID_stateOrProvinceName, CA_NAME_STATE },
		{ NID_localityName, CA_NAME_LOCALITY },
		{ NID_organizationName, CA_NAME_ORGANIZATION },
		{ NID_organizationalUnitName, CA_NAME_UNIT },
		{ NID_commonName, cn },
		{ 0 },
	};
	struct ca_cert_spec spec = {
		.subject = subject,
		.serial = serial,
		.serial_len = sizeof(serial),
		.pathlen = CA_PATHLEN_LEAF,
		.key_usage = ca_issuer_has(issuer, CA_FLAW_LEAF_KEY_USAGE) ? "keyAgreement" :
			     CA_USAGE_LEAF,
		.extensions = "BK",
	};

	snprintf(cn, sizeof(cn), "%s-enc%016" PRIx64 ".%s." CA_NAME_LEAF_SUFFIX,
		 issuer->place.instance_id, enclave_id, issuer->place.region);
	leaf_serial(serial, enclave_id, now);
	leaf_dates(issuer, now, &spec);
	leaf.key = ca_key_generate(ca_issuer_has(issuer, CA_FLAW_CURVE) ? "P-256" : CA_CURVE);
	if (!leaf.key || leaf_issuer(issuer, &parent))
		return -1;
	leaf.cert = ca_cert_make(&spec, leaf.key, &parent);
	if (!leaf.cert || leaf_encode(leaf.cert, leaf.key, ret))
		return -1;
	if (ca_issuer_has(issuer, CA_FLAW_CERT_SIGNATURE))
		flip_last_bit(&ret->leaf);
	ret->not_after = spec.not_after;
	return 0;
}

static int bundle_add(struct ca_identity *ret, X509 *cert)
{
	struct ca_der *der = &ret->bundle[ret->nr_bundle];

	if (ca_cert_der(cert, &der->data, &der->len))
		return -1;
	ret->nr_bundle++;
	return 0;
}

static void bundle_reverse(struct ca_identity *ret)
{
	for (size_t i = 0; i < ret->nr_bundle / 2; i++) {
		struct ca_der *a = &ret->bundle[i];
		struct ca_der *b = &ret->bundle[ret->nr_bundle - 1 - i];
		struct ca_der tmp = *a;

		*a = *b;
		*b = tmp;
	}
}

static int bundle_make(const struct ca_issuer *issuer, struct ca_identity *ret)
{
	if (!ca_issuer_has(issuer, CA_FLAW_BUNDLE_NO_ROOT) && bundle_add(ret, issuer->root))
		return -1;
	for (enum ca_level level = 0; level < NR_CA_LEVELS; level++) {
		if (level == CA_ZONAL && ca_issuer_has(issuer, CA_FLAW_BUNDLE_GAP))
			continue;
		if (bundle_add(ret, issuer->levels[level].cert))
			return -1;
	}
	if (ca_issuer_has(issuer, CA_FLAW_BUNDLE_REVERSED))
		bundle_reverse(ret);
	return 0;
}

int ca_issuer_leaf(const struct ca_issuer *issuer, uint64_t enclave_id, int64_t now,
		   struct ca_identity *ret, struct error *error)
{
	__cleanup(ca_identity_wipe) struct ca_identity identity = { 0 };

	if (leaf_make(issuer, enclave_id, now, &identity) || bundle_make(issuer, &identity))
		return ca_openssl_error(error, "cannot make a leaf certificate");
	*ret = identity;
	identity = (struct ca_identity){ 0 };
	return 0;
}
