/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of ne-emu: a packet with one JSON object, answered by another. See
 * Documentation/attestation.rst. A client has the rights of the user that it ran as when it
 * connected.
 */

#ifndef NE_EMU_DAEMON_CONTROL_H
#define NE_EMU_DAEMON_CONTROL_H

#include "daemon/attestor.h"
#include "daemon/folder.h"
#include "daemon/session_lines.h"
#include "daemon/holds.h"
#include "daemon/start.h"

#include <jansson.h>

/* Largest request, bytes. */
#define CONTROL_REQUEST_MAX	32768
/*
 * Maximum number of clients. To make room for another, the oldest client of the user with
 * the most clients is closed.
 */
#define CONTROL_CLIENTS_MAX	16

/** struct control_client - @fd: the connection; @uid: the user that connected */
struct control_client {
	int fd;
	uid_t uid;
};

/**
 * struct control - the socket and its clients
 * @path: name of the socket, which control_exit() removes
 * @gid: group whose members may use it besides root, or (gid_t)-1
 * @epoll_fd: readable when control_dispatch() has something to do; -1 without a socket
 * @clients: clients in the order in which they connected, @nr_clients entries
 */
struct control {
	char path[108];
	gid_t gid;
	int epoll_fd;
	int listen_fd;
	struct control_client clients[CONTROL_CLIENTS_MAX];
	size_t nr_clients;
};

/** control_init() - set up the structure, without a socket yet */
void control_init(struct control *control);
void control_exit(struct control *control);

/**
 * control_open() - create the socket
 * @group: name of the group; if it does not exist, only root may use the socket
 *
 * Return: 0 or a negative errno.
 */
int control_open(struct control *control, const char *path, const char *group);

/**
 * struct control_host - what requests are about
 * @attestor: the enclaves that run, and their settings
 * @logs: directories of enclaves
 * @start: what starts need; NULL if none can be made (in tests)
 * @holds: enclaves to hold before their first instruction
 * @now: seconds since 1970
 */
struct control_host {
	struct attestor *attestor;
	const struct log_root *logs;
	const struct start_config *start;
	struct holds *holds;
	int64_t now;
};

/** control_dispatch() - accept clients and answer requests */
void control_dispatch(struct control *control, const struct control_host *host);

/**
 * control_answer() - answer one request
 * @uid: the client's user; only root may name enclaves of other users
 * @request: JSON text
 * @ret_ends: receives descriptors that go with the answer, which the caller closes; both are -1
 *	in most answers
 *
 * Return: JSON text, which the caller frees, or NULL (out of memory).
 */
char *control_answer(const struct control_host *host, uid_t uid, const char *request,
		     size_t len, struct session_ends *ret_ends);

#endif
