// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory regions: how pages merge, which requests are refused with which error, and that
 * all pages of a request are taken and released together.
 */

#include <linux/mman.h>

#include "ne_kunit.h"

#define MIB(n)		((u64)(n) << 20)
#define GIB(n)		((u64)(n) << 30)

/* Physical ranges */

struct ne_mem_phys_case {
	const char *name;
	struct {
		u64 start;
		u64 size;
	} pages[6];	/* ends with size 0 */
	unsigned int ranges;
};

static const struct ne_mem_phys_case ne_mem_phys_cases[] = {
	{ "none", { }, 0 },
	/* The steps of the AWS driver's own test, as far as huge pages allow them. */
	{ "one", { { MIB(2), MIB(2) } }, 1 },
	{ "lower neighbour apart", { { MIB(2), MIB(2) }, { 0, MIB(2) } }, 2 },
	{ "gap", { { MIB(2), MIB(2) }, { 0, MIB(2) }, { MIB(6), MIB(4) } }, 3 },
	{ "upper neighbour joined",
	  { { MIB(2), MIB(2) }, { 0, MIB(2) }, { MIB(6), MIB(4) }, { MIB(10), MIB(4) } }, 3 },
	{ "from 0", { { 0, MIB(2) }, { MIB(2), MIB(2) } }, 1 },
	{ "ascending", { { MIB(8), MIB(2) }, { MIB(10), MIB(2) }, { MIB(12), MIB(2) } }, 1 },
	{ "descending", { { MIB(12), MIB(2) }, { MIB(10), MIB(2) }, { MIB(8), MIB(2) } }, 3 },
	{ "only with the one before",
	  { { MIB(8), MIB(2) }, { MIB(20), MIB(2) }, { MIB(10), MIB(2) } }, 3 },
	{ "sizes mixed", { { GIB(1), GIB(1) }, { GIB(2), MIB(2) }, { GIB(3), GIB(1) } }, 2 },
	{ "beyond 4 GiB", { { GIB(4) - MIB(2), MIB(2) }, { GIB(4), MIB(2) } }, 1 },
};

KUNIT_ARRAY_PARAM_DESC(ne_mem_phys, ne_mem_phys_cases, name);

static void ne_mem_test_count_phys(struct kunit *test)
{
	const struct ne_mem_phys_case *param = test->param_value;
	struct ne_mem_seg segs[ARRAY_SIZE(param->pages)] = { };
	unsigned int nr;

	for (nr = 0; nr < ARRAY_SIZE(segs) && param->pages[nr].size; nr++) {
		segs[nr].page = pfn_to_page(PHYS_PFN(param->pages[nr].start));
		segs[nr].size = param->pages[nr].size;
	}
	KUNIT_EXPECT_EQ(test, ne_mem_count_phys(segs, nr), param->ranges);
}

/* Requests */

/* The tests use an enclave with the regions [32 MiB, 34 MiB) and [64 MiB, 80 MiB). */
static struct ne_mem_region *ne_mem_test_region(struct kunit *test, u64 addr, u64 size)
{
	struct ne_mem_region *region = kunit_kzalloc(test, sizeof(*region), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, region);
	region->userspace_addr = addr;
	region->memory_size = size;
	return region;
}

static void ne_mem_test_fill(struct kunit *test, struct ne_mem *mem)
{
	ne_mem_init(mem);
	list_add_tail(&ne_mem_test_region(test, MIB(32), MIB(2))->node, &mem->regions);
	list_add_tail(&ne_mem_test_region(test, MIB(64), MIB(16))->node, &mem->regions);
}

struct ne_mem_overlap_case {
	const char *name;
	u64 addr;
	u64 size;
	bool overlaps;
};

