// SPDX-License-Identifier: GPL-2.0-only
/* CIDs: assigned upwards from 16 as on EC2; explicit ones if they are free. */

#include <kunit/test.h>

#define NE_CID_LAST	(VMADDR_CID_ANY - 1)

/* As after loading the module. */
static int ne_cid_test_init(struct kunit *test)
{
	KUNIT_ASSERT_TRUE(test, xa_empty(&ne_cids));
	ne_cid_next = NE_CID_AUTO_FIRST;
	return 0;
}

static void ne_cid_test_exit(struct kunit *test)
{
	xa_destroy(&ne_cids);
	ne_cid_next = NE_CID_AUTO_FIRST;
	ne_min_cid = 4;
}

static void ne_cid_expect(struct kunit *test, u64 requested, u32 expected)
{
	u32 cid = 0;

	KUNIT_ASSERT_EQ(test, ne_cid_alloc(requested, &cid), 0);
	KUNIT_EXPECT_EQ(test, cid, expected);
}

static void ne_cid_test_auto(struct kunit *test)
{
	ne_cid_expect(test, 0, 16);
	ne_cid_expect(test, 0, 17);
	ne_cid_expect(test, 0, 18);
}

static void ne_cid_test_auto_no_reuse(struct kunit *test)
{
	ne_cid_expect(test, 0, 16);
	ne_cid_expect(test, 0, 17);
	ne_cid_free(17);
	ne_cid_expect(test, 0, 18);
	ne_cid_free(16);
	ne_cid_free(18);
	ne_cid_expect(test, 0, 19);
}

/* After the last CID, allocation continues with the first free one, never below 16. */
static void ne_cid_test_auto_wraps(struct kunit *test)
{
	ne_cid_expect(test, 0, 16);
	ne_cid_next = NE_CID_LAST;
	ne_cid_expect(test, 0, NE_CID_LAST);
	ne_cid_expect(test, 0, 17);
}

static void ne_cid_test_explicit(struct kunit *test)
{
	static const u64 cids[] = { 4, 10, 15, 16, 42, 77, NE_CID_LAST };
	int i;

	for (i = 0; i < ARRAY_SIZE(cids); i++)
		ne_cid_expect(test, cids[i], cids[i]);
}

static void ne_cid_test_explicit_duplicate(struct kunit *test)
{
	u32 cid = 5;

	ne_cid_expect(test, 77, 77);
	KUNIT_EXPECT_EQ(test, ne_cid_alloc(77, &cid), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, cid, 5);

	ne_cid_expect(test, 0, 16);
	KUNIT_EXPECT_EQ(test, ne_cid_alloc(16, &cid), -EADDRINUSE);

	ne_cid_free(77);
	ne_cid_expect(test, 77, 77);
}

static void ne_cid_test_auto_skips_explicit(struct kunit *test)
{
	ne_cid_expect(test, 4, 4);
	ne_cid_expect(test, 17, 17);
	ne_cid_expect(test, 18, 18);
	ne_cid_expect(test, 0, 16);
	ne_cid_expect(test, 0, 19);
}

static void ne_cid_test_valid(struct kunit *test)
{
	static const u64 valid[] = { 0, 4, 5, 16, NE_CID_LAST };
	static const u64 invalid[] = { 1, 2, 3, VMADDR_CID_ANY, 1ULL << 32, (1ULL << 32) + 4 };
	int i;

	for (i = 0; i < ARRAY_SIZE(valid); i++)
		KUNIT_EXPECT_TRUE_MSG(test, ne_cid_is_valid(valid[i]), "%llu", valid[i]);
	for (i = 0; i < ARRAY_SIZE(invalid); i++)
		KUNIT_EXPECT_FALSE_MSG(test, ne_cid_is_valid(invalid[i]), "%llu", invalid[i]);
}

/* CIDs below min_cid are left to other guests: neither requests nor allocation get them. */
static void ne_cid_test_minimum(struct kunit *test)
{
	u32 cid;

	ne_cid_expect(test, 0, 16);
	ne_min_cid = 1000;
	KUNIT_EXPECT_TRUE(test, ne_cid_is_valid(0));
	KUNIT_EXPECT_FALSE(test, ne_cid_is_valid(16));
	KUNIT_EXPECT_FALSE(test, ne_cid_is_valid(999));
	KUNIT_EXPECT_TRUE(test, ne_cid_is_valid(1000));
	ne_cid_expect(test, 0, 1000);
	ne_cid_expect(test, 0, 1001);

	/* The CIDs of the parent and of AF_VSOCK itself stay reserved. */
	ne_min_cid = 0;
	KUNIT_EXPECT_FALSE(test, ne_cid_is_valid(3));

	ne_min_cid = VMADDR_CID_ANY;
	KUNIT_EXPECT_FALSE(test, ne_cid_is_valid(NE_CID_LAST));
	KUNIT_EXPECT_EQ(test, ne_cid_alloc(0, &cid), -EBUSY);
}

static struct kunit_case ne_cid_cases[] = {
	KUNIT_CASE(ne_cid_test_valid),
	KUNIT_CASE(ne_cid_test_minimum),
	KUNIT_CASE(ne_cid_test_auto),
	KUNIT_CASE(ne_cid_test_auto_no_reuse),
	KUNIT_CASE(ne_cid_test_auto_wraps),
	KUNIT_CASE(ne_cid_test_explicit),
	KUNIT_CASE(ne_cid_test_explicit_duplicate),
	KUNIT_CASE(ne_cid_test_auto_skips_explicit),
	{}
};

static struct kunit_suite ne_cid_suite = {
	.name		= "ne_emu_cid",
	.init		= ne_cid_test_init,
	.exit		= ne_cid_test_exit,
	.test_cases	= ne_cid_cases,
};

kunit_test_suite(ne_cid_suite);
