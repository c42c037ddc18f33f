// SPDX-License-Identifier: Apache-2.0
/* Enclaves that are ready, running or ended, served by ne-emud or a stand-in. */

#include "ne_guest.h"
#include "ne_backend.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define GUEST_SIZE		(128 * NE_MIB)
#define DEFAULT_EIF		"/usr/share/ne-emu/sample.eif"
#define HEARTBEAT_BYTE		0xb7
/* A small kernel boots with nested virtualization under software emulation. */
#define BOOT_TIMEOUT_MS		(60000 * ne_slowness())
#define ANSWER_TIMEOUT_MS	(10000 * ne_slowness())
#define END_TIMEOUT_MS		(20000 * ne_slowness())
#define MAX_FAKE_GUESTS		64

static bool want_fake(void)
{
	const char *supervisor = getenv("NE_SUPERVISOR");

	return supervisor && !strcmp(supervisor, "fake");
}

static const char *eif_path(void)
{
	const char *path = getenv("NE_SAMPLE_EIF");

	return path ? path : DEFAULT_EIF;
}

bool ne_guest_is_fake(const struct ne_env *env)
{
	return env->supervisor > 0;
}

long ne_guest_pages(void)
{
	return (want_fake() ? NE_MIN_ENCLAVE_SIZE : GUEST_SIZE) / NE_PAGE;
}

/*
 * The stand-in: one process per enclave, as with real VMMs. The parent accepts requests
 * and signals a child through its pipe that the guest has to end.
 */
struct fake_guest {
	uint64_t uid;
	int pipe_fd;
};

static void fake_vmm(int backend_fd, int pipe_fd)
{
	struct pollfd pfds[] = {
		{ .fd = backend_fd },	/* POLLHUP: the enclave is being released */
		{ .fd = pipe_fd, .events = POLLIN },
	};

	if (ne_backend_done(backend_fd, 0, ""))
		_exit(1);
	while (poll(pfds, 2, -1) < 0)
		;
	if (pfds[1].revents & POLLIN)
		ne_backend_exit(backend_fd, NE_EMU_EXIT_REASON_GUEST_RESET, "ended by the test");
	_exit(0);
}

static void fake_accept(struct ne_netlink *nl, struct fake_guest *guests, unsigned int *next)
{
	struct ne_info info;

	while (!ne_netlink_accept(nl, &info)) {
		struct fake_guest *guest = &guests[(*next)++ % MAX_FAKE_GUESTS];
		int fds[2];

		if (guest->pipe_fd > 0)
			close(guest->pipe_fd);
		if (pipe2(fds, O_CLOEXEC))
			_exit(1);
		if (!fork()) {
			close(fds[1]);
			fake_vmm(info.backend_fd, fds[0]);
		}
		close(fds[0]);
		close(info.backend_fd);
		guest->uid = info.slot_uid;
		guest->pipe_fd = fds[1];
	}
}

static void fake_end(struct fake_guest *guests, uint64_t uid)
{
	size_t i;

	for (i = 0; i < MAX_FAKE_GUESTS; i++) {
		if (guests[i].uid != uid || guests[i].pipe_fd <= 0)
			continue;
		if (write(guests[i].pipe_fd, "x", 1) < 0)
			_exit(1);
	}
}

static void fake_supervisor(int control_fd)
{
	struct fake_guest guests[MAX_FAKE_GUESTS] = { 0 };
	struct ne_netlink nl;
	unsigned int next = 0;
	char status;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	status = ne_netlink_open(&nl, NE_EMU_MCGRP_BACKEND) == 0;
	if (write(control_fd, &status, 1) != 1 || !status)
		_exit(1);
	for (;;) {
		struct pollfd pfds[] = {
			{ .fd = nl.event_fd, .events = POLLIN },
			{ .fd = control_fd, .events = POLLIN },
		};
		struct ne_info info;
		uint64_t uid;
		int cmd;

		if (poll(pfds, 2, -1) < 0)
			continue;
		if (pfds[0].revents) {
			ne_netlink_event(&nl, 0, &cmd, &info);
			fake_accept(&nl, guests, &next);
		}
		if (pfds[1].revents) {
			if (read(control_fd, &uid, sizeof(uid)) != sizeof(uid))
				_exit(0);	/* the test program is gone */
			fake_end(guests, uid);
		}
	}
}

