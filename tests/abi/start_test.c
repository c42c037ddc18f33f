// SPDX-License-Identifier: Apache-2.0
/* S: NE_START_ENCLAVE. */

#include "ne_guest.h"
#include "ne_lib.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_AUTO_CID		16
#define OWN_CID			77
#define FIRST_GUEST_CID		4
#define END_TIMEOUT_MS		(20000 * ne_slowness())

static int start(int fd, uint64_t flags, uint64_t cid)
{
	return ne_start(fd, flags, &cid);
}

/* Check that a start fails and does not change its argument. */
static void check_refused(struct ne_test *t, int fd, uint64_t flags, uint64_t cid, int err)
{
	struct ne_enclave_start_info info = { .flags = flags, .enclave_cid = cid };

	CHECK_ERR(t, ne_ioctl(fd, NE_START_ENCLAVE, &info), err);
	CHECK_EQ(t, info.flags, flags);
	CHECK_EQ(t, info.enclave_cid, cid);
}

static void s01_nothing_added(struct ne_test *t)
{
	int fd = ne_require_enclave(t);

	check_refused(t, fd, 0, 0, NE_ERR_NO_MEM_REGIONS_ADDED);
	check_refused(t, fd, 0, 4, NE_ERR_NO_MEM_REGIONS_ADDED);
}

static void s02_flags(struct ne_test *t)
{
	int fd = ne_require_enclave(t);

	check_refused(t, fd, 2, 0, NE_ERR_INVALID_FLAG_VALUE);
	check_refused(t, fd, 1ULL << 63, 0, NE_ERR_INVALID_FLAG_VALUE);
	check_refused(t, fd, 2, 1, NE_ERR_INVALID_FLAG_VALUE);
	CHECK_ERR(t, ne_ioctl(fd, NE_START_ENCLAVE, NULL), EFAULT);
}

static void s03_cid(struct ne_test *t)
{
	static const uint64_t cids[] = {
		1, 2, 3, 0xffffffff, 1ULL << 32, (1ULL << 32) + 3, ~0ULL,
	};
	int fd = ne_require_enclave(t);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cids); i++)
		check_refused(t, fd, 0, cids[i], NE_ERR_INVALID_ENCLAVE_CID);
}

static void s04_no_vcpu(struct ne_test *t)
{
	struct ne_enclave e;

	ne_enclave_create(t, &e);
	ne_enclave_add_memory(t, &e, NE_MIN_ENCLAVE_SIZE - NE_PAGE);
	check_refused(t, e.fd, 0, 0, NE_ERR_ENCLAVE_MEM_MIN_SIZE);
	ne_enclave_add_memory(t, &e, NE_PAGE);
	check_refused(t, e.fd, 0, 0, NE_ERR_NO_VCPUS_ADDED);
}

static void s05_no_memory(struct ne_test *t)
{
	struct ne_enclave e;

	ne_enclave_create(t, &e);
	ne_enclave_add_core(t, &e);
	check_refused(t, e.fd, 0, 0, NE_ERR_NO_MEM_REGIONS_ADDED);
}

static void s06_half_core(struct ne_test *t)
{
	struct ne_enclave e;

	ne_need_cores(t, 1);
	ne_enclave_create(t, &e);
	ne_enclave_add_memory(t, &e, NE_MIN_ENCLAVE_SIZE);
	REQUIRE_OK(t, ne_add_vcpu_id(e.fd, 0));
	check_refused(t, e.fd, 1, OWN_CID, NE_ERR_FULL_CORES_NOT_USED);
}

static void s08_automatic_cid(struct ne_test *t)
{
	struct ne_enclave_start_info info = { 0 };
	struct ne_enclave e;

	ne_enclave_ready(t, &e);
	CHECK_EQ(t, ne_ioctl(e.fd, NE_START_ENCLAVE, &info), 0);
	CHECK(t, info.enclave_cid >= FIRST_AUTO_CID && info.enclave_cid < 0xffffffff);
	CHECK_EQ(t, info.flags, 0);
}

