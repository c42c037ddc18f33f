// SPDX-License-Identifier: Apache-2.0
/* Sessions of clients: lines, buffers and frames. */

#include "vmm/session.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* The end and its error fit behind every other output. */
#define RESERVED	(2 * SESSION_HEAD_SIZE + sizeof(((struct error *)NULL)->text))

static void session_close(struct session *session)
{
	const struct session_service *service = session->service;

	if (!service)
		return;
	if (service->close)
		service->close(session);
	loop_del(session->sessions->loop, &session->in);
	loop_del(session->sessions->loop, &session->out);
	free(session->buffer);
	session->buffer = NULL;
	session->service = NULL;
	session->state = NULL;
	log_debug("session \"%s\" ended", service->name);
}

static size_t used(const struct session *session)
{
	return session->end - session->start;
}

static void wait_for_out(struct session *session)
{
	bool wanted = used(session) || session->wants_room || session->finishing;

	loop_wait_for(session->sessions->loop, &session->out, wanted ? EPOLLOUT : 0);
}

/* Write what the client can take. Without a reader, handle_out() ends the session. */
static void flush(struct session *session)
{
	while (used(session)) {
		ssize_t n = write(session->out.fd, session->buffer + session->start,
				  used(session));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		session->start += n;
	}
	if (!used(session))
		session->start = session->end = 0;
	wait_for_out(session);
}

static void put(struct session *session, const void *bytes, size_t len)
{
	if (session->end + len > SESSION_BUFFER_SIZE) {
		memmove(session->buffer, session->buffer + session->start, used(session));
		session->end -= session->start;
		session->start = 0;
	}
	memcpy(session->buffer + session->end, bytes, len);
	session->end += len;
}

static void put_frame(struct session *session, const void *bytes, uint32_t len)
{
	put(session, &len, sizeof(len));
	put(session, bytes, len);
}

size_t session_room(const struct session *session)
{
	size_t room = SESSION_BUFFER_SIZE - used(session);
	size_t needed = RESERVED + SESSION_HEAD_SIZE;

	return session->finishing || room <= needed ? 0 : room - needed;
}

size_t session_send(struct session *session, const void *bytes, size_t len)
{
	len = MIN(len, session_room(session));
	if (len) {
		put_frame(session, bytes, len);
		flush(session);
	}
	return len;
}

void session_finish(struct session *session, const struct error *error)
{
	if (session->finishing)
		return;
	session->finishing = true;
	put_frame(session, "", 0);
	put_frame(session, error ? error->text : "", error ? strlen(error->text) : 0);
	/* handle_out() closes it: the caller may still use the session. */
	flush(session);
}

void session_want_room(struct session *session)
{
	session->wants_room = true;
	wait_for_out(session);
}

/* Give the service what it has not taken yet. */
static void give_input(struct session *session)
{
	const struct session_service *service = session->service;
	size_t taken = session->nr_input;

	if (service->input && !session->finishing)
		taken = service->input(session, session->input, session->nr_input);
	session->nr_input -= taken;
	memmove(session->input, session->input + taken, session->nr_input);
	loop_wait_for(session->sessions->loop, &session->in,
		      session->nr_input < SESSION_INPUT_SIZE ? EPOLLIN : 0);
}

void session_more(struct session *session)
{
	if (session->nr_input)
		give_input(session);
}

static void handle_in(void *arg, uint32_t events)
{
	struct session *session = arg;
	size_t room = SESSION_INPUT_SIZE - session->nr_input;
	ssize_t n = -1;

	if (room) {
		n = read(session->in.fd, session->input + session->nr_input, room);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
	} else if (!(events & EPOLLHUP)) {
		return;
	}
	/* No client has the line open any more. */
	if (n <= 0) {
		session_close(session);
		return;
	}
	session->nr_input += n;
	give_input(session);
}

