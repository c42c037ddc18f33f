// SPDX-License-Identifier: Apache-2.0
/* I: NE_GET_IMAGE_LOAD_INFO. */

#include "ne_guest.h"
#include "ne_lib.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define GARBAGE		0xdeadbeefULL

static void i01_offset(struct ne_test *t)
{
	uint64_t offset = GARBAGE;
	struct ne_enclave e;

	ne_enclave_create(t, &e);
	CHECK_EQ(t, ne_load_info(e.fd, NE_EIF_IMAGE, &offset), 0);
	CHECK_EQ(t, offset, NE_IMAGE_OFFSET);
}

static void i02_bad_argument(struct ne_test *t)
{
	static const uint64_t flags[] = { 0, 2, 3, 1ULL << 63 };
	struct ne_enclave e;
	size_t i;

	ne_enclave_create(t, &e);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		struct ne_image_load_info info = { .flags = flags[i], .memory_offset = GARBAGE };

		CHECK_ERR(t, ne_ioctl(e.fd, NE_GET_IMAGE_LOAD_INFO, &info),
			  NE_ERR_INVALID_FLAG_VALUE);
		CHECK_EQ(t, info.flags, flags[i]);
		CHECK_EQ(t, info.memory_offset, GARBAGE);
	}
	CHECK_ERR(t, ne_ioctl(e.fd, NE_GET_IMAGE_LOAD_INFO, NULL), EFAULT);
}

static void i03_any_process(struct ne_test *t)
{
	struct ne_enclave e;
	uint64_t offset = 0;
	pid_t pid;

	ne_enclave_ready(t, &e);
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid) {
		CHECK_EQ(t, ne_load_info(e.fd, NE_EIF_IMAGE, &offset), 0);
		CHECK_EQ(t, offset, NE_IMAGE_OFFSET);
		fflush(stdout);
		_exit(0);
	}
	ne_wait_child(t, pid);
}

static void check_refused(struct ne_test *t, int fd)
{
	uint64_t offset = GARBAGE;

	CHECK_ERR(t, ne_load_info(fd, NE_EIF_IMAGE, &offset), NE_ERR_NOT_IN_INIT_STATE);
	CHECK_ERR(t, ne_load_info(fd, 0, &offset), NE_ERR_NOT_IN_INIT_STATE);
	CHECK_EQ(t, offset, GARBAGE);
}

static void i04_started(struct ne_test *t)
{
	struct ne_enclave e;

	ne_enclave_start(t, &e);
	check_refused(t, e.fd);
	ne_enclave_close(&e);
	ne_enclave_stopped(t, &e);
	check_refused(t, e.fd);
}

static const struct ne_case cases[] = {
	{ "I01 offset is 8 MiB", i01_offset, 0 },
	{ "I02 bad flags: 274, bad pointer: EFAULT", i02_bad_argument, 0 },
	{ "I03 any process may ask", i03_any_process, 0 },
	{ "I04 running and stopped: 270", i04_started, 120 },
};

int main(int argc, char **argv)
{
	return ne_guest_main(cases, ARRAY_SIZE(cases), ne_guest_pages(), argc, argv);
}
