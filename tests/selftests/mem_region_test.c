// SPDX-License-Identifier: Apache-2.0
/* M: NE_SET_USER_MEMORY_REGION. */

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

#define NR_1G		"/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"
#define MAX_REGIONS	"/sys/module/nitro_enclaves_emu/parameters/max_mem_regions"
#define NODE1_PAGES	"/sys/devices/system/node/node1/hugepages/hugepages-2048kB/"
#define SAMPLE_REGIONS	256
#define LOW_LIMIT	8	/* of regions */
#define KERNEL_ADDRESS	0xffff800000000000ULL
#define LEAK_ROUNDS	100

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

/* Map all of @fd at an aligned address. */
static void *map_file(struct ne_test *t, int fd, int prot, int flags)
{
	void *p = ne_map_aligned(NE_PAGE);

	REQUIRE(t, p);
	REQUIRE(t, mmap(p, NE_PAGE, prot, flags | MAP_FIXED, fd, 0) == p);
	return p;
}

static int small_page_file(struct ne_test *t)
{
	char path[] = "/var/tmp/ne-selftest-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	REQUIRE(t, fd >= 0);
	unlink(path);
	REQUIRE(t, !ftruncate(fd, NE_PAGE));
	return fd;
}

static void refuse_small_pages(struct ne_test *t, int fd, bool tell)
{
	int file_fd = small_page_file(t);
	int mem_fd = memfd_create("ne-selftest", MFD_CLOEXEC);
	char *untouched = ne_map_aligned(NE_PAGE), *touched = ne_map_aligned(NE_PAGE);
	char *thp = ne_map_aligned(2 * NE_PAGE);
	void *maps[7];
	size_t i;

	REQUIRE(t, mem_fd >= 0 && !ftruncate(mem_fd, NE_PAGE));
	REQUIRE(t, untouched && touched && thp);
	madvise(untouched, NE_PAGE, MADV_NOHUGEPAGE);
	madvise(touched, NE_PAGE, MADV_NOHUGEPAGE);
	touched[0] = 1;
	if (madvise(thp, 2 * NE_PAGE, MADV_HUGEPAGE) && tell)
		ne_note("no transparent huge pages: that part checks small pages again");
	thp[0] = 1;
	maps[0] = untouched;
	maps[1] = touched;
	maps[2] = thp;
	maps[3] = map_file(t, file_fd, PROT_READ, MAP_PRIVATE);
	maps[4] = map_file(t, file_fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	maps[5] = map_file(t, mem_fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	maps[6] = map_file(t, mem_fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (i = 0; i < ARRAY_SIZE(maps); i++)
		CHECK_ERR(t, ne_add_region(fd, maps[i], NE_PAGE), NE_ERR_MEM_NOT_HUGE_PAGE);

	munmap(thp, 2 * NE_PAGE);
	for (i = 0; i < ARRAY_SIZE(maps); i++)
		if (maps[i] != thp)
			munmap(maps[i], NE_PAGE);
	close(file_fd);
	close(mem_fd);
}

static void m10_not_hugetlb(struct ne_test *t)
{
	refuse_small_pages(t, ne_require_enclave(t), true);
}

static void m11_refused_pages_come_back(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	long huge, unreleased;
	unsigned int i;

	refuse_small_pages(t, fd, false);
	huge = ne_meminfo("HugePages_Free");
	unreleased = ne_meminfo("MemAvailable");
	for (i = 0; i < LEAK_ROUNDS && !t->failures; i++)
		refuse_small_pages(t, fd, false);
	/* A lost THP each round would be 200 MiB; other users of memory are below that. */
	unreleased -= ne_meminfo("MemAvailable");
	CHECK(t, unreleased < 64 * 1024);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), huge);
}

static void m12_read_only_anonymous(struct ne_test *t)
{
	void *p = mmap(NULL, NE_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
		       (21 << MAP_HUGE_SHIFT), -1, 0);

	REQUIRE(t, p != MAP_FAILED);
	CHECK_EQ(t, ne_add_region(ne_require_enclave(t), p, NE_PAGE), 0);
}

static int huge_memfd(struct ne_test *t, size_t size)
{
	int fd = memfd_create("ne-selftest", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);

	REQUIRE(t, fd >= 0 && !ftruncate(fd, size));
	return fd;
}

static void m12_read_only_shared(struct ne_test *t)
{
	void *p = mmap(NULL, NE_PAGE, PROT_READ, MAP_SHARED, huge_memfd(t, NE_PAGE), 0);

	REQUIRE(t, p != MAP_FAILED);
	CHECK_ERR(t, ne_add_region(ne_require_enclave(t), p, NE_PAGE), EFAULT);
}

static void *map_hugetlbfs_file(struct ne_test *t)
{
	char dir[] = "/tmp/ne-selftest-XXXXXX";
	char path[64];
	void *p;
	int fd;

	REQUIRE(t, mkdtemp(dir));
	REQUIRE(t, !mount("none", dir, "hugetlbfs", 0, "pagesize=2M"));
	snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	unlink(path);
	p = mmap(NULL, NE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return p;
}

static void m13_shared(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	void *p = mmap(NULL, 2 * NE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       huge_memfd(t, 2 * NE_PAGE), 0);
	void *file = map_hugetlbfs_file(t);

	REQUIRE(t, p != MAP_FAILED && file != MAP_FAILED);
	CHECK_EQ(t, ne_add_region(fd, p, 2 * NE_PAGE), 0);
	CHECK_EQ(t, ne_add_region(fd, file, NE_PAGE), 0);
}

/* A page of node 1, or skip. */
static void *map_on_node1(struct ne_test *t)
{
	unsigned long mask = 1UL << 1;
	void *p;

	if (access("/sys/devices/system/node/node1", F_OK))
		ne_skip(t, "needs two NUMA nodes");
	if (ne_write_number(NODE1_PAGES "nr_hugepages", 1) ||
	    ne_read_number(NODE1_PAGES "free_hugepages") < 1)
		ne_skip(t, "no huge page on node 1");
	p = map(t, NE_PAGE);
	REQUIRE(t, !syscall(SYS_mbind, p, NE_PAGE, MPOL_BIND, &mask, 8 * sizeof(mask), 0));
	return p;
}

static void m14_other_node(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	void *p = map_on_node1(t);
	unsigned int i;

	for (i = 0; i < LEAK_ROUNDS; i++)
		REQUIRE_EQ(t, ne_add_region(fd, p, NE_PAGE), -NE_ERR_MEM_DIFFERENT_NUMA_NODE);
	munmap(p, NE_PAGE);
	CHECK_EQ(t, ne_read_number(NODE1_PAGES "free_hugepages"), 1);
	ne_write_number(NODE1_PAGES "nr_hugepages", 0);
	CHECK_EQ(t, ne_read_number(NODE1_PAGES "nr_hugepages"), 0);
}

/* One page of 1 GiB, or skip. */
static char *map_gigantic(struct ne_test *t)
{
	void *p;

	if (ne_write_number(NR_1G, 1) || ne_read_number(NR_1G) < 1)
		ne_skip(t, "no page of 1 GiB can be had");
	p = mmap(NULL, NE_GIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
		 MAP_HUGETLB | (30 << MAP_HUGE_SHIFT), -1, 0);
	REQUIRE(t, p != MAP_FAILED);
	return p;
}

/* After munmap() and close() the page has to be free: the pool can shrink to 0. */
static void check_gigantic_free(struct ne_test *t)
{
	ne_write_number(NR_1G, 0);
	CHECK_EQ(t, ne_read_number(NR_1G), 0);
}

static void m15_middle_of_gigantic(struct ne_test *t)
{
	char *p = map_gigantic(t);
	int fd = ne_require_enclave(t);

	CHECK_ERR(t, ne_add_region(fd, p + NE_PAGE, NE_PAGE), NE_ERR_INVALID_PAGE_SIZE);
	munmap(p, NE_GIB);
	check_gigantic_free(t);
}

static void m16_whole_gigantic(struct ne_test *t)
{
	char *p = map_gigantic(t);
	int fd = ne_require_enclave(t);
	uint64_t cid = 0;

	CHECK_EQ(t, ne_add_region(fd, p, NE_MIN_ENCLAVE_SIZE), 0);
	CHECK_ERR(t, ne_add_region(fd, p + NE_MIN_ENCLAVE_SIZE, NE_PAGE),
		  NE_ERR_INVALID_PAGE_SIZE);
	CHECK_ERR(t, ne_start(fd, 0, &cid), NE_ERR_NO_VCPUS_ADDED);
	close(fd);
	munmap(p, NE_GIB);
	check_gigantic_free(t);
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
	waitpid(pid, NULL, 0);
}

static void m18_running(struct ne_test *t)
{
	struct ne_enclave e;
	char *h;

	ne_enclave_run(t, &e);
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

static void m21_one_large_region(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	void *p = mmap(NULL, 512 * NE_MIB, PROT_READ | PROT_WRITE, MAP_SHARED,
		       huge_memfd(t, 512 * NE_MIB), 0);

	REQUIRE(t, p != MAP_FAILED);
	CHECK_EQ(t, ne_add_region(fd, p, 512 * NE_MIB), 0);
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
	int mem_fd = huge_memfd(t, NE_PAGE);
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

static void m26_refused(struct ne_test *t)
{
	ne_skip(t, "the emulator has no step after the recording that could fail");
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
	{ "M10 not hugetlb: 263 for anonymous, THP, file, tmpfs", m10_not_hugetlb, 0 },
	{ "M11 refused pages are not lost", m11_refused_pages_come_back, 120 },
	{ "M12 read-only anonymous: accepted", m12_read_only_anonymous, 0 },
	{ "M12 read-only shared file: EFAULT (differs from AWS)", m12_read_only_shared, 0 },
	{ "M13 shared memfd and hugetlbfs file", m13_shared, 0 },
	{ "M14 page of another node: 264, page not lost", m14_other_node, 0 },
	{ "M15 middle of a 1 GiB page: 273, page not lost", m15_middle_of_gigantic, 120 },
	{ "M16 1 GiB page is taken whole", m16_whole_gigantic, 120 },
	{ "M17 forked child: EIO", m17_forked_child, 0 },
	{ "M18 running enclave: 270", m18_running, 120 },
	{ "M19 too many regions: 265, earlier ones kept", m19_too_many_regions, 0 },
	{ "M20 256 regions of 2 MiB", m20_256_regions, 60 },
	{ "M21 one region of 512 MiB", m21_one_large_region, 60 },
	{ "M22 pages come back at close, not at munmap", m22_held_until_close, 0 },
	{ "M23 new page at a donated address: 262", m23_same_address_again, 0 },
	{ "M24 same page by a second address: EBUSY", m24_page_twice, 0 },
	{ "M25 page of another enclave: EBUSY until it is closed", m25_page_of_other_enclave, 0 },
	{ "M26 refused by the hypervisor", m26_refused, 0 },
	{ "M27 512 GiB: EFAULT, more: ENOMEM", m27_huge_sizes, 0 },
	{ "M28 no free huge page: EFAULT or ENOMEM", m28_no_free_page, 0 },
};

int main(int argc, char **argv)
{
	return ne_guest_main(cases, ARRAY_SIZE(cases), SAMPLE_REGIONS + 4, argc, argv);
}
