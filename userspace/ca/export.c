// SPDX-License-Identifier: Apache-2.0
/* Print a root certificate in the formats that programs need. */

#include "ca/export.h"

#include "ca/cert.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>

#define BYTES_PER_LINE	12

static const char *const names[NR_CA_EXPORTS] = {
	[CA_EXPORT_PEM] = "pem",
	[CA_EXPORT_DER] = "der",
	[CA_EXPORT_FINGERPRINT] = "fingerprint",
	[CA_EXPORT_RUST] = "rust",
	[CA_EXPORT_GO] = "go",
	[CA_EXPORT_C] = "c",
};

int ca_export_format(const char *name)
{
	for (int i = 0; i < NR_CA_EXPORTS; i++)
		if (!strcmp(names[i], name))
			return i;
	return -EINVAL;
}

static void put_array(FILE *to, const char *head, const char *tail, const uint8_t *der,
		      size_t len)
{
	fprintf(to, "// Root of an EMULATED Nitro Enclaves host: trust it in tests only.\n%s",
		head);
	for (size_t i = 0; i < len; i++)
		fprintf(to, "%s0x%02x,", i % BYTES_PER_LINE ? " " : "\n\t", der[i]);
	fprintf(to, "\n%s\n", tail);
}

static int put_der(X509 *cert, enum ca_export_format format, FILE *to)
{
	char head[80];
	uint8_t *der;
	size_t len;

	if (ca_cert_der(cert, &der, &len))
		return -EIO;
	switch (format) {
	case CA_EXPORT_RUST:
		snprintf(head, sizeof(head), "pub const EMULATED_ROOT: [u8; %zu] = [", len);
		put_array(to, head, "];", der, len);
		break;
	case CA_EXPORT_GO:
		put_array(to, "var emulatedRoot = []byte{", "}", der, len);
		break;
	case CA_EXPORT_C:
		put_array(to, "static const unsigned char emulated_root[] = {", "};", der, len);
		break;
	default:
		(void)fwrite(der, 1, len, to);	/* the stream remembers errors */
	}
	ca_der_wipe(der, len);
	return 0;
}

static int put_fingerprint(X509 *cert, FILE *to)
{
	char text[2 * CA_SHA256_SIZE + 1];
	uint8_t sha256[CA_SHA256_SIZE];

	if (ca_cert_fingerprint(cert, sha256))
		return -EIO;
	hex_encode(sha256, sizeof(sha256), text);
	fprintf(to, "%s\n", text);
	return 0;
}

static int put_pem(X509 *cert, FILE *to)
{
	__cleanup_free char *pem = ca_cert_pem(cert);

	return pem && fputs(pem, to) >= 0 ? 0 : -EIO;
}

int ca_export(X509 *cert, enum ca_export_format format, FILE *to)
{
	int err = format == CA_EXPORT_PEM ? put_pem(cert, to) :
		  format == CA_EXPORT_FINGERPRINT ? put_fingerprint(cert, to) :
		  put_der(cert, format, to);

	return err || fflush(to) || ferror(to) ? -EIO : 0;
}
