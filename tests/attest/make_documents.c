// SPDX-License-Identifier: Apache-2.0
/*
 * Makes attestation documents on the host with the module and certificates of enclaves, as
 * files for independent verifiers.
 *
 * usage: make-documents DIRECTORY
 *
 * root.der                 the root certificate
 * plain.cose               request without fields
 * definite.cose            the same, in the form used before mid-2025
 * full.cose                nonce, user data and public key of 1024 bytes 'n', 'u', 'k'
 * empty.cose               all three empty
 * debug.cose               from an enclave in debug mode
 * pcr16.cose               PCR 16 extended with 010203 and locked, 17 only extended
 * all.cose                 all registers locked
 * flaw-NAME.cose           with a flaw of the document, one file for each
 * cert-NAME.cose           with a flaw of the certificates, one file for each
 *
 * The module, its registers and its certificates are those of sample_document.h.
 */

#include "common/log.h"
#include "common/util.h"
#include "sample_document.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define FIELD_SIZE	1024

#define EXTEND_16	"\xa1\x69" "ExtendPCR\xa2\x65" "index\x10\x64" "data\x43\x01\x02\x03"
#define EXTEND_17	"\xa1\x69" "ExtendPCR\xa2\x65" "index\x11\x64" "data\x43\x01\x02\x03"
#define LOCK_16		"\xa1\x67" "LockPCR\xa1\x65" "index\x10"

#define DO(nsm, request)	sample_do(nsm, request, sizeof(request) - 1)

struct maker {
	int dir_fd;
	struct ca_signer root;
	uint64_t now_ms;
};

static void write_file(const struct maker *maker, const char *name, const void *data, size_t len)
{
	__cleanup_fd int fd = openat(maker->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write_full(fd, data, len))
		SAMPLE_BUG(name);
}

/* Make a document like @sample, but with the current time. */
static void make(const struct maker *maker, const char *name, struct sample sample)
{
	struct sample_document document;

	sample.now_ms = maker->now_ms;
	sample_make(&sample, &maker->root, &document);
	write_file(maker, name, document.bytes, document.len);
}

static void make_good(const struct maker *maker)
{
	static uint8_t n[FIELD_SIZE], u[FIELD_SIZE], k[FIELD_SIZE];

	memset(n, 'n', sizeof(n));
	memset(u, 'u', sizeof(u));
	memset(k, 'k', sizeof(k));
	make(maker, "plain.cose", (struct sample){ 0 });
	make(maker, "definite.cose", (struct sample){ .definite_map = true });
	make(maker, "full.cose", (struct sample){
		.nonce = { n, sizeof(n) }, .user_data = { u, sizeof(u) },
		.public_key = { k, sizeof(k) } });
	make(maker, "empty.cose", (struct sample){
		.nonce = { n, 0 }, .user_data = { u, 0 }, .public_key = { k, 0 } });
	make(maker, "debug.cose", (struct sample){ .debug = true });
	make(maker, "all.cose", (struct sample){ .all_pcrs = true });
}

static void make_pcr16(const struct maker *maker)
{
	const struct sample sample = { .now_ms = maker->now_ms };
	struct nsm *nsm = sample_module(&sample, &maker->root);
	struct sample_document document;

	DO(nsm, EXTEND_16);
	DO(nsm, EXTEND_17);
	DO(nsm, LOCK_16);
	sample_attest(nsm, &sample, &document);
	write_file(maker, "pcr16.cose", document.bytes, document.len);
	nsm_destroy(nsm);
}

static void make_flawed(const struct maker *maker)
{
	char file[64];

	for (unsigned int i = 0; i < NR_NSM_FLAWS; i++) {
		snprintf(file, sizeof(file), "flaw-%s.cose", nsm_flaw_name(i));
		make(maker, file, (struct sample){ .nsm_flaws = NSM_FLAW_BIT(i) });
	}
	for (unsigned int i = 0; i < NR_CA_FLAWS; i++) {
		snprintf(file, sizeof(file), "cert-%s.cose", ca_flaw_name(i));
		make(maker, file, (struct sample){ .ca_flaws = CA_FLAW_BIT(i) });
	}
}

int main(int argc, char *argv[])
{
	struct maker maker = { .now_ms = time(NULL) * 1000ULL };
	struct error error;
	uint8_t *der;
	size_t len;

	log_init(LOG_ERR, "make-documents");	/* the documents provoke warnings */
	if (argc != 2)
		SAMPLE_BUG("usage: make-documents DIRECTORY");
	maker.dir_fd = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (maker.dir_fd < 0)
		SAMPLE_BUG(strerror(errno));
	if (ca_root_make("test", &maker.root, &error))
		SAMPLE_BUG(error.text);
	if (ca_cert_der(maker.root.cert, &der, &len))
		SAMPLE_BUG("no DER");
	write_file(&maker, "root.der", der, len);
	ca_der_wipe(der, len);
	make_good(&maker);
	make_pcr16(&maker);
	make_flawed(&maker);
	ca_signer_clear(&maker.root);
	close(maker.dir_fd);
	return EXIT_SUCCESS;
}