static const struct ne_mem_overlap_case ne_mem_overlap_cases[] = {
	{ "same", MIB(32), MIB(2), true },
	{ "same start", MIB(32), MIB(4), true },
	{ "lower half inside", MIB(30), MIB(4), true },
	{ "same start, shorter", MIB(64), MIB(2), true },
	{ "inside", MIB(70), MIB(2), true },
	{ "same end", MIB(78), MIB(2), true },
	{ "upper half inside", MIB(78), MIB(4), true },
	{ "around", MIB(60), MIB(32), true },
	{ "around both", MIB(2), MIB(128), true },
	{ "nothing, inside", MIB(66), 0, true },
	{ "nothing, at the start", MIB(64), 0, true },
	{ "nothing, at the end", MIB(80), 0, false },
	{ "nothing, outside", MIB(2), 0, false },
	{ "just below", MIB(30), MIB(2), false },
	{ "just above", MIB(34), MIB(2), false },
	{ "between", MIB(34), MIB(30), false },
	{ "above all", MIB(80), MIB(2), false },
	{ "below all", MIB(0), MIB(32), false },
};

KUNIT_ARRAY_PARAM_DESC(ne_mem_overlap, ne_mem_overlap_cases, name);

static void ne_mem_test_overlaps(struct kunit *test)
{
	const struct ne_mem_overlap_case *param = test->param_value;
	struct ne_mem mem = { };

	ne_mem_test_fill(test, &mem);
	KUNIT_EXPECT_EQ(test, ne_mem_overlaps(&mem, param->addr, param->size), param->overlaps);
}

struct ne_mem_request_case {
	const char *name;
	u64 addr;
	u64 size;
	bool other_mm;
	int rc;
};

/* Each error, alone and together with errors of later checks. */
static const struct ne_mem_request_case ne_mem_request_cases[] = {
	{ "good", MIB(2), MIB(2), false, 0 },
	{ "address 0", 0, MIB(2), false, 0 },		/* fails later: no page is mapped */
	{ "largest", MIB(128), GIB(512), false, 0 },
	{ "other mm", MIB(2), MIB(2), true, -EIO },
	{ "other mm, size", MIB(2), 1, true, -EIO },
	{ "size 1", MIB(2), 1, false, -NE_ERR_INVALID_MEM_REGION_SIZE },
	{ "size 1 MiB", MIB(2), MIB(1), false, -NE_ERR_INVALID_MEM_REGION_SIZE },
	{ "size 2 MiB + 1", MIB(2), MIB(2) + 1, false, -NE_ERR_INVALID_MEM_REGION_SIZE },
	{ "size, address", MIB(2) + 1, 1, false, -NE_ERR_INVALID_MEM_REGION_SIZE },
	{ "address + 1", MIB(2) + 1, MIB(2), false, -NE_ERR_UNALIGNED_MEM_REGION_ADDR },
	{ "address + 4 KiB", MIB(2) + 4096, MIB(2), false, -NE_ERR_UNALIGNED_MEM_REGION_ADDR },
	{ "address unaligned, kernel", 0xffff800000000001, MIB(2), false,
	  -NE_ERR_UNALIGNED_MEM_REGION_ADDR },
	{ "address in the kernel", 0xffff800000000000, MIB(2), false,
	  -NE_ERR_INVALID_MEM_REGION_ADDR },
	{ "wraps", MIB(2), -MIB(2), false, -NE_ERR_INVALID_MEM_REGION_ADDR },
	{ "wraps, over a region", MIB(32), -MIB(2), false, -NE_ERR_INVALID_MEM_REGION_ADDR },
	{ "used", MIB(32), MIB(2), false, -NE_ERR_MEM_REGION_ALREADY_USED },
	{ "used, too large", MIB(2), GIB(512) + MIB(2), false, -NE_ERR_MEM_REGION_ALREADY_USED },
	{ "used, size 0", MIB(32), 0, false, -NE_ERR_MEM_REGION_ALREADY_USED },
	{ "size 0", MIB(2), 0, false, -ENOMEM },
	{ "too large", MIB(128), GIB(512) + MIB(2), false, -ENOMEM },
};

KUNIT_ARRAY_PARAM_DESC(ne_mem_request, ne_mem_request_cases, name);

