// SPDX-License-Identifier: Apache-2.0
/*
 * G: batches of packets in memory that is missing or disappears: no packet is lost or
 * duplicated. Needs root and the module.
 */

#include "ne_batch.h"
#include "ne_lib.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sockios.h>

/* Duration of tests that depend on timing. */
#define RACE_MS		500
/* Packets after which the enclave's end sends a credit update: fewer than the credit. */
#define CREDIT_WORDS	1000

/* The part of a batch that is missing or read-only. */
enum fault {
	FAULT_ELEMENT,
	FAULT_RESULT,
	FAULT_IOV,
	FAULT_HEADER,
	FAULT_DATA,
	NR_FAULTS,
};

/* Copy @data so that all but its first @before bytes are in a page with @prot. */
static void *place(struct ne_test *t, const void *data, size_t size, size_t before, int prot)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	REQUIRE(t, pages != MAP_FAILED);
	memcpy(pages + page - before, data, size);
	REQUIRE_EQ(t, mprotect(pages + page, page, prot), 0);
	return pages + page - before;
}

/* Make element @i of @b faulty. Return: the array to use. */
static struct ne_emu_vsock_packet *break_element(struct ne_test *t, struct ne_batch *b, size_t i,
						 enum fault fault)
{
	struct iovec *iov = &b->iov[i];

	switch (fault) {
	case FAULT_ELEMENT:
		return place(t, b->packets, sizeof(b->packets), i * sizeof(*b->packets),
			     PROT_NONE);
	case FAULT_RESULT:
		return place(t, b->packets, sizeof(b->packets), i * sizeof(*b->packets),
			     PROT_READ);
	case FAULT_IOV:
		b->packets[i].iov = (uintptr_t)place(t, iov, sizeof(*iov), 0, PROT_NONE);
		break;
	case FAULT_HEADER:
		iov->iov_base = place(t, b->bytes[i], iov->iov_len, HDR_SIZE / 2, PROT_NONE);
		break;
	case FAULT_DATA:
		iov->iov_base = place(t, b->bytes[i], iov->iov_len, HDR_SIZE + 1, PROT_NONE);
		break;
	case NR_FAULTS:
		break;
	}
	return b->packets;
}

/* Each fault in the first, a middle and the last element of a batch of four. */
static void g08_receive_faults(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int sock = ne_conn_open(t, &c, p), unsent = -1;
	static const int places[] = { 0, 2, BATCH - 1 };
	struct ne_emu_vsock_packet *packets;
	uint32_t sent = 0, next = 0;
	struct ne_batch *b;
	size_t i, fault;
	int k;

	for (fault = 0; fault < NR_FAULTS; fault++)
		for (i = 0; i < ARRAY_SIZE(places); i++) {
			for (k = 0; k < BATCH; k++, sent++)
				REQUIRE_EQ(t, ne_sock_send(sock, &sent, WORD, 0), WORD);
			b = ne_batch_new(t);
			packets = break_element(t, b, places[i], fault);
			CHECK_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_RECV, packets, BATCH),
				 places[i] ?: -EFAULT);
			for (k = 0; k < places[i]; k++)
				CHECK_EQ(t, packets[k].result, HDR_SIZE + WORD);
			next = ne_batch_words(t, b, places[i], next);
			CHECK_EQ(t, ne_wait(c.chan, POLLIN, 0), POLLIN);

			b = ne_batch_new(t);
			CHECK_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_RECV, b->packets, BATCH),
				 BATCH - places[i]);
			next = ne_batch_words(t, b, BATCH - places[i], next);
			CHECK_EQ(t, ne_chan_info(c.chan, "queued"), 0);
		}
	CHECK_EQ(t, next, sent);
	CHECK_EQ(t, ioctl(sock, SIOCOUTQ, &unsent), 0);
	CHECK_EQ(t, unsent, 0);
}

