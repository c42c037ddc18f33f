// SPDX-License-Identifier: Apache-2.0
/* L: poll, the end of an enclave, the release of its resources. */

#include "ne_guest.h"
#include "ne_lib.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_TIMEOUT_MS	(20000 * ne_slowness())
#define START_ROUNDS	100
#define KILL_ROUNDS	60

/* Architectures without the system call poll use ppoll. */
#ifndef SYS_poll
#define SYS_poll	SYS_ppoll
#endif

static int poll_usual(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLERR | POLLHUP };
	int rc = poll(&pfd, 1, timeout_ms);

	return rc < 0 ? -errno : pfd.revents;
}

/* All CPUs and pages of an enclave are available again at once. */
static void check_all_free(struct ne_test *t)
{
	struct ne_env *env = t->env;

	CHECK_EQ(t, ne_meminfo("HugePages_Free"), env->free_pages);
	CHECK_EQ(t, ne_env_pool_restore(env), 0);
}

static void l01_nothing_happened(struct ne_test *t)
{
	struct ne_enclave e;

	ne_enclave_create(t, &e);
	CHECK_EQ(t, poll_usual(e.fd, 0), 0);
	ne_enclave_close(&e);
	ne_enclave_start(t, &e);
	CHECK_EQ(t, poll_usual(e.fd, 0), 0);
}

struct poll_call {
	int fd;
	int revents;
	_Atomic pid_t tid;
};

static void *poll_in_thread(void *arg)
{
	struct poll_call *call = arg;

	call->tid = syscall(SYS_gettid);
	call->revents = poll_usual(call->fd, END_TIMEOUT_MS);
	return NULL;
}

static void l02_blocked_poll(struct ne_test *t)
{
	struct poll_call call;
	struct ne_enclave e;
	pthread_t thread;

	ne_enclave_run(t, &e);
	call.fd = e.fd;
	REQUIRE(t, !pthread_create(&thread, NULL, poll_in_thread, &call));
	ne_enclave_end(t, &e);
	pthread_join(thread, NULL);
	CHECK_EQ(t, call.revents, POLLHUP);
}

static void l03_hup_stays(struct ne_test *t)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLERR | EPOLLHUP };
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct pollfd pfd = { .events = ~POLLNVAL };
	struct ne_enclave e;
	unsigned int i;

	ne_enclave_stopped(t, &e);
	CHECK_EQ(t, ne_wait_hup(e.fd, 0), POLLHUP);
	CHECK_EQ(t, ne_wait_hup(e.fd, 0), POLLHUP);
	/* For any requested events: never readable, writable or an error. */
	pfd.fd = e.fd;
	CHECK_EQ(t, poll(&pfd, 1, 0), 1);
	CHECK_EQ(t, pfd.revents, POLLHUP);
	/* Registered only now: epoll reports the earlier event. */
	REQUIRE_EQ(t, epoll_ctl(epoll_fd, EPOLL_CTL_ADD, e.fd, &event), 0);
	for (i = 0; i < 2; i++) {
		event.events = 0;
		CHECK_EQ(t, epoll_wait(epoll_fd, &event, 1, 0), 1);
		CHECK_EQ(t, event.events, EPOLLHUP);
	}
	/* Edge-triggered: reported once. */
	event.events = EPOLLET;
	REQUIRE_EQ(t, epoll_ctl(epoll_fd, EPOLL_CTL_MOD, e.fd, &event), 0);
	CHECK_EQ(t, epoll_wait(epoll_fd, &event, 1, 0), 1);
	CHECK_EQ(t, event.events, EPOLLHUP);
	CHECK_EQ(t, epoll_wait(epoll_fd, &event, 1, 0), 0);
}

static void l05_only_that_one(struct ne_test *t)
{
	struct ne_enclave e1, e2;

	ne_need_cores(t, 2);
	ne_enclave_run(t, &e2);
	ne_enclave_stopped(t, &e1);
	CHECK_EQ(t, ne_wait_hup(e1.fd, 0), POLLHUP);
	CHECK_EQ(t, ne_wait_hup(e2.fd, 0), 0);
	CHECK(t, ne_enclave_alive(t, &e2));
}

static void l06_close(struct ne_test *t)
{
	struct ne_enclave e;

	ne_enclave_run(t, &e);
	munmap(e.mem, e.size);
	e.mem = NULL;
	CHECK_EQ(t, close(e.fd), 0);
	e.fd = -1;
	check_all_free(t);
	CHECK(t, ne_guest_is_fake(t->env) || ne_guest_gone(e.cid));
}

/* exec closes the fd and unmaps the memory, while the process continues to run. */
static void l06_exec(struct ne_test *t)
{
	int fds[2];
	char byte;
	pid_t pid;

	REQUIRE(t, !pipe(fds));
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid) {
		struct ne_enclave e;

		ne_enclave_start(t, &e);
		dup2(fds[1], STDOUT_FILENO);
		execlp("sh", "sh", "-c", "echo; exec sleep 30", NULL);
		_exit(1);
	}
	close(fds[1]);
	REQUIRE_EQ(t, read(fds[0], &byte, 1), 1);
	CHECK_EQ(t, waitpid(pid, NULL, WNOHANG), 0);
	check_all_free(t);
}

