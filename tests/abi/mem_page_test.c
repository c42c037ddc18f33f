// SPDX-License-Identifier: Apache-2.0
/* M: NE_SET_USER_MEMORY_REGION: kinds and sizes of pages. */

#include "ne_env.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LEAK_ROUNDS	100
#define QEMU_SIZE	(512 * NE_MIB)	/* QEMU donates its RAM as one region */
#define LARGE_PAGES	2049		/* 4 GiB and 2 MiB */

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

/* Memory of this process in transparent huge pages, KiB. */
static long thp_size(void)
{
	char buf[4096];
	const char *line;

	if (ne_read_file("/proc/self/smaps_rollup", buf, sizeof(buf)) < 0)
		return -1;
	line = strstr(buf, "AnonHugePages:");
	return line ? strtol(line + strlen("AnonHugePages:"), NULL, 10) : -1;
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
	madvise(thp, 2 * NE_PAGE, MADV_HUGEPAGE);
	thp[0] = 1;
	if (tell && thp_size() < 2048)
		ne_note("no transparent huge page available: small pages are checked again");
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
	unreleased = ne_available_kib();
	for (i = 0; i < LEAK_ROUNDS && !t->failures; i++)
		refuse_small_pages(t, fd, false);
	/* Losing a THP in each round would cost 200 MiB, more than other users of memory. */
	unreleased -= ne_available_kib();
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

static int require_memfd(struct ne_test *t, size_t size)
{
	int fd = ne_huge_memfd(size);

	REQUIRE_OK(t, fd);
	return fd;
}

static void m12_read_only_shared(struct ne_test *t)
{
	void *p = mmap(NULL, NE_PAGE, PROT_READ, MAP_SHARED, require_memfd(t, NE_PAGE), 0);

	REQUIRE(t, p != MAP_FAILED);
	CHECK_ERR(t, ne_add_region(ne_require_enclave(t), p, NE_PAGE), EFAULT);
}

/* The page belongs to the file until it is mapped writable. */
static void m12_read_only_private_file(struct ne_test *t)
{
	int mem_fd = require_memfd(t, NE_PAGE);
	void *p = mmap(NULL, NE_PAGE, PROT_READ, MAP_PRIVATE, mem_fd, 0);

	REQUIRE(t, p != MAP_FAILED);
	REQUIRE_EQ(t, fallocate(mem_fd, 0, 0, NE_PAGE), 0);
	CHECK_ERR(t, ne_add_region(ne_require_enclave(t), p, NE_PAGE), EFAULT);
	REQUIRE_EQ(t, mprotect(p, NE_PAGE, PROT_READ | PROT_WRITE), 0);
	CHECK_EQ(t, ne_add_region(ne_require_enclave(t), p, NE_PAGE), 0);
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
		       require_memfd(t, 2 * NE_PAGE), 0);
	void *file = map_hugetlbfs_file(t);

	REQUIRE(t, p != MAP_FAILED && file != MAP_FAILED);
	CHECK_EQ(t, ne_add_region(fd, p, 2 * NE_PAGE), 0);
	CHECK_EQ(t, ne_add_region(fd, file, NE_PAGE), 0);
}

static void *map_on_node1(struct ne_test *t)
{
	unsigned long mask = 1UL << 1;
	void *p;

	REQUIRE_EQ(t, ne_write_number(NE_NODE1_2M "nr_hugepages", 1), 0);
	REQUIRE_EQ(t, ne_read_number(NE_NODE1_2M "free_hugepages"), 1);
	p = ne_map_huge(NE_PAGE);
	REQUIRE(t, p);
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
	CHECK_EQ(t, ne_read_number(NE_NODE1_2M "free_hugepages"), 1);
	ne_write_number(NE_NODE1_2M "nr_hugepages", 0);
	CHECK_EQ(t, ne_read_number(NE_NODE1_2M "nr_hugepages"), 0);
}

static char *map_gigantic(struct ne_test *t)
{
	void *p = mmap(NULL, NE_GIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
		       MAP_HUGETLB | (30 << MAP_HUGE_SHIFT), -1, 0);

	REQUIRE(t, p != MAP_FAILED);
	return p;
}

