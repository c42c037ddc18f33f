// SPDX-License-Identifier: Apache-2.0
/* The console: ring, log, and its service, packet by packet. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/date.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/console.h"
#include "vmm/console_service.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_vsock.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define CID		16
#define PORT		(10000 + CID)
#define READER		777
#define CREDIT		(256 * KIB)
#define HDR		sizeof(struct virtio_vsock_hdr)

struct packet {
	struct virtio_vsock_hdr hdr;
	uint8_t payload[64 * KIB];
};

/* A write to the channel that blocks until it is released. */
static struct {
	atomic_bool wanted;
	sem_t entered;
	sem_t let_go;
} stuck;

ssize_t __real_writev(int fd, const struct iovec *iov, int n);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int n);

ssize_t __wrap_writev(int fd, const struct iovec *iov, int n)
{
	if (n > 1 && atomic_exchange(&stuck.wanted, false)) {
		sem_post(&stuck.entered);
		sem_wait(&stuck.let_go);
	}
	return __real_writev(fd, iov, n);
}

struct fixture {
	struct loop loop;
	struct console console;
	struct console_service *service;
	int peer;
	int channel;
	int log_fd;
	struct packet packet;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fds[2];

	assert_int_equal(loop_init(&f->loop), 0);
	f->log_fd = memfd_create("log", MFD_CLOEXEC);
	assert_int_equal(console_init(&f->console, &f->loop, f->log_fd), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	f->peer = fds[0];
	f->channel = fds[1];
	assert_int_equal(console_service_create(&f->console, &f->loop, f->channel, CID,
						&f->service), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	console_service_destroy(f->service);
	console_exit(&f->console);
	loop_exit(&f->loop);
	fd_close(&f->peer);
	fd_close(&f->channel);
	fd_close(&f->log_fd);
	free(f);
	return 0;
}

static void print(struct fixture *f, const char *text)
{
	while (*text)
		console_write(&f->console, *text++);
}

/* Run until output has been passed on and nothing is left to do. */
static void run(struct fixture *f)
{
	while (atomic_load(&f->console.timer_set))
		assert_int_equal(loop_run_once(&f->loop, 100), 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(loop_run_once(&f->loop, 0), 0);
}

static void send_from(struct fixture *f, uint32_t port, uint16_t op, uint32_t flags,
		      uint32_t buf_alloc, uint32_t fwd_cnt)
{
	struct virtio_vsock_hdr hdr = {
		.src_cid = htole64(3), .dst_cid = 0, .src_port = htole32(port),
		.dst_port = htole32(PORT), .type = htole16(VIRTIO_VSOCK_TYPE_STREAM),
		.op = htole16(op), .flags = htole32(flags), .buf_alloc = htole32(buf_alloc),
		.fwd_cnt = htole32(fwd_cnt),
	};

	assert_int_equal(write(f->peer, &hdr, HDR), HDR);
}

/* Return: payload bytes of the next packet to the parent, or -1 if there is none. */
static ssize_t receive(struct fixture *f)
{
	ssize_t n = read(f->peer, &f->packet, sizeof(f->packet));

	if (n < 0)
		return -1;
	assert_true(n >= (ssize_t)HDR);
	assert_int_equal(f->packet.hdr.src_cid, 0);
	assert_int_equal(le64toh(f->packet.hdr.dst_cid), 3);
	assert_int_equal(le32toh(f->packet.hdr.src_port), PORT);
	assert_int_equal(le32toh(f->packet.hdr.len), n - HDR);
	return n - HDR;
}

static void expect_op(struct fixture *f, uint32_t port, uint16_t op)
{
	assert_int_equal(receive(f), 0);
	assert_int_equal(le32toh(f->packet.hdr.dst_port), port);
	assert_int_equal(le16toh(f->packet.hdr.op), op);
}

static void expect_data(struct fixture *f, uint32_t port, const char *text)
{
	assert_int_equal(receive(f), strlen(text));
	assert_int_equal(le32toh(f->packet.hdr.dst_port), port);
	assert_int_equal(le16toh(f->packet.hdr.op), VIRTIO_VSOCK_OP_RW);
	assert_memory_equal(f->packet.payload, text, strlen(text));
}

static void connect_reader(struct fixture *f, uint32_t port, uint32_t credit)
{
	send_from(f, port, VIRTIO_VSOCK_OP_REQUEST, 0, credit, 0);
	run(f);
	expect_op(f, port, VIRTIO_VSOCK_OP_RESPONSE);
	assert_int_not_equal(f->packet.hdr.buf_alloc, 0);
}

static void test_replay_and_follow(void **state)
{
	struct fixture *f = *state;

	print(f, "early");
	run(f);
	connect_reader(f, READER, CREDIT);
	expect_data(f, READER, "early");
	print(f, "late");
	run(f);
	expect_data(f, READER, "late");
	assert_int_equal(receive(f), -1);
}

static void test_several_readers(void **state)
{
	struct fixture *f = *state;

	print(f, "x");
	for (uint32_t i = 0; i < CONSOLE_READERS_MAX; i++) {
		connect_reader(f, 1000 + i, CREDIT);
		expect_data(f, 1000 + i, "x");
	}
	send_from(f, 5000, VIRTIO_VSOCK_OP_REQUEST, 0, CREDIT, 0);
	run(f);
	expect_op(f, 5000, VIRTIO_VSOCK_OP_RST);

	send_from(f, 1003, VIRTIO_VSOCK_OP_RST, 0, 0, 0);
	connect_reader(f, 5000, CREDIT);
	expect_data(f, 5000, "x");
}

static void test_credit(void **state)
{
	struct fixture *f = *state;

	print(f, "abcdefghij");
	connect_reader(f, READER, 4);
	expect_data(f, READER, "abcd");
	run(f);
	assert_int_equal(receive(f), -1);
	send_from(f, READER, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 4, 3);
	run(f);
	expect_data(f, READER, "efg");
	/* Taking credit back only stops the stream. */
	send_from(f, READER, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 0, 3);
	run(f);
	assert_int_equal(receive(f), -1);
	send_from(f, READER, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 100, 7);
	run(f);
	expect_data(f, READER, "hij");
}

/* A reader that sleeps loses the oldest output; the guest is never blocked. */
static void test_slow_reader(void **state)
{
	struct fixture *f = *state;
	uint64_t total = 3 * CONSOLE_RING_SIZE + 5;
	uint32_t got = 0;
	ssize_t n;

	connect_reader(f, READER, 0);
	for (uint64_t i = 0; i < total; i++)
		console_write(&f->console, 'a' + i % 26);
	send_from(f, READER, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 2 * CONSOLE_RING_SIZE, 0);
	for (int i = 0; i < 1000 && got < CONSOLE_RING_SIZE; i++) {
		assert_int_equal(loop_run_once(&f->loop, 0), 0);
		while ((n = receive(f)) > 0) {
			for (ssize_t j = 0; j < n; j++)
				assert_int_equal(f->packet.payload[j], 'a' +
						 (total - CONSOLE_RING_SIZE + got + j) % 26);
			got += n;
		}
	}
	assert_int_equal(got, CONSOLE_RING_SIZE);
}

static void *run_in_thread(void *arg)
{
	run(arg);
	return NULL;
}

static void *overwrite_ring(void *arg)
{
	struct fixture *f = arg;

	for (uint64_t i = 0; i < CONSOLE_RING_SIZE; i++)
		console_write(&f->console, 'x');
	sem_post(&stuck.entered);
	return NULL;
}

static bool wait_5_s(sem_t *sem)
{
	struct timespec end;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 5;
	return !sem_clockwait(sem, CLOCK_MONOTONIC, &end);
}

/* The guest continues to print while a write blocks, and the data being sent is unchanged. */
static void test_write_waits(void **state)
{
	struct fixture *f = *state;
	pthread_t sender, guest;
	bool printed;

	connect_reader(f, READER, CREDIT);
	assert_int_equal(sem_init(&stuck.entered, 0, 0), 0);
	assert_int_equal(sem_init(&stuck.let_go, 0, 0), 0);
	atomic_store(&stuck.wanted, true);
	print(f, "before");
	assert_int_equal(pthread_create(&sender, NULL, run_in_thread, f), 0);
	assert_true(wait_5_s(&stuck.entered));
	assert_int_equal(pthread_create(&guest, NULL, overwrite_ring, f), 0);
	printed = wait_5_s(&stuck.entered);
	sem_post(&stuck.let_go);
	assert_int_equal(pthread_join(sender, NULL), 0);
	assert_int_equal(pthread_join(guest, NULL), 0);
	assert_true(printed);
	expect_data(f, READER, "before");
	run(f);
	assert_true(receive(f) > 0);
	assert_int_equal(f->packet.payload[0], 'x');
}

static void test_input_is_ignored(void **state)
{
	struct fixture *f = *state;
	struct packet *packet = calloc(1, sizeof(*packet));
	uint32_t sent = 0;

	connect_reader(f, READER, CREDIT);
	packet->hdr = (struct virtio_vsock_hdr){
		.src_cid = htole64(3), .src_port = htole32(READER), .dst_port = htole32(PORT),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM), .op = htole16(VIRTIO_VSOCK_OP_RW),
		.len = htole32(900), .buf_alloc = htole32(CREDIT),
	};
	/* The sender gets credit updates long before its credit runs out. */
	do {
		assert_in_range(sent, 0, le32toh(f->packet.hdr.buf_alloc) / 2);
		assert_int_equal(write(f->peer, packet, HDR + 900), HDR + 900);
		sent += 900;
		run(f);
	} while (receive(f) < 0);
	assert_int_equal(le16toh(f->packet.hdr.op), VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	assert_int_equal(le32toh(f->packet.hdr.fwd_cnt), sent);
	free(packet);

	send_from(f, READER, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0, CREDIT, 0);
	run(f);
	expect_op(f, READER, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
}

static void test_reader_leaves(void **state)
{
	struct fixture *f = *state;

	connect_reader(f, READER, CREDIT);
	/* The reader only shuts down sending, and still reads. */
	send_from(f, READER, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND, CREDIT, 0);
	print(f, "x");
	run(f);
	expect_data(f, READER, "x");
	send_from(f, READER, VIRTIO_VSOCK_OP_SHUTDOWN,
		  VIRTIO_VSOCK_SHUTDOWN_SEND | VIRTIO_VSOCK_SHUTDOWN_RCV, CREDIT, 1);
	run(f);
	expect_op(f, READER, VIRTIO_VSOCK_OP_RST);
	print(f, "y");
	run(f);
	assert_int_equal(receive(f), -1);
}

static void test_strangers(void **state)
{
	struct fixture *f = *state;
	struct virtio_vsock_hdr hdr = {
		.src_cid = htole64(3), .src_port = htole32(5), .dst_port = htole32(PORT),
		.type = htole16(VIRTIO_VSOCK_TYPE_SEQPACKET),
		.op = htole16(VIRTIO_VSOCK_OP_REQUEST),
	};

	send_from(f, READER, VIRTIO_VSOCK_OP_RW, 0, 0, 0);
	run(f);
	expect_op(f, READER, VIRTIO_VSOCK_OP_RST);
	send_from(f, READER, VIRTIO_VSOCK_OP_RST, 0, 0, 0);
	run(f);
	assert_int_equal(receive(f), -1);

	/* Not a stream socket. */
	assert_int_equal(write(f->peer, &hdr, HDR), HDR);
	run(f);
	expect_op(f, 5, VIRTIO_VSOCK_OP_RST);
	assert_int_equal(le16toh(f->packet.hdr.type), VIRTIO_VSOCK_TYPE_SEQPACKET);

	/* A second request for an existing connection. */
	connect_reader(f, READER, CREDIT);
	send_from(f, READER, VIRTIO_VSOCK_OP_REQUEST, 0, CREDIT, 0);
	run(f);
	expect_op(f, READER, VIRTIO_VSOCK_OP_RST);
}

static void test_channel_is_full(void **state)
{
	struct fixture *f = *state;
	char noise[4096] = { 0 };

	while (write(f->channel, noise, sizeof(noise)) > 0)
		;
	print(f, "text");
	send_from(f, READER, VIRTIO_VSOCK_OP_REQUEST, 0, CREDIT, 0);
	run(f);
	while (read(f->peer, noise, sizeof(noise)) == sizeof(noise))
		;
	run(f);
	expect_op(f, READER, VIRTIO_VSOCK_OP_RESPONSE);
	expect_data(f, READER, "text");
}

/* Answers wait for room and keep their order, also where their ring wraps. */
static void test_replies_wait(void **state)
{
	struct fixture *f = *state;
	uint32_t port = 0;
	char noise[4096] = { 0 };

	/* As many as fit, starting at different slots. */
	for (unsigned int n = CONSOLE_REPLIES_MAX - 5; n <= CONSOLE_REPLIES_MAX; n += 5) {
		while (write(f->channel, noise, sizeof(noise)) > 0)
			;
		for (unsigned int i = 0; i < n; i++)
			send_from(f, port + i, VIRTIO_VSOCK_OP_RW, 0, 0, 0);
		run(f);
		assert_int_equal(f->service->nr_replies, n);
		while (read(f->peer, noise, sizeof(noise)) == sizeof(noise))
			;
		run(f);
		for (unsigned int i = 0; i < n; i++)
			expect_op(f, port++, VIRTIO_VSOCK_OP_RST);
		assert_int_equal(receive(f), -1);
	}

	/* One more gets no answer, but all others do. */
	while (write(f->channel, noise, sizeof(noise)) > 0)
		;
	for (unsigned int i = 0; i <= CONSOLE_REPLIES_MAX; i++)
		send_from(f, port + i, VIRTIO_VSOCK_OP_RW, 0, 0, 0);
	run(f);
	while (read(f->peer, noise, sizeof(noise)) == sizeof(noise))
		;
	run(f);
	for (unsigned int i = 0; i < CONSOLE_REPLIES_MAX; i++)
		expect_op(f, port++, VIRTIO_VSOCK_OP_RST);
	assert_int_equal(receive(f), -1);
}

/* A parent that answers the end of the stream after reading everything, as Linux does. */
static void *end_of_stream(void *arg)
{
	struct fixture *f = arg;
	char *got = calloc(1, 100);
	ssize_t n;

	for (;;) {
		n = receive(f);
		if (n < 0)
			continue;
		if (le16toh(f->packet.hdr.op) == VIRTIO_VSOCK_OP_SHUTDOWN)
			break;
		strncat(got, (char *)f->packet.payload, n);
		send_from(f, READER, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 4, strlen(got));
	}
	assert_int_equal(le32toh(f->packet.hdr.flags),
			 VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND);
	send_from(f, READER, VIRTIO_VSOCK_OP_RST, 0, 0, 0);
	return got;
}

static void test_finish(void **state)
{
	struct fixture *f = *state;
	int64_t before;
	pthread_t thread;
	char *got;

	connect_reader(f, READER, 4);
	run(f);
	print(f, "all of this arrives");
	before = clock_ms();
	assert_int_equal(pthread_create(&thread, NULL, end_of_stream, f), 0);
	console_service_finish(f->service, 10000);
	assert_int_equal(pthread_join(thread, (void **)&got), 0);
	assert_string_equal(got, "all of this arrives");
	assert_true(clock_ms() - before < 5000);
	free(got);
	assert_int_equal(receive(f), -1);
}

static void test_finish_without_readers(void **state)
{
	struct fixture *f = *state;
	int64_t before = clock_ms();

	print(f, "nobody reads");
	console_service_finish(f->service, 10000);
	assert_true(clock_ms() - before < 5000);
}

static void test_finish_with_a_stuck_reader(void **state)
{
	struct fixture *f = *state;
	int64_t before = clock_ms();

	connect_reader(f, READER, 2);
	print(f, "lost");
	console_service_finish(f->service, 100);
	assert_in_range(clock_ms() - before, 90, 5000);
	expect_data(f, READER, "lo");
	expect_op(f, READER, VIRTIO_VSOCK_OP_SHUTDOWN);
}

static void test_channel_gone(void **state)
{
	struct fixture *f = *state;

	connect_reader(f, READER, CREDIT);
	fd_close(&f->peer);
	print(f, "x");
	run(f);
	assert_true(f->service->dead);
	print(f, "y");
	run(f);
	console_service_finish(f->service, 10000);
}

static void test_log(void **state)
{
	struct fixture *f = *state;
	char text[200] = { 0 }, expected[200];
	int64_t before = clock_ns(CLOCK_REALTIME), when;
	size_t stamp = DATE_SIZE - 1;

	/* A line keeps the date of its first byte. */
	print(f, "one\nt");
	run(f);
	print(f, "wo\n\n");
	console_flush_log(&f->console);
	print(f, "three");
	console_flush_log(&f->console);
	assert_int_equal(pread(f->log_fd, text, sizeof(text), 0), 4 * (stamp + 1) + 14);
	snprintf(expected, sizeof(expected), "%.24s one\n%.24s two\n%.24s \n%.24s three", text,
		 text + stamp + 5, text + 2 * (stamp + 5), text + 2 * (stamp + 5) + stamp + 2);
	assert_string_equal(text, expected);
	text[stamp] = 0;
	assert_int_equal(date_parse(text, 0, &when), 0);
	assert_in_range(when, before - NSEC_PER_MSEC, clock_ns(CLOCK_REALTIME));
}

/* However short its lines, a guest cannot make the log longer than it may be. */
static void test_log_of_empty_lines(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	f->console.log_size = CONSOLE_LOG_MAX - 1000;
	for (int i = 0; i < 20000; i++)
		console_write(&f->console, '\n');
	console_flush_log(&f->console);
	assert_int_equal(fstat(f->log_fd, &st), 0);
	assert_int_equal(st.st_size, 1000 + sizeof(CONSOLE_LOG_END) - 1);
	assert_int_equal(f->console.log_size, CONSOLE_LOG_MAX);
}

static void test_log_limit(void **state)
{
	static const char marker[] = "\n[console log ends here: size limit]\n";
	char text[sizeof(marker)] = { 0 };
	struct fixture *f = *state;
	struct stat st;

	f->console.log_size = CONSOLE_LOG_MAX - 3;
	print(f, "abcdef");
	console_flush_log(&f->console);
	print(f, "ghi");
	console_flush_log(&f->console);
	assert_int_equal(fstat(f->log_fd, &st), 0);
	assert_int_equal(st.st_size, 3 + sizeof(marker) - 1);
	assert_int_equal(pread(f->log_fd, text, sizeof(marker) - 1, 3), sizeof(marker) - 1);
	assert_string_equal(text, marker);
}

static void test_log_fails(void **state)
{
	struct fixture *f = *state;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	f->console.log_fd = full;
	print(f, "lost");
	run(f);
	assert_true(f->console.log_failed);
	f->console.log_fd = f->log_fd;
	print(f, "kept");
	run(f);
	assert_false(f->console.log_failed);
	assert_int_equal(lseek(f->log_fd, 0, SEEK_CUR), 4);	/* the line had begun */
	assert_int_equal(close(full), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_replay_and_follow),
		T(test_several_readers),
		T(test_credit),
		T(test_slow_reader),
		T(test_write_waits),
		T(test_input_is_ignored),
		T(test_reader_leaves),
		T(test_strangers),
		T(test_channel_is_full),
		T(test_replies_wait),
		T(test_finish),
		T(test_finish_without_readers),
		T(test_finish_with_a_stuck_reader),
		T(test_channel_gone),
		T(test_log),
		T(test_log_of_empty_lines),
		T(test_log_limit),
		T(test_log_fails),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_init(LOG_ERR, NULL);
	return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
