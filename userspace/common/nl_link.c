// SPDX-License-Identifier: Apache-2.0
/* Add network devices by rtnetlink. */

#include "common/nl_link.h"

#include "common/nl_private.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

/* Return: a request, which the caller frees, or NULL (out of memory). */
static struct nl_msg *build_request(const char *name, const char *kind)
{
	struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nl_msg *msg;
	struct nlattr *nest;

	msg = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	if (!msg)
		return NULL;
	if (nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) ||
	    nla_put_string(msg, IFLA_IFNAME, name))
		goto err;
	nest = nla_nest_start(msg, IFLA_LINKINFO);
	if (!nest || nla_put_string(msg, IFLA_INFO_KIND, kind))
		goto err;
	nla_nest_end(msg, nest);
	return msg;

err:
	nlmsg_free(msg);
	return NULL;
}

int nl_link_add(const char *name, const char *kind)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_msg *msg = build_request(name, kind);
	int err = -NLE_NOMEM;

	if (sock && msg) {
		err = nl_connect(sock, NETLINK_ROUTE);
		if (!err) {
			err = nl_send_sync(sock, msg);	/* frees the message */
			msg = NULL;
		}
	}
	nlmsg_free(msg);
	nl_socket_free(sock);
	return nl_errno(err);
}
