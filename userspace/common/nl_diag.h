/* SPDX-License-Identifier: Apache-2.0 */
/* List sockets of this host by sock_diag. */

#ifndef NE_EMU_COMMON_NL_DIAG_H
#define NE_EMU_COMMON_NL_DIAG_H

#include <stddef.h>
#include <stdint.h>

/**
 * nl_vsock_listeners() - list the vsock ports on which programs of this host listen
 * @cid: CID of the host; sockets that are bound to it or to any CID are listed
 * @ret_ports: port numbers in no particular order; the caller frees the array
 * @ret_count: entries of *@ret_ports
 *
 * Return: 0, -ENOENT (the kernel has no vsock_diag) or another negative errno.
 */
int nl_vsock_listeners(uint32_t cid, uint32_t **ret_ports, size_t *ret_count);

#endif
