// SPDX-License-Identifier: Apache-2.0
/* "ne-emu eif": pcr, sign, verify, extract, diff, and build from a directory. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/eif/commands.h"
#include "cli/eif/show.h"
#include "common/cbor.h"
#include "eif/build.h"
#include "fake_root.h"

#include <elf.h>
#include <endian.h>
#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <zlib.h>

#define PATHS	16

struct files {
	struct temp_dir dir;
	char *paths[PATHS];
	size_t used;
};

static const char *path(struct files *files, const char *name)
{
	char *buf = malloc(ROOT_PATH_SIZE);

	assert_non_null(buf);
	assert_true(files->used < PATHS);
	files->paths[files->used++] = buf;
	return fake_root_path(&files->dir, name, buf);
}

/* Write reference image T4 or, with a second ramdisk, T4b, with this kernel text. */
static void write_image(struct files *files, const char *name, const char *kernel,
			const char *second)
{
	char buf[ROOT_PATH_SIZE];
	__cleanup_fd int fd = open(fake_root_path(&files->dir, name, buf),
				   O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct eif_writer writer;

	eif_writer_init(&writer, fd, 4, 0);
	assert_int_equal(eif_writer_add(&writer, EIF_SECTION_KERNEL, kernel, strlen(kernel)), 0);
	assert_int_equal(eif_writer_add(&writer, EIF_SECTION_CMDLINE, "CMDLINE", 7), 0);
	assert_int_equal(eif_writer_add(&writer, EIF_SECTION_METADATA, "{}", 2), 0);
	assert_int_equal(eif_writer_add(&writer, EIF_SECTION_RAMDISK, "RAMDISK1", 8), 0);
	if (second)
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_RAMDISK, second,
						strlen(second)), 0);
	assert_int_equal(eif_writer_finish(&writer), 0);
}

static void write_pem(struct files *files, const char *name, BIO *bio)
{
	char text[8192];
	int size = BIO_read(bio, text, sizeof(text));

	assert_true(size > 0);
	fake_root_write(&files->dir, name, text, size);
	BIO_free(bio);
}

