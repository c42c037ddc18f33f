/* SPDX-License-Identifier: Apache-2.0 */
/* The name of an enclave, and its network: only the interface lo. */

#ifndef NE_EMU_GUEST_INIT_NAMES_H
#define NE_EMU_GUEST_INIT_NAMES_H

/** set_host_name() - name the enclave "localhost", so that its own name resolves */
void set_host_name(void);
/**
 * open_network() - make 127.0.0.1 and ::1 work, if the kernel has IP
 *
 * As container engines do, let all users listen on ports below 1024 and send pings.
 */
void open_network(void);

#endif
