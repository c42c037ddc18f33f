// SPDX-License-Identifier: Apache-2.0
/*
 * Measures round trips of messages to the echo service of agent.c.
 *
 * usage: vsock_ping CID PORT BYTES COUNT
 *
 * Prints "median MICROSECONDS" and "p99 MICROSECONDS" of a round trip.
 */

#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int round_trip(int fd, char *buf, size_t size)
{
	size_t got = 0;
	ssize_t n;

	if (send(fd, buf, size, 0) != (ssize_t)size)
		return -1;
	while (got < size) {
		n = recv(fd, buf + got, size - got, 0);
		if (n <= 0)
			return -1;
		got += n;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_vm addr = { .svm_family = AF_VSOCK };
	size_t size, count;
	double *times;
	char *buf;
	int fd;

	if (argc != 5)
		return 2;
	addr.svm_cid = strtoul(argv[1], NULL, 10);
	addr.svm_port = strtoul(argv[2], NULL, 10);
	size = strtoul(argv[3], NULL, 10);
	count = strtoul(argv[4], NULL, 10);
	buf = calloc(1, size);
	times = calloc(count, sizeof(*times));
	fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (!buf || !times || !count || fd < 0 ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		perror("vsock_ping");
		return 1;
	}
	for (size_t i = 0; i < count; i++) {
		double begin = now_us();

		if (round_trip(fd, buf, size)) {
			perror("vsock_ping");
			return 1;
		}
		times[i] = now_us() - begin;
	}
	qsort(times, count, sizeof(*times), by_size);
	printf("median %.1f\np99 %.1f\n", times[count / 2], times[count * 99 / 100]);
	return 0;
}
