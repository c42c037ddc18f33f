// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backend fd: the VMM's view of an enclave. Its mapping inserts the donated pages as
 * raw frames (VM_PFNMAP), so that the driver can revoke them at any time and KVM does not
 * need references to them.
 */

#include <linux/anon_inodes.h>
#include <linux/bsearch.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "ne_emu.h"

static int ne_seg_compare(const void *key, const void *elt)
{
	const struct ne_mem_seg *seg = elt;
	u64 offset = *(const u64 *)key;

	if (offset < seg->offset)
		return -1;
	return offset >= seg->offset + seg->size;
}

/*
 * Return: the frame at byte @offset of the memory, if [@offset, @offset + @size) is
 * inside one page and aligned to @size in physical memory; otherwise 0.
 */
static unsigned long ne_backend_pfn(struct ne_backend *backend, u64 offset, unsigned long size)
{
	const struct ne_mem_seg *seg;
	phys_addr_t phys;

	lockdep_assert_held(&backend->map_lock);

	if (!backend->segs)
		return 0;
	seg = bsearch(&offset, backend->segs, backend->nr_segs, sizeof(*seg), ne_seg_compare);
	if (!seg || seg->offset + seg->size - offset < size)
		return 0;
	phys = page_to_phys(seg->page) + (offset - seg->offset);
	return IS_ALIGNED(phys, size) ? PHYS_PFN(phys) : 0;
}

static vm_fault_t ne_backend_insert(struct vm_fault *vmf, unsigned long pfn, unsigned int order)
{
	switch (order) {
	case 0:
		return vmf_insert_pfn(vmf->vma, vmf->address & PAGE_MASK, pfn);
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	case PMD_ORDER:
		return ne_insert_pmd(vmf, pfn);
#endif
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
	case PUD_ORDER:
		return ne_insert_pud(vmf, pfn);
#endif
	default:
		return VM_FAULT_FALLBACK;
	}
}

static vm_fault_t ne_backend_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct ne_backend *backend = vma->vm_private_data;
	unsigned long size = PAGE_SIZE << order;
	unsigned long addr = ALIGN_DOWN(vmf->address, size);
	unsigned long pfn;
	u64 offset;

	if (order && (addr < vma->vm_start || vma->vm_end - addr < size))
		return VM_FAULT_FALLBACK;

	offset = ((u64)vma->vm_pgoff << PAGE_SHIFT) + (addr - vma->vm_start);

	guard(rwsem_read)(&backend->map_lock);
	pfn = ne_backend_pfn(backend, offset, size);
	if (pfn)
		return ne_backend_insert(vmf, pfn, order);
	/* Without a frame even for a small page, the memory was revoked. */
	return order ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS;
}

/* Try a huge page first: the core calls huge_fault only if THP is enabled. */
static vm_fault_t ne_backend_fault(struct vm_fault *vmf)
{
	vm_fault_t ret = VM_FAULT_FALLBACK;

	if (pmd_none(*vmf->pmd))
		ret = ne_backend_huge_fault(vmf, PMD_ORDER);
	return ret & VM_FAULT_FALLBACK ? ne_backend_huge_fault(vmf, 0) : ret;
}

static const struct vm_operations_struct ne_backend_vm_ops = {
	.fault		= ne_backend_fault,
	.huge_fault	= ne_backend_huge_fault,
};

/* Only shared mappings inside the memory are allowed; others get EINVAL. */
static int ne_backend_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ne_backend *backend = file->private_data;
	u64 first = vma->vm_pgoff;
	u64 nr = vma_pages(vma);
	u64 total = PHYS_PFN(backend->mem_size);

	if (!(vma->vm_flags & VM_SHARED) || first > total || nr > total - first)
		return -EINVAL;

	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY | VM_HUGEPAGE);
	vma->vm_private_data = backend;
	vma->vm_ops = &ne_backend_vm_ops;
	return 0;
}

static __poll_t ne_backend_poll(struct file *file, poll_table *wait)
{
	struct ne_backend *backend = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &backend->wait, wait);

	spin_lock(&backend->lock);
	if (backend->go)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (backend->state == NE_BACKEND_STOPPED)
		mask |= EPOLLHUP;
	spin_unlock(&backend->lock);
	return mask;
}

static long ne_backend_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ne_backend *backend = file->private_data;
	struct ne_emu_backend_status status;

	switch (cmd) {
	case NE_EMU_BACKEND_DONE:
	case NE_EMU_BACKEND_EXIT:
		break;
	default:
		return -ENOTTY;
	}

	if (copy_from_user(&status, (void __user *)arg, sizeof(status)))
		return -EFAULT;

	if (cmd == NE_EMU_BACKEND_DONE)
		return ne_backend_done(backend, &status);
	return ne_backend_exit(backend, &status);
}

static int ne_backend_release(struct inode *inode, struct file *file)
{
	ne_backend_closed(file->private_data);
	return 0;
}

static const struct file_operations ne_backend_fops = {
	.owner			= THIS_MODULE,
	.llseek			= noop_llseek,
	.mmap			= ne_backend_mmap,
	.get_unmapped_area	= thp_get_unmapped_area,
	.poll			= ne_backend_poll,
	.unlocked_ioctl		= ne_backend_ioctl,
	.compat_ioctl		= compat_ptr_ioctl,
	.release		= ne_backend_release,
};

/**
 * ne_backend_file_create() - create the file for a backend fd
 * @backend: accepted; the caller's reference moves to the file
 *
 * The file has its own inode, which ne_backend_revoke() needs to find the mappings.
 *
 * Return: the file, or an ERR_PTR (the reference stays with the caller).
 */
struct file *ne_backend_file_create(struct ne_backend *backend)
{
	struct file *file;

	file = anon_inode_create_getfile("ne-backend", &ne_backend_fops, backend, O_RDWR, NULL);
	if (IS_ERR(file))
		return file;

	ihold(file_inode(file));
	guard(rwsem_write)(&backend->map_lock);
	backend->inode = file_inode(file);
	return file;
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/backend_fd_kunit.c"
#endif
