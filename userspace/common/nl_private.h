/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of nl.h share. */

#ifndef NE_EMU_COMMON_NL_PRIVATE_H
#define NE_EMU_COMMON_NL_PRIVATE_H

#include "common/nl.h"

#include <netlink/msg.h>
#include <netlink/socket.h>

/**
 * struct ne_nl - a connection
 * @sock: for requests
 * @events: for notifications, or NULL
 * @family: number of the family
 */
struct ne_nl {
	struct nl_sock *sock;
	struct nl_sock *events;
	int family;
};

/**
 * nl_errno() - negative errno for an error number of libnl
 *
 * Those of the kernel's answers never pass here.
 */
int nl_errno(int err);

int nl_sock_open(struct nl_sock **ret_sock);

/** nl_from_kernel() - only the kernel speaks for the family; any process may send */
bool nl_from_kernel(struct nl_msg *msg);

/** nl_parse_msg() - into @pool if it is given, else into @enclave */
int nl_parse_msg(struct nl_msg *msg, struct ne_nl_enclave *enclave, struct ne_nl_pool *pool);

#endif
