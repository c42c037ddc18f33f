/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of "ne-emu lab" and "ne-emu doctor": one JSON object in a packet, answered by
 * one. See Documentation/attestation.rst. Each client acts as the user it was when it
 * connected.
 */

#ifndef NE_EMU_DAEMON_CONTROL_H
#define NE_EMU_DAEMON_CONTROL_H

#include "daemon/attestor.h"

#include <jansson.h>

/* Largest request, bytes. */
#define CONTROL_REQUEST_MAX	32768
/*
 * Clients at a time. To make room for another, the one that waits longest goes, of the
 * user who has most.
 */
#define CONTROL_CLIENTS_MAX	16

/** struct control_client - @fd: connected; @uid: the user that did it */
struct control_client {
	int fd;
	uid_t uid;
};

/**
 * struct control - the socket
 * @path: its name; removed at the end
 * @gid: whose members may use it besides root, or (gid_t)-1
 * @epoll_fd: readable when there is something to do; -1: there is no socket
 * @clients: connected, in order; @nr_clients of them
 */
struct control {
	char path[108];
	gid_t gid;
	int epoll_fd;
	int listen_fd;
	struct control_client clients[CONTROL_CLIENTS_MAX];
	size_t nr_clients;
};

/** control_init() - no socket yet */
void control_init(struct control *control);
void control_exit(struct control *control);

/**
 * control_open() - make the socket
 * @group: its name; where it does not exist only root may use the socket
 *
 * Return: 0 or a negative errno.
 */
int control_open(struct control *control, const char *path, const char *group);

/** control_dispatch() - serve what has come; @now: seconds since 1970 */
void control_dispatch(struct control *control, struct attestor *attestor, int64_t now);

/**
 * control_answer() - answer one request
 * @uid: who asks; root may all, others what is theirs
 * @request: JSON text
 *
 * Return: JSON text for the caller to free, or NULL (no memory).
 */
char *control_answer(struct attestor *attestor, uid_t uid, const char *request, size_t len,
		     int64_t now);

#endif