static void start_fake(struct ne_test *t, struct ne_env *env)
{
	char status = 0;
	int fds[2];

	env->stopped_daemon = ne_stop_daemon();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds)) {
		CHECK(t, !"socketpair");
		return;
	}
	env->supervisor = fork();
	if (!env->supervisor) {
		close(fds[0]);
		setpgid(0, 0);
		fake_supervisor(fds[1]);
	}
	close(fds[1]);
	env->supervisor_fd = fds[0];
	CHECK(t, read(fds[0], &status, 1) == 1 && status);
}

static void guest_setup(struct ne_test *t)
{
	struct ne_env *env = t->env;

	ne_env_setup(t);
	if (t->skip[0] || t->failures)
		return;
	if (want_fake())
		start_fake(t, env);
	else if (ne_start_daemon())
		ne_skip_suite(t, "ne-emud cannot be started (NE_SUPERVISOR=fake does not need it)");
	else if (access(eif_path(), R_OK))
		ne_skip_suite(t, "there is no enclave image %s", eif_path());
	else if (access("/dev/kvm", R_OK | W_OK))
		ne_skip_suite(t, "no usable /dev/kvm (NE_SUPERVISOR=fake does not need it)");
}

static void guest_teardown(struct ne_test *t)
{
	struct ne_env *env = t->env;

	if (env->supervisor > 0) {
		close(env->supervisor_fd);
		waitpid(env->supervisor, NULL, 0);
	}
	if (env->stopped_daemon)
		ne_start_daemon();
	ne_env_teardown(t);
}

int ne_guest_main(const struct ne_case *cases, size_t nr_cases, long page_need, int argc,
		  char **argv)
{
	return ne_env_run(&(struct ne_env_hooks){ guest_setup, ne_env_after, guest_teardown },
			  cases, nr_cases, page_need, argc, argv);
}

void ne_enclave_create(struct ne_test *t, struct ne_enclave *e)
{
	memset(e, 0, sizeof(*e));
	e->fd = ne_new_enclave(&e->uid);
	REQUIRE_OK(t, e->fd);
}

void ne_enclave_add_core(struct ne_test *t, struct ne_enclave *e)
{
	struct ne_env *env = t->env;
	unsigned int i;

	for (i = 0; i < env->threads; i++)
		REQUIRE_OK(t, ne_add_vcpu_id(e->fd, 0));
}

void ne_enclave_add_memory(struct ne_test *t, struct ne_enclave *e, size_t size)
{
	e->mem = ne_map_huge(size);
	e->size = size;
	REQUIRE(t, e->mem);
	REQUIRE_EQ(t, ne_add_region(e->fd, e->mem, size), 0);
}

void ne_enclave_load(struct ne_test *t, struct ne_enclave *e)
{
	size_t offset = NE_IMAGE_OFFSET;
	ssize_t n;
	int fd;

	fd = open(eif_path(), O_RDONLY | O_CLOEXEC);
	REQUIRE(t, fd >= 0);
	while ((n = read(fd, (char *)e->mem + offset, e->size - offset)) > 0)
		offset += n;
	REQUIRE(t, n == 0 && offset < e->size);
	close(fd);
}

void ne_enclave_ready(struct ne_test *t, struct ne_enclave *e)
{
	ne_enclave_create(t, e);
	e->size = ne_guest_pages() * NE_PAGE;
	e->mem = ne_map_huge(e->size);
	REQUIRE(t, e->mem);
	if (!ne_guest_is_fake(t->env))
		ne_enclave_load(t, e);
	REQUIRE_EQ(t, ne_add_region(e->fd, e->mem, e->size), 0);
	ne_enclave_add_core(t, e);
}

int ne_heartbeat_listen(struct ne_test *t)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = NE_CID_PARENT,
		.svm_port = NE_PORT_HEARTBEAT,
	};
	int fd;

	if (ne_guest_is_fake(t->env))
		return -1;
	fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	REQUIRE(t, fd >= 0);
	REQUIRE(t, !bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	REQUIRE(t, !listen(fd, 4));
	return fd;
}

