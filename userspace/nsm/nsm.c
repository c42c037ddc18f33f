// SPDX-License-Identifier: Apache-2.0
/* Model of the Nitro Security Module: request bytes in, response bytes out. */

#include "nsm/nsm.h"

#include "common/util.h"
#include "nsm/protocol.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* EC2 sends this many; the kernel's parser needs at least 24. */
#define RANDOM_SIZE		256
/* The boot measurements and what AWS keeps for itself: PCR 0 to 15. */
#define LOCKED_AT_BOOT		0xffffU

/** struct nsm - @locked_pcrs: bit n set: PCR n cannot change any more */
struct nsm {
	char module_id[NSM_MODULE_ID_MAX + 1];
	int (*entropy)(void *arg, void *buf, size_t len);
	void *entropy_arg;
	uint32_t locked_pcrs;
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
	nsm->entropy = config->entropy;
	nsm->entropy_arg = config->entropy_arg;
	nsm->locked_pcrs = LOCKED_AT_BOOT;
	*ret_nsm = nsm;
	return 0;
}

void nsm_destroy(struct nsm *nsm)
{
	free(nsm);
}

static size_t describe_nsm(const struct nsm *nsm, void *rsp, size_t rsp_cap)
{
	struct nsm_description description = {
		.module_id = nsm->module_id,
		.max_pcrs = NSM_PCRS,
		.locked_pcrs = nsm->locked_pcrs,
	};

	return nsm_encode_description(&description, rsp, rsp_cap);
}

static size_t get_random(struct nsm *nsm, void *rsp, size_t rsp_cap)
{
	uint8_t *random;
	size_t len = nsm_encode_random(RANDOM_SIZE, rsp, rsp_cap, &random);

	if (len && nsm->entropy(nsm->entropy_arg, random, RANDOM_SIZE))
		return nsm_encode_error(NSM_ERROR_INTERNAL, rsp, rsp_cap);
	return len;
}

size_t nsm_request(struct nsm *nsm, const void *req, size_t req_len, void *rsp, size_t rsp_cap)
{
	size_t len = 0;

	if (req_len > NSM_REQUEST_MAX)
		return nsm_encode_error(NSM_ERROR_INPUT_TOO_LARGE, rsp, rsp_cap);

	switch (nsm_decode(req, req_len)) {
	case NSM_OP_DESCRIBE_NSM:
		len = describe_nsm(nsm, rsp, rsp_cap);
		break;
	case NSM_OP_GET_RANDOM:
		len = get_random(nsm, rsp, rsp_cap);
		break;
	case NSM_OP_UNKNOWN:
		len = nsm_encode_error(NSM_ERROR_INVALID_OPERATION, rsp, rsp_cap);
		break;
	}
	return len ? len : nsm_encode_error(NSM_ERROR_BUFFER_TOO_SMALL, rsp, rsp_cap);
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
