/* SPDX-License-Identifier: Apache-2.0 */
/* Model of the Nitro Security Module: request bytes in, response bytes out. */

#ifndef NE_EMU_NSM_NSM_H
#define NE_EMU_NSM_NSM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Limits of the device's interface, bytes. */
#define NSM_REQUEST_MAX		4096
#define NSM_RESPONSE_MAX	12288
#define NSM_MODULE_ID_MAX	99
#define NSM_PCRS		32

/**
 * struct nsm_config - what makes one module different from another
 * @module_id: up to NSM_MODULE_ID_MAX bytes of text; copied
 * @entropy: fills @buf; 0 or a negative errno
 */
struct nsm_config {
	const char *module_id;
	int (*entropy)(void *arg, void *buf, size_t len);
	void *entropy_arg;
};

struct nsm;

/** nsm_create() - 0, -EINVAL (module id) or -ENOMEM */
int nsm_create(const struct nsm_config *config, struct nsm **ret_nsm);
void nsm_destroy(struct nsm *nsm);

/**
 * nsm_request() - answer one request
 * @req: CBOR as clients of /dev/nsm send it; anything else gets an error response
 * @rsp_cap: room at @rsp
 *
 * Return: bytes of the response; 0 if not even an error fits.
 */
size_t nsm_request(struct nsm *nsm, const void *req, size_t req_len, void *rsp, size_t rsp_cap);

/** nsm_entropy_system() - entropy hook that asks the kernel */
int nsm_entropy_system(void *arg, void *buf, size_t len);

#endif
