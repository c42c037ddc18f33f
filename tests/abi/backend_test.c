// SPDX-License-Identifier: Apache-2.0
/*
 * B: the emulator's interfaces below NE_START_ENCLAVE: requests, answers, the memory that
 * a VMM sees, exit reasons.
 */

#include "ne_fixture.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>


static void b02_request(struct ne_test *t)
{
	struct ne_env *env = t->env;
	struct ne_fixture f;
	unsigned int i;

	ne_fixture_prepare(t, &f);
	f.flags = NE_ENCLAVE_DEBUG_MODE;
	REQUIRE_EQ(t, ne_netlink_open(&f.nl, NE_EMU_MCGRP_BACKEND), 0);
	CHECK_ERR(t, ne_netlink_accept(&f.nl, &f.info), EAGAIN);
	ne_fixture_begin(t, &f);
	CHECK_EQ(t, f.info.slot_uid, f.uid);
	CHECK(t, f.info.cid >= 16);
	CHECK_EQ(t, f.info.flags, NE_ENCLAVE_DEBUG_MODE);
	CHECK_EQ(t, f.info.mem_size, NE_MIN_ENCLAVE_SIZE);
	CHECK_EQ(t, f.info.image_offset, NE_EMU_IMAGE_OFFSET);
	CHECK_EQ(t, f.info.nr_vcpus, env->threads);
	for (i = 0; i < f.info.nr_vcpus; i++)
		CHECK_EQ(t, f.info.vcpus[i], env->cpus[i]);
	CHECK_EQ(t, ne_backend_poll(f.info.backend_fd, 0), 0);
	CHECK_EQ(t, fcntl(f.info.backend_fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(t, ne_backend_done(f.info.backend_fd, 0, ""), 0);
	ne_fixture_join(&f);
	CHECK_EQ(t, f.rc, 0);
	CHECK_EQ(t, f.cid, f.info.cid);
	CHECK_EQ(t, ne_backend_poll(f.info.backend_fd, NE_EVENT_MS), POLLIN);
}

static void b08_answers(struct ne_test *t)
{
	struct ne_emu_backend_status status = { .code = 4096 };
	struct ne_fixture f;
	int fd;

	ne_fixture_accept(t, &f);
	fd = f.info.backend_fd;
	CHECK_ERR(t, ne_ioctl(fd, NE_EMU_BACKEND_DONE, NULL), EFAULT);
	CHECK_ERR(t, ne_ioctl(fd, NE_EMU_BACKEND_DONE, &status), EINVAL);
	status.code = 0;
	status.guest_status = 1;
	CHECK_ERR(t, ne_ioctl(fd, NE_EMU_BACKEND_DONE, &status), EINVAL);
	status.guest_status = 0;
	memset(status.text, 'x', sizeof(status.text));
	CHECK_ERR(t, ne_ioctl(fd, NE_EMU_BACKEND_DONE, &status), EINVAL);
	CHECK_ERR(t, ne_backend_exit(fd, NE_EMU_EXIT_REASON_GUEST_RESET, ""), ENOTCONN);
	CHECK_ERR(t, ne_ioctl(fd, NE_START_ENCLAVE, &status), ENOTTY);

	CHECK_EQ(t, ne_backend_done(fd, 0, ""), 0);
	ne_fixture_join(&f);
	CHECK_EQ(t, f.rc, 0);
	CHECK_ERR(t, ne_backend_done(fd, 0, ""), EALREADY);
	CHECK_ERR(t, ne_backend_exit(fd, NE_EMU_EXIT_REASON_NONE, ""), EINVAL);
	CHECK_ERR(t, ne_backend_exit(fd, NE_EMU_EXIT_REASON_LOST, ""), EINVAL);
	CHECK_ERR(t, ne_backend_exit(fd, 1000, ""), EINVAL);
	CHECK_EQ(t, ne_backend_exit(fd, NE_EMU_EXIT_REASON_GUEST_RESET, "a\nb"), 0);
	CHECK_ERR(t, ne_backend_exit(fd, NE_EMU_EXIT_REASON_GUEST_RESET, ""), EALREADY);
}

static void b09_exit_reason(struct ne_test *t)
{
	struct ne_info info;
	struct ne_fixture f;

	ne_fixture_run(t, &f);
	CHECK_EQ(t, ne_wait_hup(f.fd, 0), 0);
	CHECK_EQ(t, ne_netlink_get(&f.nl, f.uid, &info), 0);
	CHECK(t, !info.has_status);
	REQUIRE_EQ(t, ne_backend_exit(f.info.backend_fd, NE_EMU_EXIT_REASON_GUEST_SHUTDOWN,
				      "triple\tfault"), 0);
	CHECK_EQ(t, ne_wait_hup(f.fd, 0), POLLHUP);
	close(f.info.backend_fd);
	CHECK_EQ(t, ne_netlink_get(&f.nl, f.uid, &info), 0);
	CHECK_EQ(t, info.state, NE_EMU_ENCLAVE_STATE_STOPPED);
	CHECK_EQ(t, info.exit_reason, NE_EMU_EXIT_REASON_GUEST_SHUTDOWN);
	CHECK(t, !strncmp(info.exit_text, "triple", 6) && !strchr(info.exit_text, '\t'));
	CHECK(t, !info.has_status);
	CHECK_EQ(t, info.owner_pid, getpid());
	close(f.fd);
	CHECK_ERR(t, ne_netlink_get(&f.nl, f.uid, &info), ENOENT);
}

/* Status 0 is known, too. The values are those of wait(2). */
static void b16_guest_status(struct ne_test *t)
{
	static const struct {
		uint32_t reported;
		uint32_t status;
	} good[] = { { 0x10000, 0 }, { 0x10700, 7 << 8 }, { 0x10009, SIGKILL } };
	static const uint32_t bad[] = { 1, 0x700, 0x20000, 0x30000, 0x80010700 };
	struct ne_info info;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct ne_fixture f;

		ne_fixture_run(t, &f);
		for (size_t j = 0; j < ARRAY_SIZE(bad); j++)
			CHECK_ERR(t, ne_backend_exit_status(f.info.backend_fd,
							    NE_EMU_EXIT_REASON_GUEST_RESET,
							    bad[j], ""), EINVAL);
		CHECK_EQ(t, ne_wait_hup(f.fd, 0), 0);
		CHECK_EQ(t, ne_backend_exit_status(f.info.backend_fd,
						   NE_EMU_EXIT_REASON_GUEST_RESET,
						   good[i].reported, "over"), 0);
		CHECK_EQ(t, ne_netlink_get(&f.nl, f.uid, &info), 0);
		CHECK(t, info.has_status);
		CHECK_EQ(t, info.exit_status, good[i].status);
		close(f.info.backend_fd);
		close(f.fd);
		munmap(f.mem, NE_MIN_ENCLAVE_SIZE);
	}
}

static void b10_backend_dies(struct ne_test *t)
{
	struct ne_info info;
	struct ne_fixture f;

	ne_fixture_run(t, &f);
	close(f.info.backend_fd);
	CHECK_EQ(t, ne_wait_hup(f.fd, NE_EVENT_MS), POLLHUP);
	CHECK_EQ(t, ne_netlink_get(&f.nl, f.uid, &info), 0);
	CHECK_EQ(t, info.exit_reason, NE_EMU_EXIT_REASON_LOST);
}

static void b11_stop(struct ne_test *t)
{
	struct ne_info info;
	struct ne_fixture f;

	ne_fixture_run(t, &f);
	CHECK_ERR(t, ne_netlink_stop(&f.nl, f.uid + 1), ENOENT);
	CHECK_EQ(t, ne_netlink_stop(&f.nl, f.uid), 0);
	CHECK_EQ(t, ne_wait_hup(f.fd, NE_EVENT_MS), POLLHUP);
	CHECK(t, ne_backend_poll(f.info.backend_fd, NE_EVENT_MS) & POLLHUP);
	close(f.info.backend_fd);
	CHECK_EQ(t, ne_netlink_get(&f.nl, f.uid, &info), 0);
	CHECK_EQ(t, info.exit_reason, NE_EMU_EXIT_REASON_ADMIN_STOP);
}

static void b12_events(struct ne_test *t)
{
	static const uint32_t states[] = {
		NE_EMU_ENCLAVE_STATE_RUNNING,
		NE_EMU_ENCLAVE_STATE_STOPPED,
		NE_EMU_ENCLAVE_STATE_FREED,
	};
	struct ne_netlink events;
	struct ne_info info;
	struct ne_fixture f;
	size_t next = 0;
	int cmd;

	REQUIRE_EQ(t, ne_netlink_open(&events, NE_EMU_MCGRP_EVENTS), 0);
	ne_fixture_run(t, &f);
	REQUIRE_EQ(t, ne_backend_exit(f.info.backend_fd, NE_EMU_EXIT_REASON_GUEST_HALT, ""), 0);
	close(f.info.backend_fd);
	close(f.fd);
	while (next < ARRAY_SIZE(states)) {
		REQUIRE_EQ(t, ne_netlink_event(&events, NE_EVENT_MS, &cmd, &info), 0);
		REQUIRE_EQ(t, cmd, NE_EMU_CMD_ENCLAVE_NTF);
		CHECK_EQ(t, info.slot_uid, f.uid);
		/* "created" may come first; the others come once each, in order. */
		if (info.state != NE_EMU_ENCLAVE_STATE_INIT)
			CHECK_EQ(t, info.state, states[next++]);
	}
}

/* Whether a byte of mapped memory can be read; raises no signal. */
static bool readable(const char *p)
{
	int fds[2];
	bool ok;

	if (pipe(fds))
		return false;
	ok = write(fds[1], p, 1) == 1;
	close(fds[0]);
	close(fds[1]);
	return ok;
}

/* Map part of the memory. Return: 0 or a negative errno. */
static int try_map(int fd, size_t size, off_t offset)
{
	void *view = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, offset);

	return view == MAP_FAILED ? -errno : munmap(view, size);
}

