// SPDX-License-Identifier: Apache-2.0
/*
 * K: supervisor and VMM, here one process, are killed after each of their steps. A start
 * without an answer fails and can be repeated; a running enclave gets POLLHUP. In both
 * cases everything is free after the close.
 */

#include "ne_backend.h"
#include "ne_env.h"
#include "ne_lib.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENT_MS	(5000 * ne_slowness())
#define PAGES		(NE_MIN_ENCLAVE_SIZE / NE_PAGE)

enum step {
	STEP_TOLD,		/* notified of a request */
	STEP_ACCEPTED,
	STEP_MAPPED,
	STEP_GARBAGE,		/* gave invalid answers */
	STEP_DONE,
	STEP_TOUCHED,		/* the enclave runs and its memory was written to */
	STEP_EXITED,		/* reported the end */
	NR_STEPS
};

/**
 * struct expectation - what the client sees when the process dies after a step
 * @start: result of NE_START_ENCLAVE; -EAGAIN: it waits for another supervisor
 * @reason: exit reason, if the enclave was started
 */
static const struct expectation {
	int start;
	uint32_t reason;
} expectations[NR_STEPS] = {
	[STEP_TOLD] = { -EAGAIN },
	[STEP_ACCEPTED] = { -ECONNRESET },
	[STEP_MAPPED] = { -ECONNRESET },
	[STEP_GARBAGE] = { -ECONNRESET },
	[STEP_DONE] = { 0, NE_EMU_EXIT_REASON_LOST },
	[STEP_TOUCHED] = { 0, NE_EMU_EXIT_REASON_LOST },
	[STEP_EXITED] = { 0, NE_EMU_EXIT_REASON_GUEST_HALT },
};

/**
 * struct vmm - supervisor and VMM
 * @control: receives a byte after the last step
 */
struct vmm {
	struct ne_netlink nl;
	struct ne_info info;
	char *map;
	pid_t pid;
	int control;
};

static bool garbage(int fd)
{
	struct ne_emu_backend_status status = { };

	/* None of these is a valid answer, so the request stays as it is. */
	memset(status.text, 'x', sizeof(status.text));
	if (ne_ioctl(fd, NE_EMU_BACKEND_DONE, &status) != -EINVAL)
		return false;
	status.text[0] = 0;
	status.guest_status = 1;
	if (ne_ioctl(fd, NE_EMU_BACKEND_DONE, &status) != -EINVAL)
		return false;
	status.guest_status = 0;
	status.code = 512;	/* the first kernel-internal errno */
	if (ne_ioctl(fd, NE_EMU_BACKEND_DONE, &status) != -EINVAL)
		return false;
	return ne_ioctl(fd, NE_EMU_BACKEND_DONE, NULL) == -EFAULT &&
	       ne_ioctl(fd, 0, &status) == -ENOTTY &&
	       ne_backend_exit(fd, NE_EMU_EXIT_REASON_GUEST_HALT, "") == -ENOTCONN;
}

static bool do_step(struct vmm *vmm, enum step step)
{
	struct pollfd pfd = { .fd = vmm->info.backend_fd, .events = POLLIN };
	struct ne_info ready;
	int cmd;

	switch (step) {
	case STEP_TOLD:
		return !ne_netlink_event(&vmm->nl, EVENT_MS, &cmd, &ready) &&
		       cmd == NE_EMU_CMD_READY;
	case STEP_ACCEPTED:
		return !ne_netlink_accept(&vmm->nl, &vmm->info);
	case STEP_MAPPED:
		vmm->map = mmap(NULL, NE_MIN_ENCLAVE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				vmm->info.backend_fd, 0);
		return vmm->map != MAP_FAILED;
	case STEP_GARBAGE:
		return garbage(vmm->info.backend_fd);
	case STEP_DONE:
		return !ne_backend_done(vmm->info.backend_fd, 0, "");
	case STEP_TOUCHED:
		if (poll(&pfd, 1, EVENT_MS) != 1 || pfd.revents != POLLIN)
			return false;
		memset(vmm->map, 1, NE_MIN_ENCLAVE_SIZE);
		return true;
	case STEP_EXITED:
		return !ne_backend_exit(vmm->info.backend_fd, NE_EMU_EXIT_REASON_GUEST_HALT, "");
	case NR_STEPS:
		break;
	}
	return false;
}

