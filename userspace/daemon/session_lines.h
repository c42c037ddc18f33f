/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of one enclave on which clients look into it, see common/session.h. */

#ifndef NE_EMU_DAEMON_SESSION_LINES_H
#define NE_EMU_DAEMON_SESSION_LINES_H

#include "common/session.h"

/** struct session_ends - the client's ends of a line: what it reads, and what it writes */
struct session_ends {
	int read_fd;
	int write_fd;
};

#define SESSION_ENDS_NONE	{ -1, -1 }

/** session_fds_close() - close the VMM's ends */
void session_fds_close(struct session_fds *fds);
/** session_ends_close() - close the client's ends */
void session_ends_close(struct session_ends *ends);

/**
 * session_lines_create() - make the lines of an enclave
 * @dir: path of the directory of the enclave, in which they replace those of that name
 * @ret: receives the VMM's ends; unchanged on failure
 *
 * Return: 0 or a negative errno.
 */
int session_lines_create(const char *dir, struct session_fds *ret);
/** session_lines_remove() - remove the names of the lines; sessions continue */
void session_lines_remove(const char *dir);

/**
 * session_lines_take() - open the client's ends of a line that nobody uses
 * @dir: path of the directory of the enclave
 * @ret_line: its number
 * @ret: receives the ends, which do not block
 *
 * Return: 0, -ENOENT (the enclave has no lines), -EBUSY (all are in use) or another negative errno.
 */
int session_lines_take(const char *dir, uint32_t *ret_line, struct session_ends *ret);

#endif
