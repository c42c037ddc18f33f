/* SPDX-License-Identifier: Apache-2.0 */
/* vsock connections between an enclave and its launcher. */

#ifndef NE_EMU_CLI_ENCLAVE_VSOCK_H
#define NE_EMU_CLI_ENCLAVE_VSOCK_H

#include "common/error.h"

#include <stdint.h>

/**
 * vsock_check_namespace() - check that enclaves can be reached from this network namespace
 * @error: set on failure
 *
 * Return: 0, or -EADDRNOTAVAIL with a message (net.vsock.ns_mode is local).
 */
int vsock_check_namespace(struct error *error);

/** vsock_listen() - listen on a port of CID 3; a non-blocking descriptor or -errno */
int vsock_listen(uint32_t port);

/** vsock_accept() - accept a connection and get its CID; a non-blocking descriptor or -errno */
int vsock_accept(int listener, uint32_t *ret_cid);

/** vsock_connect() - connect to a port; a descriptor or -errno */
int vsock_connect(uint32_t cid, uint32_t port);

/** vsock_connect_console() - connect to the console of an enclave; a descriptor or -errno */
int vsock_connect_console(uint32_t cid);

#endif