static void s08_first_after_load(struct ne_test *t)
{
	struct ne_enclave e;

	if (ne_guest_is_fake(t->env))
		ne_skip(t, "the stand-in does not outlive the module");
	ne_env_reload(t);
	ne_enclave_start(t, &e);
	CHECK_EQ(t, e.cid, FIRST_AUTO_CID);
}

static void s09_distinct_cids(struct ne_test *t)
{
	struct ne_enclave e1, e2;

	ne_need_cores(t, 2);
	ne_enclave_ready(t, &e1);
	ne_enclave_ready(t, &e2);
	CHECK_EQ(t, ne_start(e1.fd, 0, &e1.cid), 0);
	CHECK_EQ(t, ne_start(e2.fd, 0, &e2.cid), 0);
	CHECK(t, e1.cid != e2.cid);
}

static void s10_own_cid_and_debug(struct ne_test *t)
{
	struct ne_enclave_start_info info = {
		.flags = NE_ENCLAVE_DEBUG_MODE,
		.enclave_cid = OWN_CID,
	};
	struct ne_enclave e;

	ne_enclave_ready(t, &e);
	CHECK_EQ(t, ne_ioctl(e.fd, NE_START_ENCLAVE, &info), 0);
	CHECK_EQ(t, info.enclave_cid, OWN_CID);
	CHECK_EQ(t, info.flags, NE_ENCLAVE_DEBUG_MODE);
}

static void s10_lowest_and_highest_cid(struct ne_test *t)
{
	static const uint64_t cids[] = { FIRST_GUEST_CID, 0xfffffffe };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cids); i++) {
		struct ne_enclave e;

		ne_enclave_ready(t, &e);
		e.cid = cids[i];
		CHECK_EQ(t, ne_start(e.fd, 0, &e.cid), 0);
		CHECK_EQ(t, e.cid, cids[i]);
		ne_enclave_close(&e);
	}
}

static void s11_cid_in_use(struct ne_test *t)
{
	struct ne_enclave e1, e2;

	ne_need_cores(t, 2);
	ne_enclave_ready(t, &e1);
	ne_enclave_ready(t, &e2);
	REQUIRE_EQ(t, start(e1.fd, 0, OWN_CID), 0);
	CHECK_ERR(t, start(e2.fd, 0, OWN_CID), EADDRINUSE);
	CHECK_EQ(t, start(e2.fd, 0, 0), 0);
}

static void s11_cid_free_again(struct ne_test *t)
{
	struct ne_enclave e;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		ne_enclave_ready(t, &e);
		CHECK_EQ(t, start(e.fd, 0, OWN_CID), 0);
		ne_enclave_close(&e);
	}
}

static void s12_running(struct ne_test *t)
{
	struct ne_enclave e;

	ne_enclave_start(t, &e);
	CHECK_ERR(t, start(e.fd, 0, 0), NE_ERR_NOT_IN_INIT_STATE);
	CHECK_ERR(t, start(e.fd, 7, 0), NE_ERR_INVALID_FLAG_VALUE);
	CHECK_ERR(t, start(e.fd, 0, 1), NE_ERR_INVALID_ENCLAVE_CID);
}

static void s13_stopped(struct ne_test *t)
{
	struct ne_enclave e;

	ne_enclave_stopped(t, &e);
	CHECK_ERR(t, start(e.fd, 0, 0), NE_ERR_NOT_IN_INIT_STATE);
}

static void s15_started_by_child(struct ne_test *t)
{
	struct ne_enclave e;
	pid_t pid;

	ne_enclave_ready(t, &e);
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid) {
		CHECK_EQ(t, start(e.fd, 0, 0), 0);
		fflush(stdout);
		_exit(0);
	}
	ne_wait_child(t, pid);
	CHECK_ERR(t, start(e.fd, 0, 0), NE_ERR_NOT_IN_INIT_STATE);
}

static void s16_copy_out_fails(struct ne_test *t)
{
	void *readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ne_enclave e;

	ne_enclave_ready(t, &e);
	CHECK_ERR(t, ne_ioctl(e.fd, NE_START_ENCLAVE, readonly), EFAULT);
	CHECK_ERR(t, start(e.fd, 0, 0), NE_ERR_NOT_IN_INIT_STATE);
}

