/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions of clients that look into the enclave, see common/session.h. Main thread only.
 *
 * A session belongs to one service, which gets what the client sends and sends what the client
 * gets. Nothing here waits for a client: what it does not read fills a buffer of its own.
 */

#ifndef NE_EMU_VMM_SESSION_H
#define NE_EMU_VMM_SESSION_H

#include "common/error.h"
#include "common/session.h"
#include "vmm/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for output that the client has not read yet, bytes. */
#define SESSION_BUFFER_SIZE	65536
/* Input that the service has not taken yet, bytes. */
#define SESSION_INPUT_SIZE	4096

struct session;

/**
 * struct session_service - what a session is for
 * @name: as clients ask for it
 * @open: begin a session; the service may set its @state. On failure, a negative errno and
 *	@error, which the client gets, and @close is not called
 * @input: bytes of the client; returns how many were taken. The others come again together with
 *	the next ones, or after session_more(). NULL: input is discarded
 * @room: the client has read output, so that there is room again, or session_want_room() was
 *	called; NULL: not needed
 * @ended: the enclave has ended; the service may send last words and call session_finish(), which
 *	happens anyway afterwards. NULL: none
 * @close: the session has ended for whatever reason; free @state. NULL: not needed
 */
struct session_service {
	const char *name;
	int (*open)(struct session *session, const char *options, struct error *error);
	size_t (*input)(struct session *session, const uint8_t *bytes, size_t len);
	void (*room)(struct session *session);
	void (*ended)(struct session *session);
	void (*close)(struct session *session);
};

/**
 * struct session - one line, and the client on it if @service is set
 * @sessions: all of them
 * @state: of the service
 * @in, @out: the VMM's ends of the line; fd -1 if there is no such line
 * @buffer: output with frames, from @start to @end, SESSION_BUFFER_SIZE bytes; NULL without client
 * @input: bytes of the client, @nr_input of them
 * @wants_room: call @room soon, even if nothing is in the buffer
 * @finishing: the end is in the buffer; the session ends when that is empty
 */
struct session {
	struct sessions *sessions;
	const struct session_service *service;
	void *state;
	struct loop_source in;
	struct loop_source out;
	uint8_t *buffer;
	size_t start;
	size_t end;
	uint8_t input[SESSION_INPUT_SIZE];
	size_t nr_input;
	bool wants_room;
	bool finishing;
};

/**
 * struct sessions - all lines
 * @services: array of pointers, ends with NULL
 * @arg: for the services: the struct vmm
 */
struct sessions {
	struct loop *loop;
	const struct session_service *const *services;
	void *arg;
	struct session list[SESSION_LINES];
};

/**
 * sessions_init() - without clients yet
 * @fds: borrowed
 * @services: array that ends with NULL
 * @arg: what services work on
 */
void sessions_init(struct sessions *sessions, struct loop *loop, const struct session_fds *fds,
		   const struct session_service *const *services, void *arg);
/** sessions_exit() - end all sessions at once; also allowed if all bytes of @sessions are 0 */
void sessions_exit(struct sessions *sessions);

/** sessions_begin() - begin a session; ends an earlier one on that line */
void sessions_begin(struct sessions *sessions, const struct session_request *request);

/**
 * sessions_finish() - the enclave has ended: tell all clients
 * @timeout_ms: how long they may take to read the rest
 */
void sessions_finish(struct sessions *sessions, int timeout_ms);

/** session_room() - bytes that session_send() takes now */
size_t session_room(const struct session *session);
/** session_send() - send bytes; Return: how many were taken, fewer than @len without room */
size_t session_send(struct session *session, const void *bytes, size_t len);
/** session_want_room() - have @room called, for a service that does its work in pieces */
void session_want_room(struct session *session);
/** session_more() - the service can take input again */
void session_more(struct session *session);
/**
 * session_finish() - end the session once the client has read everything
 * @error: why it failed; NULL: it did not
 */
void session_finish(struct session *session, const struct error *error);

#endif
