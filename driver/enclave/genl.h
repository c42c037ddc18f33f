/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/ne-emu.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_NE_EMU_GEN_H
#define _LINUX_NE_EMU_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/ne_emu_netlink.h>

int ne_emu_nl_enclave_get_doit(struct sk_buff *skb, struct genl_info *info);
int ne_emu_nl_enclave_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int ne_emu_nl_enclave_stop_doit(struct sk_buff *skb, struct genl_info *info);
int ne_emu_nl_accept_doit(struct sk_buff *skb, struct genl_info *info);
int ne_emu_nl_pool_get_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	NE_EMU_NLGRP_BACKEND,
	NE_EMU_NLGRP_EVENTS,
};

extern struct genl_family ne_emu_nl_family;

#endif /* _LINUX_NE_EMU_GEN_H */