static void l07_duplicate(struct ne_test *t)
{
	struct ne_enclave e;
	int copy;

	ne_enclave_run(t, &e);
	copy = dup(e.fd);
	close(e.fd);
	e.fd = copy;
	CHECK_EQ(t, ne_wait_hup(e.fd, 0), 0);
	CHECK(t, ne_enclave_alive(t, &e));
	ne_enclave_close(&e);
	check_all_free(t);
}

static void l08_closed_while_polled(struct ne_test *t)
{
	struct ne_enclave e;
	pid_t pid;

	/* In a child, because the state after its end is what matters. */
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid) {
		struct poll_call call = { 0 };
		pthread_t thread;

		ne_enclave_run(t, &e);
		call.fd = e.fd;
		REQUIRE(t, !pthread_create(&thread, NULL, poll_in_thread, &call));
		while (!call.tid)
			ne_msleep(1);
		REQUIRE(t, ne_await_syscall(call.tid, SYS_poll));
		close(e.fd);
		CHECK_ERR(t, ne_env_pool_restore(t->env), EPERM);
		e.fd = -1;
		CHECK(t, ne_guest_is_fake(t->env) || ne_enclave_alive(t, &e));
		fflush(stdout);
		_exit(0);
	}
	ne_wait_child(t, pid);
	check_all_free(t);
}

/*
 * Have a child run an enclave and report on a pipe. Return: its process id, when the
 * enclave runs.
 */
static pid_t child_with_enclave(struct ne_test *t, int *ret_fd)
{
	int fds[2];
	char byte;
	pid_t pid;

	REQUIRE(t, !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid) {
		struct ne_enclave e;

		close(fds[0]);
		ne_enclave_start(t, &e);
		REQUIRE_EQ(t, write(fds[1], "r", 1), 1);
		/* An fd inherited by another child would keep the enclave. */
		pause();
		_exit(0);
	}
	close(fds[1]);
	REQUIRE_EQ(t, read(fds[0], &byte, 1), 1);
	*ret_fd = fds[0];
	return pid;
}

static void l09_owner_killed(struct ne_test *t)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		pid_t pid;
		int fd;

		pid = child_with_enclave(t, &fd);
		CHECK_ERR(t, ne_env_pool_restore(t->env), EPERM);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(fd);
		check_all_free(t);
	}
}

static void l10_passed_to_child(struct ne_test *t)
{
	int fds[2];
	char byte;
	pid_t pid;

	REQUIRE(t, !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid) {
		struct ne_enclave e;

		ne_enclave_run(t, &e);
		if (!fork()) {
			/* The heir of the fd reports whether the enclave survived its owner. */
			while (getppid() == pid)
				ne_msleep(10);
			close(fds[0]);
			CHECK(t, read(fds[1], &byte, 1) == 1);
			CHECK_EQ(t, ne_wait_hup(e.fd, 0), 0);
			CHECK(t, ne_enclave_alive(t, &e));
			fflush(stdout);
			close(e.fd);
			munmap(e.mem, e.size);
			CHECK(t, write(fds[1], "c", 1) == 1);
			_exit(0);
		}
		_exit(0);
	}
	ne_wait_child(t, pid);
	close(fds[1]);
	CHECK_ERR(t, ne_env_pool_restore(t->env), EPERM);
	REQUIRE_EQ(t, write(fds[0], "g", 1), 1);
	REQUIRE_EQ(t, read(fds[0], &byte, 1), 1);
	/* Its close() has returned. */
	CHECK_EQ(t, ne_env_pool_restore(t->env), 0);
	CHECK_EQ(t, read(fds[0], &byte, 1), 0);
	check_all_free(t);
}

