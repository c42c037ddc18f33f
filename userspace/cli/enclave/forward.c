// SPDX-License-Identifier: Apache-2.0
/*
 * Forward connections to sockets of this host to vsock ports of an enclave.
 *
 * No descriptor blocks, and each connection has buffers of its own, so that none waits for
 * another. A direction is read only while its buffer is empty. Its end is passed on, the other
 * direction goes on.
 */

#include "cli/enclave/forward.h"

#include "common/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BUFFER_SIZE	(64 * KIB)
#define EVENTS_MAX	32
#define BACKLOG		64

/**
 * struct side - one end of a connection, and the data that was read from it
 * @events: events that the epoll instance waits for; 0: it does not know the descriptor
 * @start: first byte in @buffer that is not yet written to the other side
 * @end: end of the data in @buffer
 * @eof: nothing more will be read
 * @passed_on: the other side knows that
 */
struct side {
	struct forward_conn *conn;
	int fd;
	uint32_t events;
	size_t start;
	size_t end;
	bool eof;
	bool passed_on;
	char buffer[BUFFER_SIZE];
};

/**
 * struct forward_conn - a connection
 * @host: the program on this host
 * @enclave: the program in the enclave
 * @connecting: the enclave has not answered yet
 * @dead: to be freed when no event of this round can refer to it any more
 */
struct forward_conn {
	TAILQ_ENTRY(forward_conn) node;
	struct side host;
	struct side enclave;
	uint32_t port;
	bool connecting;
	bool dead;
};

static int parse_path(const char *path, size_t len, struct forward_pair *pair,
		      struct error *error)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&pair->address;

	if (len >= sizeof(address->sun_path))
		return error_set(error, -EINVAL, "%.*s: a path of a socket has at most %zu bytes",
				 (int)MIN(len, 200u), path, sizeof(address->sun_path) - 1);
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, len);
	pair->address_len = sizeof(*address);
	return 0;
}

/* @host: an address or "", which this function may change */
static int parse_address(char *host, uint16_t port, struct forward_pair *pair)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&pair->address;
	struct sockaddr_in *in = (struct sockaddr_in *)&pair->address;
	size_t len = strlen(host);

	if (*host == '[' && host[len - 1] == ']') {
		host[len - 1] = 0;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		pair->address_len = sizeof(*in6);
		return inet_pton(AF_INET6, host + 1, &in6->sin6_addr) == 1 ? 0 : -EINVAL;
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	pair->address_len = sizeof(*in);
	if (!*host)
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (inet_pton(AF_INET, strcmp(host, "localhost") ? host : "127.0.0.1",
			   &in->sin_addr) != 1)
		return -EINVAL;
	return 0;
}

int forward_parse(const char *text, struct forward_pair *ret, struct error *error)
{
	const char *last = strrchr(text, ':');
	struct forward_pair pair = {};
	char host[FORWARD_TEXT_SIZE], *colon;
	uint64_t port;

	if (!last || parse_u64(last + 1, 10, UINT32_MAX - 1, &port))
		return error_set(error, -EINVAL, "\"%s\" is not [ADDRESS:]HOSTPORT:PORT",
				 text);
	pair.port = port;
	if (memchr(text, '/', last - text)) {
		int err = parse_path(text, last - text, &pair, error);

		if (!err)
			*ret = pair;
		return err;
	}
	if ((size_t)(last - text) >= sizeof(host))
		return error_set(error, -EINVAL, "\"%.40s...\" is too long", text);
	memcpy(host, text, last - text);
	host[last - text] = 0;
	colon = strrchr(host, ':');
	if (parse_u64(colon ? colon + 1 : host, 10, UINT16_MAX, &port))
		return error_set(error, -EINVAL, "\"%s\": the port of the host is a number from 0 "
				 "to 65535", text);
	if (colon)
		*colon = 0;
	if (parse_address(colon ? host : (char *)"", port, &pair))
		return error_set(error, -EINVAL, "\"%s\": ADDRESS is an IPv4 address, or an IPv6 "
				 "address in brackets", text);
	*ret = pair;
	return 0;
}

int forward_init(struct forward *forward, uint32_t cid)
{
	*forward = (struct forward){ .cid = cid };
	TAILQ_INIT(&forward->conns);
	forward->epoll = epoll_create1(EPOLL_CLOEXEC);
	return forward->epoll < 0 ? -errno : 0;
}

/* Frees it only at the end of the round. */
static void conn_kill(struct forward_conn *conn)
{
	fd_close(&conn->host.fd);
	fd_close(&conn->enclave.fd);
	conn->dead = true;
}

static void conn_free(struct forward *forward, struct forward_conn *conn)
{
	conn_kill(conn);
	TAILQ_REMOVE(&forward->conns, conn, node);
	forward->nr_conns--;
	free(conn);
}

