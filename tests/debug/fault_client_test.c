// SPDX-License-Identifier: Apache-2.0
/*
 * F: make each operation that the kernel does for a client fail once: the first, then
 * the second, and so on. The call must fail with a suitable errno, change nothing, and
 * work when repeated.
 *
 * NE_ADD_VCPU is not here: only get_user() and put_user() can fail in it, which fault
 * injection does not cover. V01 and V11 make them fail with bad pointers.
 */

#include "fault.h"
#include "ne_env.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEM_PAGES	4

static void open_device(struct ne_test *t)
{
	struct fault f;
	int fd;

	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		fault_arm(&f);
		fd = ne_open(O_RDWR);
		fault_disarm(&f);
		if (!FAULT_CHECK(t, &f, fd, ENOMEM, EFAULT, EMFILE, ENFILE))
			close(fd);
	}
	fault_close(t, &f);
}

static void create_vm(struct ne_test *t)
{
	int dev = ne_require_device(t);
	struct ne_env *env = t->env;
	struct fault f;
	int fd;

	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		uint64_t uid = 0;

		fault_arm(&f);
		fd = ne_create_vm(dev, &uid);
		fault_disarm(&f);
		if (FAULT_CHECK(t, &f, fd, ENOMEM, EFAULT, EMFILE, ENFILE)) {
			CHECK_EQ(t, uid, 0);
		} else {
			CHECK(t, uid != 0);
			close(fd);
		}
		/* A leaked enclave would keep the pool. */
		CHECK_EQ(t, ne_pool_set(env->list), 0);
	}
	fault_close(t, &f);
	close(dev);
}

static void load_info(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	struct fault f;
	int rc;

	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		uint64_t offset = 0;

		fault_arm(&f);
		rc = ne_load_info(fd, NE_EIF_IMAGE, &offset);
		fault_disarm(&f);
		if (FAULT_CHECK(t, &f, rc, EFAULT)) {
			CHECK_EQ(t, offset, 0);
			CHECK_EQ(t, ne_load_info(fd, NE_EIF_IMAGE, &offset), 0);
		}
		CHECK_EQ(t, offset, NE_IMAGE_OFFSET);
	}
	fault_close(t, &f);
	close(fd);
}

/* Among the failures are pinning and taking each page, also in the middle. */
static void add_memory(struct ne_test *t)
{
	struct fault f;
	int fd, rc;
	char *mem;

	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		fd = ne_require_enclave(t);
		mem = ne_map_huge(MEM_PAGES * NE_PAGE);
		REQUIRE(t, mem);
		fault_arm(&f);
		rc = ne_add_region(fd, mem, MEM_PAGES * NE_PAGE);
		fault_disarm(&f);
		/* All or nothing: the same pages are accepted now. */
		if (FAULT_CHECK(t, &f, rc, ENOMEM, EFAULT))
			CHECK_EQ(t, ne_add_region(fd, mem, MEM_PAGES * NE_PAGE), 0);
		CHECK_ERR(t, ne_add_region(fd, mem, NE_PAGE), NE_ERR_MEM_REGION_ALREADY_USED);
		close(fd);
		munmap(mem, MEM_PAGES * NE_PAGE);
	}
	fault_close(t, &f);
}

/* The old pool is lost even if the new one is refused; the next write works. */
static void set_pool(struct ne_test *t)
{
	struct ne_env *env = t->env;
	struct fault f;
	char text[600];
	int rc;

	fault_setup(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		fault_arm(&f);
		rc = ne_pool_set(env->list);
		fault_disarm(&f);
		if (FAULT_CHECK(t, &f, rc, ENOMEM, EFAULT, EMFILE, ENFILE))
			CHECK_EQ(t, ne_pool_set(env->list), 0);
		CHECK(t, ne_read_file(NE_POOL, text, sizeof(text)) > 0);
		CHECK(t, !strncmp(text, env->list, strlen(env->list)));
	}
	fault_close(t, &f);
}

static const struct ne_case cases[] = {
	{ "F01 open_device", open_device, FAULT_TIMEOUT },
	{ "F02 create_vm", create_vm, FAULT_TIMEOUT },
	{ "F03 load_info", load_info, FAULT_TIMEOUT },
	{ "F04 add_memory", add_memory, FAULT_TIMEOUT },
	{ "F05 set_pool", set_pool, FAULT_TIMEOUT },
};

int main(int argc, char **argv)
{
	return ne_env_main(cases, ARRAY_SIZE(cases), 2 * MEM_PAGES, argc, argv);
}
