// SPDX-License-Identifier: Apache-2.0
/*
 * F: every allocation of an operation fails once, the first, then the second,
 * and so on. The operation must fail cleanly and work when it is repeated. For a
 * kernel with CONFIG_FAILSLAB and CONFIG_FAIL_PAGE_ALLOC.
 */

#include "ne_backend.h"
#include "ne_env.h"
#include "ne_lib.h"
#include "ne_vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define DEBUGFS		"/sys/kernel/debug/"
#define EVENT_MS	5000
/* No operation allocates that often. */
#define MAX_NTH		400
#define TIMEOUT		600

/**
 * struct fault - the failing allocation of the calling thread
 * @fd: its fail-nth file
 * @nth: which allocation fails
 * @done: an operation ran to its end without reaching that many
 * @injected: how many operations had one that failed
 */
struct fault {
	int fd;
	int nth;
	bool done;
	int injected;
};

static void fault_open(struct ne_test *t, struct fault *f)
{
	memset(f, 0, sizeof(*f));
	f->fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (f->fd < 0)
		ne_skip(t, "the kernel has no fault injection");
}

static void fault_arm(struct fault *f)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", ++f->nth);

	if (pwrite(f->fd, text, len, 0) != len)
		abort();
}

/* Nothing fails any more; whether the armed one has. */
static bool fault_disarm(struct fault *f)
{
	char text[16] = "";
	bool injected;

	if (pread(f->fd, text, sizeof(text) - 1, 0) <= 0)
		abort();
	injected = !atoi(text);
	if (pwrite(f->fd, "0", 1, 0) != 1)
		abort();
	f->injected += injected;
	f->done = !injected;
	return injected;
}

static bool fault_next(struct fault *f)
{
	return !f->done && f->nth < MAX_NTH;
}

/* The loop came to its end, and something did fail on the way. */
static void fault_close(struct ne_test *t, struct fault *f)
{
	ne_note("%d allocations failed", f->injected);
	CHECK(t, f->done);
	CHECK(t, f->injected > 0);
	close(f->fd);
}

/* Allocations that may wait and those of any size fail, too. */
static void setup_injection(struct ne_test *t)
{
	static const char *const switches[] = {
		"failslab/ignore-gfp-wait", "fail_page_alloc/ignore-gfp-wait",
		"fail_page_alloc/ignore-gfp-highmem",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(switches); i++) {
		char path[100];

		snprintf(path, sizeof(path), DEBUGFS "%s", switches[i]);
		if (ne_write_file(path, "N", 1) < 0)
			ne_skip(t, "%s cannot be written", path);
	}
	ne_write_number(DEBUGFS "fail_page_alloc/min-order", 0);
	/* Each failure would be a call trace in the log. */
	ne_write_number(DEBUGFS "failslab/verbose", 0);
	ne_write_number(DEBUGFS "fail_page_alloc/verbose", 0);
}

static void create_vm(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int dev = ne_require_device(t);
	struct fault f;
	uint64_t uid;
	int fd;

	setup_injection(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		fault_arm(&f);
		fd = ne_create_vm(dev, &uid);
		if (!fault_disarm(&f))
			CHECK(t, fd >= 0);
		if (fd >= 0)
			close(fd);
		else
			CHECK_ERR(t, fd, ENOMEM);
		/* An enclave that was left behind would keep the pool. */
		CHECK_EQ(t, ne_pool_set(env->list), 0);
	}
	fault_close(t, &f);
	close(dev);
}

static void add_memory(struct ne_test *t)
{
	struct fault f;
	int fd, rc;
	char *mem;

	setup_injection(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		fd = ne_require_enclave(t);
		mem = ne_map_huge(4 * NE_PAGE);
		REQUIRE(t, mem);
		fault_arm(&f);
		rc = ne_add_region(fd, mem, 4 * NE_PAGE);
		if (fault_disarm(&f) && rc) {
			CHECK(t, rc == -ENOMEM || rc == -EFAULT);
			/* All or nothing: the same pages are good now. */
			rc = ne_add_region(fd, mem, 4 * NE_PAGE);
		}
		CHECK_EQ(t, rc, 0);
		close(fd);
		munmap(mem, 4 * NE_PAGE);
	}
	fault_close(t, &f);
}

/* An enclave that is ready to start, and a supervisor for it in a thread. */
struct start {
	struct ne_netlink nl;
	struct ne_info info;
	struct fault *fault;	/* of a faulty supervisor */
	pthread_t thread;
	char *mem;
	int fd;
	int served;
	bool leaked;
};

static void start_prepare(struct ne_test *t, struct start *s)
{
	struct ne_env *env = t->env;
	unsigned int i;

	s->fd = ne_require_enclave(t);
	s->mem = ne_map_huge(NE_MIN_ENCLAVE_SIZE);
	REQUIRE(t, s->mem);
	REQUIRE_EQ(t, ne_add_region(s->fd, s->mem, NE_MIN_ENCLAVE_SIZE), 0);
	for (i = 0; i < env->threads; i++)
		REQUIRE_OK(t, ne_add_vcpu_id(s->fd, 0));
}

