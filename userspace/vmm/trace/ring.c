// SPDX-License-Identifier: Apache-2.0
/* The ring of events: any thread puts them, the main thread takes them. */

#include "vmm/trace/trace.h"

#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

int trace_init(struct trace *trace, struct loop *loop)
{
	*trace = (struct trace){ .loop = loop, .ready.fd = -1, .second.fd = -1 };
	trace->ready.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	trace->second.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (trace->ready.fd < 0 || trace->second.fd < 0) {
		int err = -errno;

		fd_close(&trace->ready.fd);
		fd_close(&trace->second.fd);
		trace->loop = NULL;
		return err;
	}
	return -pthread_mutex_init(&trace->lock, NULL);
}

void trace_exit(struct trace *trace)
{
	if (!trace->loop)
		return;
	fd_close(&trace->ready.fd);
	fd_close(&trace->second.fd);
	free(trace->ring);
	free(trace->connections);
	(void)pthread_mutex_destroy(&trace->lock);
	trace->loop = NULL;
}

void trace_put(struct trace *trace, struct trace_event *event)
{
	const uint64_t one = 1;
	bool was_empty = false;

	pthread_mutex_lock(&trace->lock);
	/* In the order of the ring. */
	event->at_ns = clock_ns(CLOCK_MONOTONIC);
	/* Without a ring, the last client has just gone. */
	if (trace->ring && trace->head - trace->tail == TRACE_RING_SIZE) {
		trace->lost++;
	} else if (trace->ring) {
		was_empty = trace->head == trace->tail;
		trace->ring[trace->head++ % TRACE_RING_SIZE] = *event;
	}
	pthread_mutex_unlock(&trace->lock);
	if (was_empty)
		(void)!write(trace->ready.fd, &one, sizeof(one));
}

bool trace_take(struct trace *trace, struct trace_event *ret)
{
	bool found;

	pthread_mutex_lock(&trace->lock);
	found = trace->ring && trace->head != trace->tail;
	if (found)
		*ret = trace->ring[trace->tail++ % TRACE_RING_SIZE];
	pthread_mutex_unlock(&trace->lock);
	return found;
}

uint64_t trace_take_lost(struct trace *trace)
{
	uint64_t lost;

	pthread_mutex_lock(&trace->lock);
	lost = trace->lost;
	trace->lost = 0;
	pthread_mutex_unlock(&trace->lock);
	return lost;
}

void trace_count(struct trace *trace, enum trace_exit exit)
{
	atomic_fetch_add_explicit(&trace->counts[exit], 1, memory_order_relaxed);
}

void trace_console(struct trace *trace, uint8_t byte)
{
	struct trace_event event = { .kind = TRACE_CONSOLE };
	bool complete;

	pthread_mutex_lock(&trace->lock);
	if (byte != '\n' && byte != '\r')
		trace->line.bytes[trace->line.len++] = byte;
	complete = trace->line.len == TRACE_TEXT_SIZE || (byte == '\n' && trace->line.len);
	if (complete) {
		event.console = trace->line;
		trace->line.len = 0;
	}
	pthread_mutex_unlock(&trace->lock);
	if (complete)
		trace_put(trace, &event);
}
