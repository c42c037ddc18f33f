// SPDX-License-Identifier: Apache-2.0
/* Make the guest stand still, and let it go on. */

#include "vmm/pause.h"

#include "common/util.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool pause_stands(const struct pause *pause)
{
	for (size_t i = 0; i < pause->nr_vcpus; i++)
		if (!vcpu_stands(&pause->vcpus[i]))
			return false;
	return pause->holders && pause->nr_vcpus;
}

bool pause_holds(const struct pause *pause, enum pause_holder holder)
{
	return pause->holders & (1U << holder);
}

bool pause_holds_only(const struct pause *pause, enum pause_holder holder)
{
	return pause->holders == 1U << holder;
}

static bool any_debug_exit(const struct pause *pause)
{
	for (size_t i = 0; i < pause->nr_vcpus; i++)
		if (atomic_load(&pause->vcpus[i].debug_exit) && vcpu_stands(&pause->vcpus[i]))
			return true;
	return false;
}

static void handle_stands(void *arg, uint32_t events)
{
	struct pause *pause = arg;
	struct pause_watcher *watcher, *next;
	uint64_t count;

	(void)events;
	(void)!read(pause->source.fd, &count, sizeof(count));
	if (any_debug_exit(pause)) {
		SLIST_FOREACH(watcher, &pause->watchers, node)
			if (watcher->debug)
				watcher->debug(watcher->arg);
	}
	/* A watcher may end the standstill, or remove itself. */
	for (watcher = SLIST_FIRST(&pause->watchers); watcher && pause_stands(pause);
	     watcher = next) {
		next = SLIST_NEXT(watcher, node);
		watcher->stands(watcher->arg);
	}
}

int pause_init(struct pause *pause, struct loop *loop)
{
	int err;

	*pause = (struct pause){
		.loop = loop,
		.source = {
			.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
			.events = EPOLLIN,
			.call = handle_stands,
			.arg = pause,
		},
		.watchers = SLIST_HEAD_INITIALIZER(pause->watchers),
	};
	if (pause->source.fd < 0)
		return -errno;
	err = loop_add(loop, &pause->source);
	if (err)
		fd_close(&pause->source.fd);
	return err;
}

void pause_exit(struct pause *pause)
{
	if (pause->source.fd >= 0)
		loop_del(pause->loop, &pause->source);
	fd_close(&pause->source.fd);
}

void pause_start(struct pause *pause, struct vcpu *vcpus, size_t nr_vcpus)
{
	pause->vcpus = vcpus;
	pause->nr_vcpus = nr_vcpus;
	for (size_t i = 0; pause->holders && i < nr_vcpus; i++)
		vcpu_park(&vcpus[i]);
}

void pause_stop(struct pause *pause)
{
	pause->vcpus = NULL;
	pause->nr_vcpus = 0;
}

void pause_watch(struct pause *pause, struct pause_watcher *watcher)
{
	SLIST_INSERT_HEAD(&pause->watchers, watcher, node);
}

void pause_unwatch(struct pause *pause, struct pause_watcher *watcher)
{
	SLIST_REMOVE(&pause->watchers, watcher, pause_watcher, node);
}

void pause_take(struct pause *pause, enum pause_holder holder)
{
	const uint64_t one = 1;

	pause->holders |= 1U << holder;
	for (size_t i = 0; i < pause->nr_vcpus; i++)
		vcpu_park(&pause->vcpus[i]);
	/* For the watchers, if all stand already. */
	(void)!write(pause->source.fd, &one, sizeof(one));
}

void pause_drop(struct pause *pause, enum pause_holder holder)
{
	const uint64_t one = 1;

	pause->holders &= ~(1U << holder);
	if (!pause->holders)
		marks_set(pause->marks, MARK_RUN);
	if (pause->holders)
		(void)!write(pause->source.fd, &one, sizeof(one));
	for (size_t i = 0; !pause->holders && i < pause->nr_vcpus; i++)
		vcpu_unpark(&pause->vcpus[i]);
}