static void g09_send_faults(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int sock = ne_conn_open(t, &c, p);
	static const int places[] = { 0, 2, BATCH - 1 };
	struct ne_emu_vsock_packet *packets;
	uint32_t next = 0;
	struct ne_batch *b;
	size_t i, fault;

	for (fault = 0; fault < NR_FAULTS; fault++)
		for (i = 0; i < ARRAY_SIZE(places); i++) {
			b = ne_batch_new(t);
			ne_batch_set_words(b, 0, &c, next);
			packets = break_element(t, b, places[i], fault);
			CHECK_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_SEND, packets, BATCH),
				 places[i] ?: -EFAULT);
			ne_sock_words(t, sock, next, next + places[i]);

			b = ne_batch_new(t);
			ne_batch_set_words(b, places[i], &c, next + places[i]);
			CHECK_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_SEND,
						 b->packets + places[i], BATCH - places[i]),
				 BATCH - places[i]);
			ne_sock_words(t, sock, next + places[i], next + BATCH);
			next += BATCH;
		}
	CHECK_EQ(t, ne_conn_forwarded(t, &c, p), next * WORD);
	CHECK_EQ(t, ne_chan_info(c.chan, "malformed"), 0);
}

/* The array of a batch, which another thread repeatedly makes read-only. */
struct flapping {
	struct ne_emu_vsock_packet *packets;
	bool stop;
};

static void *flap(void *arg)
{
	struct flapping *f = arg;
	size_t page = sysconf(_SC_PAGESIZE);

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		mprotect(f->packets, page, PROT_READ);
		mprotect(f->packets, page, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

/* With faults at any place and time, each packet arrives exactly once in each direction. */
static void g10_exactly_once(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int sock = ne_conn_open(t, &c, p), i, in, out, faults = 0;
	struct ne_batch *b = ne_batch_new(t);
	uint32_t up = 0, down = 0, next = 0;
	uint64_t end = ne_now_ms() + RACE_MS;
	struct flapping f = {
		.packets = place(t, b->packets, sizeof(b->packets), 0, PROT_READ | PROT_WRITE),
	};
	pthread_t thread;

	REQUIRE_EQ(t, pthread_create(&thread, NULL, flap, &f), 0);
	while (ne_now_ms() < end) {
		/* To the socket. */
		ne_batch_set_words(b, 0, &c, up);
		in = ne_batch_run(c.chan, NE_EMU_VSOCK_SEND, f.packets, BATCH);
		REQUIRE(t, in > 0 || in == -EFAULT);
		ne_sock_words(t, sock, up, up + (in > 0 ? in : 0));
		up += in > 0 ? in : 0;

		/* From the socket, with credit updates in between. */
		for (i = 0; i < BATCH; i++)
			b->iov[i].iov_len = HDR_SIZE + WORD;
		REQUIRE_EQ(t, ne_sock_send(sock, &down, WORD, 0), WORD);
		down++;
		do {
			out = ne_batch_run(c.chan, NE_EMU_VSOCK_RECV, f.packets, BATCH);
			REQUIRE(t, out > 0 || out == -EFAULT || out == -EAGAIN);
			next = ne_batch_words(t, b, out, next);
		} while (out != -EAGAIN);
		faults += in != BATCH;
		REQUIRE_EQ(t, next, down);
		c.fwd_cnt = next * WORD;
	}
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	REQUIRE_EQ(t, pthread_join(thread, NULL), 0);
	ne_note("%u packets to the socket, %u from it, %d batches met a fault", up, down, faults);
	CHECK(t, up > 0 && down > 0);
	CHECK_EQ(t, ne_conn_forwarded(t, &c, p), up * WORD);
}

/* Arrays of 1024 buffers are accepted; longer ones make a packet malformed. */
static void g11_many_buffers(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	int sock = ne_conn_open(t, &c, p), i;
	struct iovec iov[IOV_MAX + 1] = {};
	struct ne_batch *b = ne_batch_new(t);

	for (i = 0; i < (int)(HDR_SIZE + WORD); i++)
		iov[IOV_MAX - 1 - i] = (struct iovec){ &b->bytes[1][HDR_SIZE + WORD - 1 - i], 1 };
	ne_batch_set_words(b, 0, &c, 0);
	for (i = 0; i < 2; i++) {
		b->packets[i].iov = (uintptr_t)iov;
		b->packets[i].iov_count = IOV_MAX + 1 - i;
	}
	REQUIRE_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_SEND, b->packets, BATCH), BATCH);
	CHECK_EQ(t, b->packets[0].result, -EINVAL);
	CHECK_EQ(t, b->packets[1].result, HDR_SIZE + WORD);
	ne_sock_words(t, sock, 1, BATCH);

	while (read(c.chan, p, sizeof(*p)) > 0)
		;
	REQUIRE_EQ(t, ne_sock_send(sock, "word", WORD, 0), WORD);
	CHECK_ERR(t, ne_batch_run(c.chan, NE_EMU_VSOCK_RECV, b->packets, BATCH), EINVAL);
	CHECK_EQ(t, ne_batch_run(c.chan, NE_EMU_VSOCK_RECV, b->packets + 1, 1), 1);
	CHECK_EQ(t, b->packets[1].result, HDR_SIZE + WORD);
	CHECK(t, !memcmp(b->bytes[1] + HDR_SIZE, "word", WORD));
}

