// SPDX-License-Identifier: Apache-2.0
/* Issue the certificates below a root: regional, zonal, instance. */

#include "ca/issuer.h"

#include "ca/names.h"
#include "ca/root.h"
#include "ca/store.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <string.h>

#define HOUR	3600LL
#define DAY	(24 * HOUR)

/* Certificates must not outlive their root. */
#define LIFE_END	CA_ROOT_NOT_AFTER

/**
 * struct level - properties of the certificates of one level
 * @life: lifetime in seconds
 * @vary: limit on the random number of seconds that is subtracted from @life
 * @backdate: seconds between notBefore and the time of issue
 * @margin: a new certificate is due when less than this remains, seconds, so that the
 *	certificates below do not outlive it
 * @pathlen: path length constraint
 * @serial_len: bytes of the serial number
 * @key_usage: see struct ca_cert_spec
 * @extensions: see struct ca_cert_spec
 */
struct level {
	int64_t life;
	int64_t vary;
	int64_t backdate;
	int64_t margin;
	int pathlen;
	size_t serial_len;
	const char *key_usage;
	const char *extensions;
};

/* The values of EC2, where notBefore of the first two is an hour ago, too. */
static const struct level levels[NR_CA_LEVELS] = {
	[CA_REGIONAL] = { 20 * DAY, 0, HOUR, 7 * DAY, 2, CA_SERIAL_RANDOM, CA_USAGE_CA, "BASK" },
	[CA_ZONAL] = { 6 * DAY - HOUR, 12 * HOUR, HOUR, 25 * HOUR, 1, CA_SERIAL_RANDOM, CA_USAGE_CA,
		       "BASK" },
	[CA_INSTANCE] = { 24 * HOUR, 0, CA_LEAF_BACKDATE, 4 * HOUR, 0, CA_SERIAL_INSTANCE,
			  CA_USAGE_INSTANCE, "BKSA" },
};

