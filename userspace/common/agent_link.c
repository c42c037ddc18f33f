// SPDX-License-Identifier: Apache-2.0
/* A connection that carries frames of common/agent.h, with bounded buffers. */

#include "common/agent_link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

void agent_link_init(struct agent_link *link, int fd)
{
	link->fd = fd;
	link->in_used = link->in_done = 0;
	link->out_start = link->out_end = 0;
}

static void drop_done(struct agent_link *link)
{
	memmove(link->in, link->in + link->in_done, link->in_used - link->in_done);
	link->in_used -= link->in_done;
	link->in_done = 0;
}

int agent_link_receive(struct agent_link *link)
{
	ssize_t n;

	drop_done(link);
	if (link->in_used == sizeof(link->in))
		return 0;
	n = recv(link->fd, link->in + link->in_used, sizeof(link->in) - link->in_used,
		 MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!n)
		return -EPIPE;
	link->in_used += n;
	return 0;
}

int agent_link_next(struct agent_link *link, struct agent_frame *ret)
{
	ssize_t n = agent_frame_parse(link->in + link->in_done, link->in_used - link->in_done, ret);

	if (n <= 0)
		return n;
	link->in_done += n;
	return 1;
}

int agent_link_put(struct agent_link *link, enum agent_type type, const void *data, size_t len)
{
	if (agent_link_idle(link))
		link->out_start = link->out_end = 0;
	if (len > AGENT_CONTENTS_MAX || sizeof(link->out) - link->out_end < AGENT_HEAD_SIZE + len)
		return -ENOBUFS;
	agent_put_head(link->out + link->out_end, type, len);
	if (len)
		memcpy(link->out + link->out_end + AGENT_HEAD_SIZE, data, len);
	link->out_end += AGENT_HEAD_SIZE + len;
	return 0;
}

int agent_link_flush(struct agent_link *link)
{
	ssize_t n;

	if (agent_link_idle(link))
		return 0;
	n = send(link->fd, link->out + link->out_start, link->out_end - link->out_start,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	link->out_start += n;
	return 0;
}

/* A vsock whose other side is gone does not become writable if that has left no room. */
static int wait_for(const struct agent_link *link, short events, int timeout_ms)
{
	struct pollfd fd = { .fd = link->fd, .events = events | POLLRDHUP };
	int n = poll(&fd, 1, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (!n)
		return -ETIMEDOUT;
	return fd.revents & events ? 0 : -EPIPE;
}

int agent_link_send(struct agent_link *link, enum agent_type type, const void *data, size_t len,
		    int timeout_ms)
{
	int err = agent_link_put(link, type, data, len);

	while (!err && !agent_link_idle(link)) {
		err = wait_for(link, POLLOUT, timeout_ms);
		if (!err)
			err = agent_link_flush(link);
	}
	return err;
}

int agent_link_wait(struct agent_link *link, struct agent_frame *ret, int timeout_ms)
{
	int err;

	while (!(err = agent_link_next(link, ret))) {
		err = wait_for(link, POLLIN, timeout_ms);
		if (!err)
			err = agent_link_receive(link);
		if (err)
			return err;
	}
	return err < 0 ? err : 0;
}