void forward_exit(struct forward *forward)
{
	struct forward_conn *conn;

	while ((conn = TAILQ_FIRST(&forward->conns)))
		conn_free(forward, conn);
	for (size_t i = 0; i < forward->nr_listeners; i++) {
		struct forward_listener *listener = &forward->listeners[i];

		fd_close(&listener->fd);
		if (listener->pair.address.ss_family == AF_UNIX)
			(void)unlink(listener->text);
	}
	forward->nr_listeners = 0;
	fd_close(&forward->epoll);
}

static void write_text(const struct sockaddr_storage *address, char text[FORWARD_TEXT_SIZE])
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	char ip[INET6_ADDRSTRLEN];

	switch (address->ss_family) {
	case AF_UNIX:
		snprintf(text, FORWARD_TEXT_SIZE, "%s",
			 ((const struct sockaddr_un *)address)->sun_path);
		break;
	case AF_INET6:
		snprintf(text, FORWARD_TEXT_SIZE, "[%s]:%u",
			 inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip)),
			 ntohs(in6->sin6_port));
		break;
	default:
		snprintf(text, FORWARD_TEXT_SIZE, "%s:%u",
			 inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip)), ntohs(in->sin_port));
		break;
	}
}

static int open_listener(const struct forward_pair *pair, struct sockaddr_storage *ret_address,
			 int *ret_fd)
{
	const struct sockaddr *address = (const struct sockaddr *)&pair->address;
	socklen_t len = sizeof(*ret_address);
	__cleanup_fd int fd = -1;
	const int on = 1;
	mode_t mask;
	int err;

	fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (address->sa_family != AF_UNIX &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		return -errno;
	mask = umask(0177);	/* a socket with a path is for its owner */
	err = bind(fd, address, pair->address_len) ? -errno : 0;
	(void)umask(mask);
	if (err)
		return err;
	*ret_address = pair->address;
	if (listen(fd, BACKLOG) || (address->sa_family != AF_UNIX &&
				    getsockname(fd, (struct sockaddr *)ret_address, &len))) {
		err = -errno;
		if (address->sa_family == AF_UNIX)
			(void)unlink(((const struct sockaddr_un *)address)->sun_path);
		return err;
	}
	*ret_fd = fd_steal(&fd);
	return 0;
}

/* Also ends a pause, which forward_dispatch() begins when there are too many connections. */
static int listener_watch(struct forward *forward, struct forward_listener *listener)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = listener };

	if (epoll_ctl(forward->epoll, EPOLL_CTL_ADD, listener->fd, &event))
		return -errno;
	listener->paused = false;
	return 0;
}

static void listener_pause(struct forward *forward, struct forward_listener *listener)
{
	(void)epoll_ctl(forward->epoll, EPOLL_CTL_DEL, listener->fd, NULL);
	listener->paused = true;
}

int forward_listen(struct forward *forward, const struct forward_pair *pair,
		   const struct forward_listener **ret, struct error *error)
{
	struct forward_listener *listener = &forward->listeners[forward->nr_listeners];
	struct sockaddr_storage address;
	char text[FORWARD_TEXT_SIZE];
	int err;

	*listener = (struct forward_listener){ .fd = -1, .pair = *pair };
	write_text(&pair->address, text);
	err = open_listener(pair, &address, &listener->fd);
	if (err)
		return error_set(error, err, "cannot listen on %s: %s%s", text, strerror(-err),
				 err == -EACCES && pair->address.ss_family != AF_UNIX ?
				 "; ports below 1024 are for root" :
				 err == -EADDRINUSE && pair->address.ss_family == AF_UNIX ?
				 "; remove the file if no program uses it" : "");
	write_text(&address, listener->text);
	forward->nr_listeners++;
	err = listener_watch(forward, listener);
	if (err)
		return error_set(error, err, "cannot watch %s: %s", text, strerror(-err));
	*ret = listener;
	return 0;
}

static bool is_empty(const struct side *side)
{
	return side->start == side->end;
}

/* What to wait for at @side; with nothing, its errors cannot keep this process busy either. */
static uint32_t wanted_events(const struct side *side, const struct side *other)
{
	const struct forward_conn *conn = side->conn;

	if (conn->connecting)
		return side == &conn->enclave ? EPOLLOUT : 0;
	return (!side->eof && is_empty(side) ? EPOLLIN : 0) | (is_empty(other) ? 0 : EPOLLOUT);
}

static int side_watch(struct forward *forward, struct side *side, const struct side *other)
{
	struct epoll_event event = { .events = wanted_events(side, other), .data.ptr = side };
	int op = !event.events ? EPOLL_CTL_DEL : side->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (event.events == side->events)
		return 0;
	if (epoll_ctl(forward->epoll, op, side->fd, &event))
		return -errno;
	side->events = event.events;
	return 0;
}

