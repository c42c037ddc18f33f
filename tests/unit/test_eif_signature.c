// SPDX-License-Identifier: Apache-2.0
/* Signature sections, PCR8, PCR3 and PCR4. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/cbor.h"
#include "common/util.h"
#include "eif/eif.h"
#include "eif/signature.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/mman.h>

#define DAY	86400

/* A key, its self-signed certificate and a section signed with it. */
struct signer {
	EVP_PKEY *key;
	X509 *certificate;
	char pem[4096];
	size_t pem_size;
	uint8_t *section;
	size_t size;
};

static const uint8_t pcr0[EIF_PCR_SIZE] = { 1, 2, 30, 255 };

/* Valid from yesterday until @days from now. */
static void make_signer(struct signer *signer, const char *curve, int days)
{
	struct error error = {};
	X509_NAME *name;
	BIO *bio = BIO_new(BIO_s_mem());

	signer->key = EVP_EC_gen(curve);
	assert_non_null(signer->key);
	signer->certificate = X509_new();
	assert_non_null(signer->certificate);
	ASN1_INTEGER_set(X509_get_serialNumber(signer->certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(signer->certificate), -10 * DAY);
	X509_gmtime_adj(X509_getm_notAfter(signer->certificate), days * DAY);
	X509_set_pubkey(signer->certificate, signer->key);
	name = X509_get_subject_name(signer->certificate);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (uint8_t *)"test", -1, -1, 0);
	X509_set_issuer_name(signer->certificate, name);
	assert_true(X509_sign(signer->certificate, signer->key, EVP_sha256()));
	assert_true(PEM_write_bio_X509(bio, signer->certificate));
	signer->pem_size = BIO_read(bio, signer->pem, sizeof(signer->pem));
	BIO_free(bio);
	if (eif_signature_make(signer->key, signer->pem, signer->pem_size, pcr0,
			       &signer->section, &signer->size, &error))
		fail_msg("%s", error.text);
}

static void free_signer(struct signer *signer)
{
	free(signer->section);
	X509_free(signer->certificate);
	EVP_PKEY_free(signer->key);
}

static enum eif_verdict verify(const uint8_t *section, size_t size, const uint8_t *value,
			       time_t now)
{
	struct error error = {};
	struct eif_signature signature;
	enum eif_verdict verdict;

	if (eif_signature_open(section, size, &signature, &error))
		fail_msg("%s", error.text);
	assert_int_equal(eif_signature_verify(&signature, value, now, &verdict), 0);
	assert_true(*eif_verdict_text(verdict));
	eif_signature_close(&signature);
	return verdict;
}

static void assert_refused(const uint8_t *section, size_t size, const char *text)
{
	struct error error = {};
	struct eif_signature signature;
	uint8_t *copy = malloc(size ?: 1);

	memcpy(copy, section, size);
	assert_int_equal(eif_signature_open(copy, size, &signature, &error), -EBADMSG);
	free(copy);
	if (!strstr(error.text, text))
		fail_msg("refused with \"%s\", expected \"%s\"", error.text, text);
}

/* Compute SHA-384 of 48 zeros followed by the hash of the certificate. */
static void expect_pcr8(X509 *certificate, uint8_t *ret)
{
	uint8_t both[2 * EIF_PCR_SIZE] = {};
	uint8_t *der = NULL;
	int size = i2d_X509(certificate, &der);

	assert_true(size > 0);
	assert_true(EVP_Digest(der, size, both + EIF_PCR_SIZE, NULL, EVP_sha384(), NULL));
	assert_true(EVP_Digest(both, sizeof(both), ret, NULL, EVP_sha384(), NULL));
	OPENSSL_free(der);
}

