/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of root's that one user may read. */

#ifndef NE_EMU_DAEMON_ACL_H
#define NE_EMU_DAEMON_ACL_H

#include <sys/types.h>

/**
 * acl_let_read() - let a user list and enter a directory that belongs to this process
 * @group_mode: what the directory's group may do, of 0 to 7; others may do nothing
 *
 * An access control list and not the directory's owner, so that its files stay ours and
 * no capability is needed.
 *
 * Return: 0, -EOPNOTSUPP (the file system has no such lists) or another negative errno.
 */
int acl_let_read(int folder_fd, uid_t user, mode_t group_mode);

#endif
