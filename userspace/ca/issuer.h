/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificates below a root, as on EC2: regional, zonal, instance, and a leaf for
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

/* In documents: the root and these. */
#define CA_BUNDLE_SIZE	(1 + NR_CA_LEVELS)

/* Lives, seconds. */
#define CA_LEAF_LIFE	(3 * 3600)
#define CA_LEAF_LIFE_MAX	(5 * 365 * 86400LL)
/* A leaf begins this much before it is issued. */
#define CA_LEAF_BACKDATE	3
/* A new leaf is due this much before the old one ends. */
#define CA_LEAF_MARGIN	(15 * 60)

/**
 * struct ca_place - whom the certificates are for, and how they are to be
 * @region: "us-east-1", up to CA_REGION_MAX characters
 * @instance_id: CA_INSTANCE_ID_LEN characters
 * @leaf_life: of leaves in seconds; 0: CA_LEAF_LIFE. Those above live longer
 * @flaws: CA_FLAW_BIT()s
 */
struct ca_place {
	char region[CA_REGION_MAX + 1];
	char instance_id[CA_INSTANCE_ID_LEN + 1];
	int64_t leaf_life;
	uint32_t flaws;
};

/** ca_region_valid() - a-z, 0-9 and "-" within CA_REGION_MAX characters */
bool ca_region_valid(const char *region);

/** ca_instance_id_valid() - is @id "i-" and 17 hexadecimal digits? */
bool ca_instance_id_valid(const char *id);

/**
 * struct ca_issuer - certificates that leaves can be issued from
 * @place: region, instance and flaws of all certificates
 * @root: certificate only; its key is needed for the regional one alone
 * @levels: key and certificate of each level; both NULL where there is none yet
 */
struct ca_issuer {
	struct ca_place place;
	X509 *root;
	struct ca_signer levels[NR_CA_LEVELS];
};

/** ca_issuer_has() - is it to make this fault? */
static inline bool ca_issuer_has(const struct ca_issuer *issuer, enum ca_flaw flaw)
{
	return issuer->place.flaws & CA_FLAW_BIT(flaw);
}

/** ca_issuer_init() - nothing issued yet; release with ca_issuer_clear() */
void ca_issuer_init(struct ca_issuer *issuer, const struct ca_place *place);
void ca_issuer_clear(struct ca_issuer *issuer);

/** ca_issuer_needs_root() - can ca_issuer_renew() do nothing without the root's key? */
bool ca_issuer_needs_root(const struct ca_issuer *issuer, int64_t now);

/**
 * ca_issuer_renew() - make the certificates that are missing or will end too soon
 * @issuer: whose certificates are renewed
 * @root: key and certificate; NULL if ca_issuer_needs_root() said no
 * @now: seconds since 1970
 * @error: set on failure
 *
 * Return: 0 or a negative errno with @error; what there was remains.
 */
int ca_issuer_renew(struct ca_issuer *issuer, const struct ca_signer *root, int64_t now,
		    struct error *error);

/** struct ca_der - a key or certificate, released with the identity it belongs to */
struct ca_der {
	uint8_t *data;
	size_t len;
};

/**
 * struct ca_identity - what an enclave signs with
 * @key: PKCS #8
 * @leaf: certificate of the enclave, DER
 * @bundle: root first
 * @nr_bundle: certificates in @bundle
 * @not_after: end of the leaf's life, seconds since 1970
 */
struct ca_identity {
	struct ca_der key;
	struct ca_der leaf;
	struct ca_der bundle[CA_BUNDLE_SIZE];
	size_t nr_bundle;
	int64_t not_after;
};

/** ca_identity_wipe() - release it; also a zeroed or half-filled one */
void ca_identity_wipe(struct ca_identity *identity);

/**
 * ca_issuer_leaf() - a new key and certificate for an enclave
 * @issuer: whose lowest level signs
 * @enclave_id: second part of its module id
 * @now: as for ca_issuer_renew(), which comes first
 * @ret: release with ca_identity_wipe()
 * @error: set on failure
 *
 * Return: 0 or a negative errno with @error.
 */
int ca_issuer_leaf(const struct ca_issuer *issuer, uint64_t enclave_id, int64_t now,
		   struct ca_identity *ret, struct error *error);

#endif
