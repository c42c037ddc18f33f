// SPDX-License-Identifier: Apache-2.0
/*
 * F: make each operation of the kernel for a start, a VMM or an administrator fail once: the
 * first, then the second, and so on. Nothing may leak.
 */

#include "fault.h"
#include "ne_backend.h"
#include "ne_env.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EVENT_MS	5000

/* An enclave that is ready to start, and a supervisor for it in a thread. */
struct start {
	struct ne_netlink nl;
	struct ne_info info;
	struct fault *fault;	/* used by a faulty supervisor */
	pthread_t thread;
	char *mem;
	int fd;
	int served;
	bool over;		/* no more requests will come */
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

/* Accept requests until one is answered, as ne-emud does. */
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
	} while (rc == -EAGAIN && !__atomic_load_n(&s->over, __ATOMIC_RELAXED) &&
		 ne_now_ms() < end);
	s->served = rc;
	return NULL;
}

static int start_serve(struct ne_test *t, struct start *s, struct fault *client)
{
	uint64_t cid = 0;
	int rc;

	s->over = false;
	REQUIRE(t, !pthread_create(&s->thread, NULL, serve, s));
	if (client)
		fault_arm(client);
	rc = ne_start(s->fd, 0, &cid);
	if (client)
		fault_disarm(client);
	__atomic_store_n(&s->over, !!rc, __ATOMIC_RELAXED);
	pthread_join(s->thread, NULL);
	return rc;
}

static void start_client(struct ne_test *t)
{
	struct start s = { };
	uint64_t cid = 0;
	struct fault f;
	int rc;

	fault_setup(t);
	REQUIRE_EQ(t, ne_netlink_open(&s.nl, NE_EMU_MCGRP_EVENTS), 0);
	fault_open(t, &f);
	while (fault_next(&f)) {
		start_prepare(t, &s);
		rc = start_serve(t, &s, &f);
		/* Not started; or it runs, and only copying the CID failed (S16). */
		if (FAULT_CHECK(t, &f, rc, ENOMEM, EFAULT) && s.served) {
			CHECK_EQ(t, s.served, -EAGAIN);
			CHECK_EQ(t, start_serve(t, &s, NULL), 0);
		}
		CHECK_EQ(t, s.served, 0);
		CHECK_ERR(t, ne_start(s.fd, 0, &cid), NE_ERR_NOT_IN_INIT_STATE);
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
 * Accept while something fails. Afterwards the request is still queued, or was refused, but
 * never accepted without an fd. Only a lost reply or acknowledgement (ENOBUFS, EFAULT)
 * leaves the fd with a caller that did not read its number.
 */
static void accept_faulty(struct start *s)
{
	int fd = next_fd();

	fault_arm(s->fault);
	s->served = ne_netlink_accept(&s->nl, &s->info);
	fault_disarm(s->fault);
	if (!s->served || fcntl(fd, F_GETFD) < 0)
		return;
	if (s->served != -ENOBUFS && s->served != -EFAULT)
		s->leaked = true;
	close(fd);
}

/* Uses the fail-nth of this thread. */
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

	fault_setup(t);
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
			CHECK(t, rc == -ENOMEM || rc == -ENFILE || rc == -EMFILE ||
			      rc == -ECONNRESET);
			CHECK_EQ(t, s.served, -EAGAIN);
		} else {
			CHECK_EQ(t, s.served, 0);
		}
		start_undo(&s);
	}
	ne_note("%d failures injected", f.injected);
	CHECK(t, f.done && f.injected);
	ne_netlink_close(&s.nl);
}

/* The end of an enclave allocates memory only for messages, and works without them. */
static void close_running(struct ne_test *t)
{
	struct ne_env *env = t->env;
	struct start s = { };
	struct fault f;

	fault_setup(t);
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

/* A lost message leaves answers in the socket, so use a new socket for the next call. */
static void reopen(struct ne_test *t, struct start *s, struct fault *f, int rc)
{
	if (!FAULT_CHECK(t, f, rc, ENOMEM, ENOBUFS, EFAULT))
		return;
	ne_netlink_close(&s->nl);
	REQUIRE_EQ(t, ne_netlink_open(&s->nl, NE_EMU_MCGRP_EVENTS), 0);
}

static void stop_running(struct ne_test *t)
{
	struct start s = { };
	struct ne_info info;
	struct fault f;
	uint64_t uid;
	int rc;

	fault_setup(t);
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
		reopen(t, &s, &f, rc);
		rc = ne_netlink_stop(&s.nl, uid);
		CHECK(t, !rc || rc == -ENOTCONN);
		CHECK_EQ(t, ne_wait_hup(s.fd, EVENT_MS), POLLHUP);
		start_undo(&s);
	}
	fault_close(t, &f);
	ne_netlink_close(&s.nl);
}