bool ca_region_valid(const char *region)
{
	size_t len = strlen(region);

	return len && len <= CA_REGION_MAX &&
	       strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

bool ca_instance_id_valid(const char *id)
{
	return strlen(id) == CA_INSTANCE_ID_LEN && !strncmp(id, "i-", 2) &&
	       strspn(id + 2, "0123456789abcdef") == CA_INSTANCE_ID_LEN - 2;
}

void ca_issuer_init(struct ca_issuer *issuer, const struct ca_place *place)
{
	*issuer = (struct ca_issuer){ .place = *place };
}

void ca_issuer_clear(struct ca_issuer *issuer)
{
	for (size_t i = 0; i < NR_CA_LEVELS; i++)
		ca_signer_clear(&issuer->levels[i]);
	X509_free(issuer->root);
	issuer->root = NULL;
}

/* CAs must live as much longer as leaves do. */
static int64_t extra_life(const struct ca_issuer *issuer)
{
	return MAX(issuer->place.leaf_life - CA_LEAF_LIFE, 0);
}

static bool level_due(const struct ca_issuer *issuer, enum ca_level level, int64_t now)
{
	X509 *cert = issuer->levels[level].cert;
	int64_t margin = levels[level].margin + extra_life(issuer);

	if (level == CA_INSTANCE && ca_issuer_has(issuer, CA_FLAW_CA_EXPIRED))
		return !cert;
	/* A certificate that is not valid yet means that the clock was set back. */
	if (!cert || ca_cert_begin(cert) > now)
		return true;
	/* If the end of the root is the limit, a new certificate would not live longer. */
	return ca_cert_end(cert) < MIN(now + margin, LIFE_END);
}

bool ca_issuer_needs_root(const struct ca_issuer *issuer, int64_t now)
{
	return level_due(issuer, CA_REGIONAL, now);
}

/* As on EC2: 16 hexadecimal digits, in the zonal name without leading zeros. */
static int level_cn(const struct ca_issuer *issuer, enum ca_level level, char *cn, size_t size)
{
	uint64_t id;

	if (ca_random(&id, sizeof(id)))
		return -1;
	switch (level) {
	case CA_REGIONAL:
		snprintf(cn, size, "%016" PRIx64 ".%s." CA_NAME_SUFFIX, id, issuer->place.region);
		break;
	case CA_ZONAL:
		snprintf(cn, size, "%" PRIx64 ".zonal.%s." CA_NAME_SUFFIX, id,
			 issuer->place.region);
		break;
	case CA_INSTANCE:
		snprintf(cn, size, "%s.%s." CA_NAME_SUFFIX, issuer->place.instance_id,
			 issuer->place.region);
		break;
	case NR_CA_LEVELS:
		break;
	}
	return 0;
}

/* Most attributes of the layouts below, and the entry that ends the list. */
#define SUBJECT_MAX	7

/* EC2 has a different layout for each level. */
static void level_subject(enum ca_level level, const char *cn, struct ca_rdn subject[SUBJECT_MAX])
{
	const struct ca_rdn regional[SUBJECT_MAX] = {
		{ NID_countryName, CA_NAME_COUNTRY },
		{ NID_organizationName, CA_NAME_ORGANIZATION },
		{ NID_organizationalUnitName, CA_NAME_UNIT },
		{ NID_commonName, cn },
	};
	const struct ca_rdn zonal[SUBJECT_MAX] = {
		{ NID_commonName, cn },
		{ NID_organizationalUnitName, CA_NAME_UNIT },
		{ NID_organizationName, CA_NAME_ORGANIZATION },
		{ NID_countryName, CA_NAME_COUNTRY },
		{ NID_stateOrProvinceName, CA_NAME_STATE },
		{ NID_localityName, CA_NAME_LOCALITY },
	};
	const struct ca_rdn instance[SUBJECT_MAX] = {
		{ NID_countryName, CA_NAME_COUNTRY },
		{ NID_stateOrProvinceName, CA_NAME_STATE },
		{ NID_localityName, CA_NAME_LOCALITY },
		{ NID_organizationName, CA_NAME_ORGANIZATION },
		{ NID_organizationalUnitName, CA_NAME_UNIT },
		{ NID_commonName, cn },
	};
	const struct ca_rdn *from = level == CA_REGIONAL ? regional :
				    level == CA_ZONAL ? zonal : instance;

	memcpy(subject, from, sizeof(regional));
}

static void apply_flaws(const struct ca_issuer *issuer, enum ca_level level, int64_t now,
			struct ca_cert_spec *spec)
{
	if (level == CA_ZONAL && ca_issuer_has(issuer, CA_FLAW_PATH_LENGTH))
		spec->pathlen = 0;
	if (level != CA_INSTANCE)
		return;
	if (ca_issuer_has(issuer, CA_FLAW_NO_CA))
		spec->pathlen = CA_PATHLEN_LEAF;
	if (ca_issuer_has(issuer, CA_FLAW_CA_KEY_USAGE))
		spec->key_usage = "critical,digitalSignature";
	if (ca_issuer_has(issuer, CA_FLAW_CA_EXPIRED)) {
		spec->not_before = now - 25 * HOUR;
		spec->not_after = now - HOUR;
	}
}

static int make_level(struct ca_issuer *issuer, enum ca_level level,
		      const struct ca_signer *parent, int64_t now, struct error *error)
{
	__cleanup(ca_signer_clear) struct ca_signer made = { 0 };
	const struct level *rules = &levels[level];
	struct ca_rdn subject[SUBJECT_MAX];
	uint8_t serial[CA_SERIAL_MAX];
	char cn[CA_CN_MAX + 1] = "";
	uint32_t vary;
	struct ca_cert_spec spec = {
		.subject = subject,
		.serial = serial,
		.serial_len = rules->serial_len,
		.not_before = now - rules->backdate,
		.pathlen = rules->pathlen,
		.key_usage = rules->key_usage,
		.extensions = rules->extensions,
	};

	if (ca_random(serial, sizeof(serial)) || ca_random(&vary, sizeof(vary)) ||
	    level_cn(issuer, level, cn, sizeof(cn)))
		return ca_openssl_error(error, "no random numbers");
	/* A full-length number with the top bit set would need another octet. */
	serial[0] &= rules->serial_len == CA_SERIAL_MAX ? 0x7f : 0xff;
	spec.not_after = now + rules->life - (rules->vary ? vary % rules->vary : 0) +
			 extra_life(issuer);
	spec.not_after = MIN(spec.not_after - (level == CA_INSTANCE ? rules->backdate : 0),
			     LIFE_END);
	level_subject(level, cn, subject);
	apply_flaws(issuer, level, now, &spec);

	made.key = ca_key_generate(CA_CURVE);
	made.cert = made.key ? ca_cert_make(&spec, made.key, parent) : NULL;
	if (!made.cert)
		return ca_openssl_error(error, "cannot make an intermediate certificate");
	ca_signer_clear(&issuer->levels[level]);
	issuer->levels[level] = made;
	made = (struct ca_signer){ 0 };
	return 0;
}

/* Use @root, or for that flaw a new root that no verifier trusts. */
static int use_root(struct ca_issuer *issuer, const struct ca_signer *root,
		    struct ca_signer *ret, struct error *error)
{
	if (ca_issuer_has(issuer, CA_FLAW_WRONG_ROOT)) {
		int err = ca_root_make("wrong-root", ret, error);

		if (err)
			return err;
	} else {
		X509_up_ref(root->cert);
		EVP_PKEY_up_ref(root->key);
		*ret = *root;
	}
	X509_free(issuer->root);
	X509_up_ref(ret->cert);
	issuer->root = ret->cert;
	return 0;
}

static int check_clock(int64_t now, struct error *error)
{
	if (now < CA_ROOT_NOT_BEFORE + DAY)
		return error_set(error, -ERANGE,
				 "the clock is before 2020, where no root is valid");
	if (now > LIFE_END - HOUR)
		return error_set(error, -ERANGE,
				 "the clock is after 2049, where no root is valid");
	return 0;
}

int ca_issuer_renew(struct ca_issuer *issuer, const struct ca_signer *root, int64_t now,
		    struct error *error)
{
	__cleanup(ca_signer_clear) struct ca_signer top = { 0 };
	bool due = false;
	int err = check_clock(now, error);

	if (!err && ca_issuer_needs_root(issuer, now))
		err = use_root(issuer, root, &top, error);
	for (enum ca_level level = 0; !err && level < NR_CA_LEVELS; level++) {
		/* A new CA has not signed anything yet, so all levels below it are due. */
		due = due || level_due(issuer, level, now);
		if (due)
			err = make_level(issuer, level,
					 level ? &issuer->levels[level - 1] : &top, now, error);
	}
	/* Old and new certificates do not chain, so drop all and start over next time. */
	if (err && due)
		ca_issuer_clear(issuer);
	return err;
}
