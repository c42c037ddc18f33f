/* SPDX-License-Identifier: Apache-2.0 */
/* One supervisor at a time. */

#ifndef NE_EMU_DAEMON_LOCK_H
#define NE_EMU_DAEMON_LOCK_H

#define LOCK_FILE_NAME	"ne-emud.lock"

/**
 * lock_take() - become the only holder of the lock in a directory
 * @dir: the directory; its last part is created
 * @ret_fd: holds the lock until it is closed
 *
 * Return: 0, -EWOULDBLOCK when another process holds it, or another negative
 * errno.
 */
int lock_take(const char *dir, int *ret_fd);

#endif