static void ne_mem_test_check_request(struct kunit *test)
{
	const struct ne_mem_request_case *param = test->param_value;
	struct ne_user_memory_region req = {
		.memory_size = param->size,
		.userspace_addr = param->addr,
	};
	struct ne_enclave *enclave = kunit_kzalloc(test, sizeof(*enclave), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, enclave);
	ne_mem_test_fill(test, &enclave->mem);
	enclave->mm = param->other_mm ? &init_mm : current->mm;
	mutex_init(&enclave->lock);
	mutex_lock(&enclave->lock);
	KUNIT_EXPECT_EQ(test, ne_mem_check_request(enclave, &req), param->rc);
	mutex_unlock(&enclave->lock);
}

/* Pages */

static unsigned long ne_mem_test_free_pages(void)
{
	struct hstate *h = size_to_hstate(NE_MEM_REGION_ALIGN);

	return h ? h->free_huge_pages : 0;
}

static int ne_mem_test_add(struct ne_enclave *enclave, u64 addr, u64 size)
{
	struct ne_user_memory_region req = { .memory_size = size, .userspace_addr = addr };
	int rc;

	mutex_lock(&enclave->lock);
	rc = ne_mem_region_add(enclave, &req);
	mutex_unlock(&enclave->lock);
	return rc;
}

static void ne_mem_test_pages(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	unsigned long free = ne_mem_test_free_pages();
	u64 addr = ne_kunit_map_huge(test, MIB(8), PROT_READ | PROT_WRITE);
	struct ne_mem_region *region;
	struct ne_mem_seg *segs, first;

	KUNIT_ASSERT_EQ(test, ne_mem_test_add(enclave, addr + MIB(2), MIB(6)), 0);
	KUNIT_EXPECT_EQ(test, ne_mem_test_free_pages(), free - 3);
	KUNIT_ASSERT_EQ(test, ne_mem_test_add(enclave, addr, MIB(2)), 0);
	KUNIT_EXPECT_EQ(test, enclave->mem.size, MIB(8));
	KUNIT_EXPECT_EQ(test, enclave->mem_size, MIB(8));
	KUNIT_EXPECT_EQ(test, enclave->mem.nr_segs, 4);

	/* The enclave has the memory of the calls one after the other. */
	mutex_lock(&enclave->lock);
	segs = ne_mem_flatten(enclave);
	mutex_unlock(&enclave->lock);
	KUNIT_ASSERT_NOT_NULL(test, segs);
	region = list_first_entry(&enclave->mem.regions, struct ne_mem_region, node);
	KUNIT_EXPECT_EQ(test, region->userspace_addr, addr + MIB(2));
	KUNIT_EXPECT_EQ(test, segs[0].offset, 0);
	KUNIT_EXPECT_PTR_EQ(test, segs[0].page, region->segs[0].page);
	KUNIT_EXPECT_EQ(test, segs[2].offset, MIB(4));
	KUNIT_EXPECT_EQ(test, segs[3].offset, MIB(6));
	first = segs[3];
	kvfree(segs);

	/* References: the caller's mapping and the enclave. No pin: fork() would copy it. */
	KUNIT_EXPECT_EQ(test, folio_ref_count(page_folio(first.page)), 2);
	KUNIT_EXPECT_FALSE(test, folio_maybe_dma_pinned(page_folio(first.page)));

	/* The caller keeps its mapping; nothing else is left. */
	ne_kunit_release_now(test, enclave);
	KUNIT_EXPECT_EQ(test, folio_ref_count(page_folio(first.page)), 1);
	KUNIT_EXPECT_TRUE(test, xa_empty(&ne_donated));
	KUNIT_EXPECT_EQ(test, ne_mem_test_free_pages(), free - 4);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, MIB(8)), 0);
	KUNIT_EXPECT_EQ(test, ne_mem_test_free_pages(), free);
}

/* Unmapped pages stay with the enclave. */
static void ne_mem_test_unmapped_later(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	unsigned long free = ne_mem_test_free_pages();
	u64 addr = ne_kunit_map_huge(test, MIB(2), PROT_READ | PROT_WRITE);

	KUNIT_ASSERT_EQ(test, ne_mem_test_add(enclave, addr, MIB(2)), 0);
	KUNIT_ASSERT_EQ(test, vm_munmap(addr, MIB(2)), 0);
	KUNIT_EXPECT_EQ(test, ne_mem_test_free_pages(), free - 1);
	KUNIT_EXPECT_EQ(test, ne_mem_test_add(enclave, addr, MIB(2)),
			-NE_ERR_MEM_REGION_ALREADY_USED);
	ne_kunit_release_now(test, enclave);
	KUNIT_EXPECT_EQ(test, ne_mem_test_free_pages(), free);
}

