// SPDX-License-Identifier: Apache-2.0
/*
 * Makes attestation documents on the host, with the module and the certificates that
 * enclaves get: files for independent verifiers.
 *
 * usage: make-documents FOLDER
 *
 * root.der                 the root certificate
 * plain.cose               nothing asked for
 * definite.cose            the same in the form of before mid-2025
 * full.cose                nonce, user data and public key of 1024 bytes 'n', 'u', 'k'
 * empty.cose               all three empty
 * debug.cose               of an enclave in debug mode
 * pcr16.cose               PCR 16 extended with 010203 and locked, 17 only extended
 * all.cose                 all registers locked
 * flaw-NAME.cose           with a fault of the document, one file for each there is
 * cert-NAME.cose           with a fault of the certificates, likewise
 *
 * PCR 0, 1, 2 and 8 are 48 bytes 0xa0, 0xa1, 0xa2 and 0xa8; PCR 3 and 4 are given as
 * 0xb3 and 0xb4.
 */

#include "ca/issuer.h"
#include "ca/root.h"
#include "common/log.h"
#include "common/nsm_control.h"
#include "common/util.h"
#include "nsm/nsm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ENCLAVE_ID	0x01a202c69a18cfbfULL
#define MODULE_ID	"i-1234567890abcdef0-enc01a202c69a18cfbf"
#define FIELD_SIZE	1024

#define ATTESTATION	"\xa1\x6b" "Attestation"
#define PLAIN		ATTESTATION "\xa0"
#define EMPTY		ATTESTATION "\xa3\x69" "user_data\x40\x65" "nonce\x40\x6a" "public_key\x40"
#define EXTEND_16	"\xa1\x69" "ExtendPCR\xa2\x65" "index\x10\x64" "data\x43\x01\x02\x03"
#define EXTEND_17	"\xa1\x69" "ExtendPCR\xa2\x65" "index\x11\x64" "data\x43\x01\x02\x03"
#define LOCK_16		"\xa1\x67" "LockPCR\xa1\x65" "index\x10"
#define LOCK_ALL	"\xa1\x68" "LockPCRs\xa1\x65" "range\x18\x20"

/* Head of a response in front of the document. */
#define RESPONSE_HEAD	26

struct maker {
	int dir_fd;
	struct ca_signer root;
	int64_t now;
};

static void die(const char *what, const char *why)
{
	log_err("%s: %s", what, why);
	exit(EXIT_FAILURE);
}

static void write_file(const struct maker *maker, const char *name, const void *data, size_t len)
{
	__cleanup_fd int fd = openat(maker->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write_full(fd, data, len))
		die(name, strerror(errno));
}

static void set_identity(const struct maker *maker, struct nsm *nsm, uint32_t flaws)
{
	const struct ca_place place = {
		.region = "us-east-1", .instance_id = "i-1234567890abcdef0", .flaws = flaws,
	};
	struct nsm_identity identity = { 0 };
	struct ca_identity issued = { 0 };
	struct ca_issuer issuer;
	struct ca_error error;

	ca_issuer_init(&issuer, &place);
	if (ca_issuer_renew(&issuer, &maker->root, maker->now, &error) ||
	    ca_issuer_leaf(&issuer, ENCLAVE_ID, maker->now, &issued, &error))
		die("certificates", error.text);
	identity.key = (struct nsm_bytes){ issued.key.data, issued.key.len };
	identity.certificate = (struct nsm_bytes){ issued.leaf.data, issued.leaf.len };
	for (size_t i = 0; i < issued.nr_bundle; i++)
		identity.cas[i] = (struct nsm_bytes){ issued.bundle[i].data,
						      issued.bundle[i].len };
	identity.nr_cas = issued.nr_bundle;
	identity.not_after = issued.not_after;
	if (nsm_set_identity(nsm, &identity))
		die("identity", "the module does not take it");
	ca_identity_wipe(&issued);
	ca_issuer_clear(&issuer);
}

static struct nsm *make_module(const struct maker *maker, bool debug, struct nsm_settings settings,
			       uint32_t cert_flaws)
{
	struct nsm_config config = {
		.module_id = MODULE_ID,
		.debug = debug,
		.entropy = nsm_entropy_system,
		.clock_ms = nsm_clock_system,
	};
	struct nsm_measurements measured;
	struct nsm *nsm;

	if (nsm_create(&config, &nsm))
		die("module", "out of memory");
	memset(measured.pcr0, 0xa0, sizeof(measured.pcr0));
	memset(measured.pcr1, 0xa1, sizeof(measured.pcr1));
	memset(measured.pcr2, 0xa2, sizeof(measured.pcr2));
	memset(measured.pcr8, 0xa8, sizeof(measured.pcr8));
	memset(settings.pcrs[3], 0xb3, sizeof(settings.pcrs[3]));
	memset(settings.pcrs[4], 0xb4, sizeof(settings.pcrs[4]));
	settings.pcrs_given = 1U << 3 | 1U << 4;
	nsm_configure(nsm, &settings);
	nsm_start(nsm, &measured);
	set_identity(maker, nsm, cert_flaws);
	return nsm;
}