static void s17_bad_image(struct ne_test *t)
{
	unsigned int i;

	if (ne_guest_is_fake(t->env))
		ne_skip(t, "the stand-in does not read images");
	for (i = 0; i < 2; i++) {
		struct ne_enclave e;

		ne_enclave_ready(t, &e);
		if (i)		/* a byte of the kernel, so the checksum is wrong */
			((char *)e.mem)[NE_IMAGE_OFFSET + NE_MIB] ^= 1;
		else		/* no image at all */
			((char *)e.mem)[NE_IMAGE_OFFSET] = 0;
		CHECK_EQ(t, start(e.fd, 0, 0), 0);
		CHECK_EQ(t, ne_wait_hup(e.fd, END_TIMEOUT_MS), POLLHUP);
		ne_enclave_close(&e);
	}
}

static void s18_single_thread_core(struct ne_test *t)
{
	struct ne_enclave e;
	int heartbeat_fd;

	ne_single_threads(t);
	ne_enclave_ready(t, &e);
	heartbeat_fd = ne_heartbeat_listen(t);
	CHECK_EQ(t, start(e.fd, 0, 0), 0);
	ne_enclave_booted(t, heartbeat_fd);
}

struct start_call {
	int fd;
	int rc;
};

static void *start_in_thread(void *arg)
{
	struct start_call *call = arg;

	call->rc = start(call->fd, 0, 0);
	return NULL;
}

static void s19_two_threads(struct ne_test *t)
{
	struct start_call calls[2];
	pthread_t threads[2];
	struct ne_enclave e;
	size_t i;

	ne_enclave_ready(t, &e);
	for (i = 0; i < 2; i++) {
		calls[i].fd = e.fd;
		REQUIRE(t, !pthread_create(&threads[i], NULL, start_in_thread, &calls[i]));
	}
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(t, calls[0].rc + calls[1].rc, -NE_ERR_NOT_IN_INIT_STATE);
	CHECK(t, !calls[0].rc || !calls[1].rc);
}

static const struct ne_case cases[] = {
	{ "S01 nothing added: 266", s01_nothing_added, 0 },
	{ "S02 bad flags: 274, bad pointer: EFAULT", s02_flags, 0 },
	{ "S03 reserved CIDs: 275", s03_cid, 0 },
	{ "S04 below 64 MiB: 268, no vCPU: 267", s04_no_vcpu, 0 },
	{ "S05 no memory: 266", s05_no_memory, 0 },
	{ "S06 half a core: 269, argument unchanged", s06_half_core, 0 },
	{ "S08 automatic CID", s08_automatic_cid, 60 },
	{ "S08 the first CID after load is 16", s08_first_after_load, 60 },
	{ "S09 two enclaves, two CIDs", s09_distinct_cids, 60 },
	{ "S10 chosen CID, debug mode", s10_own_cid_and_debug, 60 },
	{ "S10 lowest and highest CID", s10_lowest_and_highest_cid, 60 },
	{ "S11 CID in use: EADDRINUSE, stays INIT", s11_cid_in_use, 60 },
	{ "S11 CID is free again after close", s11_cid_free_again, 60 },
	{ "S12 running: 270, after flags and CID", s12_running, 120 },
	{ "S13 stopped: 270", s13_stopped, 120 },
	{ "S15 another process may start", s15_started_by_child, 60 },
	{ "S16 CID cannot be copied out: EFAULT, enclave runs", s16_copy_out_fails, 60 },
	{ "S17 no image, bad checksum: starts, then POLLHUP", s17_bad_image, 120 },
	{ "S18 one vCPU where cores have one thread", s18_single_thread_core, 60 },
	{ "S19 two threads: one starts, one 270", s19_two_threads, 60 },
};

int main(int argc, char **argv)
{
	return ne_guest_main(cases, ARRAY_SIZE(cases), 2 * ne_guest_pages(), argc, argv);
}
