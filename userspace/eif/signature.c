// SPDX-License-Identifier: Apache-2.0
/*
 * The signature section: a CBOR list of maps with a certificate and a COSE_Sign1
 * structure, both written as lists of numbers.
 */

#include "eif/signature.h"

#include "common/cbor.h"
#include "common/util.h"
#include "eif/cose.h"
#include "eif/pem.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#define KEY_CERTIFICATE	"signing_certificate"
#define KEY_SIGNATURE	"signature"

static bool signature_is_text(const struct emu_cbor_item *item, const char *text)
{
	return item->kind == EMU_CBOR_TEXT && item->value == strlen(text) &&
		!memcmp(item->data, text, item->value);
}

/* AWS's library writes bytes as an array of numbers. */
static int signature_read_numbers(struct emu_cbor_reader *reader, const char *what, uint8_t **ret,
				  size_t *ret_size, struct error *error)
{
	struct emu_cbor_item item = emu_cbor_read(reader);
	__cleanup_free uint8_t *bytes = NULL;
	size_t size, i;

	if (item.kind != EMU_CBOR_ARRAY)
		return error_set(error, -EBADMSG, "the %s is not a list of numbers", what);
	if (item.value > reader->left)
		return error_set(error, -EBADMSG, "the %s is cut off", what);
	if (*ret)
		return error_set(error, -EBADMSG, "the %s occurs twice", what);
	size = item.value;
	bytes = malloc(size ?: 1);
	if (!bytes)
		return -ENOMEM;
	for (i = 0; i < size; i++) {
		item = emu_cbor_read(reader);
		if (item.kind != EMU_CBOR_UINT || item.value > 0xff)
			return error_set(error, -EBADMSG, "item %zu of the %s is not a byte", i,
					 what);
		bytes[i] = item.value;
	}
	*ret = bytes;
	*ret_size = size;
	bytes = NULL;
	return 0;
}

static int signature_read_entry(struct emu_cbor_reader *reader, struct eif_signature *ret,
				struct error *error)
{
	struct emu_cbor_item item = emu_cbor_read(reader);
	unsigned int i;
	int err = 0;

	if (item.kind != EMU_CBOR_MAP || item.value != 2)
		return error_set(error, -EBADMSG, "an entry is not a map with two keys");
	for (i = 0; !err && i < 2; i++) {
		item = emu_cbor_read(reader);
		if (signature_is_text(&item, KEY_CERTIFICATE))
			err = signature_read_numbers(reader, "certificate", &ret->pem,
						     &ret->pem_size, error);
		else if (signature_is_text(&item, KEY_SIGNATURE))
			err = signature_read_numbers(reader, "signature", &ret->cose,
						     &ret->cose_size, error);
		else
			err = error_set(error, -EBADMSG, "a key is neither " KEY_CERTIFICATE " nor "
					KEY_SIGNATURE);
	}
	return err;
}

static int signature_read_entries(struct emu_cbor_reader *reader, struct eif_signature *ret,
				  struct error *error)
{
	struct emu_cbor_item item = emu_cbor_read(reader);
	uint64_t i;
	int err = 0;

	if (item.kind != EMU_CBOR_ARRAY)
		return error_set(error, -EBADMSG, "not a list of signatures");
	if (!item.value)
		return error_set(error, -EBADMSG, "the list of signatures is empty");
	if (item.value > reader->left)
		return error_set(error, -EBADMSG, "the list of signatures is cut off");
	ret->entries = item.value;
	for (i = 0; !err && i < item.value; i++) {
		struct eif_signature other = {};

		err = signature_read_entry(reader, i ? &other : ret, error);
		ret->private_key |= pem_has_private_key(ret->pem, ret->pem_size) ||
			pem_has_private_key(other.pem, other.pem_size);
		eif_signature_close(&other);
	}
	if (!err && reader->left)
		return error_set(error, -EBADMSG,
				 "%zu bytes follow the list of signatures", reader->left);
	return err;
}

/* Do not prompt for a passphrase. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	return -1;
}

int eif_certificate_read(const uint8_t *pem, size_t size, struct x509_st **ret,
			 uint8_t ret_pcr8[EIF_PCR_SIZE])
{
	BIO *bio = BIO_new_mem_buf(pem, size);
	X509 *certificate;
	uint8_t *der = NULL;
	int der_size;
	int err;

	if (!bio)
		return -EIO;
	certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!certificate)
		return -EBADMSG;
	der_size = i2d_X509(certificate, &der);
	err = der_size > 0 ? eif_pcr_of_data(der, der_size, ret_pcr8) : -EIO;
	OPENSSL_free(der);
	if (err)
		X509_free(certificate);
	else
		*ret = certificate;
	return err;
}

int eif_signature_open(const uint8_t *data, size_t size, struct eif_signature *ret,
		       struct error *error)
{
	__cleanup_free uint8_t *copy = NULL;
	struct eif_signature signature = {};
	struct emu_cbor_reader reader;
	int err;

	if (size > EIF_SIGNATURE_MAX)
		return error_set(error, -EBADMSG,
				 "%zu bytes exceed the limit of %d", size, EIF_SIGNATURE_MAX);
	copy = malloc(size ?: 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, size);
	reader = (struct emu_cbor_reader){ .data = copy, .left = size };
	err = signature_read_entries(&reader, &signature, error);
	if (!err) {
		err = eif_certificate_read(signature.pem, signature.pem_size,
					   &signature.certificate, signature.pcr8);
		if (err == -EBADMSG)
			(void)error_set(error, -EBADMSG,
					"its certificate is not an X.509 certificate in PEM");
	}
	if (err)
		eif_signature_close(&signature);
	else
		*ret = signature;
	return err;
}

void eif_signature_close(struct eif_signature *signature)
{
	X509_free(signature->certificate);
	free(signature->pem);
	free(signature->cose);
	*signature = (struct eif_signature){};
}

enum eif_verdict eif_signature_dates(const struct eif_signature *signature, time_t now)
{
	const X509 *certificate = signature->certificate;

	/* 0 means an unreadable date, with which the certificate is never valid. */
	if (X509_cmp_time(X509_get0_notBefore(certificate), &now) >= 0)
		return EIF_VERDICT_EARLY;
	if (X509_cmp_time(X509_get0_notAfter(certificate), &now) <= 0)
		return EIF_VERDICT_EXPIRED;
	return EIF_VERDICT_GOOD;
}

