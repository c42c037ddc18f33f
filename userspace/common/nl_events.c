// SPDX-License-Identifier: Apache-2.0
/* Read the notifications of the ne-emu netlink family. */

#include "common/nl.h"

#include "common/nl_private.h"
#include "common/util.h"

#include <errno.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/handlers.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

/* Size of the socket's buffer for pending notifications, bytes. */
#define EVENT_BUF_SIZE	(1 << 20)
/* Most datagrams that one call reads, so that other work is not delayed. */
#define DATAGRAMS_MAX	64

struct event_ctx {
	struct ne_nl *nl;
	ne_nl_event_fn fn;
	void *arg;
	bool family_gone;
};

/* Only the controller of generic netlink announces that a family was removed. */
static bool family_gone(struct event_ctx *ctx, struct nlmsghdr *hdr)
{
	struct nlattr *id;

	if (!genlmsg_valid_hdr(hdr, 0) ||
	    genlmsg_hdr(hdr)->cmd != CTRL_CMD_DELFAMILY)
		return false;
	id = nlmsg_find_attr(hdr, GENL_HDRLEN, CTRL_ATTR_FAMILY_ID);
	return id && nla_len(id) == sizeof(uint16_t) && nla_get_u16(id) == ctx->nl->family;
}

static int on_event(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct event_ctx *ctx = arg;
	struct ne_nl_enclave enclave;
	int cmd;

	if (!nl_from_kernel(msg))
		return NL_SKIP;
	if (hdr->nlmsg_type == GENL_ID_CTRL) {
		ctx->family_gone |= family_gone(ctx, hdr);
		return NL_OK;
	}
	if (hdr->nlmsg_type != ctx->nl->family || !genlmsg_valid_hdr(hdr, 0))
		return NL_SKIP;

	cmd = genlmsg_hdr(hdr)->cmd;
	if (cmd == NE_EMU_CMD_POOL_NTF) {
		ctx->fn(cmd, NULL, ctx->arg);
		return NL_OK;
	}
	if (nl_parse_msg(msg, &enclave, NULL))
		return NL_SKIP;
	if (cmd == NE_EMU_CMD_READY || cmd == NE_EMU_CMD_ENCLAVE_NTF)
		ctx->fn(cmd, &enclave, ctx->arg);
	ne_nl_enclave_done(&enclave);
	return NL_OK;
}

/* The sequence number of a notification is that of the request which caused it. */
static int on_any_seq(struct nl_msg *msg, void *arg)
{
	return NL_OK;
}

static int join_group(struct ne_nl *nl, const char *family, const char *group)
{
	int id = genl_ctrl_resolve_grp(nl->sock, family, group);
	int fd = nl_socket_get_fd(nl->events);

	if (id < 0)
		return nl_errno(id);
	/* Not through libnl, which does not return the kernel's error number. */
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &id, sizeof(id)) < 0)
		return -errno;
	return 0;
}

int ne_nl_subscribe(struct ne_nl *nl, const char *const *groups)
{
	static const int size = EVENT_BUF_SIZE;
	int err, fd;

	if (nl->events)
		return -EALREADY;
	err = nl_sock_open(&nl->events);
	if (err)
		return err;

	fd = nl_socket_get_fd(nl->events);
	err = nl_errno(nl_socket_set_nonblocking(nl->events));
	if (err)
		goto err_free;
	/* Ignore failures: with a small buffer, more notifications are lost, which is detected. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));

	err = join_group(nl, "nlctrl", "notify");
	for (; !err && *groups; groups++)
		err = join_group(nl, NE_EMU_FAMILY_NAME, *groups);
	if (err)
		goto err_free;
	return 0;

err_free:
	nl_socket_free(nl->events);
	nl->events = NULL;
	return err;
}

int ne_nl_event_fd(const struct ne_nl *nl)
{
	return nl->events ? nl_socket_get_fd(nl->events) : -1;
}

int ne_nl_event_read(struct ne_nl *nl, ne_nl_event_fn fn, void *arg)
{
	struct event_ctx ctx = { .nl = nl, .fn = fn, .arg = arg };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err = 0;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_any_seq, NULL);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_event, &ctx);
	for (int i = 0; i < DATAGRAMS_MAX && err >= 0 && !ctx.family_gone; i++)
		err = nl_recvmsgs(nl->events, cb);
	nl_cb_put(cb);

	if (ctx.family_gone)
		return -ENOENT;
	if (err >= 0 || err == -NLE_AGAIN)
		return 0;
	/* libnl uses the same error for ENOMEM and ENOBUFS. */
	return err == -NLE_NOMEM ? -ENOBUFS : nl_errno(err);
}
