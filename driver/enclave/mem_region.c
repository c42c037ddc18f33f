// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory donated by NE_SET_USER_MEMORY_REGION: huge pages of the caller, referenced
 * until the enclave is released.
 */

#include <linux/hugetlb.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "ne_emu.h"

/*
 * Huge pages that belong to an enclave, by 2 MiB frame number of their head. On EC2 the
 * hypervisor refuses to take a page twice; here this array does.
 */
static DEFINE_XARRAY(ne_donated);

static unsigned long ne_donated_index(struct page *page)
{
	return PFN_PHYS(page_to_pfn(page)) / NE_MEM_REGION_ALIGN;
}

/**
 * ne_mem_init() - initialize the memory of a new enclave as empty
 * @mem: the memory
 */
void ne_mem_init(struct ne_mem *mem)
{
	INIT_LIST_HEAD(&mem->regions);
}

/* The checks of a page by the AWS driver, in its order. @size: receives bytes. */
static int ne_mem_check_page(struct page *page, int numa_node, u64 *size)
{
	if (!PageHuge(page))
		return -NE_ERR_MEM_NOT_HUGE_PAGE;

	/* 4 KiB for a tail page: a huge page can only be donated from its start. */
	*size = page_size(page);
	if (!IS_ALIGNED(*size, NE_MEM_REGION_ALIGN))
		return -NE_ERR_INVALID_PAGE_SIZE;

	if (page_to_nid(page) != numa_node)
		return -NE_ERR_MEM_DIFFERENT_NUMA_NODE;

	if (!IS_ALIGNED(page_to_phys(page), NE_MEM_REGION_ALIGN))
		return -EINVAL;

	return 0;
}

/*
 * Check the page before asking for write access. Some mappings refuse that with an errno
 * other than NE_ERR_MEM_NOT_HUGE_PAGE, which the caller must get, and shared pages would
 * be copied needlessly.
 */
static int ne_mem_peek_page(unsigned long addr, int numa_node)
{
	struct page *page;
	u64 size;
	int rc;

	rc = get_user_pages_fast(addr, 1, 0, &page);
	if (rc != 1)
		return rc < 0 ? rc : -EFAULT;

	rc = ne_mem_check_page(page, numa_node, &size);
	put_page(page);
	return rc;
}

/*
 * Take a reference to a page that the guest may write to. A read-only mapping is
 * accepted if the page is anonymous, as on EC2; a guest must not write to a file that the
 * caller can only read.
 *
 * The temporary pin makes the kernel end copy-on-write sharing with a child or a parent,
 * even for a read-only mapping. It is dropped again because fork() would copy pinned
 * pages, and a long-term pin would first move them out of ZONE_MOVABLE and CMA.
 */
static int ne_mem_get_page(unsigned long addr, struct page **page)
{
	int rc;

	rc = pin_user_pages_fast(addr, 1, FOLL_WRITE, page);
	if (rc == -EFAULT) {
		rc = pin_user_pages_fast(addr, 1, 0, page);
		if (rc == 1 && !PageAnon(*page)) {
			unpin_user_page(*page);
			return -EFAULT;
		}
	}
	if (rc != 1)
		return rc < 0 ? rc : -EFAULT;

	get_page(*page);
	unpin_user_page(*page);
	return 0;
}

static void ne_mem_seg_release(struct ne_mem_seg *seg)
{
	xa_erase(&ne_donated, ne_donated_index(seg->page));
	put_page(seg->page);
}

/* Take the huge page at @addr into @seg; the caller sets its offset. */
static int ne_mem_seg_take(struct ne_mem_seg *seg, unsigned long addr, int numa_node)
{
	int rc;

	rc = ne_mem_peek_page(addr, numa_node);
	if (rc)
		return rc;

	rc = ne_mem_get_page(addr, &seg->page);
	if (rc)
		return rc;

	/* Another thread may have changed the mapping since the first check. */
	rc = ne_mem_check_page(seg->page, numa_node, &seg->size);
	if (rc)
		goto err_put;

	rc = xa_insert(&ne_donated, ne_donated_index(seg->page), seg->page, GFP_KERNEL_ACCOUNT);
	if (rc)
		goto err_put;	/* -EBUSY: an enclave has the page */
	return 0;

err_put:
	put_page(seg->page);
	return rc;
}

