// SPDX-License-Identifier: Apache-2.0
/* The control socket: permissions, and packets in and out. */

#include "daemon/control.h"

#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define EVENTS_MAX	8

void control_init(struct control *control)
{
	*control = (struct control){ .epoll_fd = -1, .listen_fd = -1, .gid = -1 };
}

static void client_del(struct control *control, size_t i)
{
	fd_close(&control->clients[i].fd);
	control->nr_clients--;
	memmove(&control->clients[i], &control->clients[i + 1],
		(control->nr_clients - i) * sizeof(control->clients[0]));
}

void control_exit(struct control *control)
{
	while (control->nr_clients)
		client_del(control, 0);
	if (control->listen_fd >= 0)
		(void)unlink(control->path);
	fd_close(&control->listen_fd);
	fd_close(&control->epoll_fd);
}

static int control_watch(const struct control *control, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int make_socket(struct control *control, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	__cleanup_fd int fd = -1;
	mode_t mask;
	int err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	/* Only one supervisor runs, so an existing socket is a leftover. */
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177);	/* root only, until the group is set */
	err = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	(void)umask(mask);
	if (err)
		return err;
	if (control->gid != (gid_t)-1 &&
	    (chown(path, -1, control->gid) < 0 || chmod(path, 0660) < 0))
		return -errno;
	if (listen(fd, CONTROL_CLIENTS_MAX) < 0)
		return -errno;
	strcpy(control->path, path);
	control->listen_fd = fd_steal(&fd);
	return 0;
}

int control_open(struct control *control, const char *path, const char *group)
{
	const struct group *entry = getgrnam(group);
	int err;

	control->gid = entry ? entry->gr_gid : (gid_t)-1;
	control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (control->epoll_fd < 0)
		return -errno;
	err = make_socket(control, path);
	return err ? err : control_watch(control, control->listen_fd);
}

static bool in_group(int fd, gid_t gid)
{
	socklen_t size = 0;
	__cleanup_free gid_t *groups = NULL;

	/* The first call only gets the size. */
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) || errno != ERANGE)
		return false;
	groups = malloc(size);
	if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof(*groups); i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* The socket's mode allows the same, but a connection may be inherited, or the mode changed. */
static bool peer_allowed(const struct control *control, int fd, uid_t *ret_uid)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	*ret_uid = peer.uid;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	return control->gid != (gid_t)-1 &&
	       (peer.gid == control->gid || in_group(fd, control->gid));
}

static size_t count_clients(const struct control *control, uid_t uid)
{
	size_t count = 0;

	for (size_t i = 0; i < control->nr_clients; i++)
		count += control->clients[i].uid == uid;
	return count;
}

/* One user must not be able to keep others out with many connections. */
static void make_room(struct control *control)
{
	size_t victim = 0, most = 0;

	for (size_t i = 0; i < control->nr_clients; i++) {
		size_t count = count_clients(control, control->clients[i].uid);

		if (count > most) {
			most = count;
			victim = i;
		}
	}
	client_del(control, victim);
}

static void accept_client(struct control *control)
{
	struct control_client client;

	client.fd = accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client.fd < 0)
		return;		/* the client has given up, or the event comes again */
	if (!peer_allowed(control, client.fd, &client.uid) || control_watch(control, client.fd)) {
		fd_close(&client.fd);
		return;
	}
	if (control->nr_clients == CONTROL_CLIENTS_MAX)
		make_room(control);
	control->clients[control->nr_clients++] = client;
}

/* Send an answer, and both descriptors if there are any, without waiting. */
static int send_answer(int fd, const char *text, const struct session_ends *ends)
{
	const int fds[] = { ends->read_fd, ends->write_fd };
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = { 0 };
	struct iovec iov = { (char *)text, strlen(text) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (ends->read_fd >= 0) {
		control.head = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(fds)),
		};
		memcpy(CMSG_DATA(&control.head), fds, sizeof(fds));
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
	}
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Answer one request; the caller then closes the connection. */
static void serve_client(const struct control_client *client, const struct control_host *host)
{
	__cleanup(session_ends_close) struct session_ends ends = SESSION_ENDS_NONE;
	__cleanup_free char *request = malloc(CONTROL_REQUEST_MAX + 1);
	__cleanup_free char *answer = NULL;
	int err;
	ssize_t len;

	if (!request)
		return;
	len = recv(client->fd, request, CONTROL_REQUEST_MAX + 1, MSG_DONTWAIT);
	if (len <= 0)
		return;
	answer = control_answer(host, client->uid, request, len, &ends);
	err = answer ? send_answer(client->fd, answer, &ends) : 0;
	if (err)
		log_debug("control: cannot send an answer: %s", strerror(-err));
}

static void dispatch_client(struct control *control, int fd, const struct control_host *host)
{
	for (size_t i = 0; i < control->nr_clients; i++) {
		if (control->clients[i].fd != fd)
			continue;
		serve_client(&control->clients[i], host);
		client_del(control, i);
		return;
	}
}

void control_dispatch(struct control *control, const struct control_host *host)
{
	struct epoll_event events[EVENTS_MAX];
	int nr = epoll_wait(control->epoll_fd, events, EVENTS_MAX, 0);

	/* Clients first: one of them may be closed to make room for another. */
	for (int i = 0; i < nr; i++)
		if (events[i].data.fd != control->listen_fd)
			dispatch_client(control, events[i].data.fd, host);
	for (int i = 0; i < nr; i++)
		if (events[i].data.fd == control->listen_fd)
			accept_client(control);
}
