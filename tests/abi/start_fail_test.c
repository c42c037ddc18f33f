// SPDX-License-Identifier: Apache-2.0
/*
 * S14: every way in which a start can fail after the checks of the ioctl. On EC2 the
 * hypervisor refuses it; here the supervisor or the VMM does. The fault tests of the debug
 * kernel make the allocations of this ioctl fail.
 */

#include "ne_fixture.h"
#include "ne_lib.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void s14_no_supervisor(struct ne_test *t)
{
	struct ne_fixture f;

	ne_fixture_prepare(t, &f);
	ne_fixture_start(&f);
	CHECK_EQ(t, f.rc, -ENODEV);
	CHECK_EQ(t, f.cid, 0);
	REQUIRE_EQ(t, ne_netlink_open(&f.nl, NE_EMU_MCGRP_BACKEND), 0);
	ne_fixture_check_again(t, &f);
}

static void s14_refused(struct ne_test *t)
{
	struct ne_info info;
	struct ne_fixture f;

	ne_fixture_accept(t, &f);
	CHECK_EQ(t, ne_backend_done(f.info.backend_fd, ENOMEM, "no memory left"), 0);
	ne_fixture_join(&f);
	CHECK_EQ(t, f.rc, -ENOMEM);
	CHECK_EQ(t, f.cid, 0);
	close(f.info.backend_fd);
	CHECK_EQ(t, ne_netlink_get(&f.nl, f.uid, &info), 0);
	CHECK_EQ(t, info.state, NE_EMU_ENCLAVE_STATE_INIT);
	CHECK(t, !strcmp(info.exit_text, "no memory left"));
	ne_fixture_check_again(t, &f);
}

static void s14_vmm_lost(struct ne_test *t)
{
	struct ne_fixture f;

	ne_fixture_accept(t, &f);
	close(f.info.backend_fd);
	ne_fixture_join(&f);
	CHECK_EQ(t, f.rc, -ECONNRESET);
	ne_fixture_check_again(t, &f);
}

static void b05_supervisor_lost(struct ne_test *t)
{
	struct ne_info ready;
	struct ne_fixture f;
	int cmd;

	ne_fixture_prepare(t, &f);
	REQUIRE_EQ(t, ne_netlink_open(&f.nl, NE_EMU_MCGRP_BACKEND), 0);
	REQUIRE(t, !pthread_create(&f.thread, NULL, ne_fixture_start, &f));
	REQUIRE_EQ(t, ne_netlink_event(&f.nl, NE_EVENT_MS, &cmd, &ready), 0);
	CHECK_EQ(t, cmd, NE_EMU_CMD_READY);
	CHECK_EQ(t, ready.slot_uid, f.uid);
	/* This one does not accept the request; a later one does. */
	ne_netlink_close(&f.nl);
	REQUIRE_EQ(t, ne_netlink_open(&f.nl, NE_EMU_MCGRP_BACKEND), 0);
	REQUIRE_EQ(t, ne_netlink_accept(&f.nl, &f.info), 0);
	CHECK_EQ(t, ne_backend_done(f.info.backend_fd, 0, ""), 0);
	ne_fixture_join(&f);
	CHECK_EQ(t, f.rc, 0);
}

