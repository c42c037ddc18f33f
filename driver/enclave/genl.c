// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/ne-emu.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "genl.h"

#include <uapi/linux/ne_emu_netlink.h>

/* NE_EMU_CMD_ENCLAVE_GET - do */
static const struct nla_policy ne_emu_enclave_get_nl_policy[NE_EMU_A_ENCLAVE_SLOT_UID + 1] = {
	[NE_EMU_A_ENCLAVE_SLOT_UID] = { .type = NLA_U64, },
};

/* NE_EMU_CMD_ENCLAVE_STOP - do */
static const struct nla_policy ne_emu_enclave_stop_nl_policy[NE_EMU_A_ENCLAVE_SLOT_UID + 1] = {
	[NE_EMU_A_ENCLAVE_SLOT_UID] = { .type = NLA_U64, },
};

/* Ops table for ne_emu */
static const struct genl_split_ops ne_emu_nl_ops[] = {
	{
		.cmd		= NE_EMU_CMD_ENCLAVE_GET,
		.doit		= ne_emu_nl_enclave_get_doit,
		.policy		= ne_emu_enclave_get_nl_policy,
		.maxattr	= NE_EMU_A_ENCLAVE_SLOT_UID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= NE_EMU_CMD_ENCLAVE_GET,
		.dumpit	= ne_emu_nl_enclave_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= NE_EMU_CMD_ENCLAVE_STOP,
		.doit		= ne_emu_nl_enclave_stop_doit,
		.policy		= ne_emu_enclave_stop_nl_policy,
		.maxattr	= NE_EMU_A_ENCLAVE_SLOT_UID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= NE_EMU_CMD_ACCEPT,
		.doit	= ne_emu_nl_accept_doit,
		.flags	= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= NE_EMU_CMD_POOL_GET,
		.doit	= ne_emu_nl_pool_get_doit,
		.flags	= GENL_CMD_CAP_DO,
	},
};

static const struct genl_multicast_group ne_emu_nl_mcgrps[] = {
	[NE_EMU_NLGRP_BACKEND] = { "backend", .flags = GENL_MCAST_CAP_SYS_ADMIN, },
	[NE_EMU_NLGRP_EVENTS] = { "events", },
};

struct genl_family ne_emu_nl_family __ro_after_init = {
	.name		= NE_EMU_FAMILY_NAME,
	.version	= NE_EMU_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= ne_emu_nl_ops,
	.n_split_ops	= ARRAY_SIZE(ne_emu_nl_ops),
	.mcgrps		= ne_emu_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(ne_emu_nl_mcgrps),
};
