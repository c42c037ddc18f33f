// SPDX-License-Identifier: Apache-2.0
/* Faults that certificates have on purpose, for tests of verifiers. */

#include "ca/flaw.h"

#include <errno.h>
#include <string.h>

static const char *const names[NR_CA_FLAWS] = {
	[CA_FLAW_EXPIRED] = "expired",
	[CA_FLAW_NOT_YET_VALID] = "not-yet-valid",
	[CA_FLAW_CA_EXPIRED] = "ca-expired",
	[CA_FLAW_WRONG_ROOT] = "wrong-root",
	[CA_FLAW_WRONG_ISSUER] = "wrong-issuer",
	[CA_FLAW_CERT_SIGNATURE] = "cert-signature",
	[CA_FLAW_CURVE] = "curve",
	[CA_FLAW_NO_CA] = "no-ca",
	[CA_FLAW_PATH_LENGTH] = "path-length",
	[CA_FLAW_CA_KEY_USAGE] = "ca-key-usage",
	[CA_FLAW_LEAF_KEY_USAGE] = "leaf-key-usage",
	[CA_FLAW_BUNDLE_REVERSED] = "bundle-reversed",
	[CA_FLAW_BUNDLE_NO_ROOT] = "bundle-no-root",
	[CA_FLAW_BUNDLE_GAP] = "bundle-gap",
};

const char *ca_flaw_name(enum ca_flaw flaw)
{
	return names[flaw];
}

int ca_flaw_find(const char *name, size_t len)
{
	for (int i = 0; i < NR_CA_FLAWS; i++)
		if (strlen(names[i]) == len && !memcmp(names[i], name, len))
			return i;
	return -EINVAL;
}
