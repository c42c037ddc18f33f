// SPDX-License-Identifier: Apache-2.0
/* Requests to the NSM: the decoder, and a module that keeps its registers. */

#include "fuzz.h"

#include "common/guest_status.h"
#include "common/log.h"
#include "nsm/nsm.h"
#include "nsm/request.h"

#include <string.h>

/* Read both ends, so that the address sanitizer checks them. */
static void read_ends(const struct nsm_bytes *bytes)
{
	volatile uint8_t sink;

	if (!bytes->len)
		return;
	sink = bytes->data[0];
	sink = bytes->data[bytes->len - 1];
	(void)sink;
}

static void check_decoder(const uint8_t *data, size_t size)
{
	static struct nsm_request request;

	if (nsm_request_decode(data, size, &request))
		return;
	must(size && size <= NSM_REQUEST_MAX);
	must(request.operation <= NSM_OP_AGENT_KEY);
	must(request.data.len < size && request.user_data.len < size);
	must(request.nonce.len < size && request.public_key.len < size);
	read_ends(&request.data);
	read_ends(&request.user_data);
	read_ends(&request.nonce);
	read_ends(&request.public_key);
}

static void check_exited(void *arg, uint16_t status)
{
	(void)arg;
	must(guest_status_valid(status));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char describe_pcr0[] =
		"\xa1\x6b" "DescribePCR" "\xa1\x65" "index" "\x00";
	static const struct nsm_config config = {
		.module_id = "i-0123456789abcdef0-enc0123456789abcdef",
		.entropy = nsm_entropy_system,
		.clock_ms = nsm_clock_system,
		.exited = check_exited,
	};
	static uint8_t response[NSM_RESPONSE_MAX];
	uint8_t before[75];
	struct nsm *nsm;
	size_t len;

	log_init(LOG_EMERG, NULL);
	check_decoder(data, size);
	must(!nsm_create(&config, &nsm));
	must(nsm_request(nsm, describe_pcr0, sizeof(describe_pcr0) - 1, before,
			 sizeof(before)) == sizeof(before));
	len = nsm_request(nsm, data, size, response, sizeof(response));
	must(len && len <= sizeof(response));
	/* A name, or a map with one entry. */
	must(response[0] == 0xa1 || (response[0] >= 0x67 && response[0] <= 0x69));
	must(nsm_request(nsm, describe_pcr0, sizeof(describe_pcr0) - 1, response,
			 sizeof(response)) == sizeof(before));
	must(!memcmp(response, before, sizeof(before)));
	nsm_destroy(nsm);
	return 0;
}
