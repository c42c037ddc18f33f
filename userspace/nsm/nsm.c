// SPDX-License-Identifier: Apache-2.0
/* Model of the Nitro Security Module: request bytes in, response bytes out. */

#include "nsm/nsm.h"

#include "common/clock.h"
#include "common/guest_status.h"
#include "common/log.h"
#include "common/util.h"
#include "nsm/attestation.h"
#include "nsm/identity.h"
#include "nsm/pcr.h"
#include "nsm/request.h"
#include "nsm/response.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* Number of bytes that EC2 sends; the kernel's parser needs at least 24. */
#define RANDOM_SIZE		256
/* PCR 0 to 15 are the boot measurements and those that AWS reserves. */
#define LOCKED_AT_BOOT		NSM_CONTROL_PCRS

/*
 * AWS documents two limits for each field of a request and enforces none. These are the
 * smaller ones, which many verifiers enforce.
 */
#define USER_DATA_MAX		512
#define NONCE_MAX		512
#define PUBLIC_KEY_MAX		1024

/**
 * struct nsm - the state of one NSM
 * @identity: NULL until one is set
 * @agent_key_set: there is an @agent_key
 * @agent_key_given: the enclave has received it
 * @limits_told, @no_identity_told: the warning has been logged
 * @request, @scratch, @document: scratch for the request that is being answered
 */
struct nsm {
	char module_id[NSM_MODULE_ID_MAX + 1];
	bool debug;
	int (*entropy)(void *arg, void *buf, size_t len);
	uint64_t (*clock_ms)(void *arg);
	void (*exited)(void *arg, uint16_t status);
	void *hook_arg;
	struct nsm_settings settings;
	struct identity *identity;
	struct pcr_bank pcrs;
	uint8_t agent_key[NSM_AGENT_KEY_SIZE];
	bool agent_key_set;
	bool agent_key_given;
	bool limits_told;
	bool no_identity_told;
	struct nsm_request request;
	struct attestation_scratch scratch;
	uint8_t document[NSM_RESPONSE_MAX];
};

int nsm_create(const struct nsm_config *config, struct nsm **ret_nsm)
{
	size_t len = strlen(config->module_id);
	struct nsm *nsm;

	if (!len || len > NSM_MODULE_ID_MAX)
		return -EINVAL;
	nsm = calloc(1, sizeof(*nsm));
	if (!nsm)
		return -ENOMEM;
	memcpy(nsm->module_id, config->module_id, len + 1);
	nsm->debug = config->debug;
	nsm->entropy = config->entropy;
	nsm->clock_ms = config->clock_ms;
	nsm->exited = config->exited;
	nsm->hook_arg = config->hook_arg;
	nsm->pcrs.locked = pcr_below(LOCKED_AT_BOOT);
	*ret_nsm = nsm;
	return 0;
}

void nsm_destroy(struct nsm *nsm)
{
	if (!nsm)
		return;
	identity_destroy(nsm->identity);
	explicit_bzero(nsm->agent_key, sizeof(nsm->agent_key));
	free(nsm);
}

void nsm_configure(struct nsm *nsm, const struct nsm_settings *settings)
{
	nsm->settings = *settings;
}

int nsm_set_identity(struct nsm *nsm, const struct nsm_identity *identity)
{
	struct identity *next;
	int err = identity_create(identity, &next);

	if (err)
		return err;
	identity_destroy(nsm->identity);
	nsm->identity = next;
	return 0;
}

void nsm_set_agent_key(struct nsm *nsm, const uint8_t *key)
{
	if (nsm->agent_key_set)
		return;
	memcpy(nsm->agent_key, key, sizeof(nsm->agent_key));
	nsm->agent_key_set = true;
}

/* Return: whether EC2 would report zero PCRs, since the console can be read. */
static bool is_zeroed(const struct nsm *nsm)
{
	return nsm->debug && !nsm->settings.real_debug_pcrs;
}

const struct pcr_bank *nsm_pcrs(const struct nsm *nsm)
{
	return &nsm->pcrs;
}

bool nsm_has_identity(const struct nsm *nsm)
{
	return nsm->identity;
}

void nsm_start(struct nsm *nsm, const struct nsm_measurements *measured)
{
	const struct nsm_settings *settings = &nsm->settings;

	if (!is_zeroed(nsm)) {
		memcpy(nsm->pcrs.values[0], measured->pcr0, NSM_PCR_SIZE);
		memcpy(nsm->pcrs.values[1], measured->pcr1, NSM_PCR_SIZE);
		memcpy(nsm->pcrs.values[2], measured->pcr2, NSM_PCR_SIZE);
		memcpy(nsm->pcrs.values[8], measured->pcr8, NSM_PCR_SIZE);
	}
	for (unsigned int i = 0; i < NSM_CONTROL_PCRS; i++)
		if (settings->pcrs_given & (1U << i))
			memcpy(nsm->pcrs.values[i], settings->pcrs[i], NSM_PCR_SIZE);
}

