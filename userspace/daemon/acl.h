/* SPDX-License-Identifier: Apache-2.0 */
/* Access control lists: let one user read a directory of root. */

#ifndef NE_EMU_DAEMON_ACL_H
#define NE_EMU_DAEMON_ACL_H

#include <sys/types.h>

/**
 * acl_let_read() - let a user list and enter a directory that belongs to this process
 * @group_mode: permissions of the directory's group, 0 to 7; others get none
 *
 * Uses an access control list instead of changing the owner, so that the files stay ours
 * and no capability is needed.
 *
 * Return: 0, -EOPNOTSUPP (the file system does not support such lists) or another negative
 * errno.
 */
int acl_let_read(int folder_fd, uid_t user, mode_t group_mode);

#endif
