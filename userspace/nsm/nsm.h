/* SPDX-License-Identifier: Apache-2.0 */
/* Model of the Nitro Security Module: request bytes in, response bytes out. */

#ifndef NE_EMU_NSM_NSM_H
#define NE_EMU_NSM_NSM_H

#include "common/nsm_control.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Limits of the device's interface, bytes. */
#define NSM_REQUEST_MAX		4096
#define NSM_RESPONSE_MAX	12288
#define NSM_MODULE_ID_MAX	99

#define NSM_PCRS		32
#define NSM_PCR_SIZE		NSM_CONTROL_PCR_SIZE
#define NSM_DIGEST		"SHA384"
#define NSM_AGENT_KEY_SIZE	NSM_CONTROL_AGENT_KEY_SIZE

/**
 * struct nsm_config - parameters of an NSM
 * @module_id: up to NSM_MODULE_ID_MAX bytes of text; copied
 * @debug: the enclave is in debug mode
 * @entropy: fills @buf; returns 0 or a negative errno
 * @clock_ms: returns the host's time, milliseconds since 1970
 * @exited: called when the enclave reports how its program ended, with the status of
 *	wait(2), which is valid; may be NULL
 * @hook_arg: first argument of these functions
 */
struct nsm_config {
	const char *module_id;
	bool debug;
	int (*entropy)(void *arg, void *buf, size_t len);
	uint64_t (*clock_ms)(void *arg);
	void (*exited)(void *arg, uint16_t status);
	void *hook_arg;
};

/** struct nsm_measurements - measurements of an image; PCR8 is zero without a signature */
struct nsm_measurements {
	uint8_t pcr0[NSM_PCR_SIZE];
	uint8_t pcr1[NSM_PCR_SIZE];
	uint8_t pcr2[NSM_PCR_SIZE];
	uint8_t pcr8[NSM_PCR_SIZE];
};

struct nsm;

/** nsm_create() - create an NSM; Return: 0, -EINVAL (module id) or -ENOMEM */
int nsm_create(const struct nsm_config *config, struct nsm **ret_nsm);
void nsm_destroy(struct nsm *nsm);

/** nsm_configure() - apply settings; PCRs only have an effect before nsm_start() */
void nsm_configure(struct nsm *nsm, const struct nsm_settings *settings);

/**
 * nsm_set_identity() - set the key that signs documents, and its certificates
 * @nsm: the NSM of one enclave
 * @identity: copied
 *
 * Return: 0, -EBADMSG (not an EC key) or -ENOMEM; on failure, the old identity is kept.
 */
int nsm_set_identity(struct nsm *nsm, const struct nsm_identity *identity);

/**
 * nsm_set_agent_key() - set the key with which the owner proves itself to the enclave's agent
 * @nsm: the NSM of one enclave
 * @key: NSM_AGENT_KEY_SIZE bytes, copied
 *
 * In debug mode the enclave gets it once, on request. Later calls have no effect.
 */
void nsm_set_agent_key(struct nsm *nsm, const uint8_t *key);

/** nsm_start() - set PCR 0 to 15, which never change afterwards, before the image runs */
void nsm_start(struct nsm *nsm, const struct nsm_measurements *measured);

/**
 * nsm_request() - answer one request
 * @nsm: the NSM of one enclave
 * @req: CBOR as clients of /dev/nsm send it; anything else gets an error response
 * @req_len: length of @req in bytes
 * @rsp: receives the response, CBOR
 * @rsp_cap: room at @rsp
 *
 * Return: length of the response in bytes; 0 if not even an error fits.
 */
size_t nsm_request(struct nsm *nsm, const void *req, size_t req_len, void *rsp, size_t rsp_cap);

/* For those who look at the enclave from outside. */
struct pcr_bank;
/** nsm_pcrs() - Return: the registers as they are now */
const struct pcr_bank *nsm_pcrs(const struct nsm *nsm);
/** nsm_has_identity() - Return: true if the NSM can sign documents */
bool nsm_has_identity(const struct nsm *nsm);

/**
 * nsm_operation() - find out what a request asks for
 * @req: the request
 * @req_len: length of @req in bytes
 *
 * Return: AWS's number of the operation, or -1 (not a valid request, or one of the emulator).
 */
int nsm_operation(const void *req, size_t req_len);

/** nsm_entropy_system() - entropy hook that uses the kernel's random numbers */
int nsm_entropy_system(void *arg, void *buf, size_t len);
/** nsm_clock_system() - clock hook that uses the kernel's clock */
uint64_t nsm_clock_system(void *arg);

#endif
