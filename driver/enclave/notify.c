// SPDX-License-Identifier: GPL-2.0-only
/* Notifications to the listeners of the netlink family ne-emu. */

#include <linux/slab.h>

#include "genl.h"
#include "ne_emu.h"

/**
 * ne_notify_ready() - notify the supervisor of a new start request
 * @slot_uid: slot uid of the enclave
 *
 * Return: 0, -ESRCH (there is no listener) or another negative errno.
 */
int ne_notify_ready(u64 slot_uid)
{
	struct sk_buff *skb = ne_msg_ready(slot_uid);

	if (IS_ERR(skb))
		return PTR_ERR(skb);
	return genlmsg_multicast(&ne_emu_nl_family, skb, 0, NE_EMU_NLGRP_BACKEND, GFP_KERNEL);
}

/**
 * struct ne_notify_audience - the listeners that get one variant of a notification
 * @enclave: the enclave that the notification describes
 * @control: true for listeners that may control the enclave, false for all others
 */
struct ne_notify_audience {
	const struct ne_enclave *enclave;
	bool control;
};

/* Return: nonzero to skip a listener. */
static int ne_notify_filter(struct sock *sk, struct sk_buff *skb, void *data)
{
	const struct ne_notify_audience *audience = data;

	return ne_opener_may_control(sk, audience->enclave) != audience->control;
}

static void ne_notify_send(struct ne_enclave *enclave, bool control)
{
	struct ne_notify_audience audience = { .enclave = enclave, .control = control };
	/* Without a PID: the PID namespaces of the listeners are unknown. */
	struct ne_view view = {
		.text	= control,
		.owner	= control,
		.uid	= from_kuid(&init_user_ns, enclave->owner_uid),
	};
	struct sk_buff *skb = ne_msg_enclave(NULL, enclave, &view);

	if (IS_ERR(skb))
		return;
	(void)genlmsg_multicast_netns_filtered(&ne_emu_nl_family, &init_net, skb, 0,
					       NE_EMU_NLGRP_EVENTS, GFP_KERNEL, ne_notify_filter,
					       &audience);
}

static bool ne_notify_has_listeners(void)
{
	return genl_has_listeners(&ne_emu_nl_family, &init_net, NE_EMU_NLGRP_EVENTS);
}

/**
 * ne_notify_enclave() - send the state of an enclave to listeners
 * @enclave: referenced
 *
 * Failures are not reported: a listener that misses a message gets ENOBUFS.
 */
void ne_notify_enclave(struct ne_enclave *enclave)
{
	if (!ne_notify_has_listeners())
		return;
	ne_notify_send(enclave, true);
	ne_notify_send(enclave, false);
}

/**
 * ne_notify_pool() - send the pool to listeners after it was set or cleared
 *
 * The message carries the current pool, which may already be newer than the change it
 * announces. Failures are not reported, as in ne_notify_enclave().
 */
void ne_notify_pool(void)
{
	struct sk_buff *skb;

	if (!ne_notify_has_listeners())
		return;
	skb = ne_msg_pool(NULL);
	if (!IS_ERR(skb))
		(void)genlmsg_multicast(&ne_emu_nl_family, skb, 0, NE_EMU_NLGRP_EVENTS,
					GFP_KERNEL);
}