/* Return: 0, or a negative errno that ends the connection. */
static int side_read(struct side *side)
{
	ssize_t n;

	if (side->eof || !is_empty(side))
		return 0;
	n = recv(side->fd, side->buffer, sizeof(side->buffer), MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	side->start = 0;
	side->end = n;
	side->eof = !n;
	return 0;
}

static int side_write(struct side *from, struct side *to)
{
	ssize_t n;

	if (!is_empty(from)) {
		n = send(to->fd, from->buffer + from->start, from->end - from->start,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		from->start += n;
	}
	if (is_empty(from) && from->eof && !from->passed_on) {
		from->passed_on = true;
		/* The other side may be gone already. */
		(void)shutdown(to->fd, SHUT_WR);
	}
	return 0;
}

static int enclave_connect(uint32_t cid, uint32_t port, int *ret_fd)
{
	const struct sockaddr_vm address = {
		.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port,
	};
	__cleanup_fd int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) &&
	    errno != EINPROGRESS)
		return -errno;
	*ret_fd = fd_steal(&fd);
	return 0;
}

static void refuse(const struct forward *forward, uint32_t port, int err)
{
	if (forward->refused)
		forward->refused(forward->refused_arg, port, err);
}

static int conn_connected(const struct forward *forward, struct forward_conn *conn)
{
	socklen_t len = sizeof(int);
	int errnum = 0;

	if (getsockopt(conn->enclave.fd, SOL_SOCKET, SO_ERROR, &errnum, &len))
		errnum = errno;
	if (errnum)
		refuse(forward, conn->port, -errnum);
	conn->connecting = false;
	return -errnum;
}

/* Move what can be moved, after an event at either end. */
static void conn_move(struct forward *forward, struct forward_conn *conn)
{
	struct side *host = &conn->host, *enclave = &conn->enclave;
	int err = conn->connecting ? conn_connected(forward, conn) : 0;

	if (!err)
		err = side_read(host);
	if (!err)
		err = side_read(enclave);
	if (!err)
		err = side_write(host, enclave);
	if (!err)
		err = side_write(enclave, host);
	if (!err && !(host->passed_on && enclave->passed_on))
		err = side_watch(forward, host, enclave);
	if (!err && !(host->passed_on && enclave->passed_on))
		err = side_watch(forward, enclave, host);
	if (err || (host->passed_on && enclave->passed_on))
		conn_kill(conn);
}

/* @fd: the program on this host; the function takes it */
static void conn_add(struct forward *forward, int fd, uint32_t port)
{
	struct forward_conn *conn = calloc(1, sizeof(*conn));
	const int on = 1;
	int err;

	if (!conn) {
		fd_close(&fd);
		return;
	}
	conn->host = (struct side){ .conn = conn, .fd = fd };
	conn->enclave = (struct side){ .conn = conn, .fd = -1 };
	conn->port = port;
	conn->connecting = true;
	TAILQ_INSERT_TAIL(&forward->conns, conn, node);
	forward->nr_conns++;
	/* Neither applies to a socket with a path. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	err = enclave_connect(forward->cid, port, &conn->enclave.fd);
	if (err)
		refuse(forward, port, err);
	else
		err = side_watch(forward, &conn->enclave, &conn->host);
	if (err)
		conn_kill(conn);
}

static void listener_accept(struct forward *forward, struct forward_listener *listener)
{
	int fd;

	if (forward->nr_conns == FORWARD_CONNS_MAX) {
		listener_pause(forward, listener);
		return;
	}
	fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		conn_add(forward, fd, listener->pair.port);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		listener_pause(forward, listener);	/* until a connection ends */
}

static bool is_listener(const struct forward *forward, const void *ptr)
{
	return ptr >= (const void *)forward->listeners &&
	       ptr < (const void *)(forward->listeners + FORWARD_PAIRS_MAX);
}

/* Free the connections that have ended; their places let paused listeners go on. */
static int collect(struct forward *forward)
{
	struct forward_conn *conn, *next;
	bool freed = false;

	for (conn = TAILQ_FIRST(&forward->conns); conn; conn = next) {
		next = TAILQ_NEXT(conn, node);
		if (!conn->dead)
			continue;
		conn_free(forward, conn);
		freed = true;
	}
	for (size_t i = 0; freed && i < forward->nr_listeners; i++) {
		int err = forward->listeners[i].paused ?
			  listener_watch(forward, &forward->listeners[i]) : 0;

		if (err)
			return err;
	}
	return 0;
}

int forward_dispatch(struct forward *forward)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(forward->epoll, events, EVENTS_MAX, 0);

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		struct side *side = events[i].data.ptr;

		if (is_listener(forward, events[i].data.ptr))
			listener_accept(forward, events[i].data.ptr);
		else if (!side->conn->dead)
			conn_move(forward, side->conn);
	}
	return collect(forward);
}
