/* SPDX-License-Identifier: Apache-2.0 */
/* Forward connections to sockets of this host to vsock ports of an enclave. */

#ifndef NE_EMU_CLI_ENCLAVE_FORWARD_H
#define NE_EMU_CLI_ENCLAVE_FORWARD_H

#include "command/terminal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

/* Room for "[address]:port" or the path of a socket. */
#define FORWARD_TEXT_SIZE	128
/* Most pairs, and most connections at a time: each has two buffers of 64 KiB. */
#define FORWARD_PAIRS_MAX	32
#define FORWARD_CONNS_MAX	256

/**
 * struct forward_pair - a socket of this host and the port of the enclave behind it
 * @address: where to listen: an IP address and a port, or a path
 * @address_len: bytes of @address that count
 * @port: vsock port
 */
struct forward_pair {
	struct sockaddr_storage address;
	socklen_t address_len;
	uint32_t port;
};

/**
 * forward_parse() - parse "[ADDRESS:]HOSTPORT:PORT" or "PATH:PORT"
 * @text: a path has a slash; an IPv6 address is in brackets; without ADDRESS, 127.0.0.1
 * @ret: set on success only
 * @error: set on failure
 *
 * Return: 0 or -EINVAL with a message.
 */
int forward_parse(const char *text, struct forward_pair *ret, struct error *error);

/** struct forward_listener - one pair; @text: where it listens, with the port it got */
struct forward_listener {
	int fd;
	bool paused;
	struct forward_pair pair;
	char text[FORWARD_TEXT_SIZE];
};

struct forward_conn;

/**
 * struct forward - the listeners and the connections; used by one thread
 * @cid: the enclave
 * @epoll: readable when forward_dispatch() has something to do
 * @refused: called when a connection to the enclave fails; may be NULL
 * @refused_arg: first argument of @refused
 */
struct forward {
	uint32_t cid;
	int epoll;
	struct forward_listener listeners[FORWARD_PAIRS_MAX];
	size_t nr_listeners;
	TAILQ_HEAD(, forward_conn) conns;
	size_t nr_conns;
	void (*refused)(void *arg, uint32_t port, int err);
	void *refused_arg;
};

/** forward_init() - no listeners yet; Return: 0 or a negative errno */
int forward_init(struct forward *forward, uint32_t cid);
/** forward_exit() - end all connections, and remove the sockets that have a path */
void forward_exit(struct forward *forward);

/**
 * forward_listen() - start to accept connections
 * @forward: has fewer than FORWARD_PAIRS_MAX listeners
 * @pair: the pair; port 0 of an IP address: the kernel chooses
 * @ret: the listener
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int forward_listen(struct forward *forward, const struct forward_pair *pair,
		   const struct forward_listener **ret, struct error *error);

/**
 * forward_dispatch() - do what can be done without waiting
 *
 * Return: 0 or a negative errno.
 */
int forward_dispatch(struct forward *forward);

#endif
