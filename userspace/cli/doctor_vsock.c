// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: what became of the packets of enclaves. */

#include "cli/channels.h"
#include "cli/doctor.h"

#include "common/util.h"

#include <inttypes.h>

static void check_channel(struct doctor *doctor, const struct channel *channel)
{
	const char *part = channel->console ? "the console of CID" : "CID";

	if (channel->malformed)
		doctor_add(doctor, "vsock-packets", DOCTOR_WARN, "its kernel is broken or hostile; "
			   "sudo ne-emu pcap shows what else it sends", "%s %u sent %" PRIu64
			   " malformed packets, which were refused", part, channel->cid,
			   channel->malformed);
	if (channel->dropped)
		doctor_add(doctor, "vsock-packets", DOCTOR_WARN, "see why it does not read: sudo "
			   "ne-emu pcap", "%" PRIu64 " packets to %s %u were dropped: %" PRIu64
			   " waited already", channel->dropped, part, channel->cid,
			   channel->queued);
}

void doctor_check_vsock_packets(struct doctor *doctor)
{
	__cleanup_free struct channel *list = NULL;
	size_t count = 0;

	/* Nobody but root sees them, and there may be none. */
	if (channel_list(&list, &count))
		return;
	for (size_t i = 0; i < count; i++)
		check_channel(doctor, &list[i]);
}
