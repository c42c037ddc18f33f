// SPDX-License-Identifier: Apache-2.0
/* Print the signing certificate in the format of nitro-cli. */

#include "cli/eif/show.h"

#include "common/text.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_SIZE	128

/* Call @put for each attribute of the issuer, with its name and its value in UTF-8. */
static void each_attribute(const X509 *certificate,
			   void (*put)(void *arg, const char *name, const char *value, size_t len),
			   void *arg)
{
	const X509_NAME *issuer = X509_get_issuer_name(certificate);

	for (int i = 0; i < X509_NAME_entry_count(issuer); i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(issuer, i);
		char name[TEXT_SIZE];
		unsigned char *value;
		int len;

		if (OBJ_obj2txt(name, sizeof(name), X509_NAME_ENTRY_get_object(entry), 0) <= 0)
			continue;
		len = ASN1_STRING_to_UTF8(&value, X509_NAME_ENTRY_get_data(entry));
		if (len < 0)
			continue;
		put(arg, name, (char *)value, len);
		OPENSSL_free(value);
	}
	ERR_clear_error();
}

static void time_text(const ASN1_TIME *when, char ret[TEXT_SIZE])
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = bio && ASN1_TIME_print(bio, when) ? BIO_read(bio, ret, TEXT_SIZE - 1) : 0;

	ret[n > 0 ? n : 0] = 0;
	BIO_free(bio);
}

static void algorithm_text(const X509 *certificate, char ret[TEXT_SIZE])
{
	const X509_ALGOR *algorithm;
	const ASN1_OBJECT *object;

	X509_get0_signature(NULL, &algorithm, certificate);
	X509_ALGOR_get0(&object, NULL, NULL, algorithm);
	if (OBJ_obj2txt(ret, TEXT_SIZE, object, 0) <= 0)
		*ret = 0;
}

static void put_member(void *out, const char *name, const char *value, size_t len)
{
	json_out_strn(out, name, value, len);
}

/* "AB:CD:..." */
static char *signature_text(const X509 *certificate)
{
	const ASN1_BIT_STRING *bits;
	char *text;

	X509_get0_signature(&bits, NULL, certificate);
	text = calloc(1, 3 * bits->length + 1);
	for (int i = 0; text && i < bits->length; i++)
		sprintf(text + 3 * i, "%02X:", bits->data[i]);
	if (text && bits->length)
		text[3 * bits->length - 1] = 0;
	return text;
}

void eif_show_certificate(struct json_out *out, const struct eif_signature *signature)
{
	const X509 *certificate = signature->certificate;
	char *bytes = signature_text(certificate);
	char text[TEXT_SIZE];

	json_out_object(out, "SigningCertificate");
	json_out_object(out, "IssuerName");
	each_attribute(certificate, put_member, out);
	json_out_end(out);
	algorithm_text(certificate, text);
	json_out_str(out, "Algorithm", text);
	time_text(X509_get0_notBefore(certificate), text);
	json_out_str(out, "NotBefore", text);
	time_text(X509_get0_notAfter(certificate), text);
	json_out_str(out, "NotAfter", text);
	json_out_str(out, "Signature", bytes);
	json_out_end(out);
	free(bytes);
}

static void print_member(void *arg, const char *name, const char *value, size_t len)
{
	printf("issuer:   %s = ", name);
	text_print(stdout, value, len, "");
	putchar('\n');
}

void eif_print_certificate(const struct eif_signature *signature)
{
	char from[TEXT_SIZE], to[TEXT_SIZE], algorithm[TEXT_SIZE];

	each_attribute(signature->certificate, print_member, NULL);
	algorithm_text(signature->certificate, algorithm);
	time_text(X509_get0_notBefore(signature->certificate), from);
	time_text(X509_get0_notAfter(signature->certificate), to);
	printf("signed:   %s, valid from %s to %s\n", algorithm, from, to);
}