static void test_curves(void **state)
{
	static const char *const curves[] = { "P-384", "P-256", "P-521" };
	uint8_t other[EIF_PCR_SIZE] = { 1, 2, 30, 254 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(curves); i++) {
		struct signer signer = {};
		struct eif_signature signature;
		struct error error;
		uint8_t pcr8[EIF_PCR_SIZE];

		make_signer(&signer, curves[i], 10);
		assert_memory_equal(signer.section, "\x81\xa2\x73signing_certificate\x99", 23);
		assert_int_equal(verify(signer.section, signer.size, pcr0, time(NULL)),
				 EIF_VERDICT_GOOD);
		assert_int_equal(verify(signer.section, signer.size, other, time(NULL)),
				 EIF_VERDICT_OTHER_IMAGE);
		assert_int_equal(verify(signer.section, signer.size, pcr0, time(NULL) + 11 * DAY),
				 EIF_VERDICT_EXPIRED);
		assert_int_equal(verify(signer.section, signer.size, pcr0, time(NULL) - 11 * DAY),
				 EIF_VERDICT_EARLY);
		expect_pcr8(signer.certificate, pcr8);
		assert_int_equal(eif_signature_open(signer.section, signer.size, &signature,
						    &error), 0);
		assert_memory_equal(signature.pcr8, pcr8, sizeof(pcr8));
		assert_int_equal(signature.entries, 1);
		assert_memory_equal(signature.pem, signer.pem, signer.pem_size);
		eif_signature_close(&signature);
		free_signer(&signer);
	}
}

/* The part of a certificate file that the image holds; the caller frees it. */
static char *kept(struct signer *signer, const char *pem, size_t *ret_size)
{
	struct error error = {};
	struct eif_signature signature;
	uint8_t *section;
	size_t size;
	char *copy;

	if (eif_signature_make(signer->key, pem, strlen(pem), pcr0, &section, &size, &error))
		fail_msg("%s", error.text);
	assert_int_equal(eif_signature_open(section, size, &signature, &error), 0);
	assert_false(signature.private_key);
	copy = strndup((const char *)signature.pem, signature.pem_size);
	*ret_size = signature.pem_size;
	eif_signature_close(&signature);
	free(section);
	return copy;
}

/* Certificates, and only certificates, go into the image byte for byte. */
static void test_certificate_files(void **state)
{
	static const struct {
		const char *file;	/* %s: the certificate, twice at most */
		const char *kept;	/* NULL: all of it */
	} cases[] = {
		{ "%s", NULL },
		{ "%s%s", NULL },
		{ "Bag Attributes\n  friendlyName: me\n%s", "%s" },
		{ "%s\nsecret words behind it", "%s" },
		{ "-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n%s",
		  "%s" },
		{ "%sbetween\n%s", "%s%s" },
		{ "a -----BEGIN CERTIFICATE----- in a line\n%s", "%s" },
	};
	struct signer signer = {};
	char file[9000], expected[9000];

	make_signer(&signer, "P-384", 10);
	signer.pem[signer.pem_size] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size;
		char *have;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
		snprintf(file, sizeof(file), cases[i].file, signer.pem, signer.pem);
		snprintf(expected, sizeof(expected), cases[i].kept ?: cases[i].file, signer.pem,
			 signer.pem);
#pragma GCC diagnostic pop
		have = kept(&signer, file, &size);
		assert_int_equal(size, strlen(expected));
		assert_string_equal(have, expected);
		free(have);
	}
	free_signer(&signer);
}

/* Make a section with another text instead of the certificate. */
static uint8_t *with_certificate(const struct signer *signer, const char *pem, size_t *ret_size)
{
	uint8_t *section = malloc(EIF_SIGNATURE_MAX);
	struct emu_cbor_writer writer = { .buf = section, .size = EIF_SIGNATURE_MAX };
	const uint8_t *rest = memmem(signer->section, signer->size, "\x69signature", 10);
	size_t size = signer->section + signer->size - rest;

	emu_cbor_put_array(&writer, 1);
	emu_cbor_put_map(&writer, 2);
	emu_cbor_put_text(&writer, "signing_certificate");
	emu_cbor_put_array(&writer, strlen(pem));
	for (; *pem; pem++)
		emu_cbor_put_uint(&writer, (uint8_t)*pem);
	assert_true(!writer.overflow && writer.used + size <= EIF_SIGNATURE_MAX);
	memcpy(section + writer.used, rest, size);
	*ret_size = writer.used + size;
	return section;
}

static bool holds_key(const uint8_t *section, size_t size)
{
	struct error error = {};
	struct eif_signature signature;
	bool ret;

	if (eif_signature_open(section, size, &signature, &error))
		fail_msg("%s", error.text);
	ret = signature.private_key;
	eif_signature_close(&signature);
	return ret;
}