static void see_uid(const struct ne_info *info, void *arg)
{
	*(uint64_t *)arg = info->slot_uid;
}

static void get_and_dump(struct ne_test *t)
{
	struct start s = { };
	struct ne_info info;
	uint64_t uid;
	struct fault f;
	int rc;

	fault_setup(t);
	REQUIRE_EQ(t, ne_netlink_open(&s.nl, NE_EMU_MCGRP_EVENTS), 0);
	start_prepare(t, &s);
	REQUIRE_EQ(t, start_serve(t, &s, NULL), 0);
	fault_open(t, &f);
	while (fault_next(&f)) {
		uid = 0;
		fault_arm(&f);
		rc = ne_netlink_get(&s.nl, s.info.slot_uid, &info);
		if (!rc)
			rc = ne_netlink_dump(&s.nl, see_uid, &uid);
		fault_disarm(&f);
		reopen(t, &s, &f, rc);
		if (rc < 0) {
			CHECK_EQ(t, ne_netlink_get(&s.nl, s.info.slot_uid, &info), 0);
			CHECK_EQ(t, ne_netlink_dump(&s.nl, see_uid, &uid), 1);
		}
		CHECK_EQ(t, info.state, NE_EMU_ENCLAVE_STATE_RUNNING);
		CHECK_EQ(t, uid, s.info.slot_uid);
	}
	fault_close(t, &f);
	start_undo(&s);
	ne_netlink_close(&s.nl);
}

/* The VMM's two calls: they fail without effect, or succeed and report it. */
static void backend_ioctls(struct ne_test *t)
{
	struct start s = { };
	struct fault f;
	int rc;

	fault_setup(t);
	REQUIRE_EQ(t, ne_netlink_open(&s.nl, NE_EMU_MCGRP_EVENTS), 0);
	fault_open(t, &f);
	while (fault_next(&f)) {
		start_prepare(t, &s);
		REQUIRE_EQ(t, start_serve(t, &s, NULL), 0);
		fault_arm(&f);
		rc = ne_backend_exit(s.info.backend_fd, NE_EMU_EXIT_REASON_GUEST_HALT, "");
		fault_disarm(&f);
		if (FAULT_CHECK(t, &f, rc, EFAULT)) {
			CHECK_EQ(t, ne_wait_hup(s.fd, 0), 0);
			CHECK_EQ(t, ne_backend_exit(s.info.backend_fd,
						    NE_EMU_EXIT_REASON_GUEST_HALT, ""), 0);
		}
		CHECK_EQ(t, ne_wait_hup(s.fd, EVENT_MS), POLLHUP);
		start_undo(&s);
	}
	fault_close(t, &f);
	ne_netlink_close(&s.nl);
}

/* The VMM maps the memory, touches it and unmaps it. */
static void map_backend(struct ne_test *t)
{
	struct start s = { };
	struct fault f;
	char *map;

	fault_setup(t);
	REQUIRE_EQ(t, ne_netlink_open(&s.nl, NE_EMU_MCGRP_EVENTS), 0);
	start_prepare(t, &s);
	REQUIRE_EQ(t, start_serve(t, &s, NULL), 0);
	fault_open(t, &f);
	while (fault_next(&f)) {
		fault_arm(&f);
		map = mmap(NULL, NE_MIN_ENCLAVE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			   s.info.backend_fd, 0);
		/* The kernel repeats a page fault for which memory was missing. */
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

static const struct ne_case cases[] = {
	{ "F11 start_client", start_client, FAULT_TIMEOUT },
	{ "F12 start_supervisor", start_supervisor, FAULT_TIMEOUT },
	{ "F13 close_running", close_running, FAULT_TIMEOUT },
	{ "F14 stop_running", stop_running, FAULT_TIMEOUT },
	{ "F15 get_and_dump", get_and_dump, FAULT_TIMEOUT },
	{ "F16 backend_ioctls", backend_ioctls, FAULT_TIMEOUT },
	{ "F17 map_backend", map_backend, FAULT_TIMEOUT },
};

int main(int argc, char **argv)
{
	return ne_env_main_alone(cases, ARRAY_SIZE(cases), 2 * NE_MIN_ENCLAVE_SIZE / NE_PAGE,
				 argc, argv);
}
