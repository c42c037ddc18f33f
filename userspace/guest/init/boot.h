/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave does before it runs a command: console, NSM, heartbeat. */

#ifndef NE_EMU_GUEST_INIT_BOOT_H
#define NE_EMU_GUEST_INIT_BOOT_H

/** open_console() - make /dev/console the standard streams */
void open_console(void);
/** load_nsm() - load and remove /nsm.ko, if there is one */
void load_nsm(void);
/** send_heartbeat() - notify the parent that the enclave has booted */
void send_heartbeat(void);

#endif
