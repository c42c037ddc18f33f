// SPDX-License-Identifier: Apache-2.0
/* The main thread's event loop: epoll over a few descriptors. */

#include "vmm/loop.h"

#include "common/util.h"

#include <errno.h>
#include <sys/epoll.h>

/*
 * One event per wait, so that a source is never called after an earlier event of the same
 * round has removed it. The busiest sources work in batches.
 */
#define EVENTS_PER_WAIT	1

int loop_init(struct loop *loop)
{
	loop->stop = false;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll_fd < 0 ? -errno : 0;
}

void loop_exit(struct loop *loop)
{
	fd_close(&loop->epoll_fd);
}

int loop_add(struct loop *loop, struct loop_source *source)
{
	struct epoll_event event = { .events = source->events, .data.ptr = source };

	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) ? -errno : 0;
}

void loop_del(struct loop *loop, struct loop_source *source)
{
	/* Fails only for a source that was not added. */
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
}

void loop_wait_for(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (source->events == events)
		return;
	source->events = events;
	/* Cannot fail for a descriptor that is in the set. */
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
}

int loop_run_once(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_PER_WAIT];
	int n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_WAIT, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		struct loop_source *source = events[i].data.ptr;

		source->call(source->arg, events[i].events);
	}
	return 0;
}

int loop_run(struct loop *loop)
{
	while (!loop->stop) {
		int err = loop_run_once(loop, -1);

		if (err)
			return err;
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stop = true;
}