static void start_undo(struct start *s)
{
	close(s->fd);
	if (s->info.backend_fd >= 0)
		close(s->info.backend_fd);
	munmap(s->mem, NE_MIN_ENCLAVE_SIZE);
}

/* Takes requests until one is answered, as the daemon would. */
static void *serve(void *arg)
{
	struct start *s = arg;
	uint64_t end = ne_now_ms() + EVENT_MS;
	int rc;

	s->info.backend_fd = -1;
	do {
		rc = ne_netlink_accept(&s->nl, &s->info);
		if (!rc)
			rc = ne_backend_done(s->info.backend_fd, 0, "");
		if (rc == -EAGAIN)
			ne_msleep(10);
	} while (rc == -EAGAIN && ne_now_ms() < end);
	s->served = rc;
	return NULL;
}

static int start_serve(struct ne_test *t, struct start *s, struct fault *client)
{
	uint64_t cid = 0;
	int rc;

	REQUIRE(t, !pthread_create(&s->thread, NULL, serve, s));
	if (client)
		fault_arm(client);
	rc = ne_start(s->fd, 0, &cid);
	if (client)
		fault_disarm(client);
	pthread_join(s->thread, NULL);
	return rc;
}

static void start_client(struct ne_test *t)
{
	struct start s = { };
	struct fault f;
	int rc;

	setup_injection(t);
	REQUIRE_EQ(t, ne_netlink_open(&s.nl, NE_EMU_MCGRP_EVENTS), 0);
	fault_open(t, &f);
	while (fault_next(&f)) {
		start_prepare(t, &s);
		rc = start_serve(t, &s, &f);
		if (!f.done && rc) {
			CHECK_ERR(t, rc, ENOMEM);
			CHECK_EQ(t, s.served, -EAGAIN);
			rc = start_serve(t, &s, NULL);
		}
		CHECK_EQ(t, rc, 0);
		CHECK_EQ(t, s.served, 0);
		start_undo(&s);
	}
	fault_close(t, &f);
	ne_netlink_close(&s.nl);
}

