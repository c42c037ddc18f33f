// SPDX-License-Identifier: Apache-2.0
/* M: NE_SET_USER_MEMORY_REGION: everything except kinds of pages. */

#include "ne_guest.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_REGIONS	"/sys/module/nitro_enclaves_emu/parameters/max_mem_regions"
#define SAMPLE_REGIONS	256
#define MANY_REGIONS	1024
#define LOW_LIMIT	8	/* number of regions */
#define KERNEL_ADDRESS	0xffff800000000000ULL

static char *map(struct ne_test *t, size_t size)
{
	char *p = ne_map_huge(size);

	REQUIRE(t, p);
	return p;
}

static void m01_bad_argument(struct ne_test *t)
{
	static const uint64_t flags[] = { 1, 1024, 1ULL << 63 };
	int fd = ne_require_enclave(t);
	char *h = map(t, NE_PAGE);
	size_t i;

	CHECK_ERR(t, ne_ioctl(fd, NE_SET_USER_MEMORY_REGION, NULL), EFAULT);
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		CHECK_ERR(t, ne_add_mem(fd, flags[i], NE_PAGE, (uintptr_t)h),
			  NE_ERR_INVALID_FLAG_VALUE);
}

static void m02_size(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	char *h = map(t, NE_PAGE);

	CHECK_ERR(t, ne_add_region(fd, h, NE_MIB), NE_ERR_INVALID_MEM_REGION_SIZE);
	CHECK_ERR(t, ne_add_region(fd, h, NE_PAGE + 1), NE_ERR_INVALID_MEM_REGION_SIZE);
	CHECK_ERR(t, ne_add_region(fd, h + 1, 1), NE_ERR_INVALID_MEM_REGION_SIZE);
}

static void m03_alignment(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	char *h = map(t, NE_PAGE);

	CHECK_ERR(t, ne_add_region(fd, h + 1, NE_PAGE), NE_ERR_UNALIGNED_MEM_REGION_ADDR);
	CHECK_ERR(t, ne_add_region(fd, h + 4096, NE_PAGE), NE_ERR_UNALIGNED_MEM_REGION_ADDR);
}

static void m04_address_range(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	char *h = map(t, NE_PAGE);

	CHECK_ERR(t, ne_add_mem(fd, 0, NE_PAGE, KERNEL_ADDRESS), NE_ERR_INVALID_MEM_REGION_ADDR);
	CHECK_ERR(t, ne_add_mem(fd, 0, -NE_PAGE, (uintptr_t)h), NE_ERR_INVALID_MEM_REGION_ADDR);
}

static void m05_not_accessible(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	void *none = mmap(NULL, NE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
			  (21 << MAP_HUGE_SHIFT), -1, 0);

	REQUIRE(t, none != MAP_FAILED);
	CHECK_ERR(t, ne_add_region(fd, NULL, NE_PAGE), EFAULT);
	CHECK_ERR(t, ne_add_region(fd, ne_unused_address(), NE_PAGE), EFAULT);
	CHECK_ERR(t, ne_add_region(fd, none, NE_PAGE), EFAULT);
}

static void m06_size_zero(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	char *h = map(t, NE_PAGE);

	CHECK_ERR(t, ne_add_region(fd, h, 0), ENOMEM);
	CHECK_EQ(t, ne_add_region(fd, h, NE_PAGE), 0);
	CHECK_ERR(t, ne_add_region(fd, h, 0), NE_ERR_MEM_REGION_ALREADY_USED);
}

static void m07_hole(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	char *h = map(t, 2 * NE_PAGE);

	munmap(h + NE_PAGE, NE_PAGE);
	CHECK_ERR(t, ne_add_region(fd, h, 2 * NE_PAGE), EFAULT);
	CHECK_EQ(t, ne_add_region(fd, h, NE_PAGE), 0);
}

static void m08_overlap(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	char *h = map(t, 3 * NE_PAGE) + NE_PAGE;

	REQUIRE_EQ(t, ne_add_region(fd, h, NE_PAGE), 0);
	CHECK_ERR(t, ne_add_region(fd, h, NE_PAGE), NE_ERR_MEM_REGION_ALREADY_USED);
	CHECK_ERR(t, ne_add_region(fd, h - NE_PAGE, 2 * NE_PAGE), NE_ERR_MEM_REGION_ALREADY_USED);
	CHECK_ERR(t, ne_add_region(fd, h, 2 * NE_PAGE), NE_ERR_MEM_REGION_ALREADY_USED);
	CHECK_ERR(t, ne_add_region(fd, h - NE_PAGE, 3 * NE_PAGE), NE_ERR_MEM_REGION_ALREADY_USED);
	CHECK_EQ(t, ne_add_region(fd, h + NE_PAGE, NE_PAGE), 0);
}

