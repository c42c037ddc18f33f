// SPDX-License-Identifier: Apache-2.0
/* The service "trace": send the events to the clients that want them. Main thread. */

#include "vmm/trace/service.h"

#include "common/clock.h"
#include "common/date.h"
#include "common/json_out.h"
#include "common/nl.h"
#include "common/util.h"
#include "vmm/services.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/**
 * struct trace_client - state of a session
 * @kinds: bits of the kinds that it wants
 * @begin_ns: CLOCK_MONOTONIC from which its times count
 * @lost: events that it has not got, of which it does not know yet
 */
struct trace_client {
	unsigned int kinds;
	int64_t begin_ns;
	uint64_t lost;
};

static int read_kinds(const char *options, unsigned int *ret, struct error *error)
{
	*ret = 0;
	while (*options) {
		size_t len = strcspn(options, ",");
		enum trace_kind kind = 0;

		while (kind < NR_TRACE_KINDS && (strlen(trace_kind_name(kind)) != len ||
						 memcmp(trace_kind_name(kind), options, len)))
			kind++;
		if (kind == NR_TRACE_KINDS)
			return error_set(error, -EINVAL, "\"%.*s\" is not a kind of events",
					 (int)len,
					 options);
		*ret |= 1U << kind;
		options += len + (options[len] == ',');
	}
	if (!*ret)
		*ret = (1U << NR_TRACE_KINDS) - 1;
	return 0;
}

static int64_t at_us(const struct trace_client *client)
{
	return (clock_ns(CLOCK_MONOTONIC) - client->begin_ns) * USEC_PER_SEC / NSEC_PER_SEC;
}

void trace_send_lost(struct session *session)
{
	struct trace_client *client = session->state;
	char line[TRACE_LINE_MAX];
	int len;

	if (!client->lost || session_room(session) < sizeof(line))
		return;
	len = snprintf(line, sizeof(line), "{\"FormatVersion\": %d, \"AtUs\": %" PRId64
		       ", \"Kind\": \"lost\", \"Count\": %" PRIu64 "}\n", JSON_OUT_FORMAT,
		       at_us(client), client->lost);
	(void)session_send(session, line, len);
	client->lost = 0;
}

static void send_event(struct session *session, const struct trace_event *event)
{
	struct trace_client *client = session->state;
	char line[TRACE_LINE_MAX];

	if (!(client->kinds & 1U << event->kind) || event->at_ns < client->begin_ns)
		return;
	trace_send_lost(session);
	if (client->lost || session_room(session) < sizeof(line))
		client->lost++;
	else
		(void)session_send(session, line, trace_format(event, client->begin_ns, line));
}

static struct session **find_client(struct trace *trace, const struct session *session)
{
	for (size_t i = 0; i < SESSION_LINES; i++)
		if (trace->clients[i] == session)
			return &trace->clients[i];
	return NULL;
}

void trace_send(struct trace *trace)
{
	struct trace_event event;
	uint64_t lost;

	/* Take at most as many as there may be, so that other sources have their turn. */
	for (int i = 0; i < TRACE_RING_SIZE && trace_take(trace, &event); i++)
		for (size_t j = 0; j < SESSION_LINES; j++)
			if (trace->clients[j])
				send_event(trace->clients[j], &event);
	lost = trace_take_lost(trace);
	for (size_t j = 0; lost && j < SESSION_LINES; j++) {
		struct trace_client *client = trace->clients[j] ? trace->clients[j]->state : NULL;

		if (!client)
			continue;
		client->lost += lost;
		trace_send_lost(trace->clients[j]);
	}
}

static void handle_ready(void *arg, uint32_t events)
{
	struct trace *trace = arg;
	uint64_t count;

	(void)events;
	/* Before the ring is emptied: an event that comes after that makes it readable again. */
	(void)!read(trace->ready.fd, &count, sizeof(count));
	trace_send(trace);
}

static void put_exits(struct trace *trace)
{
	struct trace_event event = { .kind = TRACE_EXIT };
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	uint64_t sum = 0;

	for (size_t i = 0; i < NR_TRACE_EXITS; i++) {
		event.exits.counts[i] = atomic_exchange(&trace->counts[i], 0);
		sum += event.exits.counts[i];
	}
	event.exits.period_ns = now - trace->counted_ns;
	trace->counted_ns = now;
	if (sum)
		trace_put(trace, &event);
}

static void handle_second(void *arg, uint32_t events)
{
	struct trace *trace = arg;
	uint64_t count;

	(void)events;
	(void)!read(trace->second.fd, &count, sizeof(count));
	put_exits(trace);
}

static void set_timer(struct trace *trace, int seconds)
{
	const struct itimerspec period = {
		.it_value.tv_sec = seconds, .it_interval.tv_sec = seconds,
	};

	/* Cannot fail with these arguments. */
	(void)timerfd_settime(trace->second.fd, 0, &period, NULL);
	trace->counted_ns = clock_ns(CLOCK_MONOTONIC);
	for (size_t i = 0; i < NR_TRACE_EXITS; i++)
		atomic_store(&trace->counts[i], 0);
}

