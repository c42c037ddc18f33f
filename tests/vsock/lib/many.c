// SPDX-License-Identifier: Apache-2.0
/*
 * Thousands of connections to and from one enclave, and how they end.
 *
 * usage: vsock_many CID PORT OUT LISTEN_PORT IN
 *
 * Listens and prints "listening"; makes OUT connections to the enclave, accepts IN from it
 * and prints "open MS", how long that took; waits until all of them have ended and prints
 * "ended COUNT MS", the time from the first end to the last. A connection has ended when
 * reading returns end of file or ECONNRESET; anything else is a failure.
 */

#include <errno.h>
#include <linux/vm_sockets.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CID_PARENT	3
#define MAX_FILES	16384
#define EVENTS		256
/* Threads that connect: while one waits for an answer, others connect. */
#define THREADS		16
/* How long to wait for the next connection to end, ms. */
#define PATIENCE_MS	20000

static unsigned long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000UL + now.tv_nsec / 1000000;
}

static void fail(const char *step)
{
	printf("failed: %s: %s\n", step, strerror(errno));
	exit(1);
}

static struct sockaddr_vm address(unsigned int cid, unsigned int port)
{
	return (struct sockaddr_vm){
		.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port,
	};
}

static int new_socket(void)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0)
		fail("socket");
	return fd;
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		fail("epoll_ctl");
}

static int listen_on(unsigned int port)
{
	struct sockaddr_vm addr = address(CID_PARENT, port);
	int fd = new_socket();

	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, SOMAXCONN))
		fail("listen");
	printf("listening\n");
	return fd;
}

/**
 * struct caller - a thread that connects
 * @count: number of connections
 */
struct caller {
	pthread_t thread;
	struct sockaddr_vm addr;
	unsigned long count;
	int epoll;
};

/* Blocking, because sockets of non-blocking connects outlive their close by seconds. */
static void *call(void *arg)
{
	struct caller *caller = arg;

	while (caller->count--) {
		int fd = new_socket();

		if (connect(fd, (struct sockaddr *)&caller->addr, sizeof(caller->addr)))
			fail("connect");
		watch(caller->epoll, fd);
	}
	return NULL;
}

static void open_all(int epoll, int listener, struct sockaddr_vm addr, unsigned long out,
		     unsigned long in)
{
	struct caller callers[THREADS];
	unsigned long i, begin = now_ms();

	for (i = 0; i < THREADS; i++) {
		callers[i] = (struct caller){
			.addr = addr,
			.count = out / THREADS + (i < out % THREADS),
			.epoll = epoll,
		};
		if (pthread_create(&callers[i].thread, NULL, call, &callers[i]))
			fail("pthread_create");
	}
	for (i = 0; i < in; i++) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			fail("accept");
		watch(epoll, fd);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(callers[i].thread, NULL);
	printf("open %lu\n", now_ms() - begin);
}

static void end_one(int fd)
{
	char byte;

	errno = 0;
	if (read(fd, &byte, 1) > 0 || (errno && errno != ECONNRESET))
		fail("read");
	close(fd);
}

static void wait_for_ends(int epoll, unsigned long count)
{
	struct epoll_event events[EVENTS];
	unsigned long ended = 0, begin = 0;
	int n;

	while (ended < count) {
		n = epoll_wait(epoll, events, EVENTS, ended ? PATIENCE_MS : -1);
		if (n <= 0) {
			printf("failed: %lu of %lu connections go on\n", count - ended, count);
			exit(1);
		}
		if (!ended)
			begin = now_ms();
		for (int i = 0; i < n; i++)
			end_one(events[i].data.fd);
		ended += n;
	}
	printf("ended %lu %lu\n", ended, now_ms() - begin);
}

int main(int argc, char **argv)
{
	const struct rlimit files = { .rlim_cur = MAX_FILES, .rlim_max = MAX_FILES };
	unsigned long out, in;
	int epoll, listener;

	if (argc != 6)
		return 2;
	out = strtoul(argv[3], NULL, 10);
	in = strtoul(argv[5], NULL, 10);
	setvbuf(stdout, NULL, _IOLBF, 0);
	epoll = epoll_create1(0);
	if (setrlimit(RLIMIT_NOFILE, &files) || epoll < 0)
		fail("begin");
	listener = listen_on(strtoul(argv[4], NULL, 10));
	open_all(epoll, listener,
		 address(strtoul(argv[1], NULL, 10), strtoul(argv[2], NULL, 10)), out, in);
	wait_for_ends(epoll, out + in);
	return 0;
}