/* All or nothing: the pages before the hole are released. */
static void ne_mem_test_hole(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	u64 addr = ne_kunit_map_huge(test, MIB(4), PROT_READ | PROT_WRITE);

	KUNIT_ASSERT_EQ(test, vm_munmap(addr + MIB(2), MIB(2)), 0);
	KUNIT_EXPECT_EQ(test, ne_mem_test_add(enclave, addr, MIB(4)), -EFAULT);
	KUNIT_EXPECT_TRUE(test, list_empty(&enclave->mem.regions));
	KUNIT_EXPECT_TRUE(test, xa_empty(&ne_donated));
	KUNIT_EXPECT_EQ(test, enclave->mem.size, 0);
	KUNIT_EXPECT_EQ(test, ne_mem_test_add(enclave, addr, MIB(2)), 0);
}

static void ne_mem_test_not_huge(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	u64 addr = ne_kunit_map(test, MIB(4), PROT_READ | PROT_WRITE);

	addr = ALIGN(addr, MIB(2));
	KUNIT_EXPECT_EQ(test, ne_mem_test_add(enclave, addr, MIB(2)), -NE_ERR_MEM_NOT_HUGE_PAGE);
	KUNIT_ASSERT_EQ(test, clear_user((void __user *)(unsigned long)addr, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, ne_mem_test_add(enclave, addr, MIB(2)), -NE_ERR_MEM_NOT_HUGE_PAGE);
}

static void ne_mem_test_no_page(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);

	KUNIT_EXPECT_EQ(test, ne_mem_test_add(enclave, 0, MIB(2)), -EFAULT);
	KUNIT_EXPECT_EQ(test, ne_mem_test_add(enclave, 0, GIB(512)), -EFAULT);
	KUNIT_EXPECT_EQ(test,
			ne_mem_test_add(enclave, ne_kunit_map_huge(test, MIB(2), PROT_NONE), MIB(2)),
			-EFAULT);
}

static void ne_mem_test_read_only(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	u64 addr = ne_kunit_map_huge(test, MIB(2), PROT_READ);

	KUNIT_EXPECT_EQ(test, ne_mem_test_add(enclave, addr, MIB(2)), 0);
}

static void ne_mem_test_other_node(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	u64 addr = ne_kunit_map_huge(test, MIB(2), PROT_READ | PROT_WRITE);
	unsigned long free;

	KUNIT_ASSERT_EQ(test, ne_mem_test_add(enclave, addr, MIB(2)), 0);
	enclave->numa_node = 1 - page_to_nid(list_first_entry(&enclave->mem.regions,
							      struct ne_mem_region,
							      node)->segs[0].page);
	addr = ne_kunit_map_huge(test, MIB(2), PROT_READ | PROT_WRITE);
	free = ne_mem_test_free_pages();
	KUNIT_EXPECT_EQ(test, ne_mem_test_add(enclave, addr, MIB(2)),
			-NE_ERR_MEM_DIFFERENT_NUMA_NODE);
	/* The refused page has not leaked. */
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, MIB(2)), 0);
	KUNIT_EXPECT_EQ(test, ne_mem_test_free_pages(), free);
}

/* A huge page can be donated only from its first byte on. */
static void ne_mem_test_tail_page(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	u64 addr = ne_kunit_map_huge(test, MIB(2), PROT_READ | PROT_WRITE);
	struct page *page;
	u64 size;

	KUNIT_ASSERT_EQ(test, ne_mem_test_add(enclave, addr, MIB(2)), 0);
	page = list_first_entry(&enclave->mem.regions, struct ne_mem_region, node)->segs[0].page;
	KUNIT_EXPECT_EQ(test, ne_mem_check_page(page, enclave->numa_node, &size), 0);
	KUNIT_EXPECT_EQ(test, size, MIB(2));
	KUNIT_EXPECT_EQ(test, ne_mem_check_page(page + 1, enclave->numa_node, &size),
			-NE_ERR_INVALID_PAGE_SIZE);
	/* The size is checked before the node. */
	KUNIT_EXPECT_EQ(test, ne_mem_check_page(page + 1, 1 - enclave->numa_node, &size),
			-NE_ERR_INVALID_PAGE_SIZE);
}

