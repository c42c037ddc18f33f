// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: lost packets, and programs of the host that enclaves can reach. */

#include "cli/doctor/doctor.h"
#include "cli/enclave/channels.h"

#include "cli/host/sysfs.h"
#include "common/nl_diag.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/nitro_enclaves_emu.h>
#include <string.h>

/* System services listen up to this port; programs for enclaves usually use higher ones. */
#define PORT_SYSTEM_MAX		1023

static void check_channel(struct doctor *doctor, const struct channel *channel)
{
	const char *part = channel->console ? "the console of CID" : "CID";

	if (channel->malformed)
		doctor_add(doctor, "vsock-packets", DOCTOR_WARN, "its kernel is broken or hostile; "
			   "sudo ne-emu pcap shows what else it sends", "%s %u sent %" PRIu64
			   " malformed packets, which were refused", part, channel->cid,
			   channel->malformed);
	if (channel->dropped)
		doctor_add(doctor, "vsock-packets", DOCTOR_WARN, "find out why it does not read: "
			   "sudo ne-emu pcap", "%" PRIu64 " packets to %s %u were dropped; %" PRIu64
			   " are waiting", channel->dropped, part, channel->cid,
			   channel->queued);
}

void doctor_check_vsock_packets(struct doctor *doctor)
{
	__cleanup_free struct channel *list = NULL;
	size_t count = 0;

	/* Nothing to report if this fails. Users who are not root get an empty list. */
	if (channel_list(&list, &count))
		return;
	for (size_t i = 0; i < count; i++)
		check_channel(doctor, &list[i]);
}

/* Find listeners that are probably not for enclaves, such as an sshd that systemd started. */
void doctor_check_vsock_ports(struct doctor *doctor)
{
	__cleanup_free uint32_t *ports = NULL;
	size_t count = 0;
	int err;

	if (!sys_exists("/sys/module/ne_emu_vsock"))
		return;
	err = nl_vsock_listeners(NE_EMU_CID_PARENT, &ports, &count);
	if (err && err != -ENOENT)
		doctor_add(doctor, "vsock-ports", DOCTOR_WARN, NULL, "cannot list the programs "
			   "that listen on vsock: %s", strerror(-err));
	for (size_t i = 0; i < count; i++)
		if (ports[i] <= PORT_SYSTEM_MAX)
			doctor_add(doctor, "vsock-ports", DOCTOR_WARN, "sudo ss -lp --vsock lists "
				   "the programs; sshd: sudo systemctl mask --now "
				   "sshd-vsock.socket", "a program of this host listens on vsock "
				   "port %" PRIu32 ", which every enclave can reach", ports[i]);
}
