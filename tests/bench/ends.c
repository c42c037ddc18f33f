// SPDX-License-Identifier: Apache-2.0
/*
 * Measures how long the connections of an enclave take to end with it: alone, and while
 * another enclave has as many, which must not be affected. One line for each measurement:
 *
 *	# CONNECTIONS CONNECTIONS-OF-ANOTHER CLOSE-MICROSECONDS ENDED-MICROSECONDS
 */

#include "ne_lib.h"
#include "ne_vsock.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MOST		8192
#define TURNS		3
#define LIMIT_S		300

/** struct many - the connections of one enclave, and the parent's sockets */
struct many {
	int chan;
	int nr;
	int fds[MOST];
};

static long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000L + ts.tv_nsec / 1000;
}

static void many_open(struct ne_test *t, struct many *many, uint32_t cid, int nr)
{
	struct ne_packet *p = ne_packet_new(t);
	struct ne_conn c;

	many->chan = ne_chan_open(t, cid, 0);
	for (many->nr = 0; many->nr < nr; many->nr++) {
		c = ne_conn_guest(many->chan, cid);
		many->fds[many->nr] = ne_conn_open(t, &c, p);
	}
	free(p);
}

/* No data were sent, so only the end can be read. */
static bool is_over(int fd)
{
	return ne_wait(fd, POLLIN, LIMIT_S * 1000);
}

static void many_close(struct many *many)
{
	while (many->nr)
		close(many->fds[--many->nr]);
}

static void measure(struct ne_test *t, int nr, int others)
{
	static struct many ours, theirs;
	long begin, closed, ended;
	int i;

	many_open(t, &theirs, CID_B, others);
	many_open(t, &ours, CID_A, nr);

	begin = now_us();
	close(ours.chan);
	closed = now_us() - begin;
	for (i = 0; i < nr; i++)
		CHECK(t, is_over(ours.fds[i]));
	ended = now_us() - begin;
	ne_note("%d %d %ld %ld", nr, others, closed, ended);

	for (i = 0; i < others; i++)
		CHECK(t, !ne_wait(theirs.fds[i], POLLIN, 0));
	close(theirs.chan);
	many_close(&ours);
	many_close(&theirs);
}

static void all_sizes(struct ne_test *t)
{
	struct rlimit limit = { 3 * MOST, 3 * MOST };
	int turn;

	REQUIRE(t, !setrlimit(RLIMIT_NOFILE, &limit));
	for (turn = 0; turn < TURNS; turn++) {
		measure(t, MOST / 8, 0);
		measure(t, MOST, 0);
		measure(t, MOST / 8, MOST);
	}
}

static const struct ne_case cases[] = {
	{ "connections end", all_sizes, LIMIT_S * 6 },
};

int main(int argc, char **argv)
{
	return ne_vsock_main(cases, 1, argc, argv);
}