static void write_signer(struct files *files, int days)
{
	X509 *certificate = X509_new();
	EVP_PKEY *key = EVP_EC_gen("P-384");
	X509_NAME *name = X509_get_subject_name(certificate);
	BIO *bio = BIO_new(BIO_s_mem());

	X509_gmtime_adj(X509_getm_notBefore(certificate), -864000);
	X509_gmtime_adj(X509_getm_notAfter(certificate), days * 86400L);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (uint8_t *)"EMULATED", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	assert_true(X509_sign(certificate, key, EVP_sha384()));
	assert_true(PEM_write_bio_X509(bio, certificate));
	write_pem(files, "/certificate.pem", bio);
	bio = BIO_new(BIO_s_mem());
	assert_true(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	write_pem(files, "/key.pem", bio);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static json_t *json_of(const struct command_result *result)
{
	json_t *json = json_loads(result->out, 0, NULL);

	if (!json)
		fail_msg("no JSON: %s%s", result->out, result->err);
	return json;
}

static void assert_member(const json_t *json, const char *key, const char *text)
{
	assert_string_equal(json_string_value(json_object_get(json, key)) ?: "", text);
}

static int setup(void **state)
{
	struct files *files = calloc(1, sizeof(*files));

	fake_root_create(&files->dir);
	*state = files;
	return 0;
}

static int teardown(void **state)
{
	struct files *files = *state;

	fake_root_remove(&files->dir);
	while (files->used)
		free(files->paths[--files->used]);
	free(files);
	return 0;
}

/* The published reference vectors. */
static void test_pcr(void **state)
{
	struct files *files = *state;
	struct command_result result;
	json_t *json;

	write_image(files, "/i", "KERNEL", "RAMDISK2");
	run_command(&result, &cmd_eif_pcr, "pcr", "--json", path(files, "/i"), "--role",
		    "arn:aws:iam::123456789012:role/Webserver", "--instance",
		    "i-1234567890abcdef0", NULL);
	assert_int_equal(result.code, 0);
	json = json_of(&result);
	assert_member(json, "PCR0", "f2eb05317df6c83fdeb63b4987e1728fdcd427bcac5e5c8a33cccdff9b2bdfdd"
				    "cc2e931d506f904dd9e9d576418272a5");
	assert_member(json, "PCR1", "c78c83caf24416fe2792e29feb5b999516b98ba31b7981e4d3515b113e7a1c1a"
				    "c93fe463573ad47fb2bb05cec6fab25c");
	assert_member(json, "PCR2", "c3c20bf6bf31a7dce4ba1aa496ab51e33a66cbd49e0d51a19832b80d6f3ee317"
				    "138f8642296d02626ccfefa38ce64284");
	assert_member(json, "PCR3", "78fce75db17cd4e0a3fb8dad3ad128ca5e77edbb2b2c7f75329dccd99aa5f6ef"
				    "4fc1f1a452e315b9e98f9e312e6921e6");
	assert_member(json, "PCR4", "08f996b5d43e047a9eb51e7f548bfee7e164fd7dc8f65541f2ac09d6545ac812"
				    "719327281c401a67a10fcba87ae79ce0");
	assert_null(json_object_get(json, "PCR8"));
	json_decref(json);

	/* PCR2 of an image without a second ramdisk is that of no data. */
	fake_root_put(&files->dir, "/empty", "");
	run_command(&result, &cmd_eif_pcr, "pcr", "--input", path(files, "/empty"), NULL);
	expect_text(result.out, "PCR   21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c"
				"10edb30948c90ba67310f7b964fc500a");
	run_command(&result, &cmd_eif_pcr, "pcr", NULL);
	assert_int_equal(result.code, 2);
	run_command(&result, &cmd_eif_pcr, "pcr", path(files, "/none"), NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.err, "No such file");
	run_command(&result, &cmd_eif_pcr, "pcr", "--signing-certificate", files->paths[0], NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.err, "does not hold a PEM certificate");
}

/* Result of one check: "ok", "warning", "error" or "". */
static const char *finding(json_t *json, const char *check)
{
	json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(json, "Findings"), i, entry)
		if (!strcmp(json_string_value(json_object_get(entry, "Check")), check))
			return json_string_value(json_object_get(entry, "Status"));
	return "";
}

static void assert_finding(const char *image, int code, const char *check, const char *expected)
{
	struct command_result result;
	json_t *json;

	run_command(&result, &cmd_eif_verify, "verify", "--json", image, NULL);
	json = json_of(&result);
	if (strcmp(finding(json, check), expected))
		fail_msg("%s is not \"%s\": %s", check, expected, result.out);
	assert_int_equal(result.code, code);
	assert_int_equal(json_is_true(json_object_get(json, "Valid")), !code);
	json_decref(json);
}

static void bzimage_text(char *kernel, size_t size)
{
	memset(kernel, 'k', size - 1);
	kernel[size - 1] = 0;
	memcpy(kernel + 0x202, "HdrS", 4);
}

static void test_sign_and_verify(void **state)
{
	struct files *files = *state;
	struct command_result result;
	const char *image = path(files, "/i"), *out = path(files, "/o");
	const char *key = path(files, "/key.pem"), *certificate = path(files, "/certificate.pem");
	char kernel[0x300];

	bzimage_text(kernel, sizeof(kernel));
	write_image(files, "/i", kernel, NULL);
	write_signer(files, 10);
	assert_finding(image, 0, "signature", "ok");
	assert_finding(image, 0, "metadata", "warning");
	run_command(&result, &cmd_eif_verify, "verify", "--signed", image, NULL);
	assert_int_equal(result.code, 1);

	run_command(&result, &cmd_eif_sign, "sign", image, "-o", out, "--signing-certificate",
		    certificate, "--private-key", key, NULL);
	assert_string_equal(result.err, "");
	assert_int_equal(result.code, 0);
	expect_text(result.out, "PCR8  ");
	assert_finding(out, 0, "signature", "ok");
	assert_finding(out, 0, "certificate", "ok");
	assert_finding(image, 0, "certificate", "");	/* the input is unchanged */

	/* Sign again, in place: the old signature is removed. */
	run_command(&result, &cmd_eif_sign, "sign", out, "--signing-certificate", certificate,
		    "--private-key", key, "--json", NULL);
	assert_int_equal(result.code, 0);
	run_command(&result, &cmd_eif_describe, "describe", "--json", out, NULL);
	assert_int_equal(result.code, 0);
	expect_text(result.out, "\"SignatureCheck\": true");
	expect_text(result.out, "\"commonName\": \"EMULATED\"");
	expect_text(result.out, "\"Algorithm\": \"ecdsa-with-SHA384\"");

	run_command(&result, &cmd_eif_sign, "sign", image, "--signing-certificate", key,
		    "--private-key", key, NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.err, "not an X.509 certificate");
	run_command(&result, &cmd_eif_sign, "sign", image, "--signing-certificate", certificate,
		    "--private-key", certificate, NULL);
	expect_text(result.err, "does not hold a readable PEM private key");
	run_command(&result, &cmd_eif_sign, "sign", image, NULL);
	assert_int_equal(result.code, 2);

	write_signer(files, -1);
	run_command(&result, &cmd_eif_sign, "sign", image, "--signing-certificate", certificate,
		    "--private-key", key, NULL);
	assert_int_equal(result.code, 0);
	expect_text(result.err, "has expired");
	assert_finding(image, 1, "certificate", "error");
	assert_finding(image, 1, "signature", "ok");
	run_command(&result, &cmd_eif_verify, "verify", "--allow-expired", image, NULL);
	assert_int_equal(result.code, 0);
}

/* Give the signature, which is the last section, another size in the file header. */
static void make_size_stale(const char *image)
{
	__cleanup_fd int fd = open(image, O_RDWR | O_CLOEXEC);
	uint8_t data[64 * KIB];
	ssize_t size = pread(fd, data, sizeof(data), 0);
	uint32_t crc;

	assert_true(size > EIF_HEADER_SIZE && (size_t)size < sizeof(data));
	/* Bytes 26: number of sections, 284: their sizes; big-endian. */
	data[284 + 8 * (data[27] - 1) + 7] ^= 6;
	crc = crc32(crc32(0, data, EIF_CRC_OFFSET), data + EIF_HEADER_SIZE,
		    size - EIF_HEADER_SIZE);
	crc = htobe32(crc);
	memcpy(data + EIF_CRC_OFFSET, &crc, sizeof(crc));
	assert_int_equal(pwrite(fd, data, size, 0), size);
}

/* As after AWS's library has replaced a signature. */
static void test_signed_twice(void **state)
{
	struct files *files = *state;
	struct command_result result;
	const char *image = path(files, "/i");
	const char *key = path(files, "/key.pem"), *certificate = path(files, "/certificate.pem");
	char kernel[0x300];

	bzimage_text(kernel, sizeof(kernel));
	write_image(files, "/i", kernel, NULL);
	write_signer(files, 10);
	run_command(&result, &cmd_eif_sign, "sign", image, "--signing-certificate", certificate,
		    "--private-key", key, NULL);
	assert_int_equal(result.code, 0);
	make_size_stale(image);
	run_command(&result, &cmd_eif_verify, "verify", image, NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.out, "signed twice by AWS's library?): \"ne-emu eif sign\" replaces");
	run_command(&result, &cmd_eif_describe, "describe", image, NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.err, "\"ne-emu eif sign\" replaces the signature");
	run_command(&result, &cmd_eif_sign, "sign", image, "--signing-certificate", certificate,
		    "--private-key", key, NULL);
	assert_string_equal(result.err, "");
	assert_int_equal(result.code, 0);
	assert_finding(image, 0, "structure", "ok");
	assert_finding(image, 0, "signature", "ok");
}

/* Keys that are there, but cannot be used as they are. */
static void test_other_keys(void **state)
{
	struct files *files = *state;
	struct command_result result;
	const char *image = path(files, "/i"), *certificate = path(files, "/certificate.pem");
	const char *encrypted = path(files, "/encrypted.pem");
	EVP_PKEY *key = EVP_EC_gen("P-384");
	BIO *bio = BIO_new(BIO_s_mem());
	char kernel[0x300];

	bzimage_text(kernel, sizeof(kernel));
	write_image(files, "/i", kernel, NULL);
	write_signer(files, 10);
	assert_true(PEM_write_bio_PrivateKey(bio, key, EVP_aes_256_cbc(), (uint8_t *)"abcd", 4,
					     NULL, NULL));
	write_pem(files, "/encrypted.pem", bio);
	EVP_PKEY_free(key);
	/* The passphrase cannot be asked for in a session without a terminal. */
	(void)setsid();
	assert_true(freopen("/dev/null", "r", stdin));
	run_command(&result, &cmd_eif_sign, "sign", image, "--signing-certificate", certificate,
		    "--private-key", encrypted, NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.err, "encrypted.pem is encrypted, and its passphrase is wrong or");
	expect_text(result.err, "decrypt it with \"openssl pkey -in /");
	run_command(&result, &cmd_eif_sign, "sign", image, "--signing-certificate", certificate,
		    "--private-key", "arn:aws:kms:eu-west-1:000000000000:key/x", NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.err, "keys in AWS KMS are not supported");
}

/* Signing keeps a private image private, and a signed copy can go to a pipe. */
static void test_sign_outputs(void **state)
{
	struct files *files = *state;
	struct command_result result;
	const char *image = path(files, "/i"), *link = path(files, "/link");
	const char *key = path(files, "/key.pem"), *certificate = path(files, "/certificate.pem");
	struct stat st;

	write_image(files, "/i", "KERNEL", NULL);
	write_signer(files, 10);
	assert_int_equal(chmod(image, 0600), 0);
	assert_int_equal(symlink("i", link), 0);
	run_command(&result, &cmd_eif_sign, "sign", link, "--signing-certificate", certificate,
		    "--private-key", key, NULL);
	assert_int_equal(result.code, 0);
	assert_int_equal(stat(image, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	run_command(&result, &cmd_eif_verify, "verify", "--signed", image, NULL);
	expect_text(result.out, "made for this image");

	run_command(&result, &cmd_eif_sign, "sign", image, "-o", "-", "--signing-certificate",
		    certificate, "--private-key", key, "--json", NULL);
	assert_int_equal(result.code, 0);
	assert_memory_equal(result.out, ".eif", 4);
	expect_text(result.err, "\"PCR8\": ");
	assert_int_not_equal(access("-", F_OK), 0);

	run_command(&result, &cmd_eif_extract, "extract", image, "-", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	expect_text(result.err, "cannot write several files to standard output");
}

/* Text of the file @name, which the caller frees. */
static char *text_of(struct files *files, const char *name)
{
	char buf[ROOT_PATH_SIZE], *text = malloc(ROOT_TEXT_SIZE);
	__cleanup_fd int fd = open(fake_root_path(&files->dir, name, buf), O_RDONLY | O_CLOEXEC);

	assert_non_null(text);
	read_file(fd, text, ROOT_TEXT_SIZE);
	return text;
}

/* Make @image like a tool that stores a file with a key as the certificate. */
static void leak_key(struct files *files, const char *image, const char *pem)
{
	struct eif_signature signature;
	struct error error;
	uint8_t section[EIF_SIGNATURE_MAX];
	struct emu_cbor_writer cbor = { .buf = section, .size = sizeof(section) };
	struct error why = {};
	struct eif_writer writer;
	struct eif_file file;

	if (eif_file_open(image, 0, &file, &why))
		fail_msg("%s", why.text);
	assert_int_equal(eif_signature_open(file.eif.signature.data, file.eif.signature.size,
					    &signature, &error), 0);
	emu_cbor_put_array(&cbor, 1);
	emu_cbor_put_map(&cbor, 2);
	emu_cbor_put_text(&cbor, "signing_certificate");
	emu_cbor_put_array(&cbor, strlen(pem));
	for (size_t i = 0; i < strlen(pem); i++)
		emu_cbor_put_uint(&cbor, (uint8_t)pem[i]);
	emu_cbor_put_text(&cbor, "signature");
	emu_cbor_put_array(&cbor, signature.cose_size);
	for (size_t i = 0; i < signature.cose_size; i++)
		emu_cbor_put_uint(&cbor, signature.cose[i]);
	__cleanup_fd int fd = open(path(files, "/leak"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	eif_writer_init(&writer, fd, 4, 0);
	for (unsigned int i = 0; i + 1 < file.eif.nr_sections; i++)
		assert_int_equal(eif_writer_add(&writer, file.eif.sections[i].type,
						file.eif.base + file.eif.sections[i].offset,
						file.eif.sections[i].size), 0);
	assert_int_equal(eif_writer_add(&writer, EIF_SECTION_SIGNATURE, section, cbor.used), 0);
	assert_int_equal(eif_writer_finish(&writer), 0);
	eif_signature_close(&signature);
	eif_file_unmap(&file);
}

static void test_private_key(void **state)
{
	struct files *files = *state;
	struct command_result result;
	const char *image = path(files, "/i"), *key = path(files, "/key.pem");
	const char *both = path(files, "/both.pem"), *leak = path(files, "/leak");
	__cleanup_free char *key_text = NULL, *certificate_text = NULL;
	char kernel[0x300], text[ROOT_TEXT_SIZE];

	bzimage_text(kernel, sizeof(kernel));
	write_image(files, "/i", kernel, NULL);
	write_signer(files, 10);
	key_text = text_of(files, "/key.pem");
	certificate_text = text_of(files, "/certificate.pem");
	snprintf(text, sizeof(text), "%s%s", key_text, certificate_text);
	fake_root_put(&files->dir, "/both.pem", text);
	run_command(&result, &cmd_eif_sign, "sign", image, "--signing-certificate", both,
		    "--private-key", both, NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.err, "the certificate file holds a private key, which everybody could "
		    "read in the image");
	run_command(&result, &cmd_eif_verify, "verify", "--signed", image, NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.out, "the image is not signed");

	/* The key may be read from such a file. */
	run_command(&result, &cmd_eif_sign, "sign", image, "--signing-certificate",
		    path(files, "/certificate.pem"), "--private-key", both, NULL);
	assert_int_equal(result.code, 0);
	assert_finding(image, 0, "private-key", "");
	leak_key(files, image, text);
	assert_finding(leak, 1, "private-key", "error");
	assert_finding(leak, 1, "signature", "ok");
	run_command(&result, &cmd_eif_describe, "describe", leak, NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.err, "the image holds a private key");
	run_command(&result, &cmd_eif_describe, "describe", "--json", leak, NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.out, "the image holds a private key");
	run_command(&result, &cmd_eif_extract, "extract", leak, path(files, "/parts"), NULL);
	assert_int_equal(result.code, 0);
	expect_text(result.err, "warning: the image holds a private key");
	fake_root_expect(&files->dir, "/parts/certificate.pem", certificate_text);
	run_command(&result, &cmd_eif_sign, "sign", leak, "--signing-certificate",
		    path(files, "/certificate.pem"), "--private-key", key, NULL);
	assert_int_equal(result.code, 0);
	assert_finding(leak, 0, "private-key", "");
}

static void test_verify_findings(void **state)
{
	struct files *files = *state;
	const char *image = path(files, "/i");
	char kernel[0x300];

	write_image(files, "/i", "KERNEL", NULL);
	assert_finding(image, 1, "kernel", "error");
	assert_finding(image, 1, "CRC", "ok");
	bzimage_text(kernel, sizeof(kernel));
	write_image(files, "/i", kernel, NULL);
	__cleanup_fd int fd = open(image, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 600), 1);
	assert_finding(image, 1, "CRC", "error");
	assert_int_equal(pwrite(fd, "k", 1, 600), 1);
	assert_finding(image, 0, "CRC", "ok");
	fake_root_put(&files->dir, "/short", ".eif");
	assert_finding(path(files, "/short"), 1, "structure", "error");
}

static void test_extract(void **state)
{
	struct files *files = *state;
	struct command_result result;
	const char *image = path(files, "/i"), *folder = path(files, "/parts");

	write_image(files, "/i", "KERNEL", "RAMDISK2");
	write_signer(files, 10);
	run_command(&result, &cmd_eif_sign, "sign", image, "--signing-certificate",
		    path(files, "/certificate.pem"), "--private-key", path(files, "/key.pem"),
		    NULL);
	assert_int_equal(result.code, 0);
	run_command(&result, &cmd_eif_extract, "extract", image, folder, "--json", NULL);
	assert_int_equal(result.code, 0);
	json_t *json = json_of(&result);
	assert_int_equal(json_array_size(json), 7);
	json_decref(json);
	fake_root_expect(&files->dir, "/parts/kernel", "KERNEL");
	fake_root_expect(&files->dir, "/parts/cmdline", "CMDLINE");
	fake_root_expect(&files->dir, "/parts/ramdisk0", "RAMDISK1");
	fake_root_expect(&files->dir, "/parts/ramdisk1", "RAMDISK2");
	fake_root_expect(&files->dir, "/parts/metadata.json", "{}");
	run_command(&result, &cmd_eif_pcr, "pcr", "--signing-certificate",
		    path(files, "/parts/certificate.pem"), NULL);
	assert_int_equal(result.code, 0);
	run_command(&result, &cmd_eif_extract, "extract", image, image, NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.err, "Not a directory");
}

/* Text in an image cannot control the terminal. */
static void test_hostile_texts(void **state)
{
	static const char metadata[] = "{\"ImageName\":\"\xc2\x9b" "31m\",\"ImageVersion\":\"\u202e\","
		"\"BuildMetadata\":{\"BuildTime\":\"\",\"BuildTool\":\"\","
		"\"BuildToolVersion\":\"\",\"OperatingSystem\":\"\",\"KernelVersion\":\"\"},"
		"\"DockerInfo\":null,\"CustomMetadata\":{\"\xc2\x9b" "1m\":1}}";
	static const char *const bad[] = { "{\"a\":\033[31m}", "{\"a\":\"\xff\"}" };
	struct files *files = *state;
	struct command_result result;
	const char *image = path(files, "/i");
	char kernel[0x300];

	bzimage_text(kernel, sizeof(kernel));
	for (size_t i = 0; i < 1 + ARRAY_SIZE(bad); i++) {
		const char *text = i ? bad[i - 1] : metadata;
		__cleanup_fd int fd = open(image, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		struct eif_writer writer;

		eif_writer_init(&writer, fd, 4, 0);
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_KERNEL, kernel,
						strlen(kernel)), 0);
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_CMDLINE, "\033[2J\xff\u202eé",
						10), 0);
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_METADATA, text,
						strlen(text)), 0);
		assert_int_equal(eif_writer_add(&writer, EIF_SECTION_RAMDISK, "R", 1), 0);
		assert_int_equal(eif_writer_finish(&writer), 0);
		run_command(&result, &cmd_eif_describe, "describe", image, NULL);
		expect_text(result.out, "cmdline: \\x1b[2J\\xff\\xe2\\x80\\xaeé\n");
		assert_null(strchr(result.out, '\033'));
		run_command(&result, &cmd_eif_describe, "describe", "--json", image, NULL);
		assert_null(strchr(result.out, '\033'));
		if (!i) {
			expect_text(result.out, "\"ImageName\": \"\\u009B31m\"");
			expect_text(result.out, "\"\\u009B1m\": 1");
			expect_text(result.out, "\"ImageVersion\": \"\\u202E\"");
		}
		run_command(&result, &cmd_eif_verify, "verify", image, NULL);
		assert_null(strchr(result.out, '\033'));
		if (i == 1)
			expect_text(result.out, "\\x1b");
	}
}