static void m09_part_of_region(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	char *h = map(t, 2 * NE_PAGE);

	REQUIRE_EQ(t, ne_add_region(fd, h, 2 * NE_PAGE), 0);
	CHECK_ERR(t, ne_add_region(fd, h + NE_PAGE, NE_PAGE), NE_ERR_MEM_REGION_ALREADY_USED);
}

static void m17_forked_child(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	char *h = map(t, NE_PAGE);
	pid_t pid = fork();

	REQUIRE(t, pid >= 0);
	if (!pid) {
		CHECK_ERR(t, ne_add_region(fd, h, NE_PAGE), EIO);
		CHECK_ERR(t, ne_add_region(fd, h, 1), EIO);
		fflush(stdout);
		_exit(0);
	}
	ne_wait_child(t, pid);
}

static void m18_running(struct ne_test *t)
{
	struct ne_enclave e;
	char *h;

	ne_enclave_start(t, &e);
	h = map(t, NE_PAGE);
	CHECK_ERR(t, ne_add_region(e.fd, h, NE_PAGE), NE_ERR_NOT_IN_INIT_STATE);
	CHECK_ERR(t, ne_add_mem(e.fd, 5, NE_PAGE, (uintptr_t)h), NE_ERR_INVALID_FLAG_VALUE);
}

static void fill_up_to_limit(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	char *h = map(t, (LOW_LIMIT + 1) * NE_PAGE);
	int i;

	for (i = 0; i < LOW_LIMIT; i++)
		CHECK_EQ(t, ne_add_region(fd, h + i * NE_PAGE, NE_PAGE), 0);
	CHECK_ERR(t, ne_add_region(fd, h + i * NE_PAGE, NE_PAGE), NE_ERR_MEM_MAX_REGIONS);
	CHECK_ERR(t, ne_add_region(fd, h, NE_PAGE), NE_ERR_MEM_REGION_ALREADY_USED);
	close(fd);
	munmap(h, (LOW_LIMIT + 1) * NE_PAGE);
}

static void m19_too_many_regions(struct ne_test *t)
{
	long limit = ne_read_number(MAX_REGIONS);

	CHECK(t, limit >= SAMPLE_REGIONS);
	if (ne_write_number(MAX_REGIONS, LOW_LIMIT))
		ne_skip(t, "max_mem_regions cannot be set");
	fill_up_to_limit(t);
	fill_up_to_limit(t);
	ne_write_number(MAX_REGIONS, limit);
}

static void m20_256_regions(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	unsigned int i;

	for (i = 0; i < SAMPLE_REGIONS; i++)
		REQUIRE_EQ(t, ne_add_region(fd, map(t, NE_PAGE), NE_PAGE), 0);
}

static void m20_1024_regions(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	unsigned int i;
	char *p;

	ne_write_number(NE_NODE0_2M "nr_hugepages", MANY_REGIONS);
	if (ne_read_number(NE_NODE0_2M "free_hugepages") < MANY_REGIONS)
		ne_skip(t, "no 2 GiB of huge pages on node 0");
	p = map(t, MANY_REGIONS * NE_PAGE);
	/* Every second one first, so that no two consecutive calls are neighbours. */
	for (i = 0; i < MANY_REGIONS; i += 2)
		REQUIRE_EQ(t, ne_add_region(fd, p + i * NE_PAGE, NE_PAGE), 0);
	for (i = 1; i < MANY_REGIONS; i += 2)
		REQUIRE_EQ(t, ne_add_region(fd, p + i * NE_PAGE, NE_PAGE), 0);
	CHECK_ERR(t, ne_add_region(fd, p, MANY_REGIONS * NE_PAGE), NE_ERR_MEM_REGION_ALREADY_USED);
	munmap(p, MANY_REGIONS * NE_PAGE);
	CHECK_EQ(t, close(fd), 0);
	CHECK_EQ(t, ne_read_number(NE_NODE0_2M "free_hugepages"), MANY_REGIONS);
}

static void m22_held_until_close(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int fd = ne_require_enclave(t);
	char *h = map(t, NE_PAGE);

	REQUIRE_EQ(t, ne_add_region(fd, h, NE_PAGE), 0);
	munmap(h, NE_PAGE);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), env->free_pages - 1);
	close(fd);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), env->free_pages);
}

static void m23_same_address_again(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	char *h = map(t, NE_PAGE);

	REQUIRE_EQ(t, ne_add_region(fd, h, NE_PAGE), 0);
	REQUIRE(t, mmap(h, NE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
			MAP_HUGETLB | MAP_FIXED | (21 << MAP_HUGE_SHIFT), -1, 0) == h);
	CHECK_ERR(t, ne_add_region(fd, h, NE_PAGE), NE_ERR_MEM_REGION_ALREADY_USED);
}

static void m24_page_twice(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	int mem_fd = ne_huge_memfd(NE_PAGE);
	void *p = mmap(NULL, NE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, mem_fd, 0);
	void *again = mmap(NULL, NE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, mem_fd, 0);

	REQUIRE(t, p != MAP_FAILED && again != MAP_FAILED);
	CHECK_EQ(t, ne_add_region(fd, p, NE_PAGE), 0);
	CHECK_ERR(t, ne_add_region(fd, again, NE_PAGE), EBUSY);
}

