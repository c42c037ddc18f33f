// SPDX-License-Identifier: Apache-2.0
/* Messages to the NSM: a decoded message can be encoded, and decodes to the same again. */

#include "fuzz.h"

#include "common/nsm_control.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t encoded[NSM_CONTROL_MAX];
	struct nsm_control_message message, again;
	ssize_t len;

	if (nsm_control_decode(data, size, &message))
		return 0;
	if (message.type == NSM_CONTROL_SETTINGS)
		len = nsm_control_encode_settings(&message.settings, encoded, sizeof(encoded));
	else if (message.type == NSM_CONTROL_AGENT_KEY)
		len = nsm_control_encode_agent_key(message.agent_key, encoded, sizeof(encoded));
	else if (message.type == NSM_CONTROL_FAULTS)
		len = nsm_control_encode_faults(&message.faults, encoded, sizeof(encoded));
	else if (message.type == NSM_CONTROL_SESSION)
		len = nsm_control_encode_session(&message.session, encoded, sizeof(encoded));
	else
		len = nsm_control_encode_identity(&message.identity, encoded, sizeof(encoded));
	must(len > 0 && !nsm_control_decode(encoded, len, &again));
	must(again.type == message.type);
	if (message.type == NSM_CONTROL_SETTINGS) {
		must(!memcmp(again.settings.pcrs, message.settings.pcrs,
			     sizeof(again.settings.pcrs)));
		must(again.settings.flaws == message.settings.flaws);
	} else if (message.type == NSM_CONTROL_AGENT_KEY) {
		must(!memcmp(again.agent_key, message.agent_key, sizeof(message.agent_key)));
	} else if (message.type == NSM_CONTROL_FAULTS) {
		for (enum fault_id id = 0; id < NR_FAULTS; id++)
			must(!memcmp(&again.faults.faults[id], &message.faults.faults[id],
				     sizeof(message.faults.faults[id])));
	} else if (message.type == NSM_CONTROL_SESSION) {
		must(!memcmp(&again.session, &message.session, sizeof(again.session)));
	} else {
		must(again.identity.nr_cas == message.identity.nr_cas);
		must(again.identity.key.len == message.identity.key.len);
		must(!memcmp(again.identity.key.data, message.identity.key.data,
			     again.identity.key.len));
	}
	return 0;
}
