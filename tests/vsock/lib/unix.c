// SPDX-License-Identifier: Apache-2.0
/*
 * Linked with --wrap into a program that uses AF_VSOCK, it redirects the program's
 * connections to a guest of vhost-device-vsock, whose end on the host is a Unix socket.
 *
 * NE_VSOCK_UNIX is the path of that socket. A connection to port N begins with the line
 * "CONNECT N" and the answer "OK ..."; connections of the guest to port N arrive at a socket
 * whose path ends with "_N".
 *
 * The device may report the end of a connection seconds after its last byte. With
 * NE_VSOCK_BYTES, poll() reports the end after that many bytes were read.
 */

#include <errno.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int __real_socket(int domain, int type, int protocol);
int __real_connect(int fd, const struct sockaddr *addr, socklen_t len);
int __real_bind(int fd, const struct sockaddr *addr, socklen_t len);
int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
ssize_t __real_read(int fd, void *buf, size_t size);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *addr, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
ssize_t __wrap_read(int fd, void *buf, size_t size);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

static unsigned long long bytes_read;

static unsigned int port_of(const struct sockaddr *addr)
{
	return ((const struct sockaddr_vm *)addr)->svm_port;
}

static struct sockaddr_un path_of(const char *suffix)
{
	struct sockaddr_un path = { .sun_family = AF_UNIX };
	const char *base = getenv("NE_VSOCK_UNIX");

	if (!base || snprintf(path.sun_path, sizeof(path.sun_path), "%s%s", base, suffix) >=
	    (int)sizeof(path.sun_path)) {
		fprintf(stderr, "NE_VSOCK_UNIX is not set, or too long\n");
		exit(2);
	}
	return path;
}

int __wrap_socket(int domain, int type, int protocol)
{
	return __real_socket(domain == AF_VSOCK ? AF_UNIX : domain, type, protocol);
}

/* Read byte by byte, because data after the line belong to the program. */
static int expect_ok(int fd)
{
	char line[64] = "";
	size_t n = 0;

	while (n < sizeof(line) - 1 && __real_read(fd, line + n, 1) == 1)
		if (line[n++] == '\n')
			break;
	if (!strncmp(line, "OK ", 3))
		return 0;
	errno = ECONNRESET;
	return -1;
}

int __wrap_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_un path = path_of("");

	(void)len;
	if (__real_connect(fd, (struct sockaddr *)&path, sizeof(path)))
		return -1;
	dprintf(fd, "CONNECT %u\n", port_of(addr));
	return expect_ok(fd);
}

int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_un path;
	char suffix[16];

	(void)len;
	snprintf(suffix, sizeof(suffix), "_%u", port_of(addr));
	path = path_of(suffix);
	unlink(path.sun_path);
	return __real_bind(fd, (struct sockaddr *)&path, sizeof(path));
}

/* The sizes of vsock buffers do not apply here. */
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return level == AF_VSOCK ? 0 : __real_setsockopt(fd, level, name, value, len);
}

ssize_t __wrap_read(int fd, void *buf, size_t size)
{
	ssize_t n = __real_read(fd, buf, size);

	if (n > 0)
		bytes_read += n;
	return n;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	const char *bytes = getenv("NE_VSOCK_BYTES");

	if (!bytes || bytes_read < strtoull(bytes, NULL, 10))
		return __real_poll(fds, count, timeout);
	fds->revents = POLLHUP;
	return 1;
}
