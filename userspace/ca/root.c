// SPDX-License-Identifier: Apache-2.0
/* Make root certificates, and encode and decode the contents of their files. */

#include "ca/root.h"

#include "ca/names.h"
#include "ca/store.h"
#include "common/util.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

static void root_bio_cleanup(BIO **bio)
{
	BIO_free(*bio);
}

int ca_root_make(const char *project, struct ca_signer *ret, struct error *error)
{
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	uint8_t serial[CA_SERIAL_RANDOM];
	char cn[CA_CN_MAX + 1];
	const struct ca_rdn subject[] = {
		{ NID_countryName, CA_NAME_COUNTRY },
		{ NID_organizationName, CA_NAME_ORGANIZATION },
		{ NID_organizationalUnitName, CA_NAME_UNIT },
		{ NID_commonName, cn },
		{ 0 },
	};
	const struct ca_cert_spec spec = {
		.subject = subject,
		.serial = serial,
		.serial_len = sizeof(serial),
		.not_before = CA_ROOT_NOT_BEFORE,
		.not_after = CA_ROOT_NOT_AFTER,
		.pathlen = CA_PATHLEN_NONE,
		.key_usage = CA_USAGE_CA,
		.extensions = "BSK",
	};

	snprintf(cn, sizeof(cn), "%s." CA_NAME_SUFFIX, project);
	root.key = ca_key_generate(CA_CURVE);
	if (!root.key || ca_random(serial, sizeof(serial)))
		return ca_openssl_error(error, "cannot make a key");
	root.cert = ca_cert_make(&spec, root.key, NULL);
	if (!root.cert)
		return ca_openssl_error(error, "cannot make a root certificate");
	*ret = root;
	root = (struct ca_signer){ 0 };
	return 0;
}

int ca_root_encode(const struct ca_signer *root, uint8_t **ret_text, size_t *ret_len,
		   struct error *error)
{
	/* Secure memory is wiped when it is freed. */
	__cleanup(root_bio_cleanup) BIO *bio = BIO_new(BIO_s_secmem());
	char *data;
	long len;

	if (!bio || !PEM_write_bio_X509(bio, root->cert) ||
	    !PEM_write_bio_PKCS8PrivateKey(bio, root->key, NULL, NULL, 0, NULL, NULL))
		return ca_openssl_error(error, "cannot write the root");
	len = BIO_get_mem_data(bio, &data);
	*ret_text = OPENSSL_memdup(data, len);
	if (!*ret_text)
		return error_set(error, -ENOMEM, "out of memory");
	*ret_len = len;
	return 0;
}

/* Without this, OpenSSL would ask for a password on the terminal. */
static int no_password(char *buf, int size, int for_writing, void *arg)
{
	return -1;
}

static int check(const struct ca_signer *root, struct error *error)
{
	char curve[32] = "";

	if (X509_check_private_key(root->cert, root->key) != 1)
		return error_set(error, -EBADMSG, "certificate and key do not match");
	if (EVP_PKEY_get_utf8_string_param(root->key, "group", curve, sizeof(curve), NULL) != 1 ||
	    OBJ_txt2nid(curve) != NID_secp384r1)
		return error_set(error, -EBADMSG, "the key is not on curve P-384");
	if (!X509_check_ca(root->cert))
		return error_set(error, -EBADMSG, "the certificate is not that of a CA");
	return 0;
}

int ca_root_decode(const void *text, size_t len, struct ca_signer *ret, struct error *error)
{
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	__cleanup(root_bio_cleanup) BIO *bio = BIO_new_mem_buf(text, len);
	int err;

	if (!bio)
		return ca_openssl_error(error, "cannot read the root");
	root.cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	root.key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	if (!root.cert || !root.key)
		err = error_set(error, -EBADMSG, "it does not hold a certificate followed by a key");
	else
		err = check(&root, error);
	ERR_clear_error();
	if (err)
		return err;
	*ret = root;
	root = (struct ca_signer){ 0 };
	return 0;
}
