// SPDX-License-Identifier: GPL-2.0-only
/* The VMM's view of the memory: which frame each byte of the fd maps to. */

#include "ne_kunit.h"

#define KIB(n)		((u64)(n) << 10)
#define MIB(n)		((u64)(n) << 20)
#define GIB(n)		((u64)(n) << 30)

/* Five pages of an enclave: offset in its memory, size, physical address. */
static const struct {
	u64 offset;
	u64 size;
	u64 phys;
} ne_fd_test_segs[] = {
	{ 0, MIB(2), MIB(512) },
	{ MIB(2), GIB(1), GIB(5) },
	{ GIB(1) + MIB(2), MIB(2), MIB(510) },
	{ GIB(1) + MIB(4), MIB(4), MIB(2) },	/* contiguous, aligned to 2 MiB only */
	{ GIB(1) + MIB(8), MIB(2), GIB(8) },	/* aligned to more than its size */
};

struct ne_fd_pfn_case {
	const char *name;
	u64 offset;
	u64 size;
	u64 phys;	/* 0: no such mapping */
};

static const struct ne_fd_pfn_case ne_fd_pfn_cases[] = {
	{ "first 4 KiB", 0, KIB(4), MIB(512) },
	{ "last 4 KiB of a page", MIB(2) - KIB(4), KIB(4), MIB(514) - KIB(4) },
	{ "first of the next page", MIB(2), KIB(4), GIB(5) },
	{ "inside 1 GiB", MIB(2) + KIB(12), KIB(4), GIB(5) + KIB(12) },
	{ "last 4 KiB of all", GIB(1) + MIB(10) - KIB(4), KIB(4), GIB(8) + MIB(2) - KIB(4) },
	{ "behind the end", GIB(1) + MIB(10), KIB(4), 0 },
	{ "far behind the end", U64_MAX - KIB(4) + 1, KIB(4), 0 },
	{ "2 MiB", 0, MIB(2), MIB(512) },
	{ "2 MiB of 1 GiB", MIB(6), MIB(2), GIB(5) + MIB(4) },
	{ "last 2 MiB of 1 GiB", GIB(1), MIB(2), GIB(6) - MIB(2) },
	{ "2 MiB, not aligned", MIB(3), MIB(2), 0 },
	{ "2 MiB over the end of a page, not aligned", GIB(1) + MIB(1), MIB(2), 0 },
	{ "2 MiB over the end of all, not aligned", GIB(1) + MIB(9), MIB(2), 0 },
	{ "2 MiB at 8 GiB", GIB(1) + MIB(8), MIB(2), GIB(8) },
	{ "4 MiB over the end of a page, aligned", GIB(1) + MIB(8), MIB(4), 0 },
	{ "1 GiB over the end of a page, aligned", GIB(1) + MIB(8), GIB(1), 0 },
	{ "1 GiB", MIB(2), GIB(1), GIB(5) },
	{ "1 GiB of 2 MiB", 0, GIB(1), 0 },
	{ "1 GiB, not aligned", MIB(4), GIB(1), 0 },
	{ "4 MiB, aligned to 2", GIB(1) + MIB(4), MIB(4), 0 },
};

KUNIT_ARRAY_PARAM_DESC(ne_fd_pfn, ne_fd_pfn_cases, name);

static void ne_fd_test_pfn(struct kunit *test)
{
	const struct ne_fd_pfn_case *param = test->param_value;
	struct ne_backend *backend = kunit_kzalloc(test, sizeof(*backend), GFP_KERNEL);
	struct ne_mem_seg segs[ARRAY_SIZE(ne_fd_test_segs)];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, backend);
	for (i = 0; i < ARRAY_SIZE(segs); i++) {
		segs[i].offset = ne_fd_test_segs[i].offset;
		segs[i].size = ne_fd_test_segs[i].size;
		segs[i].page = pfn_to_page(PHYS_PFN(ne_fd_test_segs[i].phys));
	}
	init_rwsem(&backend->map_lock);
	backend->segs = segs;
	backend->nr_segs = ARRAY_SIZE(segs);

	down_read(&backend->map_lock);
	KUNIT_EXPECT_EQ(test, ne_backend_pfn(backend, param->offset, param->size),
			PHYS_PFN(param->phys));
	/* Revoked. */
	backend->segs = NULL;
	backend->nr_segs = 0;
	KUNIT_EXPECT_EQ(test, ne_backend_pfn(backend, param->offset, param->size), 0);
	up_read(&backend->map_lock);
}

static struct kunit_case ne_fd_cases[] = {
	KUNIT_CASE_PARAM(ne_fd_test_pfn, ne_fd_pfn_gen_params),
	{}
};

static struct kunit_suite ne_fd_suite = {
	.name		= "ne_emu_backend_fd",
	.test_cases	= ne_fd_cases,
};

kunit_test_suite(ne_fd_suite);