/* Like the hypervisor of EC2, the driver refuses a page that was already donated. */
static void ne_mem_test_donated_twice(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	struct ne_enclave *other = ne_kunit_enclave(test);
	u64 addr = ne_kunit_map_huge(test, MIB(4), PROT_READ | PROT_WRITE);

	KUNIT_ASSERT_EQ(test, ne_mem_test_add(enclave, addr + MIB(2), MIB(2)), 0);
	KUNIT_EXPECT_EQ(test, ne_mem_test_add(other, addr + MIB(2), MIB(2)), -EBUSY);
	KUNIT_EXPECT_EQ(test, ne_mem_test_add(other, addr, MIB(4)), -EBUSY);
	KUNIT_EXPECT_TRUE(test, list_empty(&other->mem.regions));

	ne_kunit_release_now(test, enclave);
	KUNIT_EXPECT_EQ(test, ne_mem_test_add(other, addr, MIB(4)), 0);
}

static void ne_mem_test_restore_limit(void *unused)
{
	ne_max_mem_regions = 65536;
}

static void ne_mem_test_region_limit(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	u64 addr = ne_kunit_map_huge(test, MIB(6), PROT_READ | PROT_WRITE);
	unsigned long free;

	KUNIT_ASSERT_EQ(test, kunit_add_action(test, ne_mem_test_restore_limit, NULL), 0);
	ne_max_mem_regions = 2;
	KUNIT_EXPECT_EQ(test, ne_mem_test_add(enclave, addr, MIB(2)), 0);
	KUNIT_EXPECT_EQ(test, ne_mem_test_add(enclave, addr + MIB(2), MIB(2)), 0);
	free = ne_mem_test_free_pages();
	KUNIT_EXPECT_EQ(test, ne_mem_test_add(enclave, addr + MIB(4), MIB(2)),
			-NE_ERR_MEM_MAX_REGIONS);

	/* Earlier regions stay, and the refused page is free once it is unmapped. */
	KUNIT_EXPECT_EQ(test, enclave->mem.nr_phys, 2);
	KUNIT_EXPECT_EQ(test, enclave->mem.size, MIB(4));
	KUNIT_EXPECT_EQ(test, vm_munmap(addr + MIB(4), MIB(2)), 0);
	KUNIT_EXPECT_EQ(test, ne_mem_test_free_pages(), free);
}

static struct kunit_case ne_mem_cases[] = {
	KUNIT_CASE_PARAM(ne_mem_test_count_phys, ne_mem_phys_gen_params),
	KUNIT_CASE_PARAM(ne_mem_test_overlaps, ne_mem_overlap_gen_params),
	KUNIT_CASE_PARAM(ne_mem_test_check_request, ne_mem_request_gen_params),
	KUNIT_CASE(ne_mem_test_pages),
	KUNIT_CASE(ne_mem_test_unmapped_later),
	KUNIT_CASE(ne_mem_test_hole),
	KUNIT_CASE(ne_mem_test_not_huge),
	KUNIT_CASE(ne_mem_test_no_page),
	KUNIT_CASE(ne_mem_test_read_only),
	KUNIT_CASE(ne_mem_test_other_node),
	KUNIT_CASE(ne_mem_test_tail_page),
	KUNIT_CASE(ne_mem_test_donated_twice),
	KUNIT_CASE(ne_mem_test_region_limit),
	{}
};

static struct kunit_suite ne_mem_suite = {
	.name		= "ne_emu_mem_region",
	.init		= ne_kunit_init,
	.test_cases	= ne_mem_cases,
};

kunit_test_suite(ne_mem_suite);
