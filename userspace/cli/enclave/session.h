/* SPDX-License-Identifier: Apache-2.0 */
/* Look into a running enclave: the client's side of common/session.h. */

#ifndef NE_EMU_CLI_ENCLAVE_SESSION_H
#define NE_EMU_CLI_ENCLAVE_SESSION_H

#include "common/error.h"
#include "common/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct session_client - a session; @fds are -1 without one
 * @read_fd: readable when session_read() has something to do; does not block
 * @write_fd: what is written to it reaches the service
 * @input: received bytes from @start to @end
 * @left: bytes that are left of the current piece
 * @ended: the end has come
 */
struct session_client {
	int read_fd;
	int write_fd;
	uint8_t input[2 * SESSION_PIECE_MAX];
	size_t start;
	size_t end;
	size_t left;
	bool ended;
};

/**
 * session_open() - ask ne-emud for a session with an enclave
 * @slot_uid: the enclave
 * @service: what for, see vmm/services.c
 * @options: for the service; ""
 * @ret: filled also on failure; the caller closes it
 *
 * Return: 0, or a negative errno with a message. A service that refuses the session does so in
 * session_read().
 */
int session_open(uint64_t slot_uid, const char *service, const char *options,
		 struct session_client *ret, struct error *error);
/**
 * session_attach() - begin a session whose descriptors ne-emud has passed
 * @fds: what to read and what to write; owned by @client from now on
 * @nonce: what the VMM sends first
 *
 * Return: as session_open().
 */
int session_attach(struct session_client *client, const int fds[2], const uint8_t *nonce,
		   struct error *error);
/** session_close() - end the session */
void session_close(struct session_client *client);

/**
 * session_read() - receive bytes without waiting
 *
 * Return: bytes; 0 (the end); -EAGAIN (none yet); or another negative errno with the reason of
 * the service, or that the enclave has ended.
 */
ssize_t session_read(struct session_client *client, void *buf, size_t size, struct error *error);

/** session_wait() - session_read() that waits for bytes or the end */
ssize_t session_wait(struct session_client *client, void *buf, size_t size, struct error *error);

/**
 * session_write() - send all bytes, waiting as long as necessary
 *
 * The caller ignores SIGPIPE. Return: 0, or a negative errno with a message.
 */
int session_write(struct session_client *client, const void *bytes, size_t len,
		  struct error *error);

#endif
