// SPDX-License-Identifier: Apache-2.0
/* List sockets of this host by sock_diag. */

#include "common/nl_diag.h"

#include "common/nl_private.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/vm_sockets.h>
#include <linux/vm_sockets_diag.h>
#include <netinet/tcp.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <sys/socket.h>

struct listeners {
	uint32_t cid;
	uint32_t *ports;
	size_t count;
	bool no_memory;
};

static int on_socket(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct listeners *list = arg;
	struct vsock_diag_msg *sock;
	uint32_t *grown;

	if (!nl_from_kernel(msg) || !nlmsg_valid_hdr(header, sizeof(*sock)))
		return NL_SKIP;
	sock = nlmsg_data(header);
	if (sock->vdiag_src_cid != VMADDR_CID_ANY && sock->vdiag_src_cid != list->cid)
		return NL_OK;
	grown = reallocarray(list->ports, list->count + 1, sizeof(*grown));
	if (!grown) {
		list->no_memory = true;
		return NL_STOP;
	}
	list->ports = grown;
	list->ports[list->count++] = sock->vdiag_src_port;
	return NL_OK;
}

static int nl_diag_request(struct nl_sock *sock)
{
	struct vsock_diag_req req = {
		.sdiag_family = AF_VSOCK,
		.vdiag_states = 1 << TCP_LISTEN,
	};
	int n = nl_send_simple(sock, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, sizeof(req));

	return n < 0 ? n : nl_recvmsgs_default(sock);
}

int nl_vsock_listeners(uint32_t cid, uint32_t **ret_ports, size_t *ret_count)
{
	struct listeners list = { .cid = cid };
	struct nl_sock *sock = nl_socket_alloc();
	int err = -NLE_NOMEM;

	if (sock) {
		nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_socket, &list);
		err = nl_connect(sock, NETLINK_SOCK_DIAG);
	}
	if (!err)
		err = nl_diag_request(sock);
	nl_socket_free(sock);
	err = nl_errno(err);
	if (!err && list.no_memory)
		err = -ENOMEM;
	if (err) {
		free(list.ports);
		return err;
	}
	*ret_ports = list.ports;
	*ret_count = list.count;
	return 0;
}
