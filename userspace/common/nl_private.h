/* SPDX-License-Identifier: Apache-2.0 */
/* Internal interface between the nl*.c files. */

#ifndef NE_EMU_COMMON_NL_PRIVATE_H
#define NE_EMU_COMMON_NL_PRIVATE_H

#include "common/nl.h"

#include <netlink/msg.h>
#include <netlink/socket.h>

/**
 * struct ne_nl - a connection
 * @sock: socket for requests
 * @events: socket for notifications, or NULL
 * @family: number of the family
 */
struct ne_nl {
	struct nl_sock *sock;
	struct nl_sock *events;
	int family;
};

/**
 * nl_errno() - convert an error of libnl to a negative errno
 * @err: error number of libnl of either sign, or 0
 *
 * Return: 0 or a negative errno. Errors in replies of the kernel are not converted.
 */
int nl_errno(int err);

/** nl_sock_open() - open a socket for generic netlink; 0 or a negative errno */
int nl_sock_open(struct nl_sock **ret_sock);

/** nl_from_kernel() - did the kernel send the message? Any process can send one */
bool nl_from_kernel(struct nl_msg *msg);

/** nl_parse_msg() - parse a message into @pool, or into @enclave if @pool is NULL */
int nl_parse_msg(struct nl_msg *msg, struct ne_nl_enclave *enclave, struct ne_nl_pool *pool);

#endif