static void test_diff(void **state)
{
	struct files *files = *state;
	struct command_result result;
	const char *a = path(files, "/a"), *b = path(files, "/b");

	write_image(files, "/a", "KERNEL", NULL);
	write_image(files, "/b", "KERNEL", "RAMDISK2");
	run_command(&result, &cmd_eif_diff, "diff", a, a, NULL);
	assert_int_equal(result.code, 0);
	run_command(&result, &cmd_eif_diff, "diff", a, b, NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.out, "ramdisk1              -            8  only in one");
	expect_text(result.out, "PCR0  differs\nPCR1  same\nPCR2  differs\nPCR8  same");
	write_image(files, "/b", "KERNAL", NULL);
	run_command(&result, &cmd_eif_diff, "diff", "--json", a, b, NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.out, "\"PCR1\": false");
	run_command(&result, &cmd_eif_diff, "diff", a, b, NULL);
	expect_text(result.out, "differs from byte 4 on");
	run_command(&result, &cmd_eif_diff, "diff", a, "/nonexistent", NULL);
	assert_int_equal(result.code, 2);
}

/* A static program of nothing but its header and a mark. */
static void put_program(struct files *files, const char *name, const char *mark,
			unsigned int machine)
{
	struct {
		Elf64_Ehdr elf;
		char mark[16];
	} program = {
		.elf = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
				     ELFDATA2LSB, EV_CURRENT },
			.e_machine = machine,
			.e_phentsize = sizeof(Elf64_Phdr),
		},
	};
	char buf[ROOT_PATH_SIZE];

	snprintf(program.mark, sizeof(program.mark), "%s", mark);
	fake_root_write(&files->dir, name, &program, sizeof(program));
	assert_int_equal(chmod(fake_root_path(&files->dir, name, buf), 0755), 0);
}