/* Any kind of private key is refused here, and found in images made by other tools. */
static void test_private_keys(void **state)
{
	static const struct {
		const char *begin, *end;
		bool key;
	} cases[] = {
		{ "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----\n", true },
		{ "-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----END ENCRYPTED PRIVATE KEY-----\n",
		  true },
		{ "-----BEGIN EC PRIVATE KEY-----", "-----END EC PRIVATE KEY-----\n", true },
		{ "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----\n", true },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----\n",
		  true },
		{ "-----BEGIN PGP PRIVATE KEY BLOCK-----", "-----END PGP PRIVATE KEY BLOCK-----\n",
		  true },
		{ " -----BEGIN PRIVATE KEY-----", "", true },
		{ "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----\n", false },
		{ "-----BEGIN X-----", "-----END X-----\nPRIVATE KEY\n", false },
		{ "PRIVATE KEY", "", false },
	};
	struct error error;
	char file[9000];
	struct signer signer = {};

	make_signer(&signer, "P-384", 10);
	signer.pem[signer.pem_size] = 0;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		uint8_t *section, *both;
		size_t size, other;
		int r;

		/* Before the certificate, or after it. */
		snprintf(file, sizeof(file), "%s%s\nMHc=\n%s%s", i % 2 ? signer.pem : "",
			 cases[i / 2].begin, cases[i / 2].end, i % 2 ? "" : signer.pem);
		r = eif_signature_make(signer.key, file, strlen(file), pcr0, &section, &size,
				       &error);
		assert_int_equal(r, cases[i / 2].key ? -EINVAL : 0);
		if (r)
			assert_non_null(strstr(error.text, "holds a private key"));
		else
			free(section);
		section = with_certificate(&signer, file, &size);
		assert_int_equal(holds_key(section, size), cases[i / 2].key);
		assert_int_equal(verify(section, size, pcr0, time(NULL)), EIF_VERDICT_GOOD);
		/* Also in an unused entry. */
		both = malloc(signer.size + size);
		memcpy(both, signer.section, signer.size);
		memcpy(both + signer.size, section + 1, size - 1);
		both[0] = 0x82;
		other = signer.size + size - 1;
		assert_int_equal(holds_key(both, other), cases[i / 2].key);
		free(both);
		free(section);
	}
	free_signer(&signer);
}

/* The last byte of the section is the last of the COSE structure. */
static void test_wrong_key(void **state)
{
	struct signer signer = {}, other = {};
	struct error error = {};
	uint8_t *section;
	size_t size, head;

	make_signer(&signer, "P-384", 10);
	make_signer(&other, "P-384", 10);
	assert_int_equal(eif_signature_make(signer.key, other.pem, other.pem_size, pcr0, &section,
					    &size, &error), -EINVAL);
	assert_non_null(strstr(error.text, "does not belong"));

	/* The certificate of one signer, the signature of the other. */
	section = malloc(other.size + signer.size);
	head = (uint8_t *)memmem(other.section, other.size, "\x69signature", 10) - other.section;
	memcpy(section, other.section, head);
	size = signer.size;
	head = (uint8_t *)memmem(signer.section, size, "\x69signature", 10) - signer.section;
	memcpy(section + ((uint8_t *)memmem(other.section, other.size, "\x69signature", 10) -
			  other.section), signer.section + head, size - head);
	assert_int_equal(verify(section, (uint8_t *)memmem(other.section, other.size,
							   "\x69signature", 10) -
				other.section + size - head, pcr0, time(NULL)),
			 EIF_VERDICT_BAD_SIGNATURE);
	free(section);
	free_signer(&signer);
	free_signer(&other);
}

static void test_unsuitable_keys(void **state)
{
	struct error error = {};
	struct signer signer = {};
	EVP_PKEY *rsa = EVP_RSA_gen(2048);
	uint8_t *section;
	size_t size;
	BIO *bio = BIO_new(BIO_s_mem());
	char pem[4096];

	make_signer(&signer, "P-256", 10);
	X509_set_pubkey(signer.certificate, rsa);
	assert_true(X509_sign(signer.certificate, rsa, EVP_sha256()));
	assert_true(PEM_write_bio_X509(bio, signer.certificate));
	size = BIO_read(bio, pem, sizeof(pem));
	BIO_free(bio);
	assert_int_equal(eif_signature_make(rsa, pem, size, pcr0, &section, &size, &error),
			 -EINVAL);
	assert_non_null(strstr(error.text, "not an EC key"));
	EVP_PKEY_free(rsa);
	assert_int_equal(eif_signature_make(signer.key, "x", 1, pcr0, &section, &size, &error),
			 -EINVAL);
	assert_non_null(strstr(error.text, "not an X.509"));
	free_signer(&signer);
}