/* The document of an attestation request; with NULL, what comes back is of no interest. */
static void request(const struct maker *maker, struct nsm *nsm, const void *req, size_t len,
		    const char *file)
{
	uint8_t response[NSM_RESPONSE_MAX];
	size_t n = nsm_request(nsm, req, len, response, sizeof(response));

	if (n < RESPONSE_HEAD && file)
		die(file, "the request failed");
	if (file)
		write_file(maker, file, response + RESPONSE_HEAD, n - RESPONSE_HEAD);
}

#define REQUEST(maker, nsm, text, file) request(maker, nsm, text, sizeof(text) - 1, file)

static uint8_t *put_field(uint8_t *at, const char *head, char fill)
{
	memcpy(at, head, strlen(head));
	at += strlen(head);
	*at++ = 0x59;		/* bytes with a length of two bytes */
	*at++ = FIELD_SIZE >> 8;
	*at++ = FIELD_SIZE & 0xff;
	memset(at, fill, FIELD_SIZE);
	return at + FIELD_SIZE;
}

static void make_full(const struct maker *maker, struct nsm *nsm)
{
	uint8_t req[NSM_REQUEST_MAX], *at = req;

	memcpy(at, ATTESTATION "\xa3", sizeof(ATTESTATION));
	at += sizeof(ATTESTATION);
	at = put_field(at, "\x69" "user_data", 'u');
	at = put_field(at, "\x65" "nonce", 'n');
	at = put_field(at, "\x6a" "public_key", 'k');
	request(maker, nsm, req, at - req, "full.cose");
}

static void make_good(const struct maker *maker)
{
	struct nsm *nsm = make_module(maker, false, (struct nsm_settings){ 0 }, 0);

	REQUEST(maker, nsm, PLAIN, "plain.cose");
	REQUEST(maker, nsm, EMPTY, "empty.cose");
	make_full(maker, nsm);
	REQUEST(maker, nsm, EXTEND_16, NULL);
	REQUEST(maker, nsm, EXTEND_17, NULL);
	REQUEST(maker, nsm, LOCK_16, NULL);
	REQUEST(maker, nsm, PLAIN, "pcr16.cose");
	REQUEST(maker, nsm, LOCK_ALL, NULL);
	REQUEST(maker, nsm, PLAIN, "all.cose");
	nsm_destroy(nsm);

	nsm = make_module(maker, true, (struct nsm_settings){ 0 }, 0);
	REQUEST(maker, nsm, PLAIN, "debug.cose");
	nsm_destroy(nsm);
	nsm = make_module(maker, false, (struct nsm_settings){ .definite_map = true }, 0);
	REQUEST(maker, nsm, PLAIN, "definite.cose");
	nsm_destroy(nsm);
}

static void make_flawed(const struct maker *maker)
{
	char file[64];

	for (unsigned int i = 0; i < NR_NSM_FLAWS; i++) {
		struct nsm *nsm = make_module(maker, false, (struct nsm_settings){
					      .flaws = NSM_FLAW_BIT(i) }, 0);

		snprintf(file, sizeof(file), "flaw-%s.cose", nsm_flaw_name(i));
		REQUEST(maker, nsm, PLAIN, file);
		nsm_destroy(nsm);
	}
	for (unsigned int i = 0; i < NR_CA_FLAWS; i++) {
		struct nsm *nsm = make_module(maker, false, (struct nsm_settings){ 0 },
					      CA_FLAW_BIT(i));

		snprintf(file, sizeof(file), "cert-%s.cose", ca_flaw_name(i));
		REQUEST(maker, nsm, PLAIN, file);
		nsm_destroy(nsm);
	}
}

int main(int argc, char *argv[])
{
	struct maker maker = { .now = time(NULL) };
	struct ca_error error;
	uint8_t *der;
	size_t len;

	log_init(LOG_ERR, "make-documents");
	if (argc != 2)
		die("usage", "make-documents FOLDER");
	maker.dir_fd = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (maker.dir_fd < 0)
		die(argv[1], strerror(errno));
	if (ca_root_make("test", &maker.root, &error))
		die("root", error.text);
	if (ca_cert_der(maker.root.cert, &der, &len))
		die("root", "no DER");
	write_file(&maker, "root.der", der, len);
	ca_der_wipe(der, len);
	make_good(&maker);
	make_flawed(&maker);
	ca_signer_clear(&maker.root);
	close(maker.dir_fd);
	return EXIT_SUCCESS;
}