static void run_vmm(struct vmm *vmm, enum step last, int control)
{
	enum step step;
	bool ok = true;

	for (step = 0; ok && step <= last; step++)
		ok = do_step(vmm, step);
	/* This process may be killed only after this. */
	if (write(control, ok ? "y" : "n", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* Start a process that takes the steps up to @last. */
static void begin(struct ne_test *t, struct vmm *vmm, enum step last)
{
	int control[2];

	memset(vmm, 0, sizeof(*vmm));
	REQUIRE_OK(t, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control));
	REQUIRE_EQ(t, ne_netlink_open(&vmm->nl, NE_EMU_MCGRP_BACKEND), 0);
	fflush(stdout);
	vmm->pid = fork();
	REQUIRE(t, vmm->pid >= 0);
	if (!vmm->pid)
		run_vmm(vmm, last, control[1]);
	close(control[1]);
	ne_netlink_close(&vmm->nl);
	vmm->control = control[0];
}

static void kill_vmm(struct ne_test *t, struct vmm *vmm)
{
	char answer = 0;

	CHECK_EQ(t, read(vmm->control, &answer, 1), 1);
	CHECK_EQ(t, answer, 'y');
	kill(vmm->pid, SIGKILL);
	CHECK_EQ(t, waitpid(vmm->pid, NULL, 0), vmm->pid);
	close(vmm->control);
}

/* Start the client in a child, which reports the result of its start. */
static pid_t begin_start(struct ne_test *t, int fd)
{
	uint64_t cid = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid)
		_exit(-ne_start(fd, 0, &cid));
	return pid;
}

static int end_start(struct ne_test *t, pid_t pid)
{
	int status = 0;

	CHECK_EQ(t, waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

static void check_start_again(struct ne_test *t, int fd, pid_t starting)
{
	struct ne_netlink nl;
	struct ne_info info;
	int rc;

	REQUIRE_EQ(t, ne_netlink_open(&nl, NE_EMU_MCGRP_BACKEND), 0);
	if (starting) {
		rc = ne_netlink_accept(&nl, &info);	/* the request was already waiting */
	} else {
		starting = begin_start(t, fd);
		rc = ne_netlink_wait_accept(&nl, EVENT_MS, &info);
	}
	REQUIRE_EQ(t, rc, 0);
	CHECK_EQ(t, ne_backend_done(info.backend_fd, 0, ""), 0);
	CHECK_EQ(t, end_start(t, starting), 0);
	CHECK_EQ(t, ne_wait_hup(fd, 0), 0);
	close(info.backend_fd);
	ne_netlink_close(&nl);
}

static void check_ended(struct ne_test *t, int fd, uint64_t uid, uint32_t reason)
{
	struct ne_netlink nl;
	struct ne_info info;

	CHECK_EQ(t, ne_wait_hup(fd, EVENT_MS), POLLHUP);
	REQUIRE_EQ(t, ne_netlink_open(&nl, NE_EMU_MCGRP_BACKEND), 0);
	CHECK_EQ(t, ne_netlink_get(&nl, uid, &info), 0);
	CHECK_EQ(t, info.state, NE_EMU_ENCLAVE_STATE_STOPPED);
	CHECK_EQ(t, info.exit_reason, reason);
	ne_netlink_close(&nl);
}

static void die_after(struct ne_test *t, enum step last)
{
	const struct expectation *expected = &expectations[last];
	struct ne_env *env = t->env;
	struct vmm vmm;
	unsigned int i;
	uint64_t uid;
	pid_t start;
	void *mem;
	int fd;

	fd = ne_new_enclave(&uid);
	REQUIRE_OK(t, fd);
	mem = ne_map_huge(NE_MIN_ENCLAVE_SIZE);
	REQUIRE(t, mem);
	REQUIRE_EQ(t, ne_add_region(fd, mem, NE_MIN_ENCLAVE_SIZE), 0);
	for (i = 0; i < env->threads; i++)
		REQUIRE_OK(t, ne_add_vcpu_id(fd, 0));

	begin(t, &vmm, last);
	start = begin_start(t, fd);
	kill_vmm(t, &vmm);
	if (expected->start == -EAGAIN) {
		check_start_again(t, fd, start);
	} else {
		CHECK_EQ(t, end_start(t, start), expected->start);
		if (expected->start)
			check_start_again(t, fd, 0);
		else
			check_ended(t, fd, uid, expected->reason);
	}
	close(fd);
	munmap(mem, NE_MIN_ENCLAVE_SIZE);
	CHECK_EQ(t, ne_env_pool_restore(env), 0);
}

#define DEATH(name, step) \
	static void name(struct ne_test *t) \
	{ \
		die_after(t, step); \
	}

DEATH(told, STEP_TOLD)
DEATH(accepted, STEP_ACCEPTED)
DEATH(mapped, STEP_MAPPED)
DEATH(answered_wrongly, STEP_GARBAGE)
DEATH(done, STEP_DONE)
DEATH(touched, STEP_TOUCHED)
DEATH(exited, STEP_EXITED)

static const struct ne_case cases[] = {
	{ "K01 killed when notified of the request", told, 0 },
	{ "K02 killed when it had accepted", accepted, 0 },
	{ "K03 killed when it had mapped the memory", mapped, 0 },
	{ "K04 killed after wrong answers", answered_wrongly, 0 },
	{ "K05 killed after the right one", done, 0 },
	{ "K06 killed while it ran", touched, 0 },
	{ "K07 killed after it reported the end", exited, 0 },
};

int main(int argc, char **argv)
{
	return ne_env_main_alone(cases, ARRAY_SIZE(cases), 2 * PAGES, argc, argv);
}
