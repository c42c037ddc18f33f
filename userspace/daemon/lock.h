/* SPDX-License-Identifier: Apache-2.0 */
/* One supervisor at a time. */

#ifndef NE_EMU_DAEMON_LOCK_H
#define NE_EMU_DAEMON_LOCK_H

#define LOCK_FILE_NAME	"ne-emud.lock"

/**
 * lock_take() - take the exclusive lock of a directory
 * @dir: the directory, whose last component is created
 * @ret_fd: receives a descriptor that holds the lock until it is closed
 *
 * Return: 0, -EWOULDBLOCK (another process holds the lock) or another negative errno.
 */
int lock_take(const char *dir, int *ret_fd);

#endif
