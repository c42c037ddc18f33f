/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the supported kernels, confined to this file. The driver is
 * written for the newest kernel. Kbuild searches the kernel's headers and defines
 * NE_HAVE_*; version tests would fail with backports.
 */

#ifndef NE_EMU_COMPAT_H
#define NE_EMU_COMPAT_H

#include <linux/mm.h>

#ifdef NE_HAVE_KVM_REFCOUNTED_PFN
/*
 * Before 6.13, KVM takes a reference to each page that it maps, through
 * get_user_pages_fast(). That function skips page table entries marked as special, and
 * KVM then refuses the tail pages of a huge page (KVM_RUN: EFAULT).
 * vmf_insert_pfn_pmd() and _pud() set the mark, so these functions insert entries
 * without it. Only get_user_pages_fast() depends on the mark: all other users of huge
 * entries also check VM_PFNMAP. The caller's reference keeps the page alive as long as
 * the entry. Remove with support for kernels below 6.13.
 */
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
static inline vm_fault_t ne_insert_pmd(struct vm_fault *vmf, unsigned long pfn)
{
	struct vm_area_struct *vma = vmf->vma;
	pmd_t pmd = pmd_mkhuge(pfn_pmd(pfn, vma->vm_page_prot));
	spinlock_t *ptl;	/* of the page table page */

	pmd = pmd_mkyoung(pmd_mkdirty(pmd));
	if (vma->vm_flags & VM_WRITE)
		pmd = pmd_mkwrite_novma(pmd);

	ptl = pmd_lock(vma->vm_mm, vmf->pmd);
	if (pmd_none(*vmf->pmd) || pmd_leaf(*vmf->pmd))
		set_pmd_at(vma->vm_mm, vmf->address & PMD_MASK, vmf->pmd, pmd);
	spin_unlock(ptl);
	return VM_FAULT_NOPAGE;
}
#endif

#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
static inline vm_fault_t ne_insert_pud(struct vm_fault *vmf, unsigned long pfn)
{
	struct vm_area_struct *vma = vmf->vma;
	pud_t pud = pud_mkhuge(pfn_pud(pfn, vma->vm_page_prot));
	spinlock_t *ptl;	/* of the page table page */

	pud = pud_mkyoung(pud_mkdirty(pud));
	if (vma->vm_flags & VM_WRITE)
		pud = pud_mkwrite(pud);

	ptl = pud_lock(vma->vm_mm, vmf->pud);
	if (pud_none(*vmf->pud) || pud_leaf(*vmf->pud))
		set_pud_at(vma->vm_mm, vmf->address & PUD_MASK, vmf->pud, pud);
	spin_unlock(ptl);
	return VM_FAULT_NOPAGE;
}
#endif
#else
/*
 * vmf_insert_pfn_pmd() and _pud() took a pfn_t before 6.17. Remove with support for
 * kernels below 6.17.
 */
#ifdef NE_HAVE_PFN_T_INSERT
#include <linux/pfn_t.h>
#define ne_insert_pfn(pfn)	pfn_to_pfn_t(pfn)
#else
#define ne_insert_pfn(pfn)	(pfn)
#endif

#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
static inline vm_fault_t ne_insert_pmd(struct vm_fault *vmf, unsigned long pfn)
{
	return vmf_insert_pfn_pmd(vmf, ne_insert_pfn(pfn), vmf->flags & FAULT_FLAG_WRITE);
}
#endif

#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
static inline vm_fault_t ne_insert_pud(struct vm_fault *vmf, unsigned long pfn)
{
	return vmf_insert_pfn_pud(vmf, ne_insert_pfn(pfn), vmf->flags & FAULT_FLAG_WRITE);
}
#endif
#endif /* NE_HAVE_KVM_REFCOUNTED_PFN */

#endif /* NE_EMU_COMPAT_H */