/*
 * Each operation returns the length of the response in bytes, 0 if it does not fit, or a
 * negative enum nsm_error. Registers change last, after the response has been written.
 */

static ssize_t describe_nsm(struct nsm *nsm, void *rsp, size_t rsp_cap)
{
	struct nsm_description description = {
		.module_id = nsm->module_id,
		.max_pcrs = NSM_PCRS,
		.locked_pcrs = nsm->pcrs.locked,
	};

	return nsm_encode_description(&description, rsp, rsp_cap);
}

static ssize_t get_random(struct nsm *nsm, void *rsp, size_t rsp_cap)
{
	uint8_t *random;
	size_t len = nsm_encode_random(RANDOM_SIZE, rsp, rsp_cap, &random);

	if (len && nsm->entropy(nsm->hook_arg, random, RANDOM_SIZE))
		return -NSM_ERROR_INTERNAL;
	return len;
}

static ssize_t describe_pcr(struct nsm *nsm, void *rsp, size_t rsp_cap)
{
	unsigned int index = nsm->request.index;

	if (index >= NSM_PCRS)
		return -NSM_ERROR_INVALID_INDEX;
	return nsm_encode_pcr(pcr_locked(&nsm->pcrs, index), nsm->pcrs.values[index], rsp,
			      rsp_cap);
}

/* Return: 0 if the register may be changed, or a negative enum nsm_error. */
static int check_writable(const struct nsm *nsm, unsigned int index)
{
	if (index >= NSM_PCRS)
		return -NSM_ERROR_INVALID_INDEX;
	return pcr_locked(&nsm->pcrs, index) ? -NSM_ERROR_READ_ONLY_INDEX : 0;
}

static ssize_t extend_pcr(struct nsm *nsm, void *rsp, size_t rsp_cap)
{
	unsigned int index = nsm->request.index;
	uint8_t value[NSM_PCR_SIZE];
	int err = check_writable(nsm, index);
	size_t len;

	if (err)
		return err;
	if (pcr_extended(nsm->pcrs.values[index], &nsm->request.data, value))
		return -NSM_ERROR_INTERNAL;
	len = nsm_encode_extended(value, rsp, rsp_cap);
	if (len)
		memcpy(nsm->pcrs.values[index], value, sizeof(value));
	return len;
}

static ssize_t lock_pcr(struct nsm *nsm, void *rsp, size_t rsp_cap)
{
	int err = check_writable(nsm, nsm->request.index);
	size_t len;

	if (err)
		return err;
	len = nsm_encode_name("LockPCR", rsp, rsp_cap);
	if (len)
		nsm->pcrs.locked |= 1U << nsm->request.index;
	return len;
}

static ssize_t lock_pcrs(struct nsm *nsm, void *rsp, size_t rsp_cap)
{
	size_t len;

	if (nsm->request.index > NSM_PCRS)
		return -NSM_ERROR_INVALID_INDEX;
	len = nsm_encode_name("LockPCRs", rsp, rsp_cap);
	if (len)
		nsm->pcrs.locked |= pcr_below(nsm->request.index);
	return len;
}

/* Return: 0 or a negative enum nsm_error. */
static int check_limits(struct nsm *nsm)
{
	const struct nsm_request *request = &nsm->request;

	if (request->user_data.len <= USER_DATA_MAX && request->nonce.len <= NONCE_MAX &&
	    request->public_key.len <= PUBLIC_KEY_MAX)
		return 0;
	if (nsm->settings.strict_limits)
		return -NSM_ERROR_INPUT_TOO_LARGE;
	if (!nsm->limits_told)
		log_warn("attestation request with user data, nonce and public key of %zu, %zu "
			 "and %zu bytes: many verifiers refuse more than %d, %d and %d",
			 request->user_data.len, request->nonce.len, request->public_key.len,
			 USER_DATA_MAX, NONCE_MAX, PUBLIC_KEY_MAX);
	nsm->limits_told = true;
	return 0;
}

static bool has_identity(struct nsm *nsm)
{
	if (!nsm->identity && !nsm->no_identity_told) {
		log_warn("attestation request refused: no key from ne-emud (see its log)");
		nsm->no_identity_told = true;
	}
	return nsm->identity;
}

static uint64_t now_ms(const struct nsm *nsm)
{
	return nsm->settings.clock_ms ? nsm->settings.clock_ms : nsm->clock_ms(nsm->hook_arg);
}

/* Documents are still issued: the verifier checks the certificate. */
static void check_expiry(struct identity *identity, uint64_t now)
{
	if (identity->expiry_told || (int64_t)(now / MSEC_PER_SEC) <= identity->not_after)
		return;
	log_warn("the certificate of the enclave has expired and ne-emud sent no other");
	identity->expiry_told = true;
}

