/* SPDX-License-Identifier: Apache-2.0 */
/* vsock server on CID 0 that lets the parent read a debug enclave's console. */

#ifndef NE_EMU_VMM_CONSOLE_SERVICE_H
#define NE_EMU_VMM_CONSOLE_SERVICE_H

#include "common/util.h"
#include "vmm/console.h"
#include "vmm/loop.h"

#include <linux/virtio_vsock.h>
#include <stdbool.h>
#include <stdint.h>

#define CONSOLE_READERS_MAX	16
#define CONSOLE_REPLIES_MAX	32
#define CONSOLE_PIECE_MAX	(16 * KIB)

/**
 * struct console_reader - one connection
 * @port: port of the parent's socket
 * @shut_down: the end of the stream was sent; the peer has yet to answer with RST
 * @credit_end: value of @sent up to which the peer has room
 * @received: bytes that the peer has sent; ignored, but counted for its credit
 * @told: value of @received that was last sent to the peer
 * @pos: next byte of the console to send
 */
struct console_reader {
	bool used;
	bool shut_down;
	uint32_t port;
	uint32_t sent;
	uint32_t credit_end;
	uint32_t received;
	uint32_t told;
	uint64_t pos;
};

/**
 * struct console_service - used by the main thread only
 * @channel_fd: borrowed, non-blocking
 * @blocked: the channel is full; the service waits for room
 * @dead: the channel is gone
 * @ending: send the rest of the output, then end the streams
 * @replies: packets without payload that wait for room, oldest at @first_reply
 * @piece: scratch for the output that is being sent
 */
struct console_service {
	struct console *console;
	struct loop *loop;
	struct loop_source source;
	int channel_fd;
	uint32_t port;
	bool blocked;
	bool dead;
	bool ending;
	unsigned int first_reply;
	unsigned int nr_replies;
	struct virtio_vsock_hdr replies[CONSOLE_REPLIES_MAX];
	struct console_reader readers[CONSOLE_READERS_MAX];
	uint8_t piece[CONSOLE_PIECE_MAX];
};

/** console_service_create() - serve @console at the port that belongs to @cid */
int console_service_create(struct console *console, struct loop *loop, int channel_fd,
			   uint32_t cid, struct console_service **ret_service);
/**
 * console_service_finish() - deliver the rest and end every stream
 * @timeout_ms: how long slow readers may take
 *
 * The console must no longer be written to.
 */
void console_service_finish(struct console_service *service, int timeout_ms);
void console_service_destroy(struct console_service *service);

#endif
