// SPDX-License-Identifier: Apache-2.0
/* An enclave that is being started, with the test as supervisor and VMM. */

#include "ne_fixture.h"
#include "ne_lib.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

void ne_fixture_prepare_with(struct ne_test *t, struct ne_fixture *f, void *mem)
{
	struct ne_env *env = t->env;
	unsigned int i;

	memset(f, 0, sizeof(*f));
	f->fd = ne_new_enclave(&f->uid);
	REQUIRE_OK(t, f->fd);
	f->mem = mem;
	REQUIRE(t, f->mem);
	REQUIRE_EQ(t, ne_add_region(f->fd, f->mem, NE_MIN_ENCLAVE_SIZE), 0);
	for (i = 0; i < env->threads; i++)
		REQUIRE_OK(t, ne_add_vcpu_id(f->fd, 0));
}

void ne_fixture_prepare(struct ne_test *t, struct ne_fixture *f)
{
	ne_fixture_prepare_with(t, f, ne_map_huge(NE_MIN_ENCLAVE_SIZE));
}

void *ne_fixture_start(void *arg)
{
	struct ne_fixture *f = arg;

	f->cid = 0;
	f->rc = ne_start(f->fd, f->flags, &f->cid);
	return NULL;
}

/* Begin a start and accept its request; do not answer yet. */
void ne_fixture_begin(struct ne_test *t, struct ne_fixture *f)
{
	REQUIRE(t, !pthread_create(&f->thread, NULL, ne_fixture_start, f));
	REQUIRE_EQ(t, ne_netlink_wait_accept(&f->nl, NE_EVENT_MS, &f->info), 0);
	REQUIRE(t, f->info.backend_fd >= 0);
}

void ne_fixture_join(struct ne_fixture *f)
{
	pthread_join(f->thread, NULL);
}

void ne_fixture_accept(struct ne_test *t, struct ne_fixture *f)
{
	ne_fixture_prepare(t, f);
	REQUIRE_EQ(t, ne_netlink_open(&f->nl, NE_EMU_MCGRP_BACKEND), 0);
	ne_fixture_begin(t, f);
}

void ne_fixture_run(struct ne_test *t, struct ne_fixture *f)
{
	ne_fixture_accept(t, f);
	REQUIRE_EQ(t, ne_backend_done(f->info.backend_fd, 0, ""), 0);
	ne_fixture_join(f);
	REQUIRE_EQ(t, f->rc, 0);
}

/* The failed start left the enclave unchanged, so it can be started again. */
void ne_fixture_check_again(struct ne_test *t, struct ne_fixture *f)
{
	ne_fixture_begin(t, f);
	CHECK_EQ(t, ne_backend_done(f->info.backend_fd, 0, ""), 0);
	ne_fixture_join(f);
	CHECK_EQ(t, f->rc, 0);
}

int ne_backend_poll(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int rc = poll(&pfd, 1, timeout_ms);

	return rc < 0 ? -errno : pfd.revents;
}

/* The test is the supervisor, so ne-emud must not accept its requests. */
static void fixture_setup(struct ne_test *t)
{
	struct ne_env *env = t->env;

	ne_env_setup(t);
	if (!t->skip[0])
		env->stopped_daemon = ne_stop_daemon();
}

static void fixture_teardown(struct ne_test *t)
{
	struct ne_env *env = t->env;

	if (env->stopped_daemon)
		ne_start_daemon();
	ne_env_teardown(t);
}

int ne_fixture_main(const struct ne_case *cases, size_t nr_cases, int argc, char **argv)
{
	struct ne_env env = { .page_need = 2 * (NE_MIN_ENCLAVE_SIZE / NE_PAGE) + 4 };
	const struct ne_suite suite = {
		.cases = cases,
		.nr_cases = nr_cases,
		.env = &env,
		.setup = fixture_setup,
		.after = ne_env_after,
		.teardown = fixture_teardown,
		.missing = ne_machine_missing,
	};

	return ne_suite_run(&suite, argc, argv);
}
