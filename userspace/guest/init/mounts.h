/* SPDX-License-Identifier: Apache-2.0 */
/* The file systems of an enclave, and its root. */

#ifndef NE_EMU_GUEST_INIT_MOUNTS_H
#define NE_EMU_GUEST_INIT_MOUNTS_H

#include <stdbool.h>

/** mount_dev() - mount devtmpfs on /dev */
void mount_dev(void);
/**
 * mount_all() - mount all other file systems, and create the links in /dev
 * @as_aws: exactly those of AWS's init; otherwise also what containers have
 */
void mount_all(bool as_aws);
/** open_devices() - let all users open /dev/nsm and /dev/vsock, as udev does on a host */
void open_devices(void);
/**
 * enter_rootfs() - move "/rootfs", if there is one, over "/", as for a container
 *
 * The old root, a ramfs, stays below. /dev is that of the new root afterwards.
 */
void enter_rootfs(void);

#endif