static void send_fd(struct ne_test *t, int socket_fd, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = "";
	struct iovec iov = { .iov_base = "f", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	REQUIRE_EQ(t, sendmsg(socket_fd, &msg, 0), 1);
}

static int receive_fd(struct ne_test *t, int socket_fd)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	REQUIRE_EQ(t, recvmsg(socket_fd, &msg, MSG_CMSG_CLOEXEC), 1);
	REQUIRE(t, CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* The fd is first in the socket's queue, then in this process. */
static void l10_passed_by_socket(struct ne_test *t)
{
	uint64_t cid = 0;
	int fds[2], fd;
	pid_t pid;

	REQUIRE(t, !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid) {
		struct ne_enclave e;

		ne_enclave_start(t, &e);
		send_fd(t, fds[1], e.fd);
		_exit(0);
	}
	ne_wait_child(t, pid);
	CHECK_ERR(t, ne_env_pool_restore(t->env), EPERM);
	fd = receive_fd(t, fds[0]);
	CHECK_EQ(t, ne_wait_hup(fd, 0), 0);
	CHECK_ERR(t, ne_start(fd, 0, &cid), NE_ERR_NOT_IN_INIT_STATE);
	CHECK_EQ(t, close(fd), 0);
	check_all_free(t);
}

/* The fd is never received, so the enclave ends with the socket. */
static void l10_left_in_socket(struct ne_test *t)
{
	struct ne_enclave e;
	int fds[2];

	REQUIRE(t, !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	ne_enclave_start(t, &e);
	send_fd(t, fds[1], e.fd);
	ne_enclave_close(&e);
	CHECK_ERR(t, ne_env_pool_restore(t->env), EPERM);
	close(fds[0]);
	close(fds[1]);
	check_all_free(t);
}

static void l11_stopped_keeps_resources(struct ne_test *t)
{
	struct ne_env *env = t->env;
	struct ne_enclave e, other;
	unsigned int i;

	ne_enclave_create(t, &other);
	for (i = 1; i < env->nr_cores; i++)
		ne_enclave_add_core(t, &other);
	ne_enclave_stopped(t, &e);
	CHECK_ERR(t, ne_new_enclave(NULL), NE_ERR_NO_CPUS_AVAIL_IN_POOL);
	ne_enclave_close(&e);
	CHECK(t, ne_new_enclave(NULL) >= 0);
}

static void l12_never_started(struct ne_test *t)
{
	struct ne_enclave e;

	ne_enclave_ready(t, &e);
	ne_enclave_close(&e);
	check_all_free(t);
}

/* Create, fill, start and close for ever. */
__attribute__((noreturn)) static void cycle_for_ever(void)
{
	void *mem = ne_map_huge(NE_MIN_ENCLAVE_SIZE);

	if (!mem)
		_exit(1);
	for (;;) {
		uint64_t cid = 0;
		int fd = ne_new_enclave(NULL);

		ne_add_region(fd, mem, NE_MIN_ENCLAVE_SIZE);
		ne_add_vcpu_id(fd, 0);
		ne_add_vcpu_id(fd, 0);
		ne_start(fd, 0, &cid);
		close(fd);
	}
}

static void l13_killed_anywhere(struct ne_test *t)
{
	struct ne_env *env = t->env;
	unsigned int i;
	int status;

	srandom(1);
	for (i = 0; i < KILL_ROUNDS; i++) {
		pid_t pid = fork();

		REQUIRE(t, pid >= 0);
		if (!pid)
			cycle_for_ever();
		usleep(random() % 200000);
		kill(pid, SIGKILL);
		REQUIRE_EQ(t, waitpid(pid, &status, 0), pid);
		REQUIRE(t, WIFSIGNALED(status));	/* it could go on for ever */
		if (!CHECK_EQ(t, ne_meminfo("HugePages_Free"), env->free_pages))
			break;
	}
	CHECK_EQ(t, ne_env_pool_restore(env), 0);
}

static void l15_many_rounds(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int kmsg = ne_kmsg_open();
	void *mem = ne_map_huge(NE_MIN_ENCLAVE_SIZE);
	unsigned int i, k;

	REQUIRE(t, mem);
	for (i = 0; i < START_ROUNDS; i++) {
		int fd = ne_require_enclave(t);
		uint64_t cid = 0;

		REQUIRE_EQ(t, ne_add_region(fd, mem, NE_MIN_ENCLAVE_SIZE), 0);
		for (k = 0; k < env->threads; k++)
			REQUIRE_EQ(t, ne_add_vcpu_id(fd, env->cpus[k]), env->cpus[k]);
		REQUIRE_EQ(t, ne_start(fd, 0, &cid), 0);
		REQUIRE_EQ(t, close(fd), 0);
	}
	CHECK(t, ne_kmsg_is_quiet(kmsg));
}

static const struct ne_case cases[] = {
	{ "L01 nothing happened: no event", l01_nothing_happened, 120 },
	{ "L02 end wakes a blocked poll with POLLHUP alone", l02_blocked_poll, 120 },
	{ "L03 POLLHUP stays", l03_hup_stays, 60 },
	{ "L05 the end of one does not touch another", l05_only_that_one, 240 },
	{ "L06 all is free when close returns", l06_close, 120 },
	{ "L06 exec closes: all is free", l06_exec, 120 },
	{ "L07 a duplicate keeps the enclave", l07_duplicate, 120 },
	{ "L08 a poll keeps the enclave until its process ends", l08_closed_while_polled, 120 },
	{ "L09 owner killed: all is free", l09_owner_killed, 240 },
	{ "L10 a forked child keeps the enclave", l10_passed_to_child, 120 },
	{ "L10 a process that got it by a socket keeps it", l10_passed_by_socket, 120 },
	{ "L10 a socket that nobody reads keeps it", l10_left_in_socket, 120 },
	{ "L11 stopped: keeps its resources until closed", l11_stopped_keeps_resources, 120 },
	{ "L12 never started: all is free after close", l12_never_started, 0 },
	{ "L13 killed at random points", l13_killed_anywhere, 300 },
	{ "L15 100 times start and close", l15_many_rounds, 300 },
};

int main(int argc, char **argv)
{
	return ne_guest_main(cases, ARRAY_SIZE(cases), 2 * ne_guest_pages(), argc, argv);
}