void ne_enclave_booted(struct ne_test *t, int heartbeat_fd)
{
	struct pollfd pfd = { .fd = heartbeat_fd, .events = POLLIN };
	unsigned char byte = 0;
	int fd;

	if (heartbeat_fd < 0)
		return;
	REQUIRE_EQ(t, poll(&pfd, 1, BOOT_TIMEOUT_MS), 1);
	fd = accept4(heartbeat_fd, NULL, NULL, SOCK_CLOEXEC);
	REQUIRE(t, fd >= 0);
	REQUIRE_EQ(t, read(fd, &byte, 1), 1);
	REQUIRE_EQ(t, byte, HEARTBEAT_BYTE);
	REQUIRE_EQ(t, write(fd, &byte, 1), 1);
	close(fd);
	close(heartbeat_fd);
}

void ne_enclave_start(struct ne_test *t, struct ne_enclave *e)
{
	ne_enclave_ready(t, e);
	REQUIRE_EQ(t, ne_start(e->fd, 0, &e->cid), 0);
}

void ne_enclave_stopped(struct ne_test *t, struct ne_enclave *e)
{
	ne_enclave_create(t, e);
	ne_enclave_add_memory(t, e, NE_MIN_ENCLAVE_SIZE);
	ne_enclave_add_core(t, e);
	REQUIRE_EQ(t, ne_start(e->fd, 0, &e->cid), 0);
	if (ne_guest_is_fake(t->env))
		ne_enclave_end(t, e);
	REQUIRE_EQ(t, ne_wait_hup(e->fd, END_TIMEOUT_MS), POLLHUP);
}

void ne_enclave_run(struct ne_test *t, struct ne_enclave *e)
{
	int heartbeat_fd;

	ne_enclave_ready(t, e);
	heartbeat_fd = ne_heartbeat_listen(t);
	REQUIRE_EQ(t, ne_start(e->fd, 0, &e->cid), 0);
	ne_enclave_booted(t, heartbeat_fd);
}

static int connect_once(uint64_t cid, unsigned int port)
{
	const struct timeval limit = { .tv_sec = ANSWER_TIMEOUT_MS / 1000 };
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = cid,
		.svm_port = port,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int ne_guest_connect(uint64_t cid, unsigned int port)
{
	uint64_t deadline = ne_now_ms() + ANSWER_TIMEOUT_MS;
	int fd;

	while ((fd = connect_once(cid, port)) == -ECONNRESET && ne_now_ms() < deadline)
		ne_msleep(50);
	return fd;
}

bool ne_guest_gone(uint64_t cid)
{
	int fd = connect_once(cid, NE_PORT_ECHO);

	if (fd >= 0)
		close(fd);
	return fd == -ECONNRESET || fd == -ENODEV;
}

void ne_enclave_end(struct ne_test *t, struct ne_enclave *e)
{
	struct ne_env *env = t->env;
	char answer[3];
	int fd;

	if (ne_guest_is_fake(env)) {
		REQUIRE_EQ(t, write(env->supervisor_fd, &e->uid, sizeof(e->uid)), sizeof(e->uid));
		return;
	}
	fd = ne_guest_connect(e->cid, NE_PORT_CONTROL);
	REQUIRE_OK(t, fd);
	REQUIRE_EQ(t, write(fd, "reboot\n", 7), 7);
	REQUIRE_EQ(t, recv(fd, answer, sizeof(answer), MSG_WAITALL), sizeof(answer));
	close(fd);
}

bool ne_enclave_alive(struct ne_test *t, const struct ne_enclave *e)
{
	char buf[8] = "";
	bool alive;
	int fd;

	if (ne_guest_is_fake(t->env))
		return !ne_wait_hup(e->fd, 0);
	fd = ne_guest_connect(e->cid, NE_PORT_ECHO);
	if (fd < 0)
		return false;
	alive = write(fd, "ping", 4) == 4 && recv(fd, buf, 4, MSG_WAITALL) == 4 &&
		!memcmp(buf, "ping", 4);
	close(fd);
	return alive;
}

void ne_enclave_close(struct ne_enclave *e)
{
	if (e->fd >= 0)
		close(e->fd);
	if (e->mem)
		munmap(e->mem, e->size);
	e->fd = -1;
	e->mem = NULL;
}
