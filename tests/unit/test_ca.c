// SPDX-License-Identifier: Apache-2.0
/* Roots on disk, and the form and validity of certificates issued below them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ca/issuer.h"
#include "ca/root.h"
#include "ca/store.h"
#include "common/util.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* 2026-03-01 12:00:00 UTC */
#define NOW		1772366400LL
#define HOUR		3600LL
#define DAY		(24 * HOUR)
#define ENCLAVE_ID	0x01a202c69a18cfbfULL
#define NR_CHAIN	(1 + CA_BUNDLE_SIZE)

static const struct ca_place place = {
	.region = "us-east-1", .instance_id = "i-1234567890abcdef0",
};

struct state {
	struct temp_dir dir;
	struct ca_store store;
	struct error error;
	char path[64];
};

static int setup(void **state)
{
	struct state *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	temp_dir_create(&s->dir);
	snprintf(s->path, sizeof(s->path), "%s/lib/ca", s->dir.path);
	assert_int_equal(ca_store_open(&s->store, s->path, true, &s->error), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct state *s = *state;

	ca_store_close(&s->store);
	temp_dir_remove(&s->dir);
	free(s);
	return 0;
}

/* Read the root of a project as DER. */
static void read_root(struct state *s, const char *project, uint8_t **der, size_t *len)
{
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };

	assert_int_equal(ca_store_load(&s->store, project, &root, &s->error), 0);
	assert_int_equal(ca_cert_der(root.cert, der, len), 0);
}

