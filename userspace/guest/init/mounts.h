/* SPDX-License-Identifier: Apache-2.0 */
/* The file systems of an enclave, and its root. */

#ifndef NE_EMU_GUEST_INIT_MOUNTS_H
#define NE_EMU_GUEST_INIT_MOUNTS_H

/** mount_dev() - mount devtmpfs on /dev */
void mount_dev(void);
/** mount_all() - mount all other file systems, and create the links in /dev */
void mount_all(void);
/**
 * enter_rootfs() - move "/rootfs", if there is one, over "/", as for a container
 *
 * The old root, a ramfs, stays below. /dev is that of the new root afterwards.
 */
void enter_rootfs(void);

#endif
