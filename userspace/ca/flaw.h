/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that certificates have on purpose, for tests of verifiers. */

#ifndef NE_EMU_CA_FLAW_H
#define NE_EMU_CA_FLAW_H

#include <stddef.h>
#include <stdint.h>

enum ca_flaw {
	CA_FLAW_EXPIRED,		/* the leaf expired an hour ago */
	CA_FLAW_NOT_YET_VALID,		/* the leaf becomes valid in an hour */
	CA_FLAW_CA_EXPIRED,		/* the instance's certificate expired an hour ago */
	CA_FLAW_WRONG_ROOT,		/* all certificates chain to a root that nobody has */
	CA_FLAW_WRONG_ISSUER,		/* the leaf is signed with a key outside the chain */
	CA_FLAW_CERT_SIGNATURE,		/* one bit of the leaf's signature flipped */
	CA_FLAW_CURVE,			/* the leaf's key is on P-256 */
	CA_FLAW_NO_CA,			/* the instance's certificate is not a CA's */
	CA_FLAW_PATH_LENGTH,		/* the zonal certificate allows no CA below */
	CA_FLAW_CA_KEY_USAGE,		/* the instance's certificate may not sign others */
	CA_FLAW_LEAF_KEY_USAGE,		/* the leaf may not sign */
	CA_FLAW_BUNDLE_REVERSED,
	CA_FLAW_BUNDLE_NO_ROOT,		/* the bundle begins with the regional certificate */
	CA_FLAW_BUNDLE_GAP,		/* the bundle lacks the zonal certificate */
	NR_CA_FLAWS,
};

#define CA_FLAW_BIT(flaw)	(1U << (flaw))

/** ca_flaw_name() - name of a flaw in settings: "expired", "bundle-gap", ... */
const char *ca_flaw_name(enum ca_flaw flaw);

/** ca_flaw_find() - enum ca_flaw for a name of @len bytes, or -EINVAL */
int ca_flaw_find(const char *name, size_t len);

#endif