/* A socket that sends numbers as fast as the credit allows, then closes. */
struct sender {
	int sock;
	uint32_t sent;
};

static void *send_words(void *arg)
{
	struct sender *s = arg;
	uint64_t end = ne_now_ms() + RACE_MS;

	while (ne_now_ms() < end) {
		if (ne_sock_send(s->sock, &s->sent, WORD, 0) == WORD)
			s->sent++;
		/* So that the reader often finds the channel empty, or nearly. */
		if (s->sent % 7 == 0)
			usleep(s->sent % 50);
	}
	close(s->sock);
	return NULL;
}

/* Edge-triggered: a reader that reads until a batch is not full gets the next edge. */
static void g12_edges(struct ne_test *t)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_A, 0), CID_A);
	struct ne_packet *p = ne_packet_new(t);
	struct sender s = { .sock = ne_conn_open(t, &c, p) };
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC), i, n, edges = 0;
	struct ne_batch *b = ne_batch_new(t);
	uint32_t next = 0, told = 0;
	bool closed = false;
	pthread_t thread;

	REQUIRE(t, epoll >= 0);
	REQUIRE_EQ(t, epoll_ctl(epoll, EPOLL_CTL_ADD, c.chan, &event), 0);
	REQUIRE_EQ(t, pthread_create(&thread, NULL, send_words, &s), 0);
	for (; !closed; edges++) {
		REQUIRE_EQ(t, epoll_wait(epoll, &event, 1, 5000), 1);
		do {
			n = ne_batch_run(c.chan, NE_EMU_VSOCK_RECV, b->packets, BATCH);
			REQUIRE(t, n > 0 || n == -EAGAIN);
			next = ne_batch_words(t, b, n, next);
			for (i = 0; i < n; i++)
				if (le16toh(ne_batch_header(b, i)->op) == VIRTIO_VSOCK_OP_SHUTDOWN)
					closed = true;
		} while (n == BATCH);
		if (next - told < CREDIT_WORDS)
			continue;
		told = next;
		c.fwd_cnt = next * WORD;
		REQUIRE_EQ(t, ne_conn_send(&c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0), 0);
	}
	REQUIRE_EQ(t, pthread_join(thread, NULL), 0);
	ne_note("%u packets in %d edges", next, edges);
	CHECK_EQ(t, next, s.sent);
}

static const struct ne_case cases[] = {
	{ "G08 receive_faults", g08_receive_faults, 0 },
	{ "G09 send_faults", g09_send_faults, 0 },
	{ "G10 exactly_once", g10_exactly_once, 0 },
	{ "G11 many_buffers", g11_many_buffers, 0 },
	{ "G12 edges", g12_edges, 0 },
};

int main(int argc, char **argv)
{
	return ne_vsock_main(cases, ARRAY_SIZE(cases), argc, argv);
}