static void ne_mem_region_release(struct ne_mem_region *region)
{
	unsigned int i;

	for (i = 0; i < region->nr_segs; i++)
		ne_mem_seg_release(&region->segs[i]);
	kvfree(region);
}

/* Take pages from the region's address until they cover memory_size. */
static int ne_mem_region_fill(struct ne_mem_region *region, int numa_node, u64 offset)
{
	u64 done = 0;
	int rc;

	while (done < region->memory_size) {
		/* Count first: nr_segs is the bound of the array (__counted_by). */
		struct ne_mem_seg *seg = &region->segs[region->nr_segs++];

		rc = ne_mem_seg_take(seg, region->userspace_addr + done, numa_node);
		if (rc) {
			region->nr_segs--;
			return rc;
		}
		seg->offset = offset + done;
		done += seg->size;
		cond_resched();
	}
	return 0;
}

/**
 * ne_mem_count_phys() - count the physically contiguous ranges in an array of pages
 * @segs: pages in the order of the call
 * @nr_segs: number of @segs
 *
 * A page extends the previous range only if it begins where that range ends.
 *
 * Return: number of ranges.
 */
unsigned int ne_mem_count_phys(const struct ne_mem_seg *segs, unsigned int nr_segs)
{
	phys_addr_t end = 0;
	unsigned int nr = 0;
	unsigned int i;

	for (i = 0; i < nr_segs; i++) {
		phys_addr_t start = page_to_phys(segs[i].page);

		if (!nr || start != end)
			nr++;
		end = start + segs[i].size;
	}
	return nr;
}

static bool ne_mem_overlaps(const struct ne_mem *mem, u64 addr, u64 size)
{
	const struct ne_mem_region *region;

	list_for_each_entry(region, &mem->regions, node) {
		u64 start = region->userspace_addr;

		/* A region of size 0 inside another one overlaps as well. */
		if ((addr >= start && addr < start + region->memory_size) ||
		    (start >= addr && start < addr + size))
			return true;
	}
	return false;
}

/* The checks that need no page, in the order of the AWS driver. */
static int ne_mem_check_request(struct ne_enclave *enclave,
				const struct ne_user_memory_region *req)
{
	int rc;

	lockdep_assert_held(&enclave->lock);

	rc = ne_enclave_check_mm(enclave);
	if (rc)
		return rc;
	if (!IS_ALIGNED(req->memory_size, NE_MEM_REGION_ALIGN))
		return -NE_ERR_INVALID_MEM_REGION_SIZE;
	if (!IS_ALIGNED(req->userspace_addr, NE_MEM_REGION_ALIGN))
		return -NE_ERR_UNALIGNED_MEM_REGION_ADDR;
	if (!access_ok((void __user *)(unsigned long)req->userspace_addr, req->memory_size))
		return -NE_ERR_INVALID_MEM_REGION_ADDR;
	if (ne_mem_overlaps(&enclave->mem, req->userspace_addr, req->memory_size))
		return -NE_ERR_MEM_REGION_ALREADY_USED;
	/* At these sizes the AWS driver fails to allocate its arrays. */
	if (!req->memory_size || req->memory_size > NE_MEM_REGION_MAX_SIZE)
		return -ENOMEM;
	return 0;
}

