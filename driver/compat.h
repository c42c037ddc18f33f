/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel API differences, the only place that knows them. The driver is written
 * for the newest kernel; Kbuild looks into the kernel's headers and defines
 * NE_HAVE_* (never a version test, since distributions backport).
 */

#ifndef NE_EMU_COMPAT_H
#define NE_EMU_COMPAT_H

#include <linux/mm.h>

/*
 * vmf_insert_pfn_pmd() and _pud() took a pfn_t before 6.17; Debian 6.12 has the
 * old form. Remove with support for kernels below 6.17.
 */
#ifdef NE_HAVE_PFN_T_INSERT
#include <linux/pfn_t.h>
#define ne_insert_pfn(pfn)	pfn_to_pfn_t(pfn)
#else
#define ne_insert_pfn(pfn)	(pfn)
#endif

/*
 * Before 6.13 KVM takes a reference on each page it maps unless PG_reserved is
 * set, and refuses the tail pages of a hugetlb page (KVM_RUN: EFAULT); Debian
 * 6.12 does. Remove with support for kernels below 6.13.
 */
#ifdef NE_HAVE_KVM_REFCOUNTED_PFN
#define NE_KVM_NEEDS_RESERVED	true

/* Not SetPageReserved(): that is not meant for parts of compound pages. */
static inline void ne_page_set_reserved(struct page *page)
{
	set_bit(PG_reserved, &page->flags);
}

static inline void ne_page_clear_reserved(struct page *page)
{
	clear_bit(PG_reserved, &page->flags);
}
#else
#define NE_KVM_NEEDS_RESERVED	false

static inline void ne_page_set_reserved(struct page *page)
{
}

static inline void ne_page_clear_reserved(struct page *page)
{
}
#endif

#endif /* NE_EMU_COMPAT_H */