static void handle_out(void *arg, uint32_t events)
{
	struct session *session = arg;
	bool waiting = used(session) || session->wants_room;

	if (events & EPOLLERR) {
		session_close(session);
		return;
	}
	session->wants_room = false;
	flush(session);
	if (session->finishing && !used(session))
		session_close(session);
	else if (waiting && !session->finishing && session->service->room)
		session->service->room(session);
}

void sessions_init(struct sessions *sessions, struct loop *loop, const struct session_fds *fds,
		   const struct session_service *const *services, void *arg)
{
	*sessions = (struct sessions){ .loop = loop, .services = services, .arg = arg };
	for (size_t i = 0; i < SESSION_LINES; i++) {
		struct session *session = &sessions->list[i];

		session->sessions = sessions;
		session->in = (struct loop_source){
			.fd = fds->in[i], .call = handle_in, .arg = session,
		};
		session->out = (struct loop_source){
			.fd = fds->out[i], .call = handle_out, .arg = session,
		};
	}
}

void sessions_exit(struct sessions *sessions)
{
	for (size_t i = 0; i < SESSION_LINES; i++)
		session_close(&sessions->list[i]);
}

static const struct session_service *find_service(const struct sessions *sessions,
						  const char *name)
{
	for (const struct session_service *const *service = sessions->services; *service; service++)
		if (!strcmp((*service)->name, name))
			return *service;
	return NULL;
}

/* Stands in for a service that does not exist, or did not open. */
static const struct session_service refusal = { .name = "refused" };

static void session_start(struct session *session, const struct session_service *service,
			  const char *options)
{
	struct error error = { 0 };
	int err = 0;

	session->service = service ? service : &refusal;
	if (!service)
		err = error_set(&error, -EPROTONOSUPPORT,
				"the VMM of this enclave is of another version");
	else if (service->open)
		err = service->open(session, options, &error);
	if (!err) {
		log_debug("session \"%s\" began", service->name);
		return;
	}
	session->service = &refusal;
	session_finish(session, &error);
}

void sessions_begin(struct sessions *sessions, const struct session_request *request)
{
	struct session *session = &sessions->list[request->line];

	session_close(session);
	if (session->in.fd < 0)
		return;
	session->buffer = malloc(SESSION_BUFFER_SIZE);
	if (!session->buffer) {
		log_warn("no session \"%s\": out of memory", request->service);
		return;
	}
	session->start = session->end = session->nr_input = 0;
	session->wants_room = session->finishing = false;
	session->in.events = EPOLLIN;
	session->out.events = 0;
	if (loop_add(sessions->loop, &session->in)) {
		free(session->buffer);
		session->buffer = NULL;
		return;
	}
	(void)loop_add(sessions->loop, &session->out);
	put(session, request->nonce, sizeof(request->nonce));
	session_start(session, find_service(sessions, request->service), request->options);
	flush(session);
}

/* Wait for the client to read; the loop does not run any more. */
static void wait_for_reader(struct session *session, int64_t deadline)
{
	while (used(session)) {
		struct pollfd pollfd = { .fd = session->out.fd, .events = POLLOUT };
		int64_t left = deadline - clock_ms();

		if (left <= 0 || poll(&pollfd, 1, left) == 0 || pollfd.revents & POLLERR)
			return;
		flush(session);
	}
}

void sessions_finish(struct sessions *sessions, int timeout_ms)
{
	int64_t deadline = clock_ms() + timeout_ms;
	struct error error;

	(void)error_set(&error, 0, "the enclave has ended");
	for (size_t i = 0; i < SESSION_LINES; i++) {
		struct session *session = &sessions->list[i];

		if (!session->service)
			continue;
		if (session->service->ended)
			session->service->ended(session);
		session_finish(session, &error);
	}
	for (size_t i = 0; i < SESSION_LINES; i++)
		if (sessions->list[i].service)
			wait_for_reader(&sessions->list[i], deadline);
	sessions_exit(sessions);
}
