/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection that carries frames of common/agent.h, with bounded buffers. Both the host's
 * programs and the guest's init are built with this.
 */

#ifndef NE_EMU_COMMON_AGENT_LINK_H
#define NE_EMU_COMMON_AGENT_LINK_H

#include "common/agent.h"

/* Room for small frames beside a large one. */
#define AGENT_LINK_EXTRA	4096

/**
 * struct agent_link - the connection and its buffers
 * @fd: connected socket, borrowed
 * @in: received bytes, @in_used of them; the first @in_done have been handled
 * @out: bytes to send, from @out_start to @out_end
 */
struct agent_link {
	int fd;
	uint8_t in[AGENT_FRAME_MAX];
	size_t in_used;
	size_t in_done;
	uint8_t out[AGENT_FRAME_MAX + AGENT_LINK_EXTRA];
	size_t out_start;
	size_t out_end;
};

/** agent_link_init() - nothing received, nothing to send */
void agent_link_init(struct agent_link *link, int fd);

/**
 * agent_link_receive() - receive what has arrived, without waiting
 *
 * Return: 0 (perhaps nothing has arrived, or a frame in the buffer must be handled first),
 * -EPIPE (the other side is gone) or another negative errno.
 */
int agent_link_receive(struct agent_link *link);

/**
 * agent_link_next() - get the next frame that has arrived
 * @ret: points into the link until the next call
 *
 * Return: 1, 0 (none is complete), or -EPROTO.
 */
int agent_link_next(struct agent_link *link, struct agent_frame *ret);

/** agent_link_idle() - is everything sent? */
static inline bool agent_link_idle(const struct agent_link *link)
{
	return link->out_start == link->out_end;
}

/** agent_link_put() - append a frame to what is sent; Return: 0 or -ENOBUFS */
int agent_link_put(struct agent_link *link, enum agent_type type, const void *data, size_t len);

/** agent_link_flush() - send what can be sent without waiting; Return: 0 or -errno */
int agent_link_flush(struct agent_link *link);

/*
 * For one step after the other. Without progress for @timeout_ms, they fail with -ETIMEDOUT; -1:
 * no limit.
 */

/** agent_link_send() - append a frame and send everything; Return: 0 or -errno */
int agent_link_send(struct agent_link *link, enum agent_type type, const void *data, size_t len,
		    int timeout_ms);
/** agent_link_wait() - wait for the next frame; Return: 0, -EPIPE, -EPROTO or -errno */
int agent_link_wait(struct agent_link *link, struct agent_frame *ret, int timeout_ms);

#endif