static int build(struct command_result *result, struct files *files, const char *option,
		 const char *value)
{
	char kernel[ROOT_PATH_SIZE], root[ROOT_PATH_SIZE], init[ROOT_PATH_SIZE];
	char out[ROOT_PATH_SIZE];

	fake_root_path(&files->dir, "/kernel", kernel);
	fake_root_path(&files->dir, "/root", root);
	fake_root_path(&files->dir, "/init", init);
	fake_root_path(&files->dir, "/out.eif", out);
	run_command(result, &cmd_eif_build, "build", "--kernel", kernel, "--rootfs", root, "--init",
		    init, "--exec", "/app", "--env", "A=1", "--env", "B=2", "--env", "A=3", "-o",
		    out, option, value, NULL);
	return result->code;
}

static void test_build_from_folder(void **state)
{
	struct files *files = *state;
	struct command_result result;
	char kernel[0x300], text[ROOT_TEXT_SIZE], again[ROOT_TEXT_SIZE];
	size_t size;

	bzimage_text(kernel, sizeof(kernel));
	fake_root_write(&files->dir, "/kernel", kernel, sizeof(kernel));
	put_program(files, "/init", "first", EM_X86_64);
	put_program(files, "/root/app", "app", EM_X86_64);
	assert_int_equal(setenv("SOURCE_DATE_EPOCH", "1", 1), 0);
	const char *out = path(files, "/out.eif"), *folder = path(files, "/parts");

	for (int i = 0; i < 2; i++) {
		assert_int_equal(build(&result, files, NULL, NULL), 0);
		assert_string_equal(result.err, "");
		__cleanup_fd int fd = open(out, O_RDONLY | O_CLOEXEC);
		size = read_file(fd, i ? again : text, ROOT_TEXT_SIZE);
	}
	assert_memory_equal(text, again, size);
	run_command(&result, &cmd_eif_extract, "extract", out, folder, NULL);
	__cleanup_fd int fd = open(path(files, "/parts/ramdisk1"), O_RDONLY | O_CLOEXEC);
	size = read_file(fd, text, sizeof(text));
	assert_non_null(memmem(text, size, "/app\n", 5));
	assert_non_null(memmem(text, size, "A=3\nB=2\nPATH=", 13));
	assert_non_null(memmem(text, size, "\nHOME=/\n", 8));
	assert_null(memmem(text, size, "nitro-cli", 9));
	assert_non_null(memmem(text, size, "rootfs/etc/hosts", 16));
	assert_non_null(memmem(text, size, "rootfs/app", 11));
	__cleanup_fd int first = open(path(files, "/parts/ramdisk0"), O_RDONLY | O_CLOEXEC);
	size = read_file(first, text, sizeof(text));
	assert_non_null(memmem(text, size, "first", 5));
	fake_root_expect(&files->dir, "/parts/cmdline",
			 "reboot=k panic=30 pci=off nomodules console=ttyS0 i8042.noaux i8042.nomux "
			 "i8042.nopnp i8042.dumbkbd random.trust_cpu=on");

	/* Only the same bytes on standard output. */
	assert_int_equal(build(&result, files, NULL, NULL), 0);
	__cleanup_fd int file = open(out, O_RDONLY | O_CLOEXEC);
	size = read_file(file, text, sizeof(text));
	const char *name = path(files, "/-");
	assert_int_equal(build(&result, files, "--output", "-"), 0);
	expect_text(result.err, "PCR0  ");
	assert_memory_equal(result.out + EIF_HEADER_SIZE, text + EIF_HEADER_SIZE, 0x300);
	assert_memory_equal(result.out, ".eif", 4);
	assert_int_not_equal(access(name, F_OK), 0);
	assert_int_not_equal(access("-", F_OK), 0);

	assert_int_equal(build(&result, files, "--workdir", "relative"), 1);
	expect_text(result.err, "\"relative\" is not an absolute path");
	assert_int_equal(build(&result, files, "--user", "nobody"), 1);
	expect_text(result.err, "user \"nobody\" is not in");
	assert_int_equal(build(&result, files, "--user", "5"), 0);
	expect_text(result.err, "which AWS's init ignores");
	assert_int_equal(build(&result, files, "--init", "/nonexistent"), 1);
	expect_text(result.err, "bootstrap ramdisk: /nonexistent: No such file");
	assert_int_equal(build(&result, files, "--like", "docker"), 2);
	expect_text(result.err, "--like: \"docker\" is unknown, only nitro-cli is known");
	assert_int_equal(build(&result, files, "--image", "x"), 2);
	assert_int_equal(build(&result, files, "--tag", "x"), 2);
	assert_int_equal(build(&result, files, "--max-size", "1"), 2);
	assert_int_equal(build(&result, files, "--max-files", "1"), 2);
	assert_int_equal(build(&result, files, "--env", "NAME"), 2);
	expect_text(result.err, "--env: \"NAME\" is not NAME=VALUE");
	assert_int_equal(build(&result, files, "--env", "=value"), 2);
	assert_int_equal(build(&result, files, "--private-key", "x"), 2);
}