/**
 * ne_mem_region_add() - NE_SET_USER_MEMORY_REGION on an enclave in INIT
 * @enclave: the enclave, locked
 * @req: the request; only its flags have been checked
 *
 * Takes all pages or none. A page that is larger than the rest of the request is donated
 * as a whole.
 *
 * Return: 0, or one of these, negative: EIO, NE_ERR_INVALID_MEM_REGION_SIZE,
 * NE_ERR_UNALIGNED_MEM_REGION_ADDR, NE_ERR_INVALID_MEM_REGION_ADDR,
 * NE_ERR_MEM_REGION_ALREADY_USED, ENOMEM, EFAULT, NE_ERR_MEM_NOT_HUGE_PAGE,
 * NE_ERR_INVALID_PAGE_SIZE, NE_ERR_MEM_DIFFERENT_NUMA_NODE, EBUSY (an enclave already
 * has the page), NE_ERR_MEM_MAX_REGIONS.
 */
int ne_mem_region_add(struct ne_enclave *enclave, const struct ne_user_memory_region *req)
{
	struct ne_mem *mem = &enclave->mem;
	struct ne_mem_region *region;
	unsigned int nr_phys;
	u64 size;
	int rc;

	lockdep_assert_held(&enclave->lock);

	rc = ne_mem_check_request(enclave, req);
	if (rc)
		return rc;

	region = kvzalloc(struct_size(region, segs, req->memory_size / NE_MEM_REGION_ALIGN),
			  GFP_KERNEL_ACCOUNT);
	if (!region)
		return -ENOMEM;
	region->userspace_addr = req->userspace_addr;
	region->memory_size = req->memory_size;

	rc = ne_mem_region_fill(region, enclave->numa_node, mem->size);
	if (rc)
		goto err_region;

	nr_phys = ne_mem_count_phys(region->segs, region->nr_segs);
	if (mem->nr_phys + nr_phys > READ_ONCE(ne_max_mem_regions)) {
		rc = -NE_ERR_MEM_MAX_REGIONS;
		goto err_region;
	}

	list_add_tail(&region->node, &mem->regions);
	mem->nr_phys += nr_phys;
	mem->nr_segs += region->nr_segs;
	size = region->segs[region->nr_segs - 1].offset + region->segs[region->nr_segs - 1].size;
	mem->size = size;
	spin_lock(&enclave->info_lock);
	enclave->mem_size = size;
	spin_unlock(&enclave->info_lock);
	return 0;

err_region:
	ne_mem_region_release(region);
	return rc;
}

/**
 * ne_mem_flatten() - copy the pages of an enclave into one array, in address order
 * @enclave: the enclave, locked, with memory
 *
 * Return: &struct ne_mem.nr_segs elements, which the caller kvfree()s, or NULL.
 */
struct ne_mem_seg *ne_mem_flatten(struct ne_enclave *enclave)
{
	const struct ne_mem *mem = &enclave->mem;
	const struct ne_mem_region *region;
	struct ne_mem_seg *segs, *to;

	lockdep_assert_held(&enclave->lock);

	segs = kvmalloc_array(mem->nr_segs, sizeof(*segs), GFP_KERNEL_ACCOUNT);
	if (!segs)
		return NULL;

	to = segs;
	list_for_each_entry(region, &mem->regions, node) {
		memcpy(to, region->segs, region->nr_segs * sizeof(*to));
		to += region->nr_segs;
	}
	return segs;
}

/**
 * ne_mem_release() - drop the references to all pages of an enclave
 * @enclave: the enclave, locked; no VMM has the pages mapped
 */
void ne_mem_release(struct ne_enclave *enclave)
{
	struct ne_mem_region *region, *next;
	struct ne_mem *mem = &enclave->mem;

	lockdep_assert_held(&enclave->lock);

	list_for_each_entry_safe(region, next, &mem->regions, node) {
		list_del(&region->node);
		ne_mem_region_release(region);
		cond_resched();
	}
	mem->nr_phys = 0;
	mem->nr_segs = 0;
	mem->size = 0;
}

/**
 * ne_mem_exit() - check on unload that no page is left
 */
void ne_mem_exit(void)
{
	WARN_ON_ONCE(!xa_empty(&ne_donated));
	xa_destroy(&ne_donated);
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/mem_region_kunit.c"
#endif