static ssize_t attest(struct nsm *nsm, void *rsp, size_t rsp_cap)
{
	const struct attestation attestation = {
		.module_id = nsm->module_id,
		.pcrs = &nsm->pcrs,
		.identity = nsm->identity,
		.settings = &nsm->settings,
		.request = &nsm->request,
		.now_ms = now_ms(nsm),
	};
	int err = check_limits(nsm);
	size_t len;

	if (err)
		return err;
	if (!has_identity(nsm))
		return -NSM_ERROR_INTERNAL;
	check_expiry(nsm->identity, attestation.now_ms);
	err = attestation_encode(&attestation, &nsm->scratch, nsm->document,
				 sizeof(nsm->document), &len);
	if (err == -EMSGSIZE)
		return 0;
	if (err) {
		log_err("cannot sign an attestation document: %s", strerror(-err));
		return -NSM_ERROR_INTERNAL;
	}
	return nsm_encode_document(nsm->document, len, rsp, rsp_cap);
}

/* EC2 answers this request with InvalidOperation, like any unknown one. */
static ssize_t report_exit(struct nsm *nsm, void *rsp, size_t rsp_cap)
{
	uint16_t status = nsm->request.index;
	size_t len;

	if (!guest_status_valid(status))
		return -NSM_ERROR_INVALID_ARGUMENT;
	len = nsm_encode_name("NeEmuExit", rsp, rsp_cap);
	if (len && nsm->exited)
		nsm->exited(nsm->hook_arg, status);
	return len;
}

/*
 * EC2 answers this request with InvalidOperation as well, so that no agent runs there. The init
 * asks before it starts any other program, and nobody else in the enclave gets the key.
 */
static ssize_t give_agent_key(struct nsm *nsm, void *rsp, size_t rsp_cap)
{
	size_t len;

	if (!nsm->debug || !nsm->agent_key_set || nsm->agent_key_given)
		return -NSM_ERROR_INVALID_OPERATION;
	len = nsm_encode_agent_key(nsm->agent_key, rsp, rsp_cap);
	nsm->agent_key_given = len;
	return len;
}

static ssize_t perform(struct nsm *nsm, void *rsp, size_t rsp_cap)
{
	switch (nsm->request.operation) {
	case NSM_OP_DESCRIBE_PCR:
		return describe_pcr(nsm, rsp, rsp_cap);
	case NSM_OP_EXTEND_PCR:
		return extend_pcr(nsm, rsp, rsp_cap);
	case NSM_OP_LOCK_PCR:
		return lock_pcr(nsm, rsp, rsp_cap);
	case NSM_OP_LOCK_PCRS:
		return lock_pcrs(nsm, rsp, rsp_cap);
	case NSM_OP_DESCRIBE_NSM:
		return describe_nsm(nsm, rsp, rsp_cap);
	case NSM_OP_ATTESTATION:
		return attest(nsm, rsp, rsp_cap);
	case NSM_OP_GET_RANDOM:
		return get_random(nsm, rsp, rsp_cap);
	case NSM_OP_EXIT:
		return report_exit(nsm, rsp, rsp_cap);
	case NSM_OP_AGENT_KEY:
		return give_agent_key(nsm, rsp, rsp_cap);
	}
	return -NSM_ERROR_INVALID_OPERATION;
}

size_t nsm_request(struct nsm *nsm, const void *req, size_t req_len, void *rsp, size_t rsp_cap)
{
	ssize_t len;

	if (req_len > NSM_REQUEST_MAX)
		len = -NSM_ERROR_INPUT_TOO_LARGE;
	else if (nsm_request_decode(req, req_len, &nsm->request))
		len = -NSM_ERROR_INVALID_OPERATION;
	else
		len = perform(nsm, rsp, rsp_cap);
	if (!len)
		len = -NSM_ERROR_BUFFER_TOO_SMALL;
	return len > 0 ? (size_t)len : nsm_encode_error(-len, rsp, rsp_cap);
}

int nsm_operation(const void *req, size_t req_len)
{
	struct nsm_request request;

	if (req_len > NSM_REQUEST_MAX || nsm_request_decode(req, req_len, &request) ||
	    request.operation > NSM_OP_GET_RANDOM)
		return -1;
	return request.operation;
}

int nsm_entropy_system(void *arg, void *buf, size_t len)
{
	uint8_t *at = buf;

	(void)arg;
	while (len) {
		ssize_t n = getrandom(at, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= n;
	}
	return 0;
}

uint64_t nsm_clock_system(void *arg)
{
	(void)arg;
	return clock_ns(CLOCK_REALTIME) / NSEC_PER_MSEC;
}
