/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of this host, by sock_diag. */

#ifndef NE_EMU_COMMON_NL_DIAG_H
#define NE_EMU_COMMON_NL_DIAG_H

#include <stddef.h>
#include <stdint.h>

/**
 * nl_vsock_listeners() - ports that programs of this host listen on
 * @cid: of the host; those bound to it and to all CIDs count
 * @ret_ports: in no order; the caller frees them
 * @ret_count: entries of @ret_ports
 *
 * Return: 0, -ENOENT (the kernel has no vsock_diag) or another negative errno.
 */
int nl_vsock_listeners(uint32_t cid, uint32_t **ret_ports, size_t *ret_count);

#endif
