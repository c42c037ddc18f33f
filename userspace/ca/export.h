/* SPDX-License-Identifier: Apache-2.0 */
/* Print a root certificate in the formats that programs need. */

#ifndef NE_EMU_CA_EXPORT_H
#define NE_EMU_CA_EXPORT_H

#include <openssl/types.h>
#include <stdio.h>

#define CA_EXPORT_FORMATS	"pem, der, fingerprint, rust, go or c"
/* The same for completion and for manuals. */
#define CA_EXPORT_WORDS		"pem der fingerprint rust go c"
#define CA_EXPORT_MANUAL	"*pem* (default), *der*, *fingerprint* (SHA-256 of the DER), or source " \
				"text with the DER as a constant: *rust*, *go* or *c*."

enum ca_export_format {
	CA_EXPORT_PEM,
	CA_EXPORT_DER,
	CA_EXPORT_FINGERPRINT,		/* SHA-256 of the DER, in hexadecimal digits */
	CA_EXPORT_RUST,			/* source text with a constant array, as the next two */
	CA_EXPORT_GO,
	CA_EXPORT_C,
	NR_CA_EXPORTS,
};

/** ca_export_format() - enum ca_export_format for a name, or -EINVAL */
int ca_export_format(const char *name);

/** ca_export() - print @cert; 0 or -EIO */
int ca_export(X509 *cert, enum ca_export_format format, FILE *to);

#endif