static void m25_page_of_other_enclave(struct ne_test *t)
{
	int fd1 = ne_require_enclave(t), fd2 = ne_require_enclave(t);
	char *h = map(t, 2 * NE_PAGE);

	CHECK_EQ(t, ne_add_region(fd1, h, NE_PAGE), 0);
	CHECK_ERR(t, ne_add_region(fd2, h, NE_PAGE), EBUSY);
	CHECK_ERR(t, ne_add_region(fd2, h, 2 * NE_PAGE), EBUSY);
	CHECK_EQ(t, ne_add_region(fd2, h + NE_PAGE, NE_PAGE), 0);
	close(fd1);
	CHECK_EQ(t, ne_add_region(fd2, h, NE_PAGE), 0);
}

/*
 * On EC2 the hypervisor can refuse memory after the driver has recorded the region, which
 * then stays recorded. Here a page is refused before anything is recorded, so the second
 * try gets the same error instead of NE_ERR_MEM_REGION_ALREADY_USED. The fault tests of the
 * debug kernel make the allocations of this ioctl fail.
 */
static void m26_refused(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int fd1 = ne_require_enclave(t), fd2 = ne_require_enclave(t);
	char *h = map(t, 2 * NE_PAGE);

	/* The first page is taken before the second one is refused. */
	REQUIRE_EQ(t, ne_add_region(fd1, h + NE_PAGE, NE_PAGE), 0);
	CHECK_ERR(t, ne_add_region(fd2, h, 2 * NE_PAGE), EBUSY);
	CHECK_ERR(t, ne_add_region(fd2, h, 2 * NE_PAGE), EBUSY);
	munmap(h, 2 * NE_PAGE);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), env->free_pages - 1);
	close(fd1);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), env->free_pages);
	close(fd2);
}

static void m27_huge_sizes(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	uint64_t low = NE_GIB;	/* below any mapping of this program */

	CHECK_ERR(t, ne_add_mem(fd, 0, 512 * NE_GIB, low), EFAULT);
	CHECK_ERR(t, ne_add_mem(fd, 0, 512 * NE_GIB + NE_PAGE, low), ENOMEM);
}

static void m28_no_free_page(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	void *p = mmap(NULL, NE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
		       MAP_HUGETLB | MAP_NORESERVE | (21 << MAP_HUGE_SHIFT), -1, 0);
	int rc;

	REQUIRE(t, p != MAP_FAILED);
	REQUIRE_EQ(t, ne_write_number("/proc/sys/vm/nr_hugepages", 0), 0);
	rc = ne_add_region(fd, p, NE_PAGE);
	CHECK(t, rc == -EFAULT || rc == -ENOMEM);
}

static const struct ne_case cases[] = {
	{ "M01 bad pointer: EFAULT, bad flags: 274", m01_bad_argument, 0 },
	{ "M02 size not a multiple of 2 MiB: 259", m02_size, 0 },
	{ "M03 address not aligned: 261", m03_alignment, 0 },
	{ "M04 range not in user space: 260", m04_address_range, 0 },
	{ "M05 not accessible: EFAULT", m05_not_accessible, 0 },
	{ "M06 size 0: ENOMEM, in a region: 262", m06_size_zero, 0 },
	{ "M07 hole in the range: EFAULT, pages released", m07_hole, 0 },
	{ "M08 overlap on either side: 262", m08_overlap, 0 },
	{ "M09 part of a region: 262", m09_part_of_region, 0 },
	{ "M17 forked child: EIO", m17_forked_child, 0 },
	{ "M18 running enclave: 270", m18_running, 120 },
	{ "M19 too many regions: 265, earlier ones kept", m19_too_many_regions, 0 },
	{ "M20 256 regions of 2 MiB", m20_256_regions, 60 },
	{ "M20 1024 regions", m20_1024_regions, 60 },
	{ "M22 pages come back at close, not at munmap", m22_held_until_close, 0 },
	{ "M23 new page at a donated address: 262", m23_same_address_again, 0 },
	{ "M24 same page by a second address: EBUSY", m24_page_twice, 0 },
	{ "M25 page of another enclave: EBUSY until it is closed", m25_page_of_other_enclave, 0 },
	{ "M26 page refused: nothing kept (EC2 keeps the region)", m26_refused, 0 },
	{ "M27 512 GiB: EFAULT, more: ENOMEM", m27_huge_sizes, 0 },
	{ "M28 no free huge page: EFAULT or ENOMEM", m28_no_free_page, 0 },
};

int main(int argc, char **argv)
{
	return ne_guest_main(cases, ARRAY_SIZE(cases), SAMPLE_REGIONS + 4, argc, argv);
}