static void test_store_creates_once(void **state)
{
	struct state *s = *state;
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	uint8_t *first, *second;
	size_t first_len, second_len;
	struct stat st;

	assert_int_equal(ca_store_load(&s->store, "default", &root, &s->error), -ENOENT);
	assert_int_equal(ca_store_obtain(&s->store, "default", &root, &s->error), 0);
	assert_int_equal(ca_store_create(&s->store, "default", false, &s->error), -EEXIST);
	assert_int_equal(ca_cert_der(root.cert, &first, &first_len), 0);
	read_root(s, "default", &second, &second_len);
	assert_int_equal(first_len, second_len);
	assert_memory_equal(first, second, first_len);
	ca_der_wipe(first, first_len);
	ca_der_wipe(second, second_len);

	assert_int_equal(fstat(s->store.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(fstatat(s->store.fd, "default.pem", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(faccessat(s->store.fd, "default.new", F_OK, 0), -1);
}

static void test_store_projects_differ(void **state)
{
	struct state *s = *state;
	uint8_t *a, *b;
	size_t a_len, b_len;

	assert_int_equal(ca_store_create(&s->store, "a", false, &s->error), 0);
	assert_int_equal(ca_store_create(&s->store, "b", false, &s->error), 0);
	read_root(s, "a", &a, &a_len);
	read_root(s, "b", &b, &b_len);
	assert_true(a_len != b_len || memcmp(a, b, a_len));
	ca_der_wipe(a, a_len);
	ca_der_wipe(b, b_len);
}

static void test_store_rotates(void **state)
{
	struct state *s = *state;
	uint8_t *before, *after, *kept;
	size_t before_len, after_len, kept_len;
	struct ca_version version;

	assert_int_equal(ca_store_create(&s->store, "default", true, &s->error), 0);
	version = ca_store_version(&s->store, "default");
	assert_int_not_equal(version.inode, 0);
	read_root(s, "default", &before, &before_len);
	assert_int_equal(ca_store_create(&s->store, "default", true, &s->error), 0);
	assert_int_not_equal(ca_store_version(&s->store, "default").inode, version.inode);
	read_root(s, "default", &after, &after_len);
	assert_true(before_len != after_len || memcmp(before, after, before_len));

	/* The kept file is a complete root: rename it to that of a project. */
	assert_int_equal(renameat(s->store.fd, "default.old.pem", s->store.fd, "old.pem"), 0);
	read_root(s, "old", &kept, &kept_len);
	assert_int_equal(kept_len, before_len);
	assert_memory_equal(kept, before, before_len);
	ca_der_wipe(before, before_len);
	ca_der_wipe(after, after_len);
	ca_der_wipe(kept, kept_len);
}

static void assert_zeros(int fd)
{
	uint8_t bytes[8192];
	ssize_t len = pread(fd, bytes, sizeof(bytes), 0);

	assert_true(len > 500);
	for (ssize_t i = 0; i < len; i++)
		assert_int_equal(bytes[i], 0);
}

/* The key of an old root is wiped, even for a process that still has its file open. */
static void test_store_forgets(void **state)
{
	struct state *s = *state;
	uint8_t *before, *after;
	size_t before_len, after_len;
	int first, second;

	assert_int_equal(ca_store_create(&s->store, "default", false, &s->error), 0);
	assert_false(ca_store_has_old(&s->store, "default"));
	assert_int_equal(ca_store_forget(&s->store, "default", &s->error), -ENOENT);
	first = openat(s->store.fd, "default.pem", O_RDONLY);
	assert_int_equal(ca_store_create(&s->store, "default", true, &s->error), 0);
	assert_true(ca_store_has_old(&s->store, "default"));
	second = openat(s->store.fd, "default.pem", O_RDONLY);
	/* Only one old root is kept. */
	assert_int_equal(ca_store_create(&s->store, "default", true, &s->error), 0);
	assert_zeros(first);
	read_root(s, "default", &before, &before_len);

	assert_int_equal(ca_store_forget(&s->store, "default", &s->error), 0);
	assert_zeros(second);
	assert_false(ca_store_has_old(&s->store, "default"));
	assert_int_equal(ca_store_forget(&s->store, "default", &s->error), -ENOENT);
	read_root(s, "default", &after, &after_len);
	assert_int_equal(before_len, after_len);
	assert_memory_equal(before, after, before_len);
	ca_der_wipe(before, before_len);
	ca_der_wipe(after, after_len);
	close(first);
	close(second);
}

/* After a crash during a rotation, both names refer to the current root. */
static void test_store_forgets_only_old(void **state)
{
	struct state *s = *state;
	uint8_t *der;
	size_t len;

	assert_int_equal(ca_store_create(&s->store, "default", false, &s->error), 0);
	assert_int_equal(linkat(s->store.fd, "default.pem", s->store.fd, "default.old.pem", 0), 0);
	assert_int_equal(ca_store_forget(&s->store, "default", &s->error), 0);
	assert_false(ca_store_has_old(&s->store, "default"));
	read_root(s, "default", &der, &len);
	ca_der_wipe(der, len);
}

static void *create_root(void *arg)
{
	struct state *s = arg;
	struct error error;

	assert_int_equal(ca_store_create(&s->store, "default", false, &error), 0);
	return NULL;
}

/* One of two concurrent programs waits for the other. */
static void test_store_locks(void **state)
{
	struct state *s = *state;
	int fd = openat(s->store.fd, ".lock", O_RDWR | O_CREAT, 0600);
	pthread_t thread;

	assert_return_code(flock(fd, LOCK_EX), errno);
	assert_int_equal(pthread_create(&thread, NULL, create_root, s), 0);
	usleep(300000);
	assert_int_equal(faccessat(s->store.fd, "default.pem", F_OK, 0), -1);
	assert_return_code(flock(fd, LOCK_UN), errno);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(faccessat(s->store.fd, "default.pem", F_OK, 0), 0);
	close(fd);
}

static void assert_refused(struct state *s, int err, const char *text)
{
	struct ca_signer root = { 0 };

	assert_int_equal(ca_store_obtain(&s->store, "default", &root, &s->error), err);
	if (!strstr(s->error.text, text))
		fail_msg("\"%s\" does not say \"%s\"", s->error.text, text);
	assert_null(root.key);
}

static void overwrite(struct state *s, const char *name, const void *data, size_t len)
{
	__cleanup_fd int fd = openat(s->store.fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write_full(fd, data, len), 0);
}

static void test_store_refuses_open_modes(void **state)
{
	struct state *s = *state;
	struct ca_store store = { .fd = -1 };

	assert_int_equal(ca_store_create(&s->store, "default", false, &s->error), 0);
	assert_int_equal(fchmodat(s->store.fd, "default.pem", 0640, 0), 0);
	assert_refused(s, -EPERM, "chmod 600");
	assert_int_equal(chmod(s->path, 0755), 0);
	assert_int_equal(ca_store_open(&store, s->path, true, &s->error), -EPERM);
	assert_non_null(strstr(s->error.text, "chmod 700"));
}

static void test_store_refuses_broken_files(void **state)
{
	struct state *s = *state;
	char text[8192], pair[8192];
	size_t len, pair_len;
	char *key;
	int fd;

	assert_int_equal(ca_store_create(&s->store, "default", false, &s->error), 0);
	fd = openat(s->store.fd, "default.pem", O_RDONLY);
	len = read_full(fd, text, sizeof(text) - 1);
	text[len] = 0;
	close(fd);
	key = strstr(text, "-----BEGIN PRIVATE KEY-----");
	assert_non_null(key);

	/* Truncated anywhere: refused without a crash. Only the last newline may be missing. */
	for (size_t cut = 0; cut < len - 1; cut += 7) {
		overwrite(s, "default.pem", text, cut);
		assert_refused(s, -EBADMSG, "ne-emu-ca rotate");
	}
	overwrite(s, "default.pem", key, strlen(key));
	assert_refused(s, -EBADMSG, "ne-emu-ca rotate");

	/* The certificate of one root and the key of another. */
	assert_int_equal(ca_store_create(&s->store, "other", false, &s->error), 0);
	fd = openat(s->store.fd, "other.pem", O_RDONLY);
	pair_len = read_full(fd, pair, sizeof(pair));
	close(fd);
	memcpy(strstr(pair, "-----BEGIN PRIVATE KEY-----"), key, strlen(key));
	overwrite(s, "default.pem", pair, pair_len);
	assert_refused(s, -EBADMSG, "certificate and key do not match");

	assert_int_equal(unlinkat(s->store.fd, "default.pem", 0), 0);
	assert_int_equal(mkdirat(s->store.fd, "default.pem", 0700), 0);
	assert_refused(s, -EBADMSG, "not a regular file");
	assert_int_equal(unlinkat(s->store.fd, "default.pem", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("/etc/passwd", s->store.fd, "default.pem"), 0);
	assert_refused(s, -ELOOP, "default.pem");
}

/* Store a root with another curve, or with another path length; -1: not a CA. */
static void put_odd_root(struct state *s, const char *curve, int pathlen)
{
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	const struct ca_rdn subject[] = { { NID_commonName, "odd" }, { 0 } };
	const struct ca_cert_spec spec = {
		.subject = subject, .serial = (const uint8_t *)"\1", .serial_len = 1,
		.not_before = CA_ROOT_NOT_BEFORE, .not_after = CA_ROOT_NOT_AFTER,
		.pathlen = pathlen, .key_usage = "critical,keyCertSign", .extensions = "BSK",
	};
	uint8_t *text;
	size_t len;

	root.key = ca_key_generate(curve);
	root.cert = ca_cert_make(&spec, root.key, NULL);
	assert_non_null(root.cert);
	assert_int_equal(ca_root_encode(&root, &text, &len, &s->error), 0);
	overwrite(s, "default.pem", text, len);
	ca_der_wipe(text, len);
}

static void test_store_refuses_odd_roots(void **state)
{
	struct state *s = *state;
	struct ca_signer root = { 0 };

	put_odd_root(s, "P-256", CA_PATHLEN_NONE);
	assert_refused(s, -EBADMSG, "not on curve P-384");
	put_odd_root(s, "P-384", CA_PATHLEN_LEAF);
	assert_refused(s, -EBADMSG, "not that of a CA");
	put_odd_root(s, "P-384", CA_PATHLEN_NONE);
	assert_int_equal(ca_store_obtain(&s->store, "default", &root, &s->error), 0);
	ca_signer_clear(&root);
}

/* A crash can only leave a file with another name. */
static void test_store_survives_crash(void **state)
{
	struct state *s = *state;
	struct ca_signer root = { 0 };

	overwrite(s, "default.new", "half", 4);
	assert_int_equal(ca_store_obtain(&s->store, "default", &root, &s->error), 0);
	ca_signer_clear(&root);
}

static int count_project(const char *project, void *arg)
{
	assert_true(!strcmp(project, "default") || !strcmp(project, "x-1"));
	++*(int *)arg;
	return 0;
}

static void test_store_lists(void **state)
{
	struct state *s = *state;
	int count = 0;

	assert_int_equal(ca_store_create(&s->store, "default", true, &s->error), 0);
	assert_int_equal(ca_store_create(&s->store, "default", true, &s->error), 0);
	assert_int_equal(ca_store_create(&s->store, "x-1", true, &s->error), 0);
	assert_int_equal(ca_store_each(&s->store, count_project, &count), 0);
	assert_int_equal(count, 2);
	assert_false(ca_project_valid(""));
	assert_false(ca_project_valid("-a"));
	assert_false(ca_project_valid("../a"));
	assert_false(ca_project_valid("default.old"));
	assert_false(ca_project_valid("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

/* One issue: root first, leaf last. */
struct chain {
	X509 *certs[NR_CHAIN];
	EVP_PKEY *key;
	struct ca_identity identity;
};

static X509 *decode(const struct ca_der *der)
{
	const unsigned char *at = der->data;
	X509 *cert = d2i_X509(NULL, &at, der->len);

	assert_non_null(cert);
	assert_ptr_equal(at, der->data + der->len);
	return cert;
}

static void chain_read(struct ca_issuer *issuer, int64_t now, struct chain *chain)
{
	struct error error;
	const unsigned char *at;

	assert_int_equal(ca_issuer_leaf(issuer, ENCLAVE_ID, now, &chain->identity, &error), 0);
	assert_int_equal(chain->identity.nr_bundle, CA_BUNDLE_SIZE);
	for (size_t i = 0; i < CA_BUNDLE_SIZE; i++)
		chain->certs[i] = decode(&chain->identity.bundle[i]);
	chain->certs[CA_BUNDLE_SIZE] = decode(&chain->identity.leaf);
	at = chain->identity.key.data;
	chain->key = d2i_AutoPrivateKey(NULL, &at, chain->identity.key.len);
	assert_non_null(chain->key);
}

static void chain_clear(struct chain *chain)
{
	for (size_t i = 0; i < NR_CHAIN; i++)
		X509_free(chain->certs[i]);
	EVP_PKEY_free(chain->key);
	ca_identity_wipe(&chain->identity);
}

static void issue(struct state *s, const struct ca_place *at, int64_t now, struct chain *chain)
{
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	struct ca_issuer issuer;

	assert_int_equal(ca_store_obtain(&s->store, "default", &root, &s->error), 0);
	ca_issuer_init(&issuer, at);
	assert_int_equal(ca_issuer_renew(&issuer, &root, now, &s->error), 0);
	chain_read(&issuer, now, chain);
	ca_issuer_clear(&issuer);
}

static int64_t seconds(const ASN1_TIME *time)
{
	struct tm tm;

	/* All use the form that hand-written parsers support. */
	assert_int_equal(ASN1_STRING_type(time), V_ASN1_UTCTIME);
	assert_int_equal(ASN1_TIME_to_tm(time, &tm), 1);
	return timegm(&tm);
}

static int extension_nid(const X509 *cert, int index)
{
	return OBJ_obj2nid(X509_EXTENSION_get_object(X509_get_ext(cert, index)));
}

/* Certificates have the form of EC2's. */
static void test_shape(void **state)
{
	static const struct {
		int nids[4];
		int pathlen;
		uint8_t usage[4];
		bool usage_critical;
		int serial_min, serial_max;
	} shapes[NR_CHAIN] = {
		{ { NID_basic_constraints, NID_subject_key_identifier, NID_key_usage }, -1,
		  { 3, 2, 1, 0x86 }, true, 10, 16 },
		{ { NID_basic_constraints, NID_authority_key_identifier,
		    NID_subject_key_identifier, NID_key_usage }, 2,
		  { 3, 2, 1, 0x86 }, true, 10, 16 },
		{ { NID_basic_constraints, NID_authority_key_identifier,
		    NID_subject_key_identifier, NID_key_usage }, 1,
		  { 3, 2, 1, 0x86 }, true, 10, 16 },
		{ { NID_basic_constraints, NID_key_usage, NID_subject_key_identifier,
		    NID_authority_key_identifier }, 0,
		  { 3, 2, 2, 0x04 }, true, 14, 20 },
		{ { NID_basic_constraints, NID_key_usage }, -1,
		  { 3, 2, 6, 0xc0 }, false, 16, 16 },
	};
	struct chain chain;

	issue(*state, &place, NOW, &chain);
	for (size_t i = 0; i < NR_CHAIN; i++) {
		X509 *cert = chain.certs[i];
		int nr = X509_get_ext_count(cert);
		X509_EXTENSION *usage = X509_get_ext(cert, X509_get_ext_by_NID(cert,
									       NID_key_usage, -1));
		int serial_len = ASN1_STRING_length(X509_get0_serialNumber(cert));
		size_t len = i < CA_BUNDLE_SIZE ? chain.identity.bundle[i].len :
			     chain.identity.leaf.len;

		assert_int_equal(X509_get_version(cert), X509_VERSION_3);
		assert_int_equal(X509_get_signature_nid(cert), NID_ecdsa_with_SHA384);
		assert_true(len < 1024);
		for (int n = 0; n < nr; n++)
			assert_int_equal(extension_nid(cert, n), shapes[i].nids[n]);
		assert_true(nr == 4 || !shapes[i].nids[nr]);
		assert_int_equal(X509_get_pathlen(cert), shapes[i].pathlen);
		assert_int_equal(X509_check_ca(cert), i < CA_BUNDLE_SIZE);
		assert_memory_equal(ASN1_STRING_get0_data(X509_EXTENSION_get_data(usage)),
				    shapes[i].usage, 4);
		assert_int_equal(X509_EXTENSION_get_critical(usage), shapes[i].usage_critical);
		assert_in_range(serial_len, shapes[i].serial_min, shapes[i].serial_max);
		assert_int_equal(X509_check_issued(chain.certs[i ? i - 1 : 0], cert), X509_V_OK);
		assert_int_equal(X509_verify(cert, X509_get0_pubkey(chain.certs[i ? i - 1 : 0])),
				 1);
		assert_true(seconds(X509_get0_notBefore(cert)) <= NOW);
	}
	assert_int_equal(EVP_PKEY_eq(chain.key, X509_get0_pubkey(chain.certs[NR_CHAIN - 1])), 1);
	chain_clear(&chain);
}

static void assert_name(X509 *cert, const char *expected)
{
	char *name = X509_NAME_oneline(X509_get_subject_name(cert), NULL, 0);

	if (!strstr(name, expected))
		fail_msg("\"%s\" does not hold \"%s\"", name, expected);
	OPENSSL_free(name);
}

static void test_names(void **state)
{
	/* The longest possible region. */
	struct ca_place far = { .region = "ap-southeast-99", .instance_id = "i-1234567890abcdef0" };
	struct chain chain;

	issue(*state, &far, NOW, &chain);
	for (size_t i = 0; i < NR_CHAIN; i++) {
		char *name = X509_NAME_oneline(X509_get_subject_name(chain.certs[i]), NULL, 0);

		assert_non_null(strstr(name, "EMULATED"));
		assert_null(strstr(name, "Amazon"));
		assert_null(strstr(name, "aws"));
		OPENSSL_free(name);
	}
	assert_name(chain.certs[1], ".ap-southeast-99.");
	assert_name(chain.certs[2], ".zonal.ap-southeast-99.");
	assert_name(chain.certs[3], "CN=i-1234567890abcdef0.ap-southeast-99.");
	assert_name(chain.certs[4],
		    "CN=i-1234567890abcdef0-enc01a202c69a18cfbf.ap-southeast-99.EMULATED");
	chain_clear(&chain);
}

static void test_leaf_serial(void **state)
{
	static const uint8_t expected[] = {
		0x01, 0xa2, 0x02, 0xc6, 0x9a, 0x18, 0xcf, 0xbf, 0, 0, 0, 0,
		0x69, 0xa4, 0x2a, 0x40,		/* NOW */
	};
	struct chain chain;
	BIGNUM *serial;
	uint8_t bytes[16];

	issue(*state, &place, NOW, &chain);
	serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(chain.certs[NR_CHAIN - 1]), NULL);
	assert_int_equal(BN_bn2binpad(serial, bytes, sizeof(bytes)), sizeof(bytes));
	assert_memory_equal(bytes, expected, sizeof(expected));
	BN_free(serial);
	chain_clear(&chain);
}

static void test_lives(void **state)
{
	struct chain chain;
	int64_t life[NR_CHAIN];

	issue(*state, &place, NOW, &chain);
	for (size_t i = 0; i < NR_CHAIN; i++)
		life[i] = seconds(X509_get0_notAfter(chain.certs[i])) -
			  seconds(X509_get0_notBefore(chain.certs[i]));
	assert_in_range(life[0], 29 * 365 * DAY, 31 * 365 * DAY);
	assert_int_equal(life[1], 20 * DAY + HOUR);
	assert_in_range(life[2], 5 * DAY + 12 * HOUR, 6 * DAY);
	assert_int_equal(life[3], 24 * HOUR);
	assert_int_equal(life[4], 3 * HOUR + 3);
	assert_int_equal(chain.identity.not_after, NOW + 3 * HOUR);
	chain_clear(&chain);
}

/* Two months in steps: all issued CAs are valid at least as long as the leaf. */
static void check_renewal(struct state *s, const struct ca_place *at, int64_t step)
{
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	unsigned int root_used = 0;
	struct ca_issuer issuer;

	assert_int_equal(ca_store_obtain(&s->store, "default", &root, &s->error), 0);
	ca_issuer_init(&issuer, at);
	for (int64_t now = NOW; now < NOW + 60 * DAY; now += step) {
		bool needed = ca_issuer_needs_root(&issuer, now);
		struct chain chain;

		root_used += needed;
		assert_int_equal(ca_issuer_renew(&issuer, needed ? &root : NULL, now, &s->error),
				 0);
		chain_read(&issuer, now, &chain);
		for (size_t i = 0; i < NR_CHAIN; i++) {
			assert_true(seconds(X509_get0_notBefore(chain.certs[i])) <= now);
			assert_true(seconds(X509_get0_notAfter(chain.certs[i])) >=
				    chain.identity.not_after);
			assert_int_equal(X509_verify(chain.certs[i],
						     X509_get0_pubkey(chain.certs[i ? i - 1 : 0])),
					 1);
		}
		chain_clear(&chain);
	}
	/* About every 13 days, never for each enclave. */
	assert_in_range(root_used, 4, 6);
	ca_issuer_clear(&issuer);
}

static void test_renewal_keeps_chains_valid(void **state)
{
	check_renewal(*state, &place, 5 * HOUR);
}

/* A leaf of 30 days below CAs that have existed for a while. */
static void test_long_leaves_under_old_cas(void **state)
{
	struct ca_place lasting = place;

	lasting.leaf_life = 30 * DAY;
	check_renewal(*state, &lasting, 29 * HOUR);
}

/* CAs of an old root do not chain to a new one: nothing is kept. */
static void test_failed_renewal_leaves_nothing(void **state)
{
	struct state *s = *state;
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 }, odd = { 0 };
	struct ca_issuer issuer;
	struct chain chain;

	assert_int_equal(ca_store_obtain(&s->store, "default", &root, &s->error), 0);
	ca_issuer_init(&issuer, &place);
	assert_int_equal(ca_issuer_renew(&issuer, &root, NOW, &s->error), 0);
	assert_false(ca_issuer_needs_root(&issuer, NOW));

	/* Use a key that cannot sign. */
	X509_up_ref(root.cert);
	odd.cert = root.cert;
	odd.key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	assert_non_null(odd.key);
	assert_true(ca_issuer_renew(&issuer, &odd, NOW + 15 * DAY, &s->error) < 0);
	assert_true(ca_issuer_needs_root(&issuer, NOW));
	for (size_t i = 0; i < NR_CA_LEVELS; i++)
		assert_null(issuer.levels[i].cert);

	assert_int_equal(ca_issuer_renew(&issuer, &root, NOW, &s->error), 0);
	chain_read(&issuer, NOW, &chain);
	chain_clear(&chain);
	ca_issuer_clear(&issuer);
}

static void test_long_lived(void **state)
{
	struct ca_place lasting = place;
	struct chain chain;

	lasting.leaf_life = 365 * DAY;
	issue(*state, &lasting, NOW, &chain);
	for (size_t i = 0; i < NR_CHAIN; i++)
		assert_true(seconds(X509_get0_notAfter(chain.certs[i])) >= NOW + 365 * DAY);
	assert_int_equal(chain.identity.not_after, NOW + 365 * DAY);
	chain_clear(&chain);

	/* No certificate outlives the root. */
	lasting.leaf_life = CA_LEAF_LIFE_MAX;
	issue(*state, &lasting, CA_ROOT_NOT_AFTER - 365 * DAY, &chain);
	assert_int_equal(chain.identity.not_after, CA_ROOT_NOT_AFTER);
	chain_clear(&chain);
}

static void test_clock_out_of_range(void **state)
{
	struct state *s = *state;
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	struct ca_issuer issuer;

	assert_int_equal(ca_store_obtain(&s->store, "default", &root, &s->error), 0);
	ca_issuer_init(&issuer, &place);
	assert_int_equal(ca_issuer_renew(&issuer, &root, 0, &s->error), -ERANGE);
	assert_int_equal(ca_issuer_renew(&issuer, &root, CA_ROOT_NOT_AFTER, &s->error), -ERANGE);
	assert_int_equal(ca_issuer_renew(&issuer, &root, NOW, &s->error), 0);
	ca_issuer_clear(&issuer);
	/* Exact to the second: a day after the root's beginning, an hour before its end. */
	for (int late = 0; late < 2; late++) {
		int64_t edge = late ? CA_ROOT_NOT_AFTER - HOUR : CA_ROOT_NOT_BEFORE + DAY;
		int64_t beyond = late ? edge + 1 : edge - 1;

		assert_int_equal(ca_issuer_renew(&issuer, &root, beyond, &s->error), -ERANGE);
		assert_int_equal(ca_issuer_renew(&issuer, &root, edge, &s->error), 0);
		assert_true(ca_cert_end(issuer.levels[CA_INSTANCE].cert) <= CA_ROOT_NOT_AFTER);
		ca_issuer_clear(&issuer);
	}
}

static void test_texts(void **state)
{
	assert_true(ca_region_valid("us-gov-west-1"));
	assert_false(ca_region_valid(""));
	assert_false(ca_region_valid("us east"));
	assert_false(ca_region_valid("ap-southeast-100"));
	assert_true(ca_instance_id_valid("i-00000000000000000"));
	assert_false(ca_instance_id_valid("i-0000000000000000"));
	assert_false(ca_instance_id_valid("i-0000000000000000G"));
	for (enum ca_flaw flaw = 0; flaw < NR_CA_FLAWS; flaw++) {
		const char *name = ca_flaw_name(flaw);

		assert_int_equal(ca_flaw_find(name, strlen(name)), flaw);
	}
	assert_int_equal(ca_flaw_find("expire", 6), -EINVAL);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_store_creates_once),
		TEST(test_store_projects_differ),
		TEST(test_store_rotates),
		TEST(test_store_forgets),
		TEST(test_store_forgets_only_old),
		TEST(test_store_locks),
		TEST(test_store_refuses_open_modes),
		TEST(test_store_refuses_broken_files),
		TEST(test_store_refuses_odd_roots),
		TEST(test_store_survives_crash),
		TEST(test_store_lists),
		TEST(test_shape),
		TEST(test_names),
		TEST(test_leaf_serial),
		TEST(test_lives),
		TEST(test_renewal_keeps_chains_valid),
		TEST(test_long_leaves_under_old_cas),
		TEST(test_failed_renewal_leaves_nothing),
		TEST(test_long_lived),
		TEST(test_clock_out_of_range),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