/* Only the VMM has the memory: its children do not inherit the mapping. */
static void check_not_inherited(struct ne_test *t, char *view)
{
	unsigned char in_core;
	pid_t pid;

	CHECK_EQ(t, mincore(view, 1, &in_core) ? -errno : 0, 0);
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid) {
		CHECK_EQ(t, mincore(view, 1, &in_core) ? -errno : 0, -ENOMEM);
		fflush(stdout);
		_exit(0);
	}
	ne_wait_child(t, pid);
}

static void b13_memory(struct ne_test *t)
{
	size_t size = NE_MIN_ENCLAVE_SIZE + 2 * NE_PAGE;
	char *first = ne_map_huge(NE_PAGE), *last = ne_map_huge(NE_PAGE);
	struct ne_fixture f;
	char *view;
	int fd;

	ne_fixture_prepare(t, &f);
	REQUIRE(t, first && last);
	first[0] = 1;
	f.mem[0] = 2;
	f.mem[NE_MIN_ENCLAVE_SIZE - 1] = 3;
	last[NE_PAGE - 1] = 4;
	/* Order of calls, not of addresses: the large region comes first. */
	REQUIRE_EQ(t, ne_add_region(f.fd, last, NE_PAGE), 0);
	REQUIRE_EQ(t, ne_add_region(f.fd, first, NE_PAGE), 0);
	REQUIRE_EQ(t, ne_netlink_open(&f.nl, NE_EMU_MCGRP_BACKEND), 0);
	ne_fixture_begin(t, &f);
	fd = f.info.backend_fd;
	CHECK_EQ(t, f.info.mem_size, size);

	CHECK(t, mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL);
	CHECK_EQ(t, try_map(fd, size, 0), 0);
	CHECK_EQ(t, try_map(fd, size + NE_PAGE, 0), -EINVAL);
	CHECK_EQ(t, try_map(fd, NE_PAGE, size - NE_PAGE), 0);
	CHECK_EQ(t, try_map(fd, 2 * NE_PAGE, size - NE_PAGE), -EINVAL);
	CHECK_EQ(t, try_map(fd, NE_PAGE, size), -EINVAL);
	CHECK_EQ(t, try_map(fd, NE_PAGE, size + NE_PAGE), -EINVAL);
	view = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(t, view != MAP_FAILED);
	CHECK_EQ(t, view[0], 2);
	CHECK_EQ(t, view[NE_MIN_ENCLAVE_SIZE - 1], 3);
	CHECK_EQ(t, view[NE_MIN_ENCLAVE_SIZE + NE_PAGE - 1], 4);
	CHECK_EQ(t, view[NE_MIN_ENCLAVE_SIZE + NE_PAGE], 1);
	view[NE_PAGE] = 5;
	CHECK_EQ(t, f.mem[NE_PAGE], 5);
	check_not_inherited(t, view);

	REQUIRE_EQ(t, ne_backend_done(fd, 0, ""), 0);
	ne_fixture_join(&f);
	CHECK(t, readable(view));
	close(f.fd);
	CHECK(t, !readable(view));
	CHECK(t, !readable(view + NE_PAGE));
	CHECK(t, ne_backend_poll(fd, 0) & POLLHUP);
}