/* Also starts and stops the timer. */
static void want_kinds(struct trace *trace)
{
	unsigned int wanted = 0, exits = 1U << TRACE_EXIT;
	unsigned int before = atomic_load(&trace->wanted);

	for (size_t i = 0; i < SESSION_LINES; i++)
		if (trace->clients[i])
			wanted |= ((struct trace_client *)trace->clients[i]->state)->kinds;
	if ((wanted & exits) != (before & exits))
		set_timer(trace, wanted & exits ? 1 : 0);
	atomic_store(&trace->wanted, wanted);
}

/* Without clients there is neither memory nor work. */
static int start_ring(struct trace *trace)
{
	struct trace_event *ring = calloc(TRACE_RING_SIZE, sizeof(*ring));
	int err = -ENOMEM;

	trace->connections = calloc(TRACE_CONNECTIONS, sizeof(*trace->connections));
	trace->ready = (struct loop_source){
		.fd = trace->ready.fd, .events = EPOLLIN, .call = handle_ready, .arg = trace,
	};
	trace->second = (struct loop_source){
		.fd = trace->second.fd, .events = EPOLLIN, .call = handle_second, .arg = trace,
	};
	if (ring && trace->connections)
		err = loop_add(trace->loop, &trace->ready);
	if (!err) {
		err = loop_add(trace->loop, &trace->second);
		if (err)
			loop_del(trace->loop, &trace->ready);
	}
	if (err) {
		free(ring);
		free(trace->connections);
		trace->connections = NULL;
		return err;
	}
	pthread_mutex_lock(&trace->lock);
	trace->ring = ring;
	trace->head = trace->tail = 0;
	trace->lost = 0;
	trace->line.len = 0;
	pthread_mutex_unlock(&trace->lock);
	return 0;
}

static void stop_ring(struct trace *trace)
{
	struct trace_event *ring;

	loop_del(trace->loop, &trace->ready);
	loop_del(trace->loop, &trace->second);
	pthread_mutex_lock(&trace->lock);
	ring = trace->ring;
	trace->ring = NULL;
	pthread_mutex_unlock(&trace->lock);
	free(ring);
	free(trace->connections);
	trace->connections = NULL;
	trace->last = NULL;
}

static void send_begin(struct session *session)
{
	char line[TRACE_LINE_MAX], date[DATE_SIZE];
	int len;

	len = snprintf(line, sizeof(line), "{\"FormatVersion\": %d, \"AtUs\": 0, \"Kind\": "
		       "\"begin\", \"Time\": \"%s\"}\n", JSON_OUT_FORMAT,
		       date_format(clock_ns(CLOCK_REALTIME), date));
	(void)session_send(session, line, len);
}

int trace_client_open(struct trace *trace, struct session *session, const char *options,
		      struct error *error)
{
	struct trace_client *client;
	unsigned int kinds;
	int err = read_kinds(options, &kinds, error);

	if (err)
		return err;
	client = calloc(1, sizeof(*client));
	err = client ? 0 : -ENOMEM;
	if (!err && !trace->ring)
		err = start_ring(trace);
	if (err) {
		free(client);
		return error_set(error, err, "cannot trace: %s", strerror(-err));
	}
	client->kinds = kinds;
	client->begin_ns = clock_ns(CLOCK_MONOTONIC);
	session->state = client;
	*find_client(trace, NULL) = session;
	trace->begun = true;
	want_kinds(trace);
	send_begin(session);
	return 0;
}

void trace_client_close(struct trace *trace, struct session *session)
{
	struct session **client = find_client(trace, session);

	if (client)
		*client = NULL;
	want_kinds(trace);
	if (!atomic_load(&trace->wanted) && trace->ring)
		stop_ring(trace);
	free(session->state);
	session->state = NULL;
}

static int service_open(struct session *session, const char *options, struct error *error)
{
	struct vmm *vmm = service_vmm(session);
	int err = trace_client_open(&vmm->trace, session, options, error);

	if (!err && pause_holds(&vmm->pause, PAUSE_TRACE))
		pause_drop(&vmm->pause, PAUSE_TRACE);
	return err;
}

static void service_room(struct session *session)
{
	trace_send_lost(session);
}

static void service_ended(struct session *session)
{
	const struct trace_client *client = session->state;
	struct vmm *vmm = service_vmm(session);
	char line[TRACE_LINE_MAX], text[TRACE_LINE_MAX / 2];
	struct error said = { 0 };
	enum ne_emu_exit_reason reason;
	int len;

	put_exits(&vmm->trace);
	trace_send(&vmm->trace);
	/* A stop by the owner has no reason here. */
	reason = ending_get(&vmm->ending, &said);
	trace_escape(text, sizeof(text), said.text, strlen(said.text));
	len = snprintf(line, sizeof(line), "{\"FormatVersion\": %d, \"AtUs\": %" PRId64
		       ", \"Kind\": \"end\", \"Reason\": \"%s\", \"Text\": \"%s\"}\n",
		       JSON_OUT_FORMAT, at_us(client), ne_nl_exit_reason_name(reason), text);
	(void)session_send(session, line, len);
	session_finish(session, NULL);
}

static void service_close(struct session *session)
{
	trace_client_close(&service_vmm(session)->trace, session);
}

const struct session_service trace_service = {
	.name = "trace",
	.open = service_open,
	.room = service_room,
	.ended = service_ended,
	.close = service_close,
};
