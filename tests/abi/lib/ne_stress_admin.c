// SPDX-License-Identifier: Apache-2.0
/* Users of the driver other than clients and VMMs: netlink and ne_cpus. */

#include "ne_stress.h"
#include "ne_backend.h"
#include "ne_lib.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NR_UIDS		8

/**
 * struct admin - a user of the netlink family
 * @uid: slot uids of enclaves from dumps
 */
struct admin {
	struct ne_test *t;
	struct ne_stress_worker *w;
	struct ne_netlink nl;
	uint64_t uid[NR_UIDS];
};

static uint64_t any_uid(struct admin *a)
{
	if (ne_stress_chance(a->w, 8))
		return ne_stress_nasty(a->w);
	return a->uid[ne_stress_below(a->w, NR_UIDS)];
}

static void op_get(struct admin *a)
{
	struct ne_info info;

	/* Only notifications have the state "freed". */
	if (!ne_netlink_get(&a->nl, any_uid(a), &info))
		CHECK(a->t, info.state < NE_EMU_ENCLAVE_STATE_FREED);
}

static void op_stop(struct admin *a)
{
	ne_netlink_stop(&a->nl, any_uid(a));
}

static void remember(const struct ne_info *info, void *arg)
{
	struct admin *a = arg;

	CHECK(a->t, info->state < NE_EMU_ENCLAVE_STATE_FREED);
	a->uid[ne_stress_below(a->w, NR_UIDS)] = info->slot_uid;
}

static void op_dump(struct admin *a)
{
	ne_netlink_dump(&a->nl, remember, a);
}

static void op_steal(struct admin *a)
{
	struct ne_info info;

	if (!ne_netlink_accept(&a->nl, &info))
		close(info.backend_fd);
}

/*
 * Send any command and flags, followed by random bytes, then close the socket with its
 * answers. Not "accept", because nothing would close its descriptor.
 */
static void op_garbage(struct admin *a)
{
	static const uint8_t cmds[] = {
		0, NE_EMU_CMD_ENCLAVE_GET, NE_EMU_CMD_ENCLAVE_STOP, NE_EMU_CMD_READY,
		NE_EMU_CMD_ENCLAVE_NTF, 255,
	};
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		uint64_t words[8];
	} msg = {
		.nlh.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN + ne_stress_below(a->w, 64),
		.nlh.nlmsg_type = a->nl.family,
		.nlh.nlmsg_flags = NLM_F_REQUEST | ne_stress_random(a->w),
		.genl.cmd = cmds[ne_stress_below(a->w, ARRAY_SIZE(cmds))],
		.genl.version = ne_stress_below(a->w, 3),
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_GENERIC);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(msg.words); i++)
		msg.words[i] = ne_stress_nasty(a->w);
	if (ne_stress_chance(a->w, 2)) {
		struct nlattr attr = {
			.nla_len = NLA_HDRLEN + 8, .nla_type = ne_stress_below(a->w, 16),
		};

		memcpy(msg.words, &attr, sizeof(attr));
	}
	send(fd, &msg, msg.nlh.nlmsg_len, MSG_DONTWAIT);
	close(fd);
}

/* Read events only sometimes, so that some get lost. */
static void op_event(struct admin *a)
{
	struct ne_info info;
	int cmd;

	ne_netlink_event(&a->nl, 0, &cmd, &info);
}

static void run_netlink(struct ne_test *t, struct ne_stress_worker *w)
{
	static void (*const ops[])(struct admin *a) = {
		op_get, op_get, op_stop, op_stop, op_dump, op_dump, op_garbage, op_event,
	};
	struct admin a = { .t = t, .w = w };

	REQUIRE_EQ(t, ne_netlink_open(&a.nl, NE_EMU_MCGRP_EVENTS), 0);
	for (;;) {
		ne_stress_next(w);
		if (ne_stress_chance(w, 64))
			op_steal(&a);
		else
			ops[ne_stress_below(w, ARRAY_SIZE(ops))](&a);
	}
}

const struct ne_stress_role ne_stress_netlink = { "netlink", run_netlink, 1 };

/* Writes to ne_cpus are refused while there are enclaves; each is logged, so write slowly. */
static void run_pool(struct ne_test *t, struct ne_stress_worker *w)
{
	static const char *const lists[] = { "\n", "0", "2", "3-2", "1-99999", "x", "0-63", "," };
	char text[600];

	(void)t;
	for (;;) {
		ne_stress_next(w);
		if (ne_stress_chance(w, 2)) {
			ne_pool_set(w->env->list);
		} else if (ne_stress_chance(w, 4)) {
			memset(text, '0' + ne_stress_below(w, 10), sizeof(text));
			ne_write_file(NE_POOL, text, ne_stress_below(w, sizeof(text)));
		} else {
			ne_pool_set(lists[ne_stress_below(w, ARRAY_SIZE(lists))]);
		}
		ne_pool_set(w->env->list);
		ne_stress_usleep(w, 100000);
	}
}

const struct ne_stress_role ne_stress_pool = { "pool", run_pool, 1 };