/* A VMM that answers, maps and touches the memory, and then ignores everything. */
static void deaf_vmm(struct ne_netlink *nl)
{
	struct ne_info info;
	char *view;

	if (ne_netlink_wait_accept(nl, NE_EVENT_MS, &info))
		_exit(1);
	view = mmap(NULL, info.mem_size, PROT_READ | PROT_WRITE, MAP_SHARED, info.backend_fd, 0);
	if (view == MAP_FAILED)
		_exit(2);
	memset(view, 1, info.mem_size);
	if (ne_backend_done(info.backend_fd, 0, ""))
		_exit(3);
	for (;;)
		pause();
}

static void b14_deaf_vmm(struct ne_test *t)
{
	struct ne_env *env = t->env;
	struct ne_netlink nl;
	struct ne_fixture f;
	int status = 0;
	pid_t pid;

	REQUIRE_EQ(t, ne_netlink_open(&nl, NE_EMU_MCGRP_BACKEND), 0);
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid)
		deaf_vmm(&nl);
	ne_fixture_prepare(t, &f);
	ne_fixture_start(&f);
	REQUIRE_EQ(t, f.rc, 0);
	munmap(f.mem, NE_MIN_ENCLAVE_SIZE);
	close(f.fd);
	/* It still runs, but everything is free already. */
	CHECK_EQ(t, waitpid(pid, &status, WNOHANG), 0);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), env->free_pages);
	CHECK_EQ(t, ne_env_pool_restore(env), 0);
	CHECK_EQ(t, waitpid(pid, &status, 0), pid);
	CHECK(t, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void b15_privilege(struct ne_test *t)
{
	struct ne_netlink nl;
	struct ne_info info;
	struct ne_fixture f;
	pid_t pid;

	ne_fixture_run(t, &f);
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid) {
		if (setuid(65534))
			_exit(1);
		CHECK_ERR(t, ne_netlink_open(&nl, NE_EMU_MCGRP_BACKEND), EPERM);
		CHECK_EQ(t, ne_netlink_open(&nl, NE_EMU_MCGRP_EVENTS), 0);
		CHECK_ERR(t, ne_netlink_accept(&nl, &info), EPERM);
		CHECK_ERR(t, ne_netlink_stop(&nl, f.uid), EPERM);
		CHECK_EQ(t, ne_netlink_get(&nl, f.uid, &info), 0);
		fflush(stdout);
		_exit(0);
	}
	ne_wait_child(t, pid);
	CHECK_EQ(t, ne_wait_hup(f.fd, 0), 0);
}

static const struct ne_case cases[] = {
	{ "B02 what a request carries", b02_request, 0 },
	{ "B08 wrong and repeated answers", b08_answers, 0 },
	{ "B09 exit reason and text", b09_exit_reason, 0 },
	{ "B10 backend dies: POLLHUP, reason lost", b10_backend_dies, 0 },
	{ "B11 enclave-stop: POLLHUP, reason admin-stop", b11_stop, 0 },
	{ "B12 every change is an event", b12_events, 0 },
	{ "B13 memory in call order, gone at close", b13_memory, 0 },
	{ "B14 VMM that ignores the end is killed", b14_deaf_vmm, 60 },
	{ "B15 rights of an ordinary user", b15_privilege, 0 },
	{ "B16 status of the enclave's program", b16_guest_status, 0 },
};

int main(int argc, char **argv)
{
	return ne_fixture_main(cases, ARRAY_SIZE(cases), argc, argv);
}