static int next_fd(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

/*
 * Accept while allocations fail. Afterwards the request is still there, or it was
 * refused: never taken without anybody having its fd. Only a lost acknowledgement
 * (ENOBUFS) leaves the fd to a caller that did not read the reply.
 */
static void accept_faulty(struct start *s)
{
	int fd = next_fd();

	fault_arm(s->fault);
	s->served = ne_netlink_accept(&s->nl, &s->info);
	fault_disarm(s->fault);
	if (!s->served || fcntl(fd, F_GETFD) < 0)
		return;
	if (s->served != -ENOBUFS)
		s->leaked = true;
	close(fd);
}

/* Has a fail-nth of its own, which belongs to the thread. */
static void *serve_faulty(void *arg)
{
	struct start *s = arg;
	struct ne_info ready;
	int cmd;

	s->info.backend_fd = -1;
	s->fault->fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (s->fault->fd < 0)
		abort();
	s->served = ne_netlink_event(&s->nl, EVENT_MS, &cmd, &ready);
	if (!s->served)
		accept_faulty(s);
	if (s->served)
		s->served = ne_netlink_accept(&s->nl, &s->info);
	if (!s->served)
		s->served = ne_backend_done(s->info.backend_fd, 0, "");
	close(s->fault->fd);
	return NULL;
}

static void start_supervisor(struct ne_test *t)
{
	struct start s = { };
	struct fault f = { };
	uint64_t cid;
	int rc;

	setup_injection(t);
	REQUIRE_EQ(t, ne_netlink_open(&s.nl, NE_EMU_MCGRP_BACKEND), 0);
	while (fault_next(&f)) {
		start_prepare(t, &s);
		s.fault = &f;
		REQUIRE(t, !pthread_create(&s.thread, NULL, serve_faulty, &s));
		cid = 0;
		rc = ne_start(s.fd, 0, &cid);
		pthread_join(s.thread, NULL);
		CHECK(t, !s.leaked);
		if (rc) {
			CHECK(t, rc == -ENOMEM || rc == -ENFILE || rc == -ECONNRESET);
			CHECK_EQ(t, s.served, -EAGAIN);
		} else {
			CHECK_EQ(t, s.served, 0);
		}
		start_undo(&s);
	}
	ne_note("%d allocations failed", f.injected);
	CHECK(t, f.done && f.injected);
	ne_netlink_close(&s.nl);
}

/* The end of an enclave takes memory for messages only, and works without. */
static void close_running(struct ne_test *t)
{
	struct ne_env *env = t->env;
	struct start s = { };
	struct fault f;

	setup_injection(t);
	REQUIRE_EQ(t, ne_netlink_open(&s.nl, NE_EMU_MCGRP_EVENTS), 0);
	fault_open(t, &f);
	while (fault_next(&f)) {
		start_prepare(t, &s);
		REQUIRE_EQ(t, start_serve(t, &s, NULL), 0);
		fault_arm(&f);
		close(s.fd);
		fault_disarm(&f);
		CHECK_EQ(t, ne_pool_set(env->list), 0);
		CHECK_EQ(t, ne_wait_hup(s.info.backend_fd, EVENT_MS), POLLHUP);
		s.fd = -1;
		start_undo(&s);
	}
	fault_close(t, &f);
	ne_netlink_close(&s.nl);
}

static void stop_running(struct ne_test *t)
{
	struct start s = { };
	struct ne_info info;
	struct fault f;
	uint64_t uid;
	int rc;

	setup_injection(t);
	REQUIRE_EQ(t, ne_netlink_open(&s.nl, NE_EMU_MCGRP_EVENTS), 0);
	fault_open(t, &f);
	while (fault_next(&f)) {
		start_prepare(t, &s);
		REQUIRE_EQ(t, start_serve(t, &s, NULL), 0);
		uid = s.info.slot_uid;
		fault_arm(&f);
		rc = ne_netlink_stop(&s.nl, uid);
		if (!rc)
			rc = ne_netlink_get(&s.nl, uid, &info);
		fault_disarm(&f);
		if (rc)
			CHECK(t, rc == -ENOMEM || rc == -ENOBUFS);
		rc = ne_netlink_stop(&s.nl, uid);
		CHECK(t, !rc || rc == -ENOTCONN);
		CHECK_EQ(t, ne_wait_hup(s.fd, EVENT_MS), POLLHUP);
		start_undo(&s);
	}
	fault_close(t, &f);
	ne_netlink_close(&s.nl);
}

/* The VMM maps the memory, touches it and lets go of it. */
static void map_backend(struct ne_test *t)
{
	struct start s = { };
	struct fault f;
	char *map;

	setup_injection(t);
	REQUIRE_EQ(t, ne_netlink_open(&s.nl, NE_EMU_MCGRP_EVENTS), 0);
	start_prepare(t, &s);
	REQUIRE_EQ(t, start_serve(t, &s, NULL), 0);
	fault_open(t, &f);
	while (fault_next(&f)) {
		fault_arm(&f);
		map = mmap(NULL, NE_MIN_ENCLAVE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			   s.info.backend_fd, 0);
		/* A fault that finds no memory is repeated. */
		if (map != MAP_FAILED) {
			map[0] = 1;
			map[NE_PAGE + 5000] = 2;
		}
		fault_disarm(&f);
		if (map == MAP_FAILED)
			continue;
		CHECK(t, s.mem[0] == 1 && s.mem[NE_PAGE + 5000] == 2);
		munmap(map, NE_MIN_ENCLAVE_SIZE);
	}
	fault_close(t, &f);
	start_undo(&s);
	ne_netlink_close(&s.nl);
}

/* A request on its way to the channel; 0 when it got there. */
static int channel_connect(int chan, int sock)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = CID_A, .svm_port = GUEST_PORT,
	};
	struct ne_packet p;

	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0 && errno != EINPROGRESS)
		return -errno;
	return read(chan, &p, sizeof(p)) < 0 ? -errno : 0;
}

/* A channel: open, attach, one connection, close. */
static int channel_round(struct ne_test *t, struct fault *f)
{
	int sock = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct ne_emu_vsock_attach attach = { .cid = CID_A };
	int chan, rc = 0;

	REQUIRE_OK(t, sock);
	fault_arm(f);
	chan = open(NE_VSOCK_NODE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (chan < 0 || ioctl(chan, NE_EMU_VSOCK_ATTACH, &attach) < 0)
		rc = -errno;
	if (!rc)
		rc = channel_connect(chan, sock);
	close(sock);
	if (chan >= 0)
		close(chan);
	fault_disarm(f);
	return rc;
}

static void channel(struct ne_test *t)
{
	struct fault f;
	int rc;

	setup_injection(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		rc = channel_round(t, &f);
		if (f.done)
			CHECK_EQ(t, rc, 0);
		else if (rc)
			CHECK(t, rc == -ENOMEM || rc == -ENOBUFS);
	}
	fault_close(t, &f);
}

static const struct ne_case cases[] = {
	{ "F01 create_vm", create_vm, TIMEOUT },
	{ "F02 add_memory", add_memory, TIMEOUT },
	{ "F03 start_client", start_client, TIMEOUT },
	{ "F04 start_supervisor", start_supervisor, TIMEOUT },
	{ "F05 close_running", close_running, TIMEOUT },
	{ "F06 stop_running", stop_running, TIMEOUT },
	{ "F07 map_backend", map_backend, TIMEOUT },
	{ "F08 channel", channel, TIMEOUT },
};

int main(int argc, char **argv)
{
	return ne_env_main(cases, ARRAY_SIZE(cases), 2 * NE_MIN_ENCLAVE_SIZE / NE_PAGE, argc, argv);
}