static void m15_middle_of_gigantic(struct ne_test *t)
{
	long free = ne_read_number(NE_NODE0_1G "free_hugepages");
	char *p = map_gigantic(t);
	int fd = ne_require_enclave(t);

	CHECK_ERR(t, ne_add_region(fd, p + NE_PAGE, NE_PAGE), NE_ERR_INVALID_PAGE_SIZE);
	CHECK_ERR(t, ne_add_region(fd, p + NE_GIB / 2, NE_PAGE), NE_ERR_INVALID_PAGE_SIZE);
	munmap(p, NE_GIB);
	CHECK_EQ(t, ne_read_number(NE_NODE0_1G "free_hugepages"), free);
}

static void m16_whole_gigantic(struct ne_test *t)
{
	long free = ne_read_number(NE_NODE0_1G "free_hugepages");
	char *p = map_gigantic(t);
	int fd = ne_require_enclave(t);
	uint64_t cid = 0;

	CHECK_EQ(t, ne_add_region(fd, p, NE_MIN_ENCLAVE_SIZE), 0);
	CHECK_ERR(t, ne_add_region(fd, p + NE_MIN_ENCLAVE_SIZE, NE_PAGE),
		  NE_ERR_INVALID_PAGE_SIZE);
	CHECK_ERR(t, ne_start(fd, 0, &cid), NE_ERR_NO_VCPUS_ADDED);
	munmap(p, NE_GIB);
	CHECK_EQ(t, ne_read_number(NE_NODE0_1G "free_hugepages"), free - 1);
	close(fd);
	CHECK_EQ(t, ne_read_number(NE_NODE0_1G "free_hugepages"), free);
}

static void m21_one_large_region(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	void *p = mmap(NULL, QEMU_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       require_memfd(t, QEMU_SIZE), 0);

	REQUIRE(t, p != MAP_FAILED);
	CHECK_EQ(t, ne_add_region(fd, p, QEMU_SIZE), 0);
}

/* More than fits into 32 bits, if the machine has so much. */
static void m21_several_gib(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	long pages;
	char *p;

	ne_write_number(NE_NODE0_2M "nr_hugepages", LARGE_PAGES);
	pages = ne_read_number(NE_NODE0_2M "free_hugepages");
	if (pages > LARGE_PAGES)
		pages = LARGE_PAGES;
	ne_note("one region of %ld MiB", pages * 2);
	if (pages < LARGE_PAGES / 2)
		ne_skip(t, "no 2 GiB of huge pages on node 0");
	p = ne_map_huge(pages * NE_PAGE);
	REQUIRE(t, p);
	CHECK_EQ(t, ne_add_region(fd, p, pages * NE_PAGE), 0);
	CHECK_ERR(t, ne_add_region(fd, p + (pages - 1) * NE_PAGE, NE_PAGE),
		  NE_ERR_MEM_REGION_ALREADY_USED);
	munmap(p, pages * NE_PAGE);
	CHECK_EQ(t, ne_read_number(NE_NODE0_2M "free_hugepages"), 0);
	close(fd);
	CHECK_EQ(t, ne_read_number(NE_NODE0_2M "free_hugepages"), pages);
}

static const struct ne_case cases[] = {
	{ "M10 not hugetlb: 263 for anonymous, THP, file, tmpfs", m10_not_hugetlb, 0 },
	{ "M11 refused pages are not lost", m11_refused_pages_come_back, 120 },
	{ "M12 read-only anonymous: accepted", m12_read_only_anonymous, 0 },
	{ "M12 read-only shared file: EFAULT (differs from AWS)", m12_read_only_shared, 0 },
	{ "M12 read-only private file: EFAULT (differs from AWS)", m12_read_only_private_file, 0 },
	{ "M13 shared memfd and hugetlbfs file", m13_shared, 0 },
	{ "M14 page of another node: 264, page not lost", m14_other_node, 0, NE_NEED_NODES },
	{ "M15 middle of a 1 GiB page: 273, not lost", m15_middle_of_gigantic, 60, NE_NEED_1G },
	{ "M16 1 GiB page is taken whole", m16_whole_gigantic, 60, NE_NEED_1G },
	{ "M21 one region of 512 MiB", m21_one_large_region, 60 },
	{ "M21 one region of several GiB", m21_several_gib, 120 },
};

int main(int argc, char **argv)
{
	return ne_env_main(cases, ARRAY_SIZE(cases), QEMU_SIZE / NE_PAGE + 4, argc, argv);
}
