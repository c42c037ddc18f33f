/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Issue the certificates below a root, as on EC2: regional, zonal, instance, and a leaf for
 * each enclave. Their keys exist in memory only.
 */

#ifndef NE_EMU_CA_ISSUER_H
#define NE_EMU_CA_ISSUER_H

#include "ca/cert.h"
#include "ca/flaw.h"

#include <stdbool.h>
#include <stdint.h>

#define CA_REGION_MAX		15
/* "i-" and 17 hexadecimal digits. */
#define CA_INSTANCE_ID_LEN	19

enum ca_level {
	CA_REGIONAL,
	CA_ZONAL,
	CA_INSTANCE,
	NR_CA_LEVELS,
};

/* The bundle of a document holds the root and one certificate per level. */
#define CA_BUNDLE_SIZE	(1 + NR_CA_LEVELS)

/* Default and longest lifetime of leaves, seconds. */
#define CA_LEAF_LIFE	(3 * 3600)
#define CA_LEAF_LIFE_MAX	(5 * 365 * 86400LL)
/* Seconds between notBefore of a leaf and the time of issue. */
#define CA_LEAF_BACKDATE	3
/* A new leaf is due this many seconds before the old one expires. */
#define CA_LEAF_MARGIN	(15 * 60)

/**
 * struct ca_place - subject and properties of the certificates
 * @region: e.g. "us-east-1"; up to CA_REGION_MAX characters
 * @instance_id: CA_INSTANCE_ID_LEN characters
 * @leaf_life: lifetime of leaves in seconds; 0: CA_LEAF_LIFE. With a longer lifetime, the
 *	levels above live longer, too
 * @flaws: CA_FLAW_BIT()s
 */
struct ca_place {
	char region[CA_REGION_MAX + 1];
	char instance_id[CA_INSTANCE_ID_LEN + 1];
	int64_t leaf_life;
	uint32_t flaws;
};

/** ca_region_valid() - is @region 1 to CA_REGION_MAX characters of a-z, 0-9 and "-"? */
bool ca_region_valid(const char *region);

/** ca_instance_id_valid() - is @id "i-" and 17 hexadecimal digits? */
bool ca_instance_id_valid(const char *id);

/**
 * struct ca_issuer - the certificates above the leaves of one place
 * @place: subject and properties of all certificates
 * @root: certificate of the root; its key is needed only to sign the regional certificate
 * @levels: key and certificate of each level; both NULL if there is none yet
 */
struct ca_issuer {
	struct ca_place place;
	X509 *root;
	struct ca_signer levels[NR_CA_LEVELS];
};

/** ca_issuer_has() - should the certificates have this fault? */
static inline bool ca_issuer_has(const struct ca_issuer *issuer, enum ca_flaw flaw)
{
	return issuer->place.flaws & CA_FLAW_BIT(flaw);
}

/** ca_issuer_init() - start without certificates; the caller calls ca_issuer_clear() */
void ca_issuer_init(struct ca_issuer *issuer, const struct ca_place *place);
/** ca_issuer_clear() - release all certificates and keys; the place stays */
void ca_issuer_clear(struct ca_issuer *issuer);

/** ca_issuer_needs_root() - does ca_issuer_renew() need the root's key? */
bool ca_issuer_needs_root(const struct ca_issuer *issuer, int64_t now);

/**
 * ca_issuer_renew() - make the certificates that are missing or expire too soon
 * @issuer: holds the certificates
 * @root: key and certificate of the root; NULL if ca_issuer_needs_root() returned false
 * @now: seconds since 1970
 * @error: set on failure
 *
 * If it fails after a certificate was due, @issuer holds no certificates any more.
 *
 * Return: 0 or a negative errno with @error.
 */
int ca_issuer_renew(struct ca_issuer *issuer, const struct ca_signer *root, int64_t now,
		    struct error *error);

/** struct ca_der - a DER key or certificate; released with the identity it belongs to */
struct ca_der {
	uint8_t *data;
	size_t len;
};

/**
 * struct ca_identity - key and certificates with which an enclave signs documents
 * @key: private key, PKCS #8
 * @leaf: certificate of the enclave
 * @bundle: certificates above it, root first
 * @nr_bundle: entries of @bundle
 * @not_after: when the leaf expires, seconds since 1970
 */
struct ca_identity {
	struct ca_der key;
	struct ca_der leaf;
	struct ca_der bundle[CA_BUNDLE_SIZE];
	size_t nr_bundle;
	int64_t not_after;
};

/** ca_identity_wipe() - overwrite and release it; it may be zeroed or incomplete */
void ca_identity_wipe(struct ca_identity *identity);

/**
 * ca_issuer_leaf() - make a key and certificate for an enclave
 * @issuer: its instance level signs; call ca_issuer_renew() before
 * @enclave_id: second part of the enclave's module id
 * @now: seconds since 1970
 * @ret: filled on success; the caller releases it with ca_identity_wipe()
 * @error: set on failure
 *
 * Return: 0 or a negative errno with @error.
 */
int ca_issuer_leaf(const struct ca_issuer *issuer, uint64_t enclave_id, int64_t now,
		   struct ca_identity *ret, struct error *error);

#endif