/* An algorithm that does not match the key, and every truncation. */
static void test_cose_forms(void **state)
{
	struct signer signer = {};
	struct eif_signature signature;
	struct error error;
	enum eif_verdict verdict;

	make_signer(&signer, "P-384", 10);
	assert_int_equal(eif_signature_open(signer.section, signer.size, &signature, &error), 0);
	assert_memory_equal(signature.cose, "\x84\x44\xa1\x01\x38\x22\xa0\x58", 8);

	signature.cose[5] = 0x23;
	assert_int_equal(eif_signature_verify(&signature, pcr0, time(NULL), &verdict), 0);
	assert_int_equal(verdict, EIF_VERDICT_BAD_COSE);
	signature.cose[5] = 0x22;
	/* One trailing byte in an otherwise valid signature. */
	signature.cose = realloc(signature.cose, signature.cose_size + 1);
	assert_int_equal(signature.cose[signature.cose_size - 97], 96);
	signature.cose[signature.cose_size - 97] = 97;
	signature.cose[signature.cose_size++] = 0;
	assert_int_equal(eif_signature_verify(&signature, pcr0, time(NULL), &verdict), 0);
	assert_int_equal(verdict, EIF_VERDICT_BAD_SIGNATURE);
	signature.cose_size--;
	signature.cose[signature.cose_size - 97] = 96;
	assert_int_equal(eif_signature_verify(&signature, pcr0, time(NULL), &verdict), 0);
	assert_int_equal(verdict, EIF_VERDICT_GOOD);
	while (signature.cose_size--) {
		assert_int_equal(eif_signature_verify(&signature, pcr0, time(NULL), &verdict), 0);
		assert_int_equal(verdict, EIF_VERDICT_BAD_COSE);
	}
	eif_signature_close(&signature);
	free_signer(&signer);
}

static void test_sections(void **state)
{
	static uint8_t nested[1000];
	static const struct {
		const char *bytes;
		size_t size;
		const char *text;
	} cases[] = {
		{ "", 0, "not a list of signatures" },
		{ "\x80", 1, "list of signatures is empty" },
		{ "\x81", 1, "cut off" },
		{ "\x9f\xff", 2, "not a list of signatures" },
		{ "\xa0", 1, "not a list of signatures" },
		{ "\x9b\xff\xff\xff\xff\xff\xff\xff\xff", 9, "cut off" },
		{ "\x81\xa1", 2, "not a map with two keys" },
		{ "\x81\xa2\x01", 3, "a key is neither" },
		{ "\x81\xa2\x73signing_certificate\x43" "abc", 25, "certificate is not a list" },
		{ "\x81\xa2\x73signing_certificate\x82\x01", 24, "certificate is cut off" },
		{ "\x81\xa2\x73signing_certificate\x81\x19\x01\x00", 26,
		  "item 0 of the certificate" },
		{ "\x81\xa2\x73signing_certificate\x81\x20", 24, "item 0 of the certificate" },
		{ "\x81\xa2\x69signature\x81\x01\x69signature\x81\x01", 26,
		  "signature occurs twice" },
		{ "\x81\xa2\x69signature\x81\x01\x73signing_certificate\x81\x01", 36,
		  "not an X.509 certificate" },
	};
	struct signer signer = {};
	uint8_t *longer;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused((const uint8_t *)cases[i].bytes, cases[i].size, cases[i].text);
	memset(nested, 0x81, sizeof(nested));
	assert_refused(nested, sizeof(nested), "not a map with two keys");

	make_signer(&signer, "P-384", 10);
	for (i = 0; i < signer.size; i++)
		assert_refused(signer.section, i, "");
	longer = malloc(2 * signer.size);
	memcpy(longer, signer.section, signer.size);
	memcpy(longer + signer.size, signer.section + 1, signer.size - 1);
	assert_refused(longer, signer.size + 1, "bytes follow");
	longer[0] = 0x82;
	assert_int_equal(verify(longer, 2 * signer.size - 1, pcr0, time(NULL)), EIF_VERDICT_GOOD);
	free(longer);
	free_signer(&signer);
}