/* A request that cannot be accepted fails at once, not after 30 s. */
static void s14_supervisor_without_descriptors(struct ne_test *t)
{
	struct rlimit limit, none;
	struct ne_fixture f;
	struct ne_info ready;
	int cmd, rc;

	ne_fixture_prepare(t, &f);
	REQUIRE_EQ(t, ne_netlink_open(&f.nl, NE_EMU_MCGRP_BACKEND), 0);
	REQUIRE(t, !pthread_create(&f.thread, NULL, ne_fixture_start, &f));
	REQUIRE_EQ(t, ne_netlink_event(&f.nl, NE_EVENT_MS, &cmd, &ready), 0);
	REQUIRE_EQ(t, getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = limit.rlim_max };
	REQUIRE_EQ(t, setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = ne_netlink_accept(&f.nl, &f.info);
	REQUIRE_EQ(t, setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_EQ(t, rc, -EMFILE);
	ne_fixture_join(&f);
	CHECK_EQ(t, f.rc, -EMFILE);
	ne_fixture_check_again(t, &f);
}

static void s14_time_out(struct ne_test *t)
{
	struct ne_fixture accepted, waiting;
	struct ne_info ready;
	int cmd;

	ne_need_cores(t, 2);
	ne_fixture_accept(t, &accepted);
	ne_fixture_prepare(t, &waiting);
	REQUIRE(t, !pthread_create(&waiting.thread, NULL, ne_fixture_start, &waiting));
	REQUIRE_EQ(t, ne_netlink_event(&accepted.nl, NE_EVENT_MS, &cmd, &ready), 0);
	CHECK_EQ(t, ready.slot_uid, waiting.uid);
	ne_fixture_join(&accepted);
	ne_fixture_join(&waiting);
	CHECK_EQ(t, accepted.rc, -ETIMEDOUT);
	CHECK_EQ(t, waiting.rc, -ETIMEDOUT);
	CHECK_ERR(t, ne_netlink_accept(&accepted.nl, &ready), EAGAIN);

	CHECK(t, ne_backend_poll(accepted.info.backend_fd, NE_EVENT_MS) & POLLHUP);
	CHECK_ERR(t, ne_backend_done(accepted.info.backend_fd, 0, ""), ESTALE);
	close(accepted.info.backend_fd);
	ne_fixture_check_again(t, &accepted);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* As with the AWS driver, clients never see EINTR, but SIGKILL must work. */
static void b07_signal(struct ne_test *t)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct ne_fixture f;

	sigaction(SIGUSR1, &action, NULL);
	ne_fixture_accept(t, &f);
	pthread_kill(f.thread, SIGUSR1);
	ne_msleep(100);		/* long enough for a wrong EINTR */
	CHECK_EQ(t, ne_backend_poll(f.info.backend_fd, 0), 0);
	CHECK_EQ(t, ne_backend_done(f.info.backend_fd, 0, ""), 0);
	ne_fixture_join(&f);
	CHECK_EQ(t, f.rc, 0);
}

static void b07_killed(struct ne_test *t)
{
	struct ne_env *env = t->env;
	struct ne_netlink nl;
	struct ne_info info;
	pid_t pid;

	REQUIRE_EQ(t, ne_netlink_open(&nl, NE_EMU_MCGRP_BACKEND), 0);
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid) {
		struct ne_fixture f;

		ne_fixture_prepare(t, &f);
		ne_fixture_start(&f);
		_exit(0);
	}
	REQUIRE_EQ(t, ne_netlink_wait_accept(&nl, NE_EVENT_MS, &info), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), env->free_pages);
	CHECK_EQ(t, ne_env_pool_restore(env), 0);
	CHECK(t, ne_backend_poll(info.backend_fd, NE_EVENT_MS) & POLLHUP);
	CHECK_ERR(t, ne_backend_done(info.backend_fd, 0, ""), ESTALE);
}

static const struct ne_case cases[] = {
	{ "S14 VMM lost: ECONNRESET, another try works", s14_vmm_lost, 0 },
	{ "S14 no answer: ETIMEDOUT, another try works", s14_time_out, 100 },
	{ "S14 no supervisor: ENODEV, another try works", s14_no_supervisor, 0 },
	{ "S14 supervisor without descriptors: EMFILE at once, another try works",
	  s14_supervisor_without_descriptors, 0 },
	{ "S14 refused by the supervisor: its errno, another try works", s14_refused, 0 },
	{ "B05 supervisor restarts: the request waits for it", b05_supervisor_lost, 0 },
	{ "B07 a signal does not interrupt a start", b07_signal, 0 },
	{ "B07 killed in a start: all is free", b07_killed, 0 },
};

int main(int argc, char **argv)
{
	return ne_fixture_main(cases, ARRAY_SIZE(cases), argc, argv);
}