const char *eif_verdict_text(enum eif_verdict verdict)
{
	switch (verdict) {
	case EIF_VERDICT_GOOD:
		return "good";
	case EIF_VERDICT_BAD_COSE:
		return "not a COSE_Sign1 structure with an algorithm for its key";
	case EIF_VERDICT_BAD_SIGNATURE:
		return "the signature is not by the certificate's key";
	case EIF_VERDICT_OTHER_IMAGE:
		return "the signature was made for another image (PCR0 differs)";
	case EIF_VERDICT_EARLY:
		return "the signing certificate is not valid yet";
	case EIF_VERDICT_EXPIRED:
		return "the signing certificate has expired";
	}
	return "unknown";
}

int eif_signature_verify(const struct eif_signature *signature, const uint8_t *pcr0, time_t now,
			 enum eif_verdict *ret)
{
	EVP_PKEY *key = X509_get0_pubkey(signature->certificate);
	enum eif_verdict verdict;
	int err;

	err = eif_cose_verify(key, signature->cose, signature->cose_size, pcr0, &verdict);
	ERR_clear_error();
	if (err)
		return err;
	if (verdict == EIF_VERDICT_GOOD)
		verdict = eif_signature_dates(signature, now);
	*ret = verdict;
	return 0;
}

/* OpenSSL calls this only for an encrypted key. */
static int ask_passphrase(char *ret, int size, int writing, void *arg)
{
	bool *encrypted = arg;

	*encrypted = true;
	return PEM_def_callback(ret, size, writing, NULL);
}

int eif_key_read(const char *pem, size_t size, struct evp_pkey_st **ret)
{
	BIO *bio = BIO_new_mem_buf(pem, size);
	bool encrypted = false;

	*ret = bio ? PEM_read_bio_PrivateKey(bio, NULL, ask_passphrase, &encrypted) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	return *ret ? 0 : encrypted ? -EKEYREJECTED : -EBADMSG;
}

static void put_numbers(struct emu_cbor_writer *writer, const char *key, const uint8_t *bytes,
			size_t size)
{
	size_t i;

	emu_cbor_put_text(writer, key);
	emu_cbor_put_array(writer, size);
	for (i = 0; i < size; i++)
		emu_cbor_put_uint(writer, bytes[i]);
}

/*
 * Check that a certificate file can be put into an image. Return: 0, -EINVAL with @error, or
 * -EIO.
 */
static int check_certificate(struct evp_pkey_st *key, const char *pem, size_t size,
			     struct error *error)
{
	uint8_t pcr8[EIF_PCR_SIZE];
	X509 *certificate;
	bool belongs;
	int err;

	err = eif_certificate_read((const uint8_t *)pem, size, &certificate, pcr8);
	if (err == -EBADMSG)
		return error_set(error, -EINVAL,
				 "the certificate is not an X.509 certificate in PEM");
	if (err)
		return err;
	belongs = X509_check_private_key(certificate, key) == 1;
	X509_free(certificate);
	ERR_clear_error();
	if (!belongs)
		return error_set(error, -EINVAL, "the key does not belong to the certificate");
	if (pem_has_private_key(pem, size))
		return error_set(error, -EINVAL, "the certificate file holds a private key, which "
				 "everybody could read in the image: use one without");
	return 0;
}

int eif_signature_make(struct evp_pkey_st *key, const char *pem, size_t pem_size,
		       const uint8_t *pcr0, uint8_t **ret, size_t *ret_size, struct error *error)
{
	__cleanup_free uint8_t *buf = malloc(EIF_SIGNATURE_MAX);
	struct emu_cbor_writer writer = { .buf = buf, .size = EIF_SIGNATURE_MAX };
	__cleanup_free char *certificates = NULL;
	uint8_t cose[EIF_COSE_MAX];
	size_t cose_size;
	int err;

	if (!buf)
		return -ENOMEM;
	err = check_certificate(key, pem, pem_size, error);
	if (!err)
		err = pem_certificates(pem, pem_size, &certificates, &pem_size);
	if (err)
		return err;
	err = eif_cose_sign(key, pcr0, cose, &cose_size);
	if (err == -EINVAL)
		return error_set(error, -EINVAL,
				 "the key is not an EC key on P-256, P-384 or P-521");
	if (err)
		return err;
	emu_cbor_put_array(&writer, 1);
	emu_cbor_put_map(&writer, 2);
	put_numbers(&writer, KEY_CERTIFICATE, (const uint8_t *)certificates, pem_size);
	put_numbers(&writer, KEY_SIGNATURE, cose, cose_size);
	if (writer.overflow)
		return error_set(error, -EINVAL,
				 "a certificate of %zu bytes does not fit into the section",
				 pem_size);
	*ret = buf;
	*ret_size = writer.used;
	buf = NULL;
	return 0;
}