/* The maximum number of sections, of which the last one is the signature. */
static void test_full_image(void **state)
{
	__cleanup_fd int fd = memfd_create("image", MFD_CLOEXEC);
	struct error error = {};
	struct signer signer = {};
	struct eif_writer writer;
	struct eif_pcrs pcrs;
	uint8_t expected[EIF_PCR_SIZE];
	struct eif eif;
	void *image;

	make_signer(&signer, "P-384", 10);
	eif_writer_init(&writer, fd, 4, 0);
	assert_int_equal(eif_writer_add(&writer, EIF_SECTION_KERNEL, "KERNEL", 6), 0);
	assert_int_equal(eif_writer_add(&writer, EIF_SECTION_CMDLINE, "CMDLINE", 7), 0);
	assert_int_equal(eif_writer_add(&writer, EIF_SECTION_METADATA, "{}", 2), 0);
	for (int i = 0; i < 28; i++)
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_RAMDISK, "RAMDISK", 7), 0);
	assert_int_equal(eif_writer_add(&writer, EIF_SECTION_SIGNATURE, signer.section,
					signer.size), 0);
	assert_int_equal(eif_writer_finish(&writer), 0);
	image = mmap(NULL, writer.end, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(image, MAP_FAILED);
	if (eif_parse(image, writer.end, EIF_PARSE_STRICT, &eif, &pcrs, &error))
		fail_msg("%s", error.text);
	assert_int_equal(munmap(image, writer.end), 0);
	assert_int_equal(eif.nr_ramdisks, 28);
	assert_true(pcrs.has_pcr8);
	expect_pcr8(signer.certificate, expected);
	assert_memory_equal(pcrs.pcr8, expected, sizeof(expected));
	free_signer(&signer);
}

static void assert_pcr(const uint8_t *pcr, const char *hex)
{
	char text[2 * EIF_PCR_SIZE + 1];

	hex_encode(pcr, EIF_PCR_SIZE, text);
	assert_string_equal(text, hex);
}

/* Reference vectors: role, two instances, a certificate of five bytes. */
static void test_identity(void **state)
{
	uint8_t pcr[EIF_PCR_SIZE];

	assert_int_equal(eif_pcr_of_text("arn:aws:iam::123456789012:role/Webserver", pcr), 0);
	assert_pcr(pcr, "78fce75db17cd4e0a3fb8dad3ad128ca5e77edbb2b2c7f75329dccd99aa5f6ef"
			"4fc1f1a452e315b9e98f9e312e6921e6");
	assert_int_equal(eif_pcr_of_text("i-1234567890abcdef0", pcr), 0);
	assert_pcr(pcr, "08f996b5d43e047a9eb51e7f548bfee7e164fd7dc8f65541f2ac09d6545ac812"
			"719327281c401a67a10fcba87ae79ce0");
	assert_int_equal(eif_pcr_of_text("i-06e4b98c6549ff803", pcr), 0);
	assert_pcr(pcr, "f3e18816e8d0ba69088d034522e742f0e1909ab34d5e83a1f579ffb43c58f0f0"
			"f35d64401efc9426097565d0506a8a5f");
	assert_int_equal(eif_pcr_of_data("\x30\x03\x01\x01\xff", 5, pcr), 0);
	assert_pcr(pcr, "c1009e9dddd032bc1c6d57babbfdb1247598224b5584ceef62fb48bc7dcd7fb2"
			"f6d0bc1aec903a14931add1dc4b12421");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_curves),
		cmocka_unit_test(test_certificate_files),
		cmocka_unit_test(test_private_keys),
		cmocka_unit_test(test_wrong_key),
		cmocka_unit_test(test_unsuitable_keys),
		cmocka_unit_test(test_cose_forms),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_full_image),
		cmocka_unit_test(test_identity),
	};

	return cmocka_run_group_tests_name("eif_signature", tests, NULL, NULL);
}