/* Build an image with another program, by an init of its own or, with @init NULL, by ours. */
static int build_program(struct command_result *result, struct files *files, const char *program,
			 const char *init, const char *option, const char *value)
{
	char kernel[ROOT_PATH_SIZE], root[ROOT_PATH_SIZE], out[ROOT_PATH_SIZE];

	fake_root_path(&files->dir, "/kernel", kernel);
	fake_root_path(&files->dir, "/root", root);
	fake_root_path(&files->dir, "/out.eif", out);
	if (init)
		run_command(result, &cmd_eif_build, "build", "--kernel", kernel, "--rootfs", root,
			    "--exec", program, "-o", out, "--init", init, option, value, NULL);
	else
		run_command(result, &cmd_eif_build, "build", "--kernel", kernel, "--rootfs", root,
			    "--exec", program, "-o", out, option, value, NULL);
	return result->code;
}

/* What is lost, and what does not start: here, or after nitro-cli. */
static void test_build_warnings(void **state)
{
	struct files *files = *state;
	struct command_result result;
	char kernel[0x300];

	bzimage_text(kernel, sizeof(kernel));
	fake_root_write(&files->dir, "/kernel", kernel, sizeof(kernel));
	put_program(files, "/init", "first", EM_X86_64);
	put_program(files, "/root/opt/app", "app", EM_X86_64);
	put_program(files, "/root/usr/local/bin/app", "app", EM_X86_64);
	put_program(files, "/root/bin/arm", "arm", EM_AARCH64);
	const char *init = path(files, "/init");

	assert_int_equal(build_program(&result, files, "/opt/app", init, NULL, NULL), 0);
	assert_string_equal(result.err, "");

	/* Found by PATH and from the working directory, but not by AWS's init. */
	assert_int_equal(build_program(&result, files, "app", init, NULL, NULL), 0);
	expect_text(result.err, "warning: app is found here, but not after \"nitro-cli "
		    "build-enclave\": AWS's init ignores PATH and searches /sbin:/usr/sbin:/bin:"
		    "/usr/bin; name the program /usr/local/bin/app");
	assert_int_equal(build_program(&result, files, "./app", init, "--workdir", "/opt"), 0);
	expect_text(result.err, "AWS's init ignores the working directory");
	assert_int_equal(build_program(&result, files, "app", init, "--like", "nitro-cli"), 0);
	expect_text(result.err, "the program app is in no directory of PATH, /sbin:/usr/sbin");

	/* An error, because our init cannot run it; another one may. */
	assert_int_equal(build_program(&result, files, "/none", NULL, NULL, NULL), 1);
	expect_text(result.err, "/root: the program /none is not in the root file system");
	assert_int_equal(build_program(&result, files, "/none", init, NULL, NULL), 0);
	expect_text(result.err, "warning: the program /none is not in the root file system");
	assert_int_equal(build_program(&result, files, "/bin/arm", NULL, NULL, NULL), 1);
	expect_text(result.err, "/bin/arm is a program for aarch64, the kernel is for x86_64");

	fake_root_put(&files->dir, "/root/tmp/data", "x");
	assert_int_equal(build_program(&result, files, "/opt/app", init, NULL, NULL), 0);
	expect_text(result.err, "warning: 1 files are not visible in the enclave");
	expect_text(result.err, "(/tmp/data)");

	put_program(files, "/init", "first", EM_AARCH64);
	assert_int_equal(build_program(&result, files, "/opt/app", init, NULL, NULL), 0);
	expect_text(result.err, "warning: --init: ");
	expect_text(result.err, " is for another machine than the kernel");
	fake_root_put(&files->dir, "/init", "#!/bin/sh");
	assert_int_equal(build_program(&result, files, "/opt/app", init, NULL, NULL), 0);
	expect_text(result.err, " needs /bin/sh, which is not in the first ramdisk");
	fake_root_put(&files->dir, "/init", "text");
	assert_int_equal(build_program(&result, files, "/opt/app", init, NULL, NULL), 0);
	expect_text(result.err, " is not a program");

	assert_int_equal(build_program(&result, files, "/opt/app", init, "--like", "nitro-cli"), 0);
	run_command(&result, &cmd_eif_build, "build", "--kernel", "x", "--rootfs", "y", "--like",
		    "nitro-cli", "--user", "5", "-o", "z", NULL);
	assert_int_equal(result.code, 2);
	expect_text(result.err, "--like nitro-cli cannot be combined with --workdir and --user");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_pcr),
		T(test_sign_and_verify),
		T(test_signed_twice),
		T(test_other_keys),
		T(test_sign_outputs),
		T(test_private_key),
		T(test_verify_findings),
		T(test_extract),
		T(test_hostile_texts),
		T(test_diff),
		T(test_build_from_folder),
		T(test_build_warnings),
	};

	return cmocka_run_group_tests_name("eif_tools", tests, NULL, NULL);
}
